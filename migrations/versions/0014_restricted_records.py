"""Who must not see a record, and the glass that two people break to see who asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.row_security import LOGINS, ME, definer, either, guard, i_am, let_go

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("waymark_now()")
BOTH = "waymark_web, waymark_worker"
WAYMARK = i_am("system")
# Those who keep the list of a record: not somebody whom it names, because they cannot see it.
KEEPS = either(
    i_am("coordinator"),
    f"{i_am('refuge_manager')} AND referral_id IN (SELECT my_referrals())",
)
SECOND = i_am("coordinator", "data_protection_lead")
# What hides with a denied record: the column that names it, and the function that lists it.
HIDDEN = {
    "referral": "id NOT IN (SELECT denied_referrals())",
    "placement": "referral_id NOT IN (SELECT denied_referrals())",
    "plan_line": "referral_id NOT IN (SELECT denied_referrals())",
    "cost_question": "referral_id NOT IN (SELECT denied_referrals())",
    "pre_alert_referral": "referral_id NOT IN (SELECT denied_referrals())",
    "referral_link": "a_id NOT IN (SELECT denied_referrals())"
    " AND b_id NOT IN (SELECT denied_referrals())",
    "task": "referral_id IS NULL OR referral_id NOT IN (SELECT denied_referrals())",
    "message": "placement_id IS NULL OR placement_id NOT IN (SELECT denied_placements())",
    "needs": "id NOT IN (SELECT denied_keys())",
    "safety": "id NOT IN (SELECT denied_keys())",
    "caller": "id NOT IN (SELECT denied_keys())",
    "record_rule": "referral_id NOT IN (SELECT denied_referrals())",
    "break_glass": "referral_id NOT IN (SELECT denied_referrals())",
}
# An allow list holds for the people of houses; their phone says yes or no and reads nothing.
DENIED = """
    SELECT r.referral_id FROM record_rule r
     WHERE r.ended_at IS NULL AND r.kind = 'deny' AND r.user_id = acting_user_id()
       AND acting_role() <> 'system'
    UNION
    SELECT r.referral_id FROM record_rule r
     WHERE r.ended_at IS NULL AND r.kind = 'allow'
       AND acting_role() IN ('refuge_worker', 'refuge_manager') AND acting_user_id() IS NOT NULL
     GROUP BY r.referral_id HAVING NOT bool_or(r.user_id = acting_user_id())"""
GLASS_IS_BROKEN = """
    SELECT r.caller_id FROM break_glass g JOIN referral r ON r.id = g.referral_id
     WHERE g.asked_by_id = acting_user_id() AND g.approved_at IS NOT NULL
       AND g.ends_at > waymark_now()"""
# The desk rings the officer when a task says so.
MUST_RING = """
    SELECT r.caller_id FROM task t JOIN referral r ON r.id = t.referral_id
     WHERE acting_role() = 'coordinator' AND t.done_at IS NULL
       AND t.kind IN ('overdue', 'not_arrived')"""


def upgrade() -> None:
    _tables()
    definer("denied_referrals", "SETOF bigint", DENIED)
    definer(
        "denied_placements",
        "SETOF bigint",
        "SELECT id FROM placement WHERE referral_id IN (SELECT denied_referrals())",
    )
    definer(
        "denied_keys",
        "SETOF uuid",
        """SELECT unnest(ARRAY[needs_id, safety_id, caller_id]) FROM referral
            WHERE id IN (SELECT denied_referrals())""",
    )
    definer("callers_to_ring", "SETOF uuid", f"{GLASS_IS_BROKEN} UNION ALL {MUST_RING}")
    _deny_silently()
    for table in ("record_rule", "break_glass", "access_notice"):
        read, add, change = POLICIES[table]
        guard(table, read=read, add=add, change=change)
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {BOTH}")
        op.execute(f"GRANT USAGE, SELECT ON SEQUENCE {table}_id_seq TO {BOTH}")
    for table, condition in HIDDEN.items():
        # The owner's own policy stands here too, or a backup would miss what somebody may not see.
        op.execute(
            f"CREATE POLICY denied ON {table} AS RESTRICTIVE"
            f" USING ((SELECT acting_as_owner()) OR ({condition}))"
        )
    op.execute("DROP POLICY reads ON caller")
    op.execute(f"CREATE POLICY reads ON caller FOR SELECT TO {LOGINS} USING ({CALLER})")


POLICIES = {
    "record_rule": (either(WAYMARK, KEEPS), KEEPS, KEEPS),
    "break_glass": (
        either(
            i_am("system", "coordinator", "data_protection_lead"),
            f"asked_by_id = {ME}",
            f"{i_am('refuge_manager')} AND id IN (SELECT break_glass_id FROM access_notice)",
        ),
        f"{i_am('coordinator', 'force_supervisor')} AND asked_by_id = {ME}"
        " AND referral_id IN (SELECT id FROM referral)",
        # Never oneself: the table says so too.
        f"{SECOND} AND asked_by_id <> {ME}",
    ),
    "access_notice": (either(WAYMARK, f"user_id = {ME}"), WAYMARK, WAYMARK),
}
CALLER = either(
    WAYMARK,
    "id IN (SELECT my_callers())",
    f"{i_am('coordinator', 'force_supervisor')} AND id IN (SELECT callers_to_ring())",
    f"{i_am('officer', 'force_supervisor')} AND NOT is_named(id)",
)
CALLER_BEFORE = either(
    i_am("system", "coordinator"),
    "id IN (SELECT my_callers())",
    f"{i_am('officer', 'force_supervisor')} AND NOT is_named(id)",
)


def _tables() -> None:
    op.create_table(
        "record_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('allow', 'deny')", name=op.f("ck_record_rule_kind")),
        sa.CheckConstraint("char_length(reason) <= 200", name=op.f("ck_record_rule_reason")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_record_rule_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_record_rule_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_rule")),
        sa.UniqueConstraint("public_id", name=op.f("uq_record_rule_public_id")),
    )
    op.create_index(
        "uq_record_rule_live",
        "record_rule",
        ["referral_id", "user_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_record_rule_user_id", "record_rule", ["user_id"])
    op.create_table(
        "break_glass",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "char_length(reason) BETWEEN 15 AND 500", name=op.f("ck_break_glass_reason")
        ),
        sa.CheckConstraint("approved_by_id <> asked_by_id", name=op.f("ck_break_glass_two_people")),
        sa.CheckConstraint(
            "num_nonnulls(approved_by_id, approved_at, ends_at) IN (0, 3)",
            name=op.f("ck_break_glass_whole"),
        ),
        sa.CheckConstraint(
            "ends_at = approved_at + interval '30 minutes'",
            name=op.f("ck_break_glass_thirty_minutes"),
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_break_glass_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["user_account.id"], name=op.f("fk_break_glass_asked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["user_account.id"], name=op.f("fk_break_glass_approved_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_glass")),
        sa.UniqueConstraint("public_id", name=op.f("uq_break_glass_public_id")),
    )
    op.create_index("ix_break_glass_asked_by_id", "break_glass", ["asked_by_id", "ends_at"])
    op.create_table(
        "access_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("break_glass_id", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_access_notice_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["break_glass_id"],
            ["break_glass.id"],
            name=op.f("fk_access_notice_break_glass_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_notice")),
        sa.UniqueConstraint(
            "break_glass_id", "user_id", name=op.f("uq_access_notice_break_glass_id_user_id")
        ),
    )
    op.create_index("ix_access_notice_user_id", "access_notice", ["user_id"])
    # What was approved stays as it was approved: no second half-hour on one approval.
    op.execute(
        """CREATE FUNCTION break_glass_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' AND NEW.approved_at IS NULL THEN RETURN NEW; END IF;
            IF TG_OP = 'UPDATE' AND OLD.approved_at IS NULL
               AND NEW.approved_at = waymark_now()
               AND (NEW.referral_id, NEW.asked_by_id, NEW.reason, NEW.asked_at)
                   = (OLD.referral_id, OLD.asked_by_id, OLD.reason, OLD.asked_at) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'break_glass: asked, then approved once'
                USING ERRCODE = '23514', CONSTRAINT = 'break_glass_moves';
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER break_glass_moves BEFORE INSERT OR UPDATE ON break_glass"
        " FOR EACH ROW EXECUTE FUNCTION break_glass_moves()"
    )


