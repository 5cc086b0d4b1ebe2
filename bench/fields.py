"""What sealing costs: the same rows written and read sealed and in the open; changing keys."""

from __future__ import annotations

import base64
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.actors import SYSTEM
from app.db import db, transaction
from app.fields import init_fields, open_fields, seal
from app.fields.keys import LocalKeys
from app.fields.providers import FILE_NAME
from app.fields.sealing import decrypt, encrypt, new_key
from app.models.keys import RecordKey
from app.models.referrals import Caller
from app.services import key_rotation
from bench.stage import stage

ROWS = 2000  # written in one transaction, read in one query
TRIES = 7
ALONE = 20_000  # texts sealed and opened without a database
ROTATED = 10_000
NUMBER, REFERENCE = "+447700900123", "OP LARCH 17"


class _Bare(DeclarativeBase):
    """Tables of this benchmark alone."""


class PlainCaller(_Bare):
    """The same two fields as anybody can read them."""

    __tablename__ = "plain_caller"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    callback_phone: Mapped[str]
    incident_ref: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Medians of several tries. Rates are texts or rows a second."""

    sealed_alone: float
    opened_alone: float
    plain_written: float
    sealed_written: float
    plain_read: float
    sealed_read: float
    rotated_rows: int
    rotated_seconds: float


def measure(rows: int = ROWS, rotated: int = ROTATED) -> Cost:
    """Run everything on one database of its own, one after the other."""
    sealed, opened = _alone()
    with stage() as played, played.owner.app_context():
        _Bare.metadata.create_all(db.engine)
        pairs = [_try(rows) for _ in range(TRIES)]
        _write_sealed(rotated - rows)
        seconds = _rotate(played.owner)
    medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
    return Cost(
        sealed_alone=sealed,
        opened_alone=opened,
        plain_written=rows / medians[0],
        sealed_written=rows / medians[1],
        plain_read=rows / medians[2],
        sealed_read=rows / medians[3],
        rotated_rows=rotated,
        rotated_seconds=seconds,
    )


def report(cost: Cost) -> str:
    """A table of ratios, sealed against plain."""
    lines = [
        "fields                            plain/s  sealed/s  sealed costs",
        _line("rows written", cost.plain_written, cost.sealed_written),
        _line("rows read (2 fields of each)", cost.plain_read, cost.sealed_read),
        f"without a database: {cost.sealed_alone:,.0f} texts sealed a second, "
        f"{cost.opened_alone:,.0f} opened, each with its own wrapped key",
        f"a change of keys: {cost.rotated_rows:,} records in {cost.rotated_seconds:.1f} s "
        f"({cost.rotated_rows / cost.rotated_seconds:,.0f} a second)",
    ]
    return "\n".join(lines)


def _line(name: str, plain: float, sealed: float) -> str:
    return f"{name:<32}{plain:>9,.0f}{sealed:>10,.0f}{plain / sealed:>12.1f} x"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _alone() -> tuple[float, float]:
    """Each text under a key of its own that is wrapped, as a record's is."""
    keys = LocalKeys({"bench": new_key()})
    made = []

    def seal_all() -> None:
        for _ in range(ALONE):
            key = new_key()
            made.append((keys.wrap(key, b"record_key|1"), encrypt(key, NUMBER.encode(), b"at")))

    def open_all() -> None:
        for wrapped, sealed in made:
            decrypt(keys.unwrap([wrapped])[0], sealed, b"at")

    return ALONE / _seconds(seal_all), ALONE / _seconds(open_all)


def _try(rows: int) -> tuple[float, float, float, float]:
    """Seconds to write plain, write sealed, read plain, read sealed; side by side each time."""
    with transaction(by=SYSTEM):
        db.session.execute(delete(PlainCaller))
        db.session.execute(delete(Caller))
        db.session.execute(delete(RecordKey))
    return (
        _seconds(lambda: _write_plain(rows)),
        _seconds(lambda: _write_sealed(rows)),
        _seconds(_read_plain),
        _seconds(_read_sealed),
    )


def _write_plain(rows: int) -> None:
    with transaction(by=SYSTEM):
        for _ in range(rows):
            db.session.add(PlainCaller(id=uuid4(), callback_phone=NUMBER, incident_ref=REFERENCE))


def _write_sealed(rows: int) -> None:
    with transaction(by=SYSTEM):
        for _ in range(rows):
            caller = Caller(id=uuid4())
            seal(caller, callback_phone=NUMBER, incident_ref=REFERENCE)
            db.session.add(caller)


def _read_plain() -> list[str]:
    with transaction(by=SYSTEM):
        rows = db.session.scalars(select(PlainCaller)).all()
        return [*(row.callback_phone for row in rows), *(row.incident_ref for row in rows)]


def _read_sealed() -> list[str]:
    with transaction(by=SYSTEM):
        rows = db.session.scalars(select(Caller)).all()
        return [*open_fields(rows, "callback_phone"), *open_fields(rows, "incident_ref")]


def _rotate(owner: Flask) -> float:
    """Put a new key before the one that everything was wrapped with, and wrap it all anew."""
    path = owner.config["SETTINGS"].data_dir / FILE_NAME
    kept = json.loads(path.read_text("utf-8"))
    newest = f"bench-2:{base64.b64encode(new_key()).decode()}"
    path.write_text(json.dumps(kept | {"fields": f"{newest},{kept['fields']}"}), "utf-8")
    init_fields(owner)
    return _seconds(key_rotation.rotate)
