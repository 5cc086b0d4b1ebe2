"""Rules of retention as dated rows, legal holds, copies for a woman, and purged requests."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.row_security import guard, i_am

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("waymark_now()")
KINDS = "'placed', 'never_placed', 'text', 'plan', 'form', 'pre_alert'"
REASONS = "'court_order', 'police_inquiry', 'complaint', 'access_request', 'safeguarding_review'"
PARTS = ("needs_id", "safety_id", "caller_id")
RULE = """JOIN LATERAL (
            SELECT days FROM retention_rule x
             WHERE x.kind = k.kind AND x.valid_from <= ({day} AT TIME ZONE 'UTC')::date
             ORDER BY x.valid_from DESC LIMIT 1) AS {name} ON true"""
# The shorter of two rules holds: the one of the day she was promised it, and today's.
DUE = f"""
    SELECT r.id AS referral_id, k.kind,
           r.closed_at + make_interval(days => least(promised.days, today.days)) AS due_at
      FROM referral r
      CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (
            SELECT FROM placement p WHERE p.referral_id = r.id AND p.arrived_at IS NOT NULL)
            THEN 'placed' ELSE 'never_placed' END AS kind) AS k
      {RULE.format(day="r.closed_at", name="promised")}
      {RULE.format(day="waymark_now()", name="today")}
     WHERE r.closed_at IS NOT NULL AND r.purged_at IS NULL
       AND NOT EXISTS (
            SELECT FROM legal_hold h WHERE h.referral_id = r.id AND h.lifted_at IS NULL)"""
REFERRAL = """
    SELECT r.id AS referral_id, r.force_id, r.urgency, r.state, r.submitted_at, r.state_since,
           r.confirmed_at, r.closed_at, r.closed_reason,
           g.code AS region_code, g.in_london
      FROM referral r LEFT JOIN needs n ON n.id = r.needs_id
      LEFT JOIN district d ON d.code = n.district_code
      JOIN region g ON g.code = coalesce(d.region_code, r.region_code)
     WHERE NOT EXISTS (SELECT FROM honey_record h WHERE h.referral_id = r.id)"""
REFERRAL_BEFORE = """
    SELECT r.id AS referral_id, r.force_id, r.urgency, r.state, r.submitted_at, r.state_since,
           r.confirmed_at, r.closed_at, r.closed_reason,
           g.code AS region_code, g.in_london
      FROM referral r JOIN needs n ON n.id = r.needs_id
      JOIN district d ON d.code = n.district_code JOIN region g ON g.code = d.region_code
     WHERE NOT EXISTS (SELECT FROM honey_record h WHERE h.referral_id = r.id)"""
# What the worker may take away, and nothing else of the service's own tables.
PURGED = (
    "needs, safety, caller, form_key, referral_link, pre_alert_referral, pre_alert, rehearsal,"
    " cost_question, message, task, plan_line, price_run"
)


def upgrade() -> None:
    _make_rules()
    _make_holds()
    _make_copies()
    for part in PARTS:
        op.alter_column("referral", part, nullable=True)
    op.add_column("referral", sa.Column("purged_at", MOMENT))
    op.add_column("referral", sa.Column("region_code", sa.String(length=40)))
    op.create_foreign_key(
        op.f("fk_referral_region_code"), "referral", "region", ["region_code"], ["code"]
    )
    op.create_check_constraint(
        op.f("ck_referral_purged_whole"),
        "referral",
        "num_nonnulls(needs_id, safety_id, caller_id)"
        " = CASE WHEN purged_at IS NULL THEN 3 ELSE 0 END"
        " AND (purged_at IS NULL) = (region_code IS NULL)",
    )
    op.add_column("plan_run", sa.Column("purged_at", MOMENT))
    op.execute(f"CREATE OR REPLACE VIEW report_referral AS {REFERRAL}")
    op.execute(f"CREATE VIEW retention_due WITH (security_invoker = true) AS {DUE}")
    op.execute("GRANT SELECT (purged_at) ON plan_run TO waymark_web")
    op.execute("GRANT SELECT ON tombstone TO waymark_web")  # ids alone, for the invariants
    both = "waymark_web, waymark_worker"
    op.execute(f"GRANT SELECT ON retention_rule, legal_hold, retention_due TO {both}")
    op.execute("GRANT INSERT, UPDATE ON legal_hold TO waymark_web")
    op.execute("GRANT SELECT, INSERT, UPDATE ON subject_access TO waymark_web")
    op.execute("GRANT USAGE, SELECT ON SEQUENCE legal_hold_id_seq TO waymark_web")
    op.execute("GRANT USAGE, SELECT ON SEQUENCE subject_access_id_seq TO waymark_web")
    op.execute(f"GRANT DELETE ON {PURGED} TO waymark_worker")
    keepers = i_am("system", "data_protection_lead", "coordinator")
    for table in ("legal_hold", "subject_access"):
        guard(table, read=keepers, add=keepers, change=keepers)
    for table in PURGED.split(", "):
        op.execute(
            f"CREATE POLICY removes ON {table.strip()} FOR DELETE TO waymark_worker"
            f" USING ({i_am('system')})"
        )


def _make_rules() -> None:
    op.create_table(
        "retention_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_retention_rule_kind")),
        sa.CheckConstraint("days BETWEEN 1 AND 3650", name=op.f("ck_retention_rule_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_rule")),
        sa.UniqueConstraint("kind", "valid_from", name=op.f("uq_retention_rule_kind_valid_from")),
    )


def _person(
    table: str, column: str, *, nullable: bool = False
) -> tuple[sa.Column[int], sa.Constraint]:
    key = sa.ForeignKeyConstraint([column], ["user_account.id"], name=op.f(f"fk_{table}_{column}"))
    return sa.Column(column, sa.BigInteger(), nullable=nullable), key


def _record(table: str) -> list[sa.Column[Any] | sa.Constraint]:
    """The columns of everything that is about one request."""
    return [
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f(f"fk_{table}_referral_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("public_id", name=op.f(f"uq_{table}_public_id")),
    ]


def _make_holds() -> None:
    op.create_table(
        "legal_hold",
        *_record("legal_hold"),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("placed_at", MOMENT, server_default=NOW, nullable=False),
        *_person("legal_hold", "placed_by_id"),
        sa.Column("lift_asked_at", MOMENT),
        *_person("legal_hold", "lift_asked_by_id", nullable=True),
        sa.Column("lifted_at", MOMENT),
        *_person("legal_hold", "lifted_by_id", nullable=True),
        sa.CheckConstraint(f"reason IN ({REASONS})", name=op.f("ck_legal_hold_reason")),
        sa.CheckConstraint(
            "(lift_asked_at IS NULL) = (lift_asked_by_id IS NULL)"
            " AND (lifted_at IS NULL) = (lifted_by_id IS NULL)"
            " AND (lifted_at IS NULL OR lift_asked_at IS NOT NULL)",
            name=op.f("ck_legal_hold_steps"),
        ),
        sa.CheckConstraint(
            "lifted_by_id <> lift_asked_by_id", name=op.f("ck_legal_hold_two_people")
        ),
    )
    op.create_index(
        "one_open_hold_of_a_reason",
        "legal_hold",
        ["referral_id", "reason"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def _make_copies() -> None:
    op.create_table(
        "subject_access",
        *_record("subject_access"),
        sa.Column("asked_at", MOMENT, server_default=NOW, nullable=False),
        *_person("subject_access", "asked_by_id"),
        sa.Column("approved_at", MOMENT),
        *_person("subject_access", "approved_by_id", nullable=True),
        sa.Column("taken_at", MOMENT),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approved_by_id IS NULL)"
            " AND (taken_at IS NULL OR approved_at IS NOT NULL)",
            name=op.f("ck_subject_access_steps"),
        ),
        sa.CheckConstraint(
            "approved_by_id <> asked_by_id", name=op.f("ck_subject_access_two_people")
        ),
    )
    op.create_index(
        "one_open_access_of_a_request",
        "subject_access",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("taken_at IS NULL"),
    )


def downgrade() -> None:
    for table in PURGED.split(", "):
        op.execute(f"DROP POLICY removes ON {table.strip()}")
    op.execute(f"REVOKE DELETE ON {PURGED} FROM waymark_worker")
    op.execute("REVOKE SELECT ON tombstone FROM waymark_web")
    op.execute("DROP VIEW retention_due")
    op.execute(f"CREATE OR REPLACE VIEW report_referral AS {REFERRAL_BEFORE}")
    op.drop_column("plan_run", "purged_at")
    op.drop_constraint(op.f("ck_referral_purged_whole"), "referral", type_="check")
    op.drop_column("referral", "region_code")
    op.drop_column("referral", "purged_at")
    for part in PARTS:
        # Fails where something was purged: what is gone cannot be put back.
        op.alter_column("referral", part, nullable=False)
    for table in ("subject_access", "legal_hold", "retention_rule"):
        op.drop_table(table)