def _deny_silently() -> None:
    """An officer names an address; nobody is told whether anybody signs in with it."""
    op.execute(
        """CREATE FUNCTION deny_to_email(which bigint, address text) RETURNS void
            LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
            INSERT INTO record_rule (referral_id, user_id, kind, reason, by_id)
            SELECT r.id, u.id, 'deny', 'Named by the officer', acting_user_id()
              FROM referral r JOIN user_account u ON lower(u.email) = lower(address)
             WHERE r.id = which AND r.officer_id = acting_user_id() AND u.id <> r.officer_id
            ON CONFLICT DO NOTHING $$"""
    )
    op.execute("REVOKE ALL ON FUNCTION deny_to_email FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION deny_to_email TO {LOGINS}")


def downgrade() -> None:
    op.execute("DROP POLICY reads ON caller")
    op.execute(f"CREATE POLICY reads ON caller FOR SELECT TO {LOGINS} USING ({CALLER_BEFORE})")
    for table in HIDDEN:
        op.execute(f"DROP POLICY denied ON {table}")
    for table in POLICIES:
        let_go(table)
    for name in (
        *("deny_to_email", "callers_to_ring", "denied_keys", "denied_placements"),
        "denied_referrals",
    ):
        op.execute(f"DROP FUNCTION {name}")
    for table in ("access_notice", "break_glass", "record_rule"):
        op.drop_table(table)
    op.execute("DROP FUNCTION break_glass_moves()")
