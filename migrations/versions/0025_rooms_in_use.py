"""A house and the desk may lock a room and note when it was last looked at; nothing else of it.

A lock is a change to the database. Without this no house could take a room out of use.
"""

from __future__ import annotations

from alembic import op

from migrations.row_security import MY_REFUGE, either, i_am

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BOTH = "waymark_web, waymark_worker"
AT_HOME = f"{i_am('refuge_worker', 'refuge_manager')} AND refuge_id = {MY_REFUGE}"
MANAGES = f"{i_am('refuge_manager')} AND refuge_id = {MY_REFUGE}"


def upgrade() -> None:
    op.execute(f"REVOKE UPDATE ON room FROM {BOTH}")
    op.execute(f"GRANT UPDATE (confirmed_at) ON room TO {BOTH}")
    _changes(either(i_am("system", "coordinator"), AT_HOME))


def _changes(who: str) -> None:
    op.execute(f"ALTER POLICY changes ON room USING ({who})")


def downgrade() -> None:
    _changes(either(i_am("system"), MANAGES))
    op.execute(f"REVOKE UPDATE (confirmed_at) ON room FROM {BOTH}")
    op.execute(f"GRANT UPDATE ON room TO {BOTH}")
