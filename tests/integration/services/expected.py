"""Words in confidence for the tests: who is expected, and what is kept for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.events import Event
from app.services.asked import NewPreAlert
from app.services.reserves import reserved_rooms

LONDON_REGION = "E12000007"


def now_is() -> datetime:
    with transaction(by=SYSTEM) as now:
        return now


def coming(now: datetime, **changes: Any) -> NewPreAlert:
    """Four women in London from in two hours to in six."""
    alert = NewPreAlert(
        form_key=uuid4(),
        women_least=3,
        women_most=4,
        region=LONDON_REGION,
        expected_from=now + timedelta(hours=2),
        expected_until=now + timedelta(hours=6),
        languages=("sq", "vi"),
    )
    return replace(alert, **changes)


def reserved_at(at: datetime) -> set[int]:
    with transaction(by=SYSTEM):
        return set(reserved_rooms(at))


def events_of(kind: str) -> list[dict[str, Any]]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Event.detail).where(Event.kind == kind)))
