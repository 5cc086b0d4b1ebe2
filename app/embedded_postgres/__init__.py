"""PostgreSQL for one machine, where none is named: docs/adr/0003-postgresql-only.md."""

from app.embedded_postgres.programs import PostgresError
from app.embedded_postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "PostgresError"]
