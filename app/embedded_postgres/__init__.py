"""PostgreSQL for one machine, when no DATABASE_URL names another; see docs/adr/0003."""

from app.embedded_postgres.programs import PostgresError
from app.embedded_postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "PostgresError"]
