"""The desk with one woman waiting and a plan for her."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.beds import Refuge, Room
from app.models.events import Event
from app.models.plans import PlanLine
from app.models.referrals import Referral
from app.services import matching
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral


@dataclass(frozen=True)
class Planned:
    """A request with the plan that proposes a room for it."""

    ref: str
    run_id: UUID


@pytest.fixture
def desk(cast: Cast, browser_of: Any) -> Browser:
    """Dee's browser."""
    browser: Browser = browser_of(cast.dee.email)
    return browser


@pytest.fixture
def planned(cast: Cast, run: Run, run_as_worker: Run) -> Planned:
    referral = run(make_referral, cast.amara.actor)
    return Planned(referral.ref, run_as_worker(matching.make_plan))


def referral_of(ref: str) -> Referral:
    """The request as it is now."""
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral).where(Referral.ref == ref)).one()


def events_of(kind: str) -> list[Event]:
    """Every event of one kind, oldest first."""
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


def explain(ref: str, *others: tuple[str, str, bool, str]) -> None:
    """Let the plan say why, and of these rooms (alias, code, allowed, words) what they cost.

    Of a room that is not allowed the plan keeps the house alone.
    """
    with transaction(by=SYSTEM):
        rooms = {
            (alias, code): (room.id, room.refuge_id)
            for room, alias, code in db.session.execute(
                select(Room, Refuge.alias, Room.code).join(Refuge, Refuge.id == Room.refuge_id)
            )
        }
        given = [
            {
                "room_id": rooms[alias, code][0] if allowed else None,
                "refuge_id": rooms[alias, code][1],
                "allowed": allowed,
                "cost_text": words if allowed else "",
                "rule_text": "" if allowed else words,
            }
            for alias, code, allowed, words in others
        ]
        her = select(Referral.id).where(Referral.ref == ref).scalar_subquery()
        db.session.execute(
            update(PlanLine)
            .where(PlanLine.referral_id == her)
            .values(
                alternatives=given,
                reasons=[{"code": "x", "params": {}, "text": "It is the nearest safe room."}],
            )
        )


def proposed_room(ref: str) -> UUID:
    """The room that the newest plan with one proposes."""
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(Room.public_id)
            .join(PlanLine, PlanLine.room_id == Room.id)
            .join(Referral, Referral.id == PlanLine.referral_id)
            .where(Referral.ref == ref)
            .order_by(PlanLine.id.desc())
            .limit(1)
        ).one()
