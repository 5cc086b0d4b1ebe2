"""A house's supply: opening it, its rooms and phones; rooms out of use and back; "checked now"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from app.actors import REFUGE, Actor, Role
from app.db import db, patiently, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.fields import PHONE, any_of, seal
from app.models.accounts import Organisation, OrganisationKind
from app.models.beds import Bed, BedKind, BedUse, Refuge, Room, Void
from app.models.messages import Contact
from app.models.placements import Placement, PlacementState
from app.models.reference import Feature, ReasonKind, Region
from app.policy import visible_refuges, visible_rooms
from app.queue import Job, defer
from app.services.choices import check_reason

ROOM_GONE = "We cannot find that room."
OPENERS = (Role.ADMINISTRATOR, Role.SYSTEM)
KEEPERS = (*REFUGE, Role.COORDINATOR)
# The one reason that points at a note; a void has none, so it would say nothing.
NEEDS_A_NOTE = "void_other"
SHORTEST = timedelta(microseconds=1)
WHY_NOT = {
    PlacementState.OFFERED: "This room is held for an offer that is waiting for your answer.",
    PlacementState.ACCEPTED: "This room is promised to a woman on her way.",
    PlacementState.ARRIVED: "Somebody lives in this room.",
}


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
    """What one household takes, or, when shared, what several take bed by bed."""

    code: str
    bed_spaces: int
    cots: int = 0
    is_shared: bool = False
    features: tuple[str, ...] = ()


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
            features=_known_features(new.features),
        )
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
        if db.session.scalar(select(Contact.id).where(any_of(Contact.phone_index, PHONE, phone))):
            raise Conflict("That number is in use already.")
        contact = Contact(refuge_id=house.id, label=label, verified_at=now)
        seal(contact, phone=phone)
        db.session.add(contact)
        db.session.flush()
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


def start_void(room: UUID, reason: str, *, by: Actor) -> UUID:
    """Take a room out of use: all of a private room, the beds still free of a shared one.

    Raises:
        NotFound: no such room, or not of the house.
        Invalid: no such reason.
        Conflict: the room is held, promised, lived in or out of use already; the text says which.
    """
    _may_keep(by)
    return patiently(lambda: _start_void(room, reason, by))


def _start_void(public_id: UUID, reason: str, by: Actor) -> UUID:
    with transaction(by=by) as now:
        room = db.session.scalar(visible_rooms(by).where(Room.public_id == public_id))
        if room is None:
            raise NotFound(ROOM_GONE)
        if check_reason(reason, ReasonKind.VOID).code == NEEDS_A_NOTE:
            raise Invalid("Choose the reason that comes nearest.", field="reason")
        free = _lock_free_beds(room)
        during = Range(now, None)
        void = Void(refuge_id=room.refuge_id, room_id=room.id, reason_code=reason, during=during)
        db.session.add(void)
        db.session.flush()
        db.session.add_all(
            BedUse(
                bed_id=bed_id, refuge_id=room.refuge_id, void_id=void.id, live=True, during=during
            )
            for bed_id in free
        )
        _record(Fact.VOID_STARTED, void, by, {"reason": reason, "beds": len(free)})
        defer(Job.PLAN)
        return void.public_id


def _lock_free_beds(room: Room) -> list[int]:
    """The room's beds nobody uses, all of them locked in id order as every path does.

    Raises:
        Conflict: somebody has the private room, or every bed of the shared one.
    """
    beds = db.session.scalars(
        select(Bed.id).where(Bed.room_id == room.id).order_by(Bed.id).with_for_update()
    ).all()
    uses = db.session.execute(
        select(BedUse.bed_id, Placement.state)
        .outerjoin(Placement, Placement.id == BedUse.placement_id)
        .where(BedUse.bed_id.in_(beds), BedUse.live)
    )
    used = {use.bed_id: use.state for use in uses}
    free = [bed for bed in beds if bed not in used]
    if used and not (room.is_shared and free):
        raise Conflict(f"{_why_not(set(used.values()))} Nothing was changed.")
    return free


def _why_not(states: set[PlacementState]) -> str:
    """The nearest reason: a woman living there before one on her way before an offer."""
    for state in (PlacementState.ARRIVED, PlacementState.ACCEPTED, PlacementState.OFFERED):
        if state in states:
            return WHY_NOT[state]
    return "This room is out of use already."


def end_void(public_id: UUID, *, by: Actor) -> None:
    """The room is back in use and offered from now on.

    Raises:
        NotFound: no such closure, or not of the house.
        Conflict: it has ended already.
    """
    _may_keep(by)
    with transaction(by=by) as now:
        rooms = visible_rooms(by).with_only_columns(Room.id)
        void = db.session.scalar(
            select(Void)
            .where(Void.public_id == public_id, Void.room_id.in_(rooms))
            .with_for_update()
        )
        if void is None:
            raise NotFound(ROOM_GONE)
        if void.ended_at is not None:
            raise Conflict("This room is back in use already.")
        _end(void, now)
        _record(Fact.VOID_ENDED, void, by, {"reason": void.reason_code})
        defer(Job.PLAN)


def _end(void: Void, now: datetime) -> None:
    """Both at once: the foreign key carries the end to every bed of the room."""
    started = void.during.lower
    assert started is not None  # noqa: S101 - a CHECK of the table
    void.ended_at = max(now, started + SHORTEST)
    void.during = Range(started, void.ended_at)


def confirm_beds(*, by: Actor) -> None:
    """Somebody of the house has looked: what the service shows of its rooms is so."""
    if by.role not in REFUGE:
        raise NotAllowed("Only the house itself may confirm its rooms.")
    with transaction(by=by) as now:
        refuge = db.session.scalars(visible_refuges(by).with_for_update()).one()
        refuge.beds_confirmed_at = now
        record(Fact.BEDS_CONFIRMED, by=by, refuge_id=refuge.id)


def _may_keep(by: Actor) -> None:
    if by.role not in KEEPERS:
        raise NotAllowed("Only the house or the coordinator may do this.")


def _record(fact: Fact, void: Void, by: Actor, detail: dict[str, object]) -> None:
    record(fact, by=by, refuge_id=void.refuge_id, room_id=void.room_id, detail=detail)
