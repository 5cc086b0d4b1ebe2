"""The rule for small counts; who acts, signed; old sign-ins and accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.row_security import LOGINS, guard, i_am
from migrations.sealing import Column, open_column, seal_column
from migrations.signed_context import leave_unsigned, sign
from migrations.words import change_words

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# What was approved stays as it was approved; a record that is purged takes its reason with it.
GLASS_MOVES = """
    CREATE OR REPLACE FUNCTION break_glass_moves() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' AND NEW.approved_at IS NULL THEN RETURN NEW; END IF;
        IF TG_OP = 'UPDATE' AND OLD.approved_at IS NULL
           AND NEW.approved_at = waymark_now()
           AND (NEW.referral_id, NEW.asked_by_id, NEW.{reason}, NEW.asked_at)
               = (OLD.referral_id, OLD.asked_by_id, OLD.{reason}, OLD.asked_at) THEN
            RETURN NEW;
        END IF;
        {forgets}
        RAISE EXCEPTION 'break_glass: asked, then approved once'
            USING ERRCODE = '23514', CONSTRAINT = 'break_glass_moves';
    END $$"""
GLASS_FORGETS = """
        IF TG_OP = 'UPDATE' AND NEW.reason_sealed IS NULL AND NEW.key_id IS NULL
           AND to_jsonb(NEW) - 'reason_sealed' - 'key_id'
               = to_jsonb(OLD) - 'reason_sealed' - 'key_id' THEN
            RETURN NEW;
        END IF;"""
SEALED = (Column("break_glass", "reason"), Column("contact", "label"))
KEPT = ["sign_in", "account"]
OF_PEOPLE = ("sign_in", "passkey", "totp", "invitation")
SUPPORT = """
    SELECT f.organisation_id, s.item_code, i.text, i.position, s.state, count(*) AS stays
      FROM support s JOIN support_item i ON i.code = s.item_code
      JOIN refuge f ON f.id = s.refuge_id
     GROUP BY f.organisation_id, s.item_code, i.text, i.position, s.state
    HAVING count(*) >= {at_least}"""
# No rule, no row. The page rounds what is left.
IN_FORCE = """(SELECT below FROM small_count_rule
        WHERE valid_from <= (waymark_now() AT TIME ZONE 'UTC')::date
        ORDER BY valid_from DESC LIMIT 1)"""


def upgrade() -> None:
    op.create_table(
        "small_count_rule",
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("below", sa.Integer(), nullable=False),
        sa.Column("to_nearest", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("below >= 0 AND to_nearest >= 1", name=op.f("ck_small_count_rule_size")),
        sa.CheckConstraint("below % to_nearest = 0", name=op.f("ck_small_count_rule_multiple")),
        sa.PrimaryKeyConstraint("valid_from", name=op.f("pk_small_count_rule")),
    )
    op.execute("GRANT SELECT ON small_count_rule TO waymark_web, waymark_worker, waymark_report")
    op.execute(f"CREATE OR REPLACE VIEW report_support AS {SUPPORT.format(at_least=IN_FORCE)}")
    sign()
    _purge_people()
    _seal()
    _more()
    _drafts()


def _purge_people() -> None:
    """Old sign-ins, and what belonged to accounts that were switched off long ago."""
    change_words("retention_rule", "kind", add=KEPT)
    op.execute(f"GRANT DELETE ON {', '.join(OF_PEOPLE)} TO waymark_worker")
    for table in ("sign_in", "passkey", "totp"):
        op.execute(
            f"CREATE POLICY removes ON {table} FOR DELETE TO {LOGINS} USING ({i_am('system')})"
        )


def _seal() -> None:
    """What a person typed of a look, and what a house's phone is called."""
    op.add_column("break_glass", sa.Column("key_id", sa.Uuid(), nullable=True))
    op.execute("ALTER TABLE break_glass DISABLE TRIGGER USER")
    for column in SEALED:
        seal_column(column)
    op.execute("ALTER TABLE break_glass ENABLE TRIGGER USER")
    op.execute(GLASS_MOVES.format(reason="reason_sealed", forgets=GLASS_FORGETS))
    op.alter_column("contact", "label_sealed", nullable=False)
    # A purged record's look has no reason any more; one that has, has a whole one.
    op.create_check_constraint(
        op.f("ck_break_glass_reason_sealed"),
        "break_glass",
        "octet_length(reason_sealed) BETWEEN 44 AND 2100",
    )
    op.execute(
        "CREATE POLICY forgets ON break_glass FOR UPDATE TO waymark_worker"
        f" USING ({i_am('system')})"
    )


def _open() -> None:
    op.execute("DROP POLICY forgets ON break_glass")
    op.drop_constraint(op.f("ck_break_glass_reason_sealed"), "break_glass")
    op.execute("ALTER TABLE break_glass DISABLE TRIGGER USER")
    for column in SEALED:
        open_column(column)
    # Looks of purged records have lost their reason: the old rule asked for one.
    op.execute("UPDATE break_glass SET reason = 'purged with its record' WHERE reason = ''")
    op.execute("ALTER TABLE break_glass ENABLE TRIGGER USER")
    op.drop_column("break_glass", "key_id")
    op.execute(GLASS_MOVES.format(reason="reason", forgets=""))
    op.create_check_constraint(
        op.f("ck_break_glass_reason"), "break_glass", "char_length(reason) BETWEEN 15 AND 500"
    )


def _more() -> None:
    """Who somebody is to the force's own sign-in; a number that ended may be another house's."""
    for name in ("force_issuer", "force_subject"):
        op.add_column("user_account", sa.Column(name, sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_user_account_force_login"),
        "user_account",
        "(force_issuer IS NULL) = (force_subject IS NULL)",
    )
    op.create_unique_constraint(
        op.f("uq_user_account_force_issuer_force_subject"),
        "user_account",
        ["force_issuer", "force_subject"],
    )
    op.drop_index("uq_contact_phone_index", "contact")
    op.create_index(
        "uq_contact_phone_index",
        "contact",
        ["phone_index"],
        unique=True,
        postgresql_where=sa.text("ends_at IS NULL"),
    )


def _drafts() -> None:
    """What somebody was sending when their sign-in had idled out."""
    op.create_table(
        "draft",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("form_sealed", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_draft_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
    )
    op.create_index(op.f("ix_draft_user_id"), "draft", ["user_id"])
    waymark = i_am("system")
    guard("draft", read=waymark, add=waymark, change=waymark, remove=waymark)
    op.execute("GRANT SELECT, INSERT, UPDATE ON draft TO waymark_web")
    op.execute("GRANT SELECT, UPDATE, DELETE ON draft TO waymark_worker")


def _less() -> None:
    op.drop_table("draft")
    op.drop_index("uq_contact_phone_index", "contact")
    op.create_index("uq_contact_phone_index", "contact", ["phone_index"], unique=True)
    op.drop_column("user_account", "force_subject")
    op.drop_column("user_account", "force_issuer")


def downgrade() -> None:
    _less()
    _open()
    for table in ("sign_in", "passkey", "totp"):
        op.execute(f"DROP POLICY removes ON {table}")
    op.execute(f"REVOKE DELETE ON {', '.join(OF_PEOPLE)} FROM waymark_worker")
    listed = ", ".join(f"'{kind}'" for kind in KEPT)
    op.execute(f"DELETE FROM retention_rule WHERE kind IN ({listed})")
    change_words("retention_rule", "kind", drop=KEPT)
    leave_unsigned()
    op.execute(f"CREATE OR REPLACE VIEW report_support AS {SUPPORT.format(at_least=5)}")
    op.drop_table("small_count_rule")
