"""Numbers, references, notes and texts sealed under a key for each record, kept apart from them."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa
from alembic import op

from app.fields.keys import Wrapped
from app.fields.providers import Keys, keys_of
from app.fields.sealing import decrypt, encrypt, new_key
from config import Settings
from migrations.row_security import guard, i_am

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

E164 = r"~ '^\+[1-9][0-9]{6,14}$'"


class Table(NamedTuple):
    """A table's key, the column that names a row for ever, and the texts that are sealed."""

    name: str
    key: str
    row_id: str
    fields: tuple[str, ...]
    indexed: str = ""


TABLES = (
    Table("caller", "id", "id", ("callback_phone", "incident_ref")),
    Table("contact", "id", "public_id", ("phone",), "phone"),
    Table("sms_inbox", "message_sid", "message_sid", ("from_phone", "body"), "from_phone"),
    Table("placement", "id", "public_id", ("override_note",)),
    Table("refuge", "id", "public_id", ("handover_point",)),
)
# Where a sealed text, and so a key, is always there.
FILLED = {
    "caller": ("key_id", "callback_phone_sealed"),
    "contact": ("key_id", "phone_sealed", "phone_index", "phone_index_key"),
    "refuge": ("key_id", "handover_point_sealed"),
}


def upgrade() -> None:
    _make_tables()
    keys: list[Keys] = []
    for table in TABLES:
        op.add_column(table.name, sa.Column("key_id", sa.Uuid(), nullable=True))
        for field in table.fields:
            op.add_column(table.name, sa.Column(f"{field}_sealed", sa.LargeBinary()))
        if table.indexed:
            op.add_column(table.name, sa.Column(f"{table.indexed}_index", sa.LargeBinary()))
            op.add_column(table.name, sa.Column(f"{table.indexed}_index_key", sa.Text()))
        _seal_rows(table, keys)
        for column in FILLED.get(table.name, ()):
            op.alter_column(table.name, column, nullable=False)
        for field in table.fields:
            op.drop_column(table.name, field)
    op.create_index("uq_contact_phone_index", "contact", ["phone_index"], unique=True)
    op.create_index("ix_sms_inbox_from_phone_index", "sms_inbox", ["from_phone_index"])
    op.create_check_constraint(
        op.f("ck_placement_override_note_sealed"),
        "placement",
        "octet_length(override_note_sealed) <= 2100",
    )
    op.alter_column("form_key", "content_sha256", new_column_name="content_hmac")
    # An old form sent again is told so; without a key its content can no longer be compared.
    op.execute(r"UPDATE form_key SET content_hmac = '\x'")


def _make_tables() -> None:
    now = sa.text("waymark_now()")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "record_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("kek_id", sa.Text(), nullable=False),
        sa.Column("created_at", moment, server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_key")),
    )
    op.create_index(op.f("ix_record_key_kek_id"), "record_key", ["kek_id"])
    op.create_table(
        "tombstone",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purged_at", moment, server_default=now, nullable=False),
        sa.CheckConstraint("kind IN ('key', 'referral')", name=op.f("ck_tombstone_kind")),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_tombstone")),
    )
    # Both seal; the worker alone wraps anew and destroys. Nobody takes a tombstone away.
    op.execute("GRANT SELECT, INSERT ON record_key TO waymark_web, waymark_worker")
    op.execute("GRANT UPDATE, DELETE ON record_key TO waymark_worker")
    op.execute("GRANT SELECT, INSERT ON tombstone TO waymark_worker")
    # A wrapped key opens nothing by itself: what it opens is under the policies of its own row.
    signed_in, waymark = "(SELECT acting_role()) IS NOT NULL", i_am("system")
    guard("record_key", read=signed_in, add=signed_in, change=waymark, remove=waymark)
    guard("tombstone", read=waymark, add=waymark)


