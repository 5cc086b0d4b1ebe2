"""The job queue's own tables, as the pinned procrastinate defines them."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not through SQLAlchemy's parameter parsing: the schema is full of colons and percent signs.
    raw = op.get_bind().connection.driver_connection
    assert raw is not None  # noqa: S101 - this bind is a live connection
    raw.execute(SchemaManager.get_schema())


def downgrade() -> None:
    op.execute(
        text(
            """DO $$ DECLARE thing record; BEGIN
            FOR thing IN SELECT oid::regprocedure AS name FROM pg_proc
                         WHERE proname LIKE 'procrastinate%' LOOP
                EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', thing.name);
            END LOOP;
            FOR thing IN SELECT relname AS name FROM pg_class
                         WHERE relname LIKE 'procrastinate%' AND relkind = 'r' LOOP
                EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', thing.name);
            END LOOP;
            FOR thing IN SELECT typname AS name FROM pg_type
                         WHERE typname LIKE 'procrastinate%' AND typtype IN ('e', 'c') LOOP
                EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', thing.name);
            END LOOP; END $$"""
        )
    )
