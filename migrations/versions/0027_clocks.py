"""Clocks to the regional manager, frozen to the request; escalations, and whom they are told to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.row_security import ME, MY_REFUGE, either, guard, i_am
from migrations.words import change_words

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
WORD = sa.String(length=40)
NOW = sa.text("waymark_now()")
BOTH = "waymark_web, waymark_worker"
KINDS = ["unacknowledged", "duty_manager", "regional_manager", "manager_unreached", "ring_house"]
# What data/clock_policy.csv says of each urgency; a later version is a later row.
CLOCKS: dict[str, dict[str, int]] = {
    "regional_manager_minutes": {"emergency": 90, "urgent": 480, "planned": 4320},
    "claim_minutes": {"emergency": 20, "urgent": 30, "planned": 60},
    "next_number_percent": {"emergency": 25, "urgent": 25, "planned": 25},
    "ring_percent": {"emergency": 50, "urgent": 50, "planned": 50},
    "wakes": {"emergency": True, "urgent": False, "planned": False},
}
LEVELS = "'acknowledge', 'duty_manager', 'regional_manager'"


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _public_id() -> sa.Column[object]:
    made = sa.text("gen_random_uuid()")
    return sa.Column("public_id", sa.Uuid(), server_default=made, nullable=False)


def upgrade() -> None:
    _clocks()
    _escalations()
    _texts_to_managers()
    _claims()
    _rota()
    _declines()
    change_words("task", "kind", add=KINDS)


def _clocks() -> None:
    for column, of in CLOCKS.items():
        kind = sa.Boolean() if column == "wakes" else sa.Integer()
        op.add_column("clock_policy", sa.Column(column, kind))
        for urgency, minutes in of.items():
            # nosemgrep: built-sql - our own words
            op.execute(f"UPDATE clock_policy SET {column} = {minutes} WHERE urgency = '{urgency}'")
        op.alter_column("clock_policy", column, nullable=False)
    op.create_check_constraint(
        op.f("ck_clock_policy_ladder"),
        "clock_policy",
        "0 < acknowledge_minutes AND acknowledge_minutes <= duty_manager_minutes"
        " AND duty_manager_minutes < regional_manager_minutes",
    )
    op.create_check_constraint(
        op.f("ck_clock_policy_claim"), "clock_policy", "claim_minutes BETWEEN 1 AND 1440"
    )
    op.create_check_constraint(
        op.f("ck_clock_policy_parts"),
        "clock_policy",
        "next_number_percent BETWEEN 1 AND 100 AND ring_percent BETWEEN 1 AND 100",
    )
    op.execute(
        """CREATE FUNCTION clock_policy_stands() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM referral WHERE clock_policy_id = OLD.id) THEN
                RAISE EXCEPTION 'requests were made under these clocks: add a row of a later date'
                    USING ERRCODE = '23514', CONSTRAINT = 'clock_policy_stands';
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        """CREATE TRIGGER clock_policy_stands BEFORE UPDATE ON clock_policy
            FOR EACH ROW WHEN (NEW IS DISTINCT FROM OLD) EXECUTE FUNCTION clock_policy_stands()"""
    )
    op.add_column("referral", sa.Column("waits_since", MOMENT, server_default=NOW, nullable=False))
    op.execute("UPDATE referral SET waits_since = submitted_at")


