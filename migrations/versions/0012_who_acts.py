"""What the database is told of who acts, a data protection lead, and fresh proofs of a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = [
    "officer",
    "force_supervisor",
    "refuge_worker",
    "refuge_manager",
    "coordinator",
    "charity_manager",
    "administrator",
    "system",
]
NOW = [*BEFORE, "data_protection_lead"]
CHECKED = (("user_account", "role"), ("event", "actor_role"))
NUMBERS = ("user_id", "organisation_id", "refuge_id")


def upgrade() -> None:
    op.add_column("sign_in", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
    _roles(NOW)
    for name in NUMBERS:
        # Nothing set is null, and null is equal to nothing: no context, no rows.
        op.execute(
            f"""CREATE FUNCTION acting_{name}() RETURNS bigint LANGUAGE sql STABLE
                AS $$ SELECT nullif(current_setting('app.{name}', true), '')::bigint $$"""
        )
    op.execute(
        """CREATE FUNCTION acting_role() RETURNS text LANGUAGE sql STABLE
            AS $$ SELECT nullif(current_setting('app.role', true), '') $$"""
    )


def _roles(words: list[str]) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    for table, column in CHECKED:
        name = f"ck_{table}_{column}"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")


def downgrade() -> None:
    op.execute("DROP FUNCTION acting_role()")
    for name in NUMBERS:
        op.execute(f"DROP FUNCTION acting_{name}()")
    _roles(BEFORE)
    op.drop_column("sign_in", "proved_at")
