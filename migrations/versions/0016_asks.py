"""How many houses an hour are asked because the plan hangs on their word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NUDGES = (
    "nudge_every_hours > 0 AND nudges_per_day >= 0{more}"
    " AND 0 <= wakes_at_hour AND wakes_at_hour < sleeps_at_hour AND sleeps_at_hour <= 24"
)


def upgrade() -> None:
    op.add_column(
        "inventory_policy",
        sa.Column("asks_per_hour", sa.Integer(), nullable=False, server_default="3"),
    )
    op.alter_column("inventory_policy", "asks_per_hour", server_default=None)
    _check(" AND asks_per_hour >= 0")


def _check(more: str) -> None:
    op.execute("ALTER TABLE inventory_policy DROP CONSTRAINT IF EXISTS ck_inventory_policy_nudges")
    op.execute(
        "ALTER TABLE inventory_policy ADD CONSTRAINT ck_inventory_policy_nudges"
        f" CHECK ({NUDGES.format(more=more)})"
    )


def downgrade() -> None:
    op.drop_column("inventory_policy", "asks_per_hour")
    _check("")
