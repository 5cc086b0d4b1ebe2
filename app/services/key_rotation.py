"""A new key for what the old one wrapped: in small steps, while everybody goes on working."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Unreadable
from app.events import Fact, record
from app.fields import SEALED, index, index_keys, open_field, provider, wrapped_as
from app.fields.keys import Wrapped
from app.models.keys import RecordKey

log = structlog.get_logger()
AT_ONCE = 100
NOWHERE = UUID(int=0)


@dataclass(kw_only=True)
class Rotation:
    """What one run did, and what still needs an old key: ``{key id: records}``.

    ``unreadable`` counts what could not be opened; it is left as it is.
    """

    rewrapped: int = 0
    reindexed: int = 0
    unreadable: int = 0
    waiting: dict[str, int] = field(default_factory=dict)
    waiting_index: dict[str, int] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return not self.waiting and not self.waiting_index


def rotate() -> Rotation:
    """Wrap every record's key with the newest key, and make every fingerprint anew with its own.

    What is sealed is not touched. Each step commits by itself, so a killed run loses nothing and
    the next one goes on; two at once do each other's work once. A record that is being written
    this moment is left to the next run.
    """
    done = Rotation()
    after: UUID | None = NOWHERE
    while after is not None:
        after = _rewrap_some(after, done)
    for model, shape in SEALED.items():
        if shape.number:
            _reindex(model, shape.number, done)
    found = needs()
    done.waiting, done.waiting_index = found.waiting, found.waiting_index
    if done.rewrapped or done.reindexed:
        with transaction(by=SYSTEM):
            detail: dict[str, object] = {"rewrapped": done.rewrapped, "reindexed": done.reindexed}
            record(Fact.FIELD_KEYS_ROTATED, by=SYSTEM, detail=detail)
    return done


def needs() -> Rotation:
    """What still needs an old key, which must not be taken away before."""
    newest, newest_index = provider().known_ids()[0], _newest_index_id()
    with transaction(by=SYSTEM):
        waiting = db.session.execute(
            select(RecordKey.kek_id, func.count())
            .where(RecordKey.kek_id != newest)
            .group_by(RecordKey.kek_id)
        ).all()
        indexed: dict[str, int] = {}
        for model, shape in SEALED.items():
            if shape.number:
                key_id = getattr(model, f"{shape.number}_index_key")
                rows = db.session.execute(
                    select(key_id, func.count()).where(key_id != newest_index).group_by(key_id)
                )
                for name, count in rows:
                    indexed[name] = indexed.get(name, 0) + count
    return Rotation(waiting={row[0]: row[1] for row in waiting}, waiting_index=indexed)


def unknown_keys() -> int:
    """Records whose key was wrapped by a key that this service does not have."""
    known = provider().known_ids()
    with transaction(by=SYSTEM):
        return (
            db.session.scalar(
                select(func.count()).select_from(RecordKey).where(RecordKey.kek_id.not_in(known))
            )
            or 0
        )


def _rewrap_some(after: UUID, done: Rotation) -> UUID | None:
    """One step: the next keys by id. Returns the last id, None when there are no more."""
    keys = provider()
    newest = keys.known_ids()[0]
    with transaction(by=SYSTEM):
        rows = db.session.scalars(
            select(RecordKey)
            .where(RecordKey.kek_id != newest, RecordKey.id > after)
            .order_by(RecordKey.id)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for row, plain in zip(rows, _unwrapped(rows), strict=True):
            if plain is None:
                done.unreadable += 1
                continue
            wrapped = keys.wrap(plain, wrapped_as(row.id))
            row.wrapped, row.kek_id = wrapped.body, wrapped.kek_id
            done.rewrapped += 1
        return rows[-1].id if rows else None


def _unwrapped(rows: Sequence[RecordKey]) -> list[bytes | None]:
    """All at once; where one cannot be unwrapped, each by itself, so that it stops no other."""
    wrapped = [Wrapped(row.kek_id, row.wrapped, wrapped_as(row.id)) for row in rows]
    try:
        return list(provider().unwrap(wrapped))
    except Unreadable:
        return [_unwrapped_alone(each) for each in wrapped]


def _unwrapped_alone(wrapped: Wrapped) -> bytes | None:
    try:
        return provider().unwrap([wrapped])[0]
    except Unreadable:
        log.error("record_key_unreadable", kek_id=wrapped.kek_id)
        return None


def _reindex(model: Any, number: str, done: Rotation) -> None:
    """Fingerprints of one table, by its key, in steps."""
    row_id, key_id = model.__mapper__.primary_key[0], getattr(model, f"{number}_index_key")
    last: Any = None
    while True:
        newest = _newest_index_id()
        with transaction(by=SYSTEM):
            query = select(model).where(key_id != newest).order_by(row_id).limit(AT_ONCE)
            if last is not None:
                query = query.where(row_id > last)
            rows = db.session.scalars(query.with_for_update(skip_locked=True)).all()
            for row in rows:
                last = getattr(row, row_id.key)
                try:
                    index(row, open_field(row, number))
                    done.reindexed += 1
                except Unreadable:
                    done.unreadable += 1
        if not rows:
            return


def _newest_index_id() -> str:
    return next(iter(index_keys().digests("", "")))
