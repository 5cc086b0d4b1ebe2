"""Alembic's entry: runs as the owner role, with short lock waits, one migration at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool, text

import app.models  # noqa: F401 - fills the metadata that autogenerate compares
from app.db import Base

JOB_TABLES = "procrastinate_"


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and (name or "").startswith(JOB_TABLES))


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    if not url:
        raise SystemExit("migrate: no database address; run `flask --app wsgi migrate`")
    engine = create_engine(
        url, poolclass=pool.NullPool, connect_args={"options": "-c timezone=UTC"}
    )
    with engine.connect() as connection:
        # Two starts at once must not migrate at once: the second waits for as long as it takes.
        connection.execute(text("SELECT pg_advisory_lock(hashtext('waymark_migrate'))"))
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=_ours,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
