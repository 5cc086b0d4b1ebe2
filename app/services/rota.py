"""A house's rota as its manager keeps it: which number is on duty when, and who comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

from sqlalchemy import select

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Invalid, NotFound
from app.events import Fact, record
from app.fields import open_fields
from app.models.clocks import Day, RotaSlot
from app.models.messages import Contact
from app.policy import only_for
from app.services.duty import covers, in_use, reachable, rota_of


@dataclass(frozen=True, kw_only=True)
class NewSlot:
    """A duty as it was typed; at least one day of the week or a first date."""

    phone: UUID
    position: int
    days: tuple[Day, ...] = ()
    first_on: date | None = None
    last_on: date | None = None
    from_time: time
    until_time: time


@dataclass(frozen=True, kw_only=True)
class SlotShown:
    """One duty; ``phone`` is the label of its number."""

    public_id: UUID
    phone: str
    position: int
    days: list[str]
    first_on: date | None
    last_on: date | None
    from_time: time
    until_time: time
    is_on_duty: bool


@dataclass(frozen=True, kw_only=True)
class RotaPage:
    """The rota; ``phones`` to choose from, and the labels of those who would be texted now."""

    slots: list[SlotShown]
    phones: list[tuple[UUID, str]]
    texted_now: list[str]


def show_rota(*, by: Actor) -> RotaPage:
    """The rota of the manager's own house."""
    only_for(by, Role.REFUGE_MANAGER)
    with transaction(by=by) as now:
        house = by.refuge_id or 0
        slots = rota_of(house)
        phones = {
            phone.id: phone
            for phone in db.session.scalars(
                select(Contact).where(Contact.refuge_id == house).order_by(Contact.position)
            )
        }
        names = dict(zip(phones, open_fields(list(phones.values()), "label"), strict=True))
        texted = [phone.id for phone in reachable(house, now)]
        on_duty = [slot.contact_id for slot in slots if covers(slot, now)]
        first = [each for each in on_duty if each in texted][:1]
        return RotaPage(
            slots=[
                SlotShown(
                    public_id=slot.public_id,
                    phone=names[slot.contact_id],
                    position=slot.position,
                    days=slot.days,
                    first_on=slot.first_on,
                    last_on=slot.last_on,
                    from_time=slot.from_time,
                    until_time=slot.until_time,
                    is_on_duty=covers(slot, now),
                )
                for slot in slots
            ],
            phones=[(phones[each].public_id, names[each]) for each in texted],
            texted_now=[names[each] for each in (first if slots else texted)],
        )


def add_slot(new: NewSlot, *, by: Actor) -> UUID:
    """Put a number of one's own house on duty.

    Raises:
        Invalid: no such number of this house, no day, or a last date before the first.
    """
    only_for(by, Role.REFUGE_MANAGER)
    with transaction(by=by) as now:
        if not new.days and new.first_on is None:
            raise Invalid("Choose days of the week, or type a first date.", field="days")
        if new.last_on and (new.first_on is None or new.last_on < new.first_on):
            raise Invalid("The last date must not be before the first.", field="last_on")
        contact = db.session.scalar(
            select(Contact).where(
                Contact.public_id == new.phone, Contact.refuge_id == by.refuge_id, in_use(now)
            )
        )
        if contact is None:
            raise Invalid("Choose a number of the house.", field="phone")
        made = RotaSlot(
            refuge_id=contact.refuge_id,
            contact_id=contact.id,
            position=new.position,
            days=[day.value for day in Day if day in new.days],
            first_on=new.first_on,
            last_on=new.last_on,
            from_time=new.from_time,
            until_time=new.until_time,
            added_by_id=by.user_id,
        )
        db.session.add(made)
        db.session.flush()
        detail: dict[str, object] = {"slot_id": made.id, "contact_id": contact.id}
        record(Fact.ROTA_SLOT_ADDED, by=by, refuge_id=contact.refuge_id, detail=detail)
        return made.public_id


def end_slot(public_id: UUID, *, by: Actor) -> None:
    """Take a duty off the rota. Doing it twice is harmless.

    Raises:
        NotFound: no such duty of this house.
    """
    only_for(by, Role.REFUGE_MANAGER)
    with transaction(by=by) as now:
        found = db.session.scalar(
            select(RotaSlot)
            .where(RotaSlot.public_id == public_id, RotaSlot.refuge_id == by.refuge_id)
            .with_for_update()
        )
        if found is None:
            raise NotFound("We cannot find that duty.")
        if found.ended_at is None:
            found.ended_at = now
            detail: dict[str, object] = {"slot_id": found.id}
            record(Fact.ROTA_SLOT_ENDED, by=by, refuge_id=found.refuge_id, detail=detail)
