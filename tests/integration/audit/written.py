"""Acts to be sealed, and what has been."""

from __future__ import annotations

from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record

ROWS = 12


def write(count: int = 1) -> None:
    """One act a transaction, as the service writes them."""
    for number in range(count):
        with transaction(by=SYSTEM):
            record(Fact.PLAN_MADE, by=SYSTEM, detail={"number": number, "share": 0.1, "of": None})


def seals() -> list[tuple[int, int]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            text("SELECT position, event_id FROM event_seal ORDER BY position")
        )
        return [(row.position, row.event_id) for row in rows]


def events() -> list[int]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(text("SELECT id FROM event ORDER BY id")))