def _seal_rows(table: Table, keys: list[Keys]) -> None:
    """Keys are asked for only where there is something to seal."""
    bind = op.get_bind()
    named = ", ".join(dict.fromkeys((table.key, table.row_id, *table.fields)))
    for row in bind.execute(sa.text(f"SELECT {named} FROM {table.name}")).mappings().all():
        texts = {field: row[field] for field in table.fields if row[field]}
        if not texts:
            continue
        if not keys:
            keys.append(keys_of(Settings.from_env()))
        key_id, key = uuid4(), new_key()
        wrapped = keys[0][0].wrap(key, f"record_key|{key_id}".encode())
        bind.execute(
            sa.text("INSERT INTO record_key (id, wrapped, kek_id) VALUES (:id, :wrapped, :kek_id)"),
            {"id": key_id, "wrapped": wrapped.body, "kek_id": wrapped.kek_id},
        )
        values: dict[str, Any] = {"key_id": key_id} | {
            f"{field}_sealed": encrypt(key, text.encode(), _bound(table, row, field, key_id))
            for field, text in texts.items()
        }
        if table.indexed:
            found = keys[0][1].digests("phone", row[table.indexed])
            index_key, digest = next(iter(found.items()))
            values |= {f"{table.indexed}_index": digest, f"{table.indexed}_index_key": index_key}
        _update(table, row[table.key], values)


def _bound(table: Table, row: Any, field: str, key_id: UUID) -> bytes:
    return f"{table.name}|{row[table.row_id]}|{field}|{key_id}".encode()


def _update(table: Table, key: Any, values: dict[str, Any]) -> None:
    given = ", ".join(f"{name} = :{name}" for name in values)
    op.get_bind().execute(
        sa.text(f"UPDATE {table.name} SET {given} WHERE {table.key} = :which"),
        values | {"which": key},
    )


def downgrade() -> None:
    op.execute("DELETE FROM form_key WHERE octet_length(content_hmac) = 0")
    op.alter_column("form_key", "content_hmac", new_column_name="content_sha256")
    keys: list[Keys] = []
    for table in TABLES:
        for field in table.fields:
            has_default = field in ("incident_ref", "override_note")
            default = sa.text("''") if has_default else None
            op.add_column(table.name, sa.Column(field, sa.Text(), server_default=default))
        _open_rows(table, keys)
        for field in table.fields:
            op.execute(f"UPDATE {table.name} SET {field} = '' WHERE {field} IS NULL")
            op.alter_column(table.name, field, nullable=False)
            op.drop_column(table.name, f"{field}_sealed")
        op.drop_column(table.name, "key_id")
        if table.indexed:
            op.drop_column(table.name, f"{table.indexed}_index")
            op.drop_column(table.name, f"{table.indexed}_index_key")
    op.create_check_constraint(op.f("ck_caller_callback_phone"), "caller", f"callback_phone {E164}")
    op.create_check_constraint(op.f("ck_contact_phone"), "contact", f"phone {E164}")
    op.create_index("uq_contact_phone", "contact", ["phone"], unique=True)
    op.create_check_constraint(
        op.f("ck_placement_override_note"), "placement", "char_length(override_note) <= 500"
    )
    op.drop_table("tombstone")
    op.drop_table("record_key")


def _open_rows(table: Table, keys: list[Keys]) -> None:
    bind = op.get_bind()
    sealed = tuple(f"{field}_sealed" for field in table.fields)
    named = ", ".join(dict.fromkeys(f"t.{name}" for name in (table.key, table.row_id, *sealed)))
    query = (
        f"SELECT {named}, k.id AS key_id, k.kek_id, k.wrapped"
        f" FROM {table.name} t JOIN record_key k ON k.id = t.key_id"
    )
    for row in bind.execute(sa.text(query)).mappings().all():
        if not keys:
            keys.append(keys_of(Settings.from_env()))
        bound_to = f"record_key|{row['key_id']}".encode()
        [key] = keys[0][0].unwrap([Wrapped(row["kek_id"], row["wrapped"], bound_to)])
        texts = {
            field: decrypt(
                key, row[f"{field}_sealed"], _bound(table, row, field, row["key_id"])
            ).decode()
            for field in table.fields
            if row[f"{field}_sealed"] is not None
        }
        _update(table, row[table.key], texts)
