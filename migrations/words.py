"""Words that a column may hold, as migrations add and take them."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op


def change_words(
    table: str, column: str, *, add: list[str] | None = None, drop: list[str] | None = None
) -> None:
    """Add words to, or take them from, the CHECK of a column of words, whatever else it holds."""
    name = f"ck_{table}_{column}"
    told = (
        op.get_bind()
        .execute(
            sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"),
            {"name": name},
        )
        .scalar_one()
    )
    words = [word for word in re.findall(r"'([a-z0-9_]+)'", told) if word not in (drop or [])]
    listed = ", ".join(f"'{word}'" for word in [*words, *(add or [])])
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")
