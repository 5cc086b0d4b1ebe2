"""Several houses asked at once, and one question back: the first yes wins, guarded here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.moves import change_function
from migrations.row_security import MY_REFUGE, definer, either, guard, i_am
from migrations.words import change_words

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("waymark_now()")
BOTH = "waymark_web, waymark_worker"
KINDS = ["lapsed", "superseded", "question"]
ASKED = "('offered','accepted'),"
ASKED_BESIDE = (
    "('enquired','accepted'), ('enquired','declined'), ('enquired','lapsed'),"
    " ('enquired','withdrawn'), "
)
BEGINS = ("NEW.state <> 'offered'", "NEW.state NOT IN ('enquired','offered')")
FREES = ("('offered',", "('enquired','offered',")
NEEDS = ("p.state IN ('offered',", "p.state IN ('enquired', 'offered',")
DESK = i_am("system", "coordinator")
HOUSE = f"{i_am('refuge_worker', 'refuge_manager')} AND refuge_id = {MY_REFUGE}"
# Her officer, who may know the answer; a supervisor reads nothing of what she needs.
ASKER = (
    f"{i_am('officer', 'force_supervisor')} AND placement_id IN (SELECT placements_i_asked_for())"
)


def upgrade() -> None:
    change_words("placement", "state", add=["enquired"])
    change_words("reason", "kind", add=KINDS)
    _open("state NOT IN ('enquired', 'offered')", "state IN ('enquired', 'offered')")
    op.create_index(
        "one_open_ask_per_house",
        "placement",
        ["referral_id", "refuge_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('enquired', 'offered')"),
    )
    change_function("placement_moves", (ASKED, ASKED_BESIDE + ASKED), BEGINS)
    change_function("placement_frees_its_beds", FREES)
    change_function("my_needs", NEEDS)
    _first_yes()
    _tables()
    _guards()
    _tell_of_it()


def _open(unless: str, which: str) -> None:
    op.drop_constraint(op.f("ck_placement_offer_expires"), "placement", type_="check")
    op.create_check_constraint(
        op.f("ck_placement_offer_expires"), "placement", f"{unless} OR offer_expires_at IS NOT NULL"
    )
    op.drop_index("ix_placement_expiry", "placement")
    op.create_index(
        "ix_placement_expiry",
        "placement",
        ["offer_expires_at"],
        postgresql_where=sa.text(which),
    )


def _first_yes() -> None:
    """No house is asked for a woman whom another has promised a room, or who does not wait."""
    op.execute(
        """CREATE FUNCTION first_yes_wins() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE whose bigint;
        BEGIN
            IF TG_TABLE_NAME = 'referral' THEN whose := NEW.id;
            ELSE whose := NEW.referral_id; END IF;
            IF EXISTS (SELECT FROM placement p JOIN referral r ON r.id = p.referral_id
                        WHERE r.id = whose AND p.state = 'enquired' AND r.state <> 'offered') THEN
                RAISE EXCEPTION 'a house is still asked for a woman who does not wait for it'
                    USING ERRCODE = '23514', CONSTRAINT = 'first_yes_wins';
            END IF;
            RETURN NULL;
        END $$"""
    )
    for table, when in (("placement", "INSERT OR UPDATE"), ("referral", "UPDATE OF state")):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_first_yes AFTER {when} ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION first_yes_wins()"
        )


def _tables() -> None:
    op.create_table(
        "enquiry_policy",
        sa.Column("urgency", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("houses_at_once", sa.Integer(), nullable=False),
        sa.Column("question_extends_percent", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "urgency IN ('emergency', 'urgent', 'planned')", name=op.f("ck_enquiry_policy_urgency")
        ),
        sa.CheckConstraint(
            "houses_at_once BETWEEN 1 AND 10 AND question_extends_percent BETWEEN 0 AND 100",
            name=op.f("ck_enquiry_policy_bounds"),
        ),
        sa.PrimaryKeyConstraint("urgency", "valid_from", name=op.f("pk_enquiry_policy")),
    )
    op.create_table(
        "house_question",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("asked_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("asked_by_channel", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.String(length=40)),
        sa.Column("answered_at", MOMENT),
        sa.Column("answered_by_id", sa.BigInteger()),
        sa.Column("key_id", sa.Uuid()),
        sa.Column("note_sealed", sa.LargeBinary()),
        sa.CheckConstraint(
            "asked_by_channel IN ('web', 'text', 'coordinator')",
            name=op.f("ck_house_question_asked_by_channel"),
        ),
        sa.CheckConstraint(
            "answer IN ('yes', 'no', 'not_known', 'told')", name=op.f("ck_house_question_answer")
        ),
        sa.CheckConstraint(
            "num_nonnulls(answer, answered_at, answered_by_id) IN (0, 3)",
            name=op.f("ck_house_question_whole"),
        ),
        sa.CheckConstraint(
            "octet_length(note_sealed) <= 1300 AND (note_sealed IS NULL OR answer IS NOT NULL)",
            name=op.f("ck_house_question_note_sealed"),
        ),
        sa.ForeignKeyConstraint(
            ["placement_id", "refuge_id"],
            ["placement.id", "placement.refuge_id"],
            name=op.f("fk_house_question_placement_id_refuge_id"),
        ),
        sa.ForeignKeyConstraint(["code"], ["reason.code"], name=op.f("fk_house_question_code")),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["user_account.id"], name=op.f("fk_house_question_answered_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_house_question")),
        sa.UniqueConstraint("public_id", name=op.f("uq_house_question_public_id")),
        sa.UniqueConstraint("placement_id", name=op.f("uq_house_question_placement_id")),
    )
    op.create_index(op.f("ix_house_question_refuge_id"), "house_question", ["refuge_id"])
    op.execute(
        """CREATE FUNCTION house_question_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' AND NEW.answered_at IS NULL THEN RETURN NEW; END IF;
            -- A key may be wrapped anew; what was asked and answered stays as it was.
            IF TG_OP = 'UPDATE'
               AND (NEW.placement_id, NEW.refuge_id, NEW.code, NEW.asked_at, NEW.asked_by_channel)
                   = (OLD.placement_id, OLD.refuge_id, OLD.code, OLD.asked_at, OLD.asked_by_channel)
               AND (OLD.answered_at IS NULL
                    OR (NEW.answer, NEW.answered_at, NEW.answered_by_id)
                       = (OLD.answer, OLD.answered_at, OLD.answered_by_id)) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'house_question: asked once, answered once'
                USING ERRCODE = '23514', CONSTRAINT = 'house_question_moves';
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER house_question_moves BEFORE INSERT OR UPDATE ON house_question"
        " FOR EACH ROW EXECUTE FUNCTION house_question_moves()"
    )


