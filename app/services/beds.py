"""A house's supply: opening it, its rooms and phones; and "checked now"."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.actors import REFUGE, Actor, Role
from app.db import as_waymark, db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.fields import PHONE, any_of, seal
from app.models.accounts import Organisation, OrganisationKind
from app.models.beds import Bed, BedKind, Refuge, Room, RoomKind
from app.models.messages import Contact
from app.models.reference import Feature, Region
from app.policy import visible_refuges
from app.queue import Job, defer
from app.services.duty import in_use

OPENERS = (Role.ADMINISTRATOR, Role.SYSTEM)


@dataclass(frozen=True, kw_only=True)
class NewRefuge:
    """A house to be opened. ``features`` holds its own and ``lang:xx`` for its staff's languages.

    Safety: a grid cell and an alias; there is no address.
    """

    organisation: str
    alias: str
    region_code: str
    cell_lat: float
    cell_lon: float
    duty_line: str
    handover_point: str
    cell_radius_km: float = 7
    boys_to_age: int = 18
    max_children: int | None = None
    max_high_support: int | None = None
    features: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NewRoom:
    """What one household takes, or, when shared, what several take bed by bed.

    A surge or hotel place is offered only within the windows that are opened for it.
    """

    code: str
    bed_spaces: int
    cots: int = 0
    is_shared: bool = False
    features: tuple[str, ...] = ()
    kind: RoomKind = RoomKind.HOUSE


def open_refuge(new: NewRefuge, *, by: Actor) -> UUID:
    """Open a house of a charity; its rooms and phones are added next.

    Raises:
        Invalid: no such charity, region or feature.
        Conflict: the alias is taken.
    """
    if by.role not in OPENERS:
        raise NotAllowed("Only an administrator may open a house.")
    with transaction(by=by) as now:
        charity = db.session.scalar(
            select(Organisation.id).where(
                Organisation.name == new.organisation,
                Organisation.kind == OrganisationKind.CHARITY,
            )
        )
        if charity is None:
            raise Invalid("Choose a charity that is registered here.", field="organisation")
        region = db.session.get(Region, new.region_code)
        if region is None:
            raise Invalid("Choose a region from the list.", field="region_code")
        if db.session.scalar(select(Refuge.id).where(Refuge.alias == new.alias)):
            raise Conflict("Another house has that alias. Choose another.")
        refuge = Refuge(
            organisation_id=charity,
            alias=new.alias,
            region_code=region.code,
            in_london=region.in_london,
            island=region.island,
            cell_lat=new.cell_lat,
            cell_lon=new.cell_lon,
            cell_radius_km=new.cell_radius_km,
            boys_to_age=new.boys_to_age,
            max_children=new.max_children,
            max_high_support=new.max_high_support,
            features=_known_features(new.features),
            networks=sorted(new.networks),
            duty_line=new.duty_line,
            beds_confirmed_at=now,
        )
        seal(refuge, handover_point=new.handover_point)
        db.session.add(refuge)
        db.session.flush()
        record(Fact.REFUGE_OPENED, by=by, refuge_id=refuge.id)
        return refuge.public_id


def add_room(refuge: UUID, new: NewRoom, *, by: Actor) -> UUID:
    """Add a room with its beds and cots, numbered from 1; it is offered from now on.

    Raises:
        NotFound: no such house, or not the manager's own.
        Invalid: a size or a feature that a room cannot have.
        Conflict: the house has a room of this code.
    """
    with transaction(by=by):
        house = _own_refuge(refuge, by)
        if not (1 <= new.bed_spaces <= 12 and 0 <= new.cots <= 4):
            raise Invalid("A room has 1 to 12 beds and at most 4 cots.", field="bed_spaces")
        room = Room(
            refuge_id=house.id,
            code=new.code,
            bed_spaces=new.bed_spaces,
            cots=new.cots,
            is_shared=new.is_shared,
            kind=new.kind,
            features=_known_features(new.features),
        )
        with as_waymark():  # an administrator opens rooms and reads none
            db.session.add(room)
            db.session.flush()
            for kind, count in ((BedKind.BED, new.bed_spaces), (BedKind.COT, new.cots)):
                db.session.add_all(
                    Bed(room_id=room.id, refuge_id=house.id, kind=kind, number=number)
                    for number in range(1, count + 1)
                )
        record(Fact.ROOM_OPENED, by=by, refuge_id=house.id, room_id=room.id)
        defer(Job.PLAN)
        return room.public_id


def add_contact(refuge: UUID, phone: str, label: str, *, by: Actor) -> UUID:
    """Add a phone that gets the house's texts; whoever adds it has rung it and so verified it.

    ``phone`` is E.164.

    Raises:
        NotFound: no such house, or not the manager's own.
        Conflict: the number is in use already.
    """
    with transaction(by=by) as now:
        house = _own_refuge(refuge, by)
        with as_waymark():
            same = any_of(Contact.phone_index, PHONE, phone)
            if db.session.scalar(select(Contact.id).where(same, in_use(now))):
                raise Conflict("That number is in use already.")
            contact = Contact(refuge_id=house.id, verified_at=now)
            seal(contact, phone=phone, label=label)
            db.session.add(contact)
        record(Fact.CONTACT_ADDED, by=by, refuge_id=house.id, detail={"contact": contact.id})
        return contact.public_id


def _own_refuge(public_id: UUID, by: Actor) -> Refuge:
    if by.role not in (*OPENERS, Role.REFUGE_MANAGER):
        raise NotAllowed("Only the manager of the house or an administrator may do this.")
    refuge = db.session.scalar(visible_refuges(by).where(Refuge.public_id == public_id))
    if refuge is None:
        raise NotFound("We cannot find that house.")
    return refuge


def _known_features(codes: tuple[str, ...]) -> list[str]:
    """Languages are the house's own list; every other code must be one of the service's."""
    asked = {code for code in codes if not code.startswith("lang:")}
    known = set(db.session.scalars(select(Feature.code).where(Feature.code.in_(asked))))
    if known != asked:
        raise Invalid("Choose features from the list.", field="features")
    return sorted(set(codes))


# How long a house may say that it needs to make a room ready, in minutes.
READY_CHOICES = (0, 60, 180, 360, 720, 1440, 2880)


def set_turnaround(minutes: int | None, *, by: Actor) -> None:
    """How long rooms of this house are made ready after a departure; None: as everywhere.

    Raises:
        Invalid: not one of ``READY_CHOICES``.
    """
    if by.role is not Role.REFUGE_MANAGER:
        raise NotAllowed("Only the manager of the house may do this.")
    if minutes is not None and minutes not in READY_CHOICES:
        raise Invalid("Choose a time from the list.", field="minutes")
    with transaction(by=by):
        refuge = db.session.scalars(visible_refuges(by).with_for_update()).one()
        refuge.turnaround_minutes = minutes
        record(Fact.TURNAROUND_SET, by=by, refuge_id=refuge.id, detail={"minutes": minutes})


def confirm_beds(*, by: Actor) -> None:
    """Somebody of the house has looked: what the service shows of its rooms is so."""
    if by.role not in REFUGE:
        raise NotAllowed("Only the house itself may confirm its rooms.")
    with transaction(by=by) as now:
        refuge = db.session.scalars(visible_refuges(by).with_for_update()).one()
        refuge.beds_confirmed_at = now
        record(Fact.BEDS_CONFIRMED, by=by, refuge_id=refuge.id)
