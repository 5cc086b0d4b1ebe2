"""The desk reads who saw a list as it reads who saw one request: a list names its women.

Without this a coordinator who asks who looked at a record is told of a part of them.
"""

from __future__ import annotations

from alembic import op

from migrations.row_security import i_am

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

NAMES_HER = "referral_id IS NOT NULL"


def upgrade() -> None:
    _desk_reads(f"({NAMES_HER} OR detail ? 'referral_ids')")


def _desk_reads(what: str) -> None:
    op.execute(f"ALTER POLICY desk_reads ON event USING ({i_am('coordinator')} AND {what})")


def downgrade() -> None:
    _desk_reads(NAMES_HER)
