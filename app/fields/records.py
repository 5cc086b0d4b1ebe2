"""Sealing and opening fields of rows, each row under a key of its own.

A sealed text is bound to its table, row, column and key: put anywhere else, it does not open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.db import Base, db
from app.errors import Unreadable
from app.fields.index import PHONE, newest_fingerprint
from app.fields.keys import Wrapped
from app.fields.providers import provider
from app.fields.sealing import decrypt, encrypt, new_key
from app.models.access import BreakGlass
from app.models.beds import Refuge
from app.models.clocks import EscalationContact
from app.models.declines import DeclineReview
from app.models.drafts import Draft
from app.models.enquiries import HouseQuestion
from app.models.factors import Totp
from app.models.keys import Buried, RecordKey, Tombstone
from app.models.messages import Contact, SmsInbox
from app.models.placements import Placement
from app.models.referrals import Caller

DESTROYED = "This was purged when its time had passed, and cannot be read again."


@dataclass(frozen=True)
class Shape:
    """What of a table is sealed, and which of its columns names the row for ever.

    ``number`` is the field, if any, by which a row is found again: its fingerprint is kept too.
    """

    row_id: str
    fields: tuple[str, ...]
    number: str = ""


# ``phone`` of a contact lies in its column ``phone_sealed``, its fingerprint in ``phone_index``.
SEALED: dict[type[Base], Shape] = {
    Caller: Shape("id", ("callback_phone", "incident_ref")),
    Contact: Shape("public_id", ("phone", "label"), "phone"),
    EscalationContact: Shape("public_id", ("phone",)),
    DeclineReview: Shape("public_id", ("outcome",)),
    SmsInbox: Shape("message_sid", ("from_phone", "body"), "from_phone"),
    Placement: Shape("public_id", ("override_note",)),
    HouseQuestion: Shape("public_id", ("note",)),
    Refuge: Shape("public_id", ("handover_point",)),
    Totp: Shape("user_id", ("secret",)),
    BreakGlass: Shape("public_id", ("reason",)),
    Draft: Shape("id", ("form",)),
}


def seal(row: Any, **texts: str) -> None:
    """Put ``texts`` into the row's sealed columns, under the row's key or a new one.

    An empty text is nothing to seal: its column stays empty. A step for use inside a transaction;
    the row may be new.
    """
    shape = SEALED[type(row)]
    if shape.row_id != "message_sid" and getattr(row, shape.row_id) is None:
        setattr(row, shape.row_id, uuid4())
    given = {name: text for name, text in texts.items() if text}
    key = _key_for(row) if given else b""
    for name in texts:
        sealed = encrypt(key, given[name].encode(), bound_to(row, name)) if name in given else None
        setattr(row, f"{name}_sealed", sealed)
    if shape.number in given:
        index(row, given[shape.number])


def index(row: Any, number: str) -> None:
    """Keep the fingerprint of ``number``, made with the newest key, in its columns."""
    column = f"{SEALED[type(row)].number}_index"
    key_id, digest = newest_fingerprint(PHONE, number)
    setattr(row, column, digest)
    setattr(row, f"{column}_key", key_id)


def open_field(row: Any, name: str) -> str:
    """One sealed text of a row; empty when nothing was sealed.

    Raises:
        Unreadable: its key was destroyed or is not known, or it was changed or moved.
        Busy: the keys are elsewhere, and do not answer.
    """
    return open_fields([row], name)[0]


def open_fields(rows: Sequence[Any], name: str) -> list[str]:
    """The same field of many rows, with one look for all their keys. Raises as ``open_field``."""
    filled = [row for row in rows if row is not None and _sealed(row, name) is not None]
    keys = _keys({row.key_id for row in filled})
    return [
        decrypt(keys[row.key_id], _sealed(row, name) or b"", bound_to(row, name)).decode()
        if row is not None and _sealed(row, name) is not None
        else ""
        for row in rows
    ]


def shred(key_ids: Iterable[UUID | None], now: datetime) -> int:
    """Destroy keys, so that nothing sealed under them is ever read again; how many there were."""
    wanted = sorted({key_id for key_id in key_ids if key_id is not None})
    if not wanted:
        return 0
    db.session.execute(
        insert(Tombstone)
        .values([{"kind": Buried.KEY, "id": each, "purged_at": now} for each in wanted])
        .on_conflict_do_nothing()
    )
    gone = db.session.execute(
        delete(RecordKey).where(RecordKey.id.in_(wanted)).returning(RecordKey.id)
    )
    return len(gone.all())


def bound_to(row: Any, name: str) -> bytes:
    """What a sealed text of this row is bound to: table, row, column and key."""
    row_id = getattr(row, SEALED[type(row)].row_id)
    return f"{row.__tablename__}|{row_id}|{name}|{row.key_id}".encode()


def wrapped_as(key_id: UUID) -> bytes:
    """What a record's wrapped key is bound to."""
    return f"record_key|{key_id}".encode()


def _sealed(row: Any, name: str) -> bytes | None:
    found: bytes | None = getattr(row, f"{name}_sealed")
    return found


def _key_for(row: Any) -> bytes:
    if row.key_id is not None:
        return _keys({row.key_id})[row.key_id]
    row.key_id, key = uuid4(), new_key()
    wrapped = provider().wrap(key, wrapped_as(row.key_id))
    db.session.add(RecordKey(id=row.key_id, wrapped=wrapped.body, kek_id=wrapped.kek_id))
    return key


def _keys(key_ids: set[UUID]) -> dict[UUID, bytes]:
    if not key_ids:
        return {}
    found = db.session.execute(
        select(RecordKey.id, RecordKey.kek_id, RecordKey.wrapped).where(RecordKey.id.in_(key_ids))
    ).all()
    if len(found) < len(key_ids):
        raise Unreadable(DESTROYED)
    wrapped = [Wrapped(row.kek_id, row.wrapped, wrapped_as(row.id)) for row in found]
    return dict(zip((row.id for row in found), provider().unwrap(wrapped), strict=True))
