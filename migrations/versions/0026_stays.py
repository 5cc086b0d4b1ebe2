"""The life of a promise and of a stay: how long a room is kept, and who may keep it longer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
BOTH = "waymark_web, waymark_worker"
# A promise may be renewed so often by the house and the officer; the desk and the clock are free.
HOLDS = """
    CREATE FUNCTION placement_holds() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.hold_renewals = OLD.hold_renewals
           AND NEW.hold_until IS NOT DISTINCT FROM OLD.hold_until THEN RETURN NEW; END IF;
        IF OLD.hold_until IS NULL AND NEW.state = 'accepted' AND NEW.hold_renewals = 0 THEN
            RETURN NEW;
        END IF;
        IF OLD.state <> 'accepted' OR NEW.hold_until <= OLD.hold_until
           OR NEW.hold_renewals NOT IN (OLD.hold_renewals, OLD.hold_renewals + 1)
           OR (NEW.hold_renewals = OLD.hold_renewals
               AND acting_role() NOT IN ('coordinator', 'system'))
           OR NEW.hold_renewals > greatest(OLD.hold_renewals, (
                SELECT renewals FROM hold_policy
                 WHERE valid_from <= (waymark_now() AT TIME ZONE 'Europe/London')::date
                 ORDER BY valid_from DESC LIMIT 1)) THEN
            RAISE EXCEPTION 'a hold is made longer, and by house and officer only so often'
                USING ERRCODE = '23514', CONSTRAINT = 'placement_holds';
        END IF;
        RETURN NEW;
    END $$"""


def upgrade() -> None:
    _holds()


def _holds() -> None:
    op.create_table(
        "hold_policy",
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("renewals", sa.Integer(), nullable=False),
        sa.Column("margin_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "renewals >= 0 AND margin_minutes BETWEEN 0 AND 1440", name=op.f("ck_hold_policy_hold")
        ),
        sa.PrimaryKeyConstraint("valid_from", name=op.f("pk_hold_policy")),
    )
    op.execute(f"GRANT SELECT ON hold_policy TO {BOTH}")
    op.add_column("placement", sa.Column("hold_until", MOMENT, nullable=True))
    op.add_column(
        "placement",
        sa.Column("hold_renewals", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.execute(
        """UPDATE placement p SET hold_until = p.answered_at + make_interval(mins => c.hold_minutes)
             FROM referral r JOIN clock_policy c ON c.id = r.clock_policy_id
            WHERE r.id = p.referral_id AND p.state = 'accepted'"""
    )
    op.create_check_constraint(
        op.f("ck_placement_hold"),
        "placement",
        "(state <> 'accepted' OR hold_until IS NOT NULL) AND hold_renewals >= 0",
    )
    op.create_index(
        "ix_placement_hold",
        "placement",
        ["hold_until"],
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.execute(HOLDS)
    op.execute(
        "CREATE TRIGGER placement_holds BEFORE UPDATE ON placement"
        " FOR EACH ROW EXECUTE FUNCTION placement_holds()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER placement_holds ON placement")
    op.execute("DROP FUNCTION placement_holds()")
    op.drop_index("ix_placement_hold", "placement")
    op.drop_constraint(op.f("ck_placement_hold"), "placement")
    for column in ("hold_until", "hold_renewals"):
        op.drop_column("placement", column)
    op.drop_table("hold_policy")