def _escalations() -> None:
    op.create_table(
        "escalation",
        _id(),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("level", WORD, nullable=False),
        sa.Column("runs_from", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("reached_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(f"level IN ({LEVELS})", name=op.f("ck_escalation_level")),
        sa.CheckConstraint(
            "runs_from < due_at AND due_at <= reached_at", name=op.f("ck_escalation_order")
        ),
        _key("escalation", "referral_id", "referral.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation")),
        sa.UniqueConstraint(
            "referral_id", "level", "runs_from",
            name=op.f("uq_escalation_referral_id_level_runs_from"),
        ),
    )  # fmt: skip
    op.create_table(
        "escalation_contact",
        _id(),
        _public_id(),
        sa.Column("level", WORD, nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("added_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("added_by_id", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "level IN ('duty_manager', 'regional_manager')",
            name=op.f("ck_escalation_contact_level"),
        ),
        sa.CheckConstraint("until_day >= from_day", name=op.f("ck_escalation_contact_days")),
        _key("escalation_contact", "organisation_id", "organisation.id"),
        _key("escalation_contact", "added_by_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation_contact")),
        sa.UniqueConstraint("public_id", name=op.f("uq_escalation_contact_public_id")),
    )
    op.execute(f"GRANT SELECT, INSERT ON escalation TO {BOTH}")
    op.execute(f"GRANT SELECT ON escalation_contact TO {BOTH}")
    op.execute("GRANT INSERT, UPDATE ON escalation_contact TO waymark_web, waymark_worker")
    for table in ("escalation", "escalation_contact"):
        op.execute(f"GRANT USAGE, SELECT ON SEQUENCE {table}_id_seq TO {BOTH}")
    waymark, keeps = i_am("system"), i_am("system", "administrator")
    guard("escalation", read=i_am("system", "coordinator"), add=waymark)
    guard(
        "escalation_contact",
        read=i_am("system", "coordinator", "administrator"),
        add=keeps,
        change=keeps,
    )
    op.execute(
        "CREATE TRIGGER escalation_is_live AFTER INSERT OR UPDATE ON escalation"
        " FOR EACH STATEMENT EXECUTE FUNCTION live_desk()"
    )


def _texts_to_managers() -> None:
    op.alter_column("message", "contact_id", nullable=True)
    op.add_column("message", sa.Column("escalation_contact_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_message_escalation_contact_id"),
        "message",
        "escalation_contact",
        ["escalation_contact_id"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_message_one_recipient"),
        "message",
        "num_nonnulls(contact_id, escalation_contact_id) = 1",
    )


def _claims() -> None:
    op.create_table(
        "claim",
        _id(),
        _public_id(),
        sa.Column("referral_id", sa.BigInteger(), nullable=True),
        sa.Column("task_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("was_let_go", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(referral_id, task_id) = 1", name=op.f("ck_claim_one_subject")
        ),
        sa.CheckConstraint("expires_at > claimed_at", name=op.f("ck_claim_expires")),
        _key("claim", "referral_id", "referral.id"),
        _key("claim", "user_id", "user_account.id"),
        sa.ForeignKeyConstraint(
            ["task_id"], ["task.id"], name=op.f("fk_claim_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
        sa.UniqueConstraint("public_id", name=op.f("uq_claim_public_id")),
    )
    for name, column in (
        ("one_claim_of_a_request", "referral_id"),
        ("one_claim_of_a_task", "task_id"),
    ):
        op.create_index(
            name, "claim", [column], unique=True, postgresql_where=sa.text("ended_at IS NULL")
        )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON claim TO {BOTH}")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE claim_id_seq TO {BOTH}")
    desk, mine = i_am("system", "coordinator"), f"{i_am('coordinator')} AND user_id = {ME}"
    guard("claim", read=desk, add=mine, change=desk)
    op.execute(
        "CREATE TRIGGER claim_is_live AFTER INSERT OR UPDATE ON claim"
        " FOR EACH STATEMENT EXECUTE FUNCTION live_desk()"
    )


def _rota() -> None:
    op.create_unique_constraint(op.f("uq_contact_id_refuge_id"), "contact", ["id", "refuge_id"])
    op.create_table(
        "rota_slot",
        _id(),
        _public_id(),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "days", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("first_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("from_time", sa.Time(), nullable=False),
        sa.Column("until_time", sa.Time(), nullable=False),
        sa.Column("added_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("added_by_id", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("position BETWEEN 1 AND 3", name=op.f("ck_rota_slot_position")),
        sa.CheckConstraint(
            "days <@ ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']"
            " AND (cardinality(days) > 0 OR first_on IS NOT NULL)",
            name=op.f("ck_rota_slot_days"),
        ),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_rota_slot_dates")),
        sa.ForeignKeyConstraint(
            ["contact_id", "refuge_id"],
            ["contact.id", "contact.refuge_id"],
            name=op.f("fk_rota_slot_contact_id_refuge_id"),
        ),
        _key("rota_slot", "added_by_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_slot")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rota_slot_public_id")),
    )
    op.create_index("ix_rota_slot_refuge_id", "rota_slot", ["refuge_id"])
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON rota_slot TO {BOTH}")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE rota_slot_id_seq TO {BOTH}")
    at_home = f"{i_am('refuge_worker', 'refuge_manager')} AND refuge_id = {MY_REFUGE}"
    keeps = either(i_am("system"), f"{i_am('refuge_manager')} AND refuge_id = {MY_REFUGE}")
    read = either(i_am("system", "coordinator"), at_home)
    guard("rota_slot", read=read, add=keeps, change=keeps)


def _declines() -> None:
    op.create_table(
        "decline_rule",
        sa.Column("code", WORD, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("at_least", sa.Integer(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "at_least >= 1 AND window_days BETWEEN 1 AND 28", name=op.f("ck_decline_rule_size")
        ),
        sa.PrimaryKeyConstraint("code", "valid_from", name=op.f("pk_decline_rule")),
    )
    op.create_table(
        "decline_review",
        _id(),
        _public_id(),
        sa.Column("rule", WORD, nullable=False),
        sa.Column("rule_from", sa.Date(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("about", WORD, nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("declines", sa.Integer(), nullable=False),
        sa.Column("found_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.Column("seen_by_id", sa.BigInteger(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("outcome_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("declines >= 1", name=op.f("ck_decline_review_declines")),
        sa.CheckConstraint(
            "(seen_at IS NULL) = (seen_by_id IS NULL)", name=op.f("ck_decline_review_seen")
        ),
        sa.ForeignKeyConstraint(
            ["rule", "rule_from"],
            ["decline_rule.code", "decline_rule.valid_from"],
            name=op.f("fk_decline_review_rule_rule_from"),
        ),
        sa.ForeignKeyConstraint(
            ["placement_id", "refuge_id"],
            ["placement.id", "placement.refuge_id"],
            name=op.f("fk_decline_review_placement_id_refuge_id"),
        ),
        _key("decline_review", "seen_by_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decline_review")),
        sa.UniqueConstraint("public_id", name=op.f("uq_decline_review_public_id")),
        sa.UniqueConstraint(
            "rule", "about", "placement_id",
            name=op.f("uq_decline_review_rule_about_placement_id"),
        ),
    )  # fmt: skip
    op.create_index(
        "one_open_decline_review",
        "decline_review",
        ["rule", "refuge_id", "about"],
        unique=True,
        postgresql_where=sa.text("seen_at IS NULL"),
    )
    op.execute(f"GRANT SELECT ON decline_rule TO {BOTH}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON decline_review TO {BOTH}")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE decline_review_id_seq TO {BOTH}")
    desk = i_am("system", "coordinator")
    guard("decline_review", read=desk, add=i_am("system"), change=desk)
    op.execute(
        "CREATE TRIGGER decline_review_is_live AFTER INSERT OR UPDATE ON decline_review"
        " FOR EACH STATEMENT EXECUTE FUNCTION live_desk()"
    )


def downgrade() -> None:
    added = ", ".join(f"'{kind}'" for kind in KINDS)
    op.execute(f"DELETE FROM task WHERE kind IN ({added})")
    change_words("task", "kind", drop=KINDS)
    op.execute("DELETE FROM message WHERE escalation_contact_id IS NOT NULL")
    op.drop_constraint(op.f("ck_message_one_recipient"), "message", type_="check")
    op.drop_column("message", "escalation_contact_id")
    op.alter_column("message", "contact_id", nullable=False)
    for table in ("decline_review", "decline_rule", "rota_slot", "claim", "escalation_contact"):
        op.drop_table(table)
    op.drop_constraint(op.f("uq_contact_id_refuge_id"), "contact", type_="unique")
    op.drop_table("escalation")
    op.drop_column("referral", "waits_since")
    op.execute("DROP TRIGGER clock_policy_stands ON clock_policy")
    op.execute("DROP FUNCTION clock_policy_stands()")
    op.drop_constraint(op.f("ck_clock_policy_ladder"), "clock_policy", type_="check")
    for name in ("ck_clock_policy_parts", "ck_clock_policy_claim"):
        op.drop_constraint(op.f(name), "clock_policy", type_="check")
    for column in CLOCKS:
        op.drop_column("clock_policy", column)
