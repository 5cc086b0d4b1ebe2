"""What a past plan was made with, so that it can be made again to the same bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Plans made before this step keep empty values: they are shown, and never called tampered with.
COLUMNS = (
    ("plan_sha256", sa.Text(), "''"),
    ("made_with", postgresql.JSONB(), "'{}'::jsonb"),
    ("seconds_allowed", sa.Float(), "0"),
)


def upgrade() -> None:
    # The web role's rights on plan_run name its columns one by one, so these are out of its reach.
    for name, kind, default in COLUMNS:
        op.add_column(
            "plan_run", sa.Column(name, kind, server_default=sa.text(default), nullable=False)
        )


def downgrade() -> None:
    for name, _, _ in reversed(COLUMNS):
        op.drop_column("plan_run", name)
