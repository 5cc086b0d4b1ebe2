"""How a migration seals a column that was kept in the open, and opens it again."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa
from alembic import op

from app.fields.keys import Wrapped
from app.fields.providers import Keys, keys_of
from app.fields.sealing import decrypt, encrypt, new_key
from config import Settings


class Column(NamedTuple):
    """A text of a table whose rows are named for ever by their ``public_id``."""

    table: str
    name: str


def seal_column(column: Column) -> None:
    """Under the key that the row has already, or a new one. Keys are asked for where needed."""
    op.add_column(column.table, sa.Column(f"{column.name}_sealed", sa.LargeBinary()))
    keys: list[Keys] = []
    for row in _rows(column, column.name):
        key_id, key = _key_of(row, keys)
        sealed = encrypt(key, row[column.name].encode(), _bound(column, row["public_id"], key_id))
        _update(column, row["id"], {f"{column.name}_sealed": sealed, "key_id": key_id})
    op.drop_column(column.table, column.name)


def open_column(column: Column) -> None:
    """Rows whose key was destroyed get the empty text."""
    op.add_column(column.table, sa.Column(column.name, sa.Text(), server_default=""))
    keys: list[Keys] = []
    for row in _rows(column, f"{column.name}_sealed"):
        if row["wrapped"] is not None:
            key_id, key = _key_of(row, keys)
            bound_to = _bound(column, row["public_id"], key_id)
            text = decrypt(key, row[f"{column.name}_sealed"], bound_to).decode()
            _update(column, row["id"], {column.name: text})
    op.alter_column(column.table, column.name, nullable=False, server_default=None)
    op.drop_column(column.table, f"{column.name}_sealed")


def _rows(column: Column, field: str) -> Any:
    query = (
        f"SELECT t.id, t.public_id, t.key_id, t.{field}, k.kek_id, k.wrapped"
        f" FROM {column.table} t LEFT JOIN record_key k ON k.id = t.key_id"
        f" WHERE t.{field} IS NOT NULL"
    )
    return op.get_bind().execute(sa.text(query)).mappings().all()


def _key_of(row: Any, keys: list[Keys]) -> tuple[UUID, bytes]:
    if not keys:
        keys.append(keys_of(Settings.from_env()))
    key_id: UUID | None = row["key_id"]
    if key_id is not None:
        wrapped = Wrapped(row["kek_id"], row["wrapped"], f"record_key|{key_id}".encode())
        [key] = keys[0][0].unwrap([wrapped])
        return key_id, key
    key_id, key = uuid4(), new_key()
    wrapped = keys[0][0].wrap(key, f"record_key|{key_id}".encode())
    op.get_bind().execute(
        sa.text("INSERT INTO record_key (id, wrapped, kek_id) VALUES (:id, :wrapped, :kek_id)"),
        {"id": key_id, "wrapped": wrapped.body, "kek_id": wrapped.kek_id},
    )
    return key_id, key


def _bound(column: Column, public_id: UUID, key_id: UUID) -> bytes:
    return f"{column.table}|{public_id}|{column.name}|{key_id}".encode()


def _update(column: Column, row_id: int, values: dict[str, Any]) -> None:
    given = ", ".join(f"{name} = :{name}" for name in values)
    op.get_bind().execute(
        sa.text(f"UPDATE {column.table} SET {given} WHERE id = :which"), values | {"which": row_id}
    )
