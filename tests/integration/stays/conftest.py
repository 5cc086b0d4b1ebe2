"""A promise at Rowan, and what the tests of stays read of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.events import Event
from app.models.messages import Task, TaskKind
from app.models.placements import Placement
from app.models.referrals import Referral
from app.services import offers
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of

Promised = Callable[[], Placement]


@pytest.fixture
def promised(cast: Cast, run: Run) -> Promised:
    """Rowan's room 1 is promised to her; the function reads the promise as it is now."""
    ref = run(make_referral, cast.amara.actor).ref
    room = run(room_of, "Rowan", "1").public_id
    run(accept, run(offer_room, ref, by=cast.dee.actor, room=room), by=cast.bea.actor)
    return lambda: run(placement_of, ref)


def now() -> datetime:
    with transaction(by=SYSTEM) as at:
        return at


def of(kind: str) -> list[Event]:
    """The audit rows of one kind, oldest first."""
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


def tasks(kind: TaskKind) -> list[bool]:
    """For each task of this kind, oldest first, whether it is done."""
    with transaction(by=SYSTEM):
        query = select(Task).where(Task.kind == kind).order_by(Task.id)
        return [task.done_at is not None for task in db.session.scalars(query)]


def request_of(stay: Placement) -> Referral:
    """The request of an offer or stay as it is now."""
    with transaction(by=SYSTEM):
        return db.session.get_one(Referral, stay.referral_id)


def until(stay: Placement) -> datetime:
    """The end of a hold."""
    assert stay.hold_until is not None
    return stay.hold_until


def written(statement: Any, by: Any) -> None:
    """One statement of somebody's own."""
    with transaction(by=by):
        db.session.execute(statement)


@pytest.fixture
def lives_at_rowan(promised: Promised, cast: Cast, run: Run) -> Promised:
    """She has arrived in Rowan's room 1."""
    run(offers.record_arrival, promised().public_id, by=cast.bea.actor)
    return promised
