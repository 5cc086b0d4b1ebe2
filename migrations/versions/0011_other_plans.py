"""Clearly different plans that are nearly as good, as far as the board shows them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Requests by reference and rooms by id, as the plan's own lines hold them: no need, no cell.
    op.add_column(
        "plan_run",
        sa.Column(
            "other_plans",
            postgresql.JSONB(),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.execute("GRANT SELECT (other_plans) ON plan_run TO waymark_web")


def downgrade() -> None:
    op.drop_column("plan_run", "other_plans")
