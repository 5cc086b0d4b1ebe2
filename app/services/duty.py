"""Which phone of a house is texted when: its rota by London's clock, and quiet hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, or_, select

from app.db import as_waymark, db
from app.london import LONDON
from app.models.clocks import Day, RotaSlot
from app.models.messages import Contact
from app.models.placements import Placement
from app.models.reference import ClockPolicy
from app.models.referrals import Referral
from app.services.supply import is_awake, policy_at

DAYS = list(Day)


@dataclass(frozen=True, kw_only=True)
class Turns:
    """The phones that may be asked now, in order; the first of them, or all where there is no rota.

    With a rota, those on duty by position, then the others, who are left asleep in quiet hours
    unless the urgency wakes them.
    """

    is_by_rota: bool
    phones: list[Contact]

    @property
    def first(self) -> list[Contact]:
        return self.phones[:1] if self.is_by_rota else self.phones


def covers(slot: RotaSlot, at: datetime) -> bool:
    """Whether the slot is on duty at an aware time.

    By the hands of London's clock: the hour that comes twice in autumn is covered twice.
    """
    local = at.astimezone(LONDON)
    day, time = local.date(), local.time()
    if slot.from_time < slot.until_time:
        return _begins_on(slot, day) and slot.from_time <= time < slot.until_time
    since_today = _begins_on(slot, day) and time >= slot.from_time
    return since_today or (_begins_on(slot, day - timedelta(days=1)) and time < slot.until_time)


def _begins_on(slot: RotaSlot, day: date) -> bool:
    return (
        (not slot.days or DAYS[day.weekday()] in slot.days)
        and (slot.first_on is None or slot.first_on <= day)
        and (slot.last_on is None or day <= slot.last_on)
    )


def turns(placement: Placement, now: datetime) -> Turns:
    """Whom to ask of an offer: a step inside a transaction."""
    with as_waymark():  # the rota is the house's and the desk's
        slots = rota_of(placement.refuge_id)
        wakes = db.session.scalars(
            select(ClockPolicy.wakes)
            .join(Referral, Referral.clock_policy_id == ClockPolicy.id)
            .where(Referral.id == placement.referral_id)
        ).one()
        may_wake = wakes or is_awake(now, policy_at(now))
    phones = {phone.id: phone for phone in reachable(placement.refuge_id, now)}
    if not slots:
        return Turns(is_by_rota=False, phones=list(phones.values()))
    on_duty = [slot.contact_id for slot in slots if covers(slot, now)]
    order = dict.fromkeys([*on_duty, *(phones if may_wake else ())])
    return Turns(is_by_rota=True, phones=[phones[each] for each in order if each in phones])


def rota_of(refuge_id: int) -> list[RotaSlot]:
    """A house's rota by position; of one position, what is for certain dates before every week."""
    return list(
        db.session.scalars(
            select(RotaSlot)
            .where(RotaSlot.refuge_id == refuge_id, RotaSlot.ended_at.is_(None))
            .order_by(RotaSlot.position, RotaSlot.first_on.is_(None), RotaSlot.id)
        )
    )


def in_use(now: datetime) -> ColumnElement[bool]:
    """Whether the Contact of the query is a number that the house still has."""
    return or_(Contact.ends_at.is_(None), Contact.ends_at > now)


def reachable(refuge_id: int, now: datetime) -> list[Contact]:
    """The phones of a house that texts can reach, in its order: a step inside a transaction."""
    found = select(Contact).where(
        Contact.refuge_id == refuge_id,
        Contact.verified_at.is_not(None),
        Contact.stopped_at.is_(None),
        in_use(now),
    )
    with as_waymark():  # an officer who withdraws must not read the phones that are told of it
        return list(db.session.scalars(found.order_by(Contact.position, Contact.id)))
