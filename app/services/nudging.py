"""Asking a house by text for its beds when its counts have gone stale: seldom, and by day."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

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
from app.services.supply import LONDON, Band, band_of, policy_at
from app.services.telling import reachable

# The answer confirms what is shown then, so an old question does no harm; after this it is noise.
STAYS_NEWS = timedelta(hours=2)


def ask_the_stale() -> int:
    """Text every house whose counts are stale, within its budget; how many were asked.

    Safe in many workers at once.
    """
    with transaction(by=SYSTEM) as now:
        policy = policy_at(now)
        if not policy.wakes_at_hour <= now.astimezone(LONDON).hour < policy.sleeps_at_hour:
            return 0
        houses = db.session.execute(
            select(Refuge.id, Refuge.beds_confirmed_at).where(Refuge.is_open).order_by(Refuge.id)
        ).all()
        stale = [each.id for each in houses if _is_stale(each.beds_confirmed_at, now, policy)]
    return sum(_ask_once(refuge_id) for refuge_id in stale)


def _ask_once(refuge_id: int) -> bool:
    with transaction(by=SYSTEM) as now:
        house = db.session.scalars(
            select(Refuge).where(Refuge.id == refuge_id).with_for_update(key_share=True)
        ).one()
        policy = policy_at(now)
        is_due = _is_stale(house.beds_confirmed_at, now, policy) and _has_budget(house, now, policy)
        return is_due and _ask(house, now)


def _is_stale(confirmed_at: datetime | None, now: datetime, policy: InventoryPolicy) -> bool:
    return band_of(confirmed_at, now, policy) is Band.STALE


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


def _ask(house: Refuge, now: datetime) -> bool:
    contacts = reachable(house.id)
    rooms = db.session.scalars(
        select(Room).where(Room.refuge_id == house.id, Room.is_open).order_by(Room.id)
    ).all()
    if not contacts or not rooms:
        return False
    states = availability.at_moments(rooms, [now], now)
    free = sum(day[now].count(BedState.FREE) for day in states.values())
    event = record(Fact.BEDS_ASKED_FOR, by=SYSTEM, refuge_id=house.id, detail={"free": free})
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
