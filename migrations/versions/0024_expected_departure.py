"""The day on which a woman plans to move on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("placement", sa.Column("expected_departure_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("placement", "expected_departure_on")
