"""Asking a house for its beds by text: when they matter tonight or are stale; seldom, by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.beds import Refuge, Room
from app.models.events import Event
from app.models.reference import InventoryPolicy
from app.notices import Template
from app.outbox import owe
from app.services import availability
from app.services.availability import BedState
from app.services.duty import reachable
from app.services.supply import Band, band_of, is_awake, policy_at

# The answer confirms what is shown then, so an old question does no harm; after this it is noise.
STAYS_NEWS = timedelta(hours=2)


def ask_the_stale() -> int:
    """Text every house whose counts are stale, within its budget; how many were asked.

    Safe in many workers at once.
    """
    with transaction(by=SYSTEM) as now:
        policy = policy_at(now)
        if not is_awake(now, policy):
            return 0
        houses = db.session.execute(
            select(Refuge.id, Refuge.beds_confirmed_at).where(Refuge.is_open).order_by(Refuge.id)
        ).all()
        stale = [
            each.id for each in houses if band_of(each.beds_confirmed_at, now, policy) is Band.STALE
        ]
    return sum(_ask_once(refuge_id, (Band.STALE,)) for refuge_id in stale)


def ask_what_matters(refuge_ids: Sequence[int]) -> int:
    """Text the first of these houses, each unless its counts are fresh; how many were asked.

    The network's own budget of such questions an hour, and each house's, are kept.
    """
    with transaction(by=SYSTEM) as now:
        policy = policy_at(now)
        lately = db.session.scalar(
            select(func.count()).where(
                Event.kind == Fact.BEDS_ASKED_FOR,
                Event.detail["matters"].as_boolean(),
                Event.at > now - timedelta(hours=1),
            )
        )
        left = policy.asks_per_hour - (lately or 0) if is_awake(now, policy) else 0
    asked = 0
    for refuge_id in refuge_ids:
        if asked >= left:
            break
        asked += _ask_once(refuge_id, (Band.AGEING, Band.STALE), matters=True)
    return asked


def _ask_once(refuge_id: int, bands: Sequence[Band], *, matters: bool = False) -> bool:
    with transaction(by=SYSTEM) as now:
        house = db.session.scalars(
            select(Refuge).where(Refuge.id == refuge_id).with_for_update(key_share=True)
        ).one()
        policy = policy_at(now)
        is_due = band_of(house.beds_confirmed_at, now, policy) in bands
        return is_due and _has_budget(house, now, policy) and _ask(house, now, matters=matters)


def _has_budget(house: Refuge, now: datetime, policy: InventoryPolicy) -> bool:
    """Not asked lately, nor often in a day; a house of several phones is asked on all at once."""
    asked = db.session.scalars(
        select(Event.at).where(
            Event.kind == Fact.BEDS_ASKED_FOR,
            Event.refuge_id == house.id,
            Event.at > now - timedelta(days=1),
        )
    ).all()
    rests = bool(asked) and now - max(asked) < timedelta(hours=policy.nudge_every_hours)
    return not rests and len(asked) < policy.nudges_per_day


def _ask(house: Refuge, now: datetime, *, matters: bool) -> bool:
    contacts = reachable(house.id, now)
    rooms = db.session.scalars(
        select(Room).where(Room.refuge_id == house.id, Room.is_open).order_by(Room.id)
    ).all()
    if not contacts or not rooms:
        return False
    states = availability.at_moments(rooms, [now], now)
    free = sum(day[now].count(BedState.FREE) for day in states.values())
    detail: dict[str, object] = {"free": free, "matters": matters}
    event = record(Fact.BEDS_ASKED_FOR, by=SYSTEM, refuge_id=house.id, detail=detail)
    for contact in contacts:
        owe(
            Template.CHECK_BEDS,
            {"free": str(free)},
            contact_id=contact.id,
            dedupe_key=f"check:{event.id}:{contact.id}",
            not_after=now + STAYS_NEWS,
            event_id=event.id,
        )
    return True
