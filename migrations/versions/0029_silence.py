"""How long a house that does not answer is left alone, as dated data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

SILENCE = {"lapse_rest_minutes": "60", "silent_after_lapses": "3"}


def upgrade() -> None:
    for name, minutes_or_offers in SILENCE.items():
        column = sa.Column(name, sa.Integer(), server_default=minutes_or_offers, nullable=False)
        op.add_column("inventory_policy", column)
    op.create_check_constraint(
        op.f("ck_inventory_policy_silence"),
        "inventory_policy",
        "lapse_rest_minutes >= 0 AND silent_after_lapses >= 1",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_inventory_policy_silence"), "inventory_policy")
    for name in SILENCE:
        op.drop_column("inventory_policy", name)
