"""Steps that the guard of a table's states knows, as migrations add and take them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def change_function(name: str, *changes: tuple[str, str]) -> None:
    """Put other words into a function, whatever else it says by now.

    Raises:
        RuntimeError: the function does not say what is to be changed.
    """
    told = sa.text("SELECT pg_get_functiondef(CAST(:name AS regprocedure))")
    body = op.get_bind().execute(told, {"name": f"{name}()"}).scalar_one()
    for before, after in changes:
        if before not in body:
            raise RuntimeError(f"{name} does not say {before!r}")
        body = body.replace(before, after)
    op.execute(body)