def _guards() -> None:
    definer(
        "placements_i_asked_for",
        "SETOF bigint",
        """SELECT p.id FROM placement p JOIN referral r ON r.id = p.referral_id
            WHERE acting_role() IN ('officer', 'force_supervisor')
              AND r.officer_id = acting_user_id()""",
    )
    op.execute(f"GRANT SELECT ON enquiry_policy TO {BOTH}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON house_question TO {BOTH}")
    op.execute("GRANT DELETE ON house_question TO waymark_worker")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE house_question_id_seq TO {BOTH}")
    guard(
        "house_question",
        read=either(DESK, HOUSE, ASKER),
        add=either(i_am("system"), HOUSE),
        change=either(DESK, ASKER),
        remove=i_am("system"),
    )
    op.execute(
        "CREATE POLICY denied ON house_question AS RESTRICTIVE USING ((SELECT acting_as_owner())"
        " OR (placement_id NOT IN (SELECT denied_placements())))"
    )


def _tell_of_it() -> None:
    """An officer's page counts the houses that are asked, and shows what one of them asks."""
    op.execute(
        """CREATE FUNCTION live_asked() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM tell_live('officer:' || r.officer_id), tell_live('force:' || r.force_id)
               FROM referral r WHERE r.id = NEW.referral_id;
            RETURN NULL;
        END $$"""
    )
    op.execute(
        """CREATE FUNCTION live_question() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM tell_live('desk'), tell_live('refuge:' || NEW.refuge_id);
            PERFORM tell_live('officer:' || r.officer_id)
               FROM placement p JOIN referral r ON r.id = p.referral_id
              WHERE p.id = NEW.placement_id;
            RETURN NULL;
        END $$"""
    )
    for table, function in (("placement", "live_asked"), ("house_question", "live_question")):
        op.execute(
            f"CREATE TRIGGER {function} AFTER INSERT OR UPDATE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    """Fails where a house was asked beside another: such a row cannot be said in the old words."""
    op.execute("DROP TRIGGER live_asked ON placement")
    op.drop_table("house_question")
    for function in ("live_question", "live_asked", "house_question_moves"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP FUNCTION placements_i_asked_for")
    op.drop_table("enquiry_policy")
    for table in ("referral", "placement"):
        op.execute(f"DROP TRIGGER {table}_first_yes ON {table}")
    op.execute("DROP FUNCTION first_yes_wins()")
    change_function("my_needs", NEEDS[::-1])
    change_function("placement_frees_its_beds", FREES[::-1])
    change_function("placement_moves", (ASKED_BESIDE + ASKED, ASKED), BEGINS[::-1])
    op.drop_index("one_open_ask_per_house", "placement")
    _open("state <> 'offered'", "state = 'offered'")
    change_words("reason", "kind", drop=KINDS)
    change_words("placement", "state", drop=["enquired"])
