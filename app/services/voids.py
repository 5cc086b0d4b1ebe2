"""Rooms out of use: begun now or planned, changed, ended, and made ready after a departure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import Range

from app.actors import REFUGE, SYSTEM, Actor, Role
from app.db import db, patiently, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.models.beds import Bed, BedUse, CostOwner, Refuge, Room, Void
from app.models.placements import Placement, PlacementState
from app.models.reference import ReasonKind
from app.policy import visible_rooms
from app.queue import Job, defer
from app.services.choices import check_reason
from app.services.supply import in_use, policy_at, turnaround_of

ROOM_GONE = "We cannot find that room."
KEEPERS = (*REFUGE, Role.COORDINATOR)
TURNAROUND = "turnaround"
# One points at a note, and a void has none; the other is made by a departure alone.
NEVER_CHOSEN = frozenset({"void_other", TURNAROUND})
SHORTEST = timedelta(microseconds=1)
LONGEST = timedelta(days=366)
WHY_NOT = {
    PlacementState.OFFERED: "This room is held for an offer that is waiting for your answer.",
    PlacementState.ACCEPTED: "This room is promised to a woman on her way.",
    PlacementState.ARRIVED: "Somebody lives in this room.",
}


@dataclass(frozen=True, kw_only=True)
class Terms:
    """When and at whose cost a room is out of use. ``starts_at`` None: now; ``until`` None: open.

    ``message_sid`` is the text that asked for it: the same text asks for it once.
    """

    starts_at: datetime | None = None
    until: datetime | None = None
    cost_owner: CostOwner = CostOwner.NOT_SAID
    message_sid: str | None = None


NOW_AND_OPEN = Terms()


def start_void(room: UUID, reason: str, *, by: Actor, terms: Terms = NOW_AND_OPEN) -> UUID:
    """Take a room out of use: all of a private room, the beds still free of a shared one.

    One that starts later is planned: it keeps no bed before its time, and waits then for whoever
    lives there.

    Raises:
        NotFound: no such room, or not of the house.
        Invalid: no such reason, or an end before its beginning.
        Conflict: the room is held, promised, lived in or out of use already; the text says which.
    """
    _may_keep(by)
    return patiently(lambda: _start_void(room, reason, by, terms))


def _start_void(public_id: UUID, reason: str, by: Actor, terms: Terms) -> UUID:
    with transaction(by=by) as now:
        room = find_room(by, Room.public_id == public_id)
        lock_room(room.id)
        check_void_reason(reason)
        is_planned = terms.starts_at is not None and terms.starts_at > now
        check_times(terms, now)
        if is_planned:
            _refuse_overlap(room, terms)
            return plan(room, reason, terms, by).public_id
        end_turnaround(room, now)
        return begin(room, reason, lock_free_beds(room, now), now, terms, by).public_id


def end_turnaround(room: Room, now: datetime) -> None:
    """A reason that a person gives takes the place of "being made ready"."""
    for void in in_effect(room, now):
        if void.reason_code == TURNAROUND:
            end(void, now)
    db.session.flush()


def in_effect(room: Room, now: datetime) -> Sequence[Void]:
    """What keeps a room out of use, locked, oldest first: a step inside a transaction."""
    return db.session.scalars(
        select(Void)
        .where(Void.room_id == room.id, Void.live, Void.begun_at.is_not(None))
        .where(func.upper_inf(Void.during) | (func.upper(Void.during) > now))
        .order_by(Void.id)
        .with_for_update()
    ).all()


def check_void_reason(reason: str) -> None:
    """Raises Invalid unless a person may give this reason for a room out of use."""
    if check_reason(reason, ReasonKind.VOID).code in NEVER_CHOSEN:
        raise Invalid("Choose the reason that comes nearest.", field="reason")


def check_times(terms: Terms, now: datetime) -> None:
    """Raises Invalid for an end that is past or before its beginning, or a year away."""
    starts = max(terms.starts_at or now, now)
    if starts > now + LONGEST:
        raise Invalid("Choose a first day within the next year.", field="starts_on")
    if terms.until is not None and not starts < terms.until <= starts + LONGEST:
        raise Invalid(
            "Choose a day after the first one, within a year, or leave it empty.", field="back_on"
        )


def lock_room(room_id: int) -> None:
    """The first lock of whatever changes a room's closures; then come closures, then beds.

    Offers and stays take no lock here: the beds are where the two meet.
    """
    db.session.execute(
        select(Room.id).where(Room.id == room_id).with_for_update(key_share=True)
    ).one()


def find_room(by: Actor, which: ColumnElement[bool]) -> Room:
    """Raises NotFound for a room that is not there, or not of the house."""
    room: Room | None = db.session.scalar(visible_rooms(by).where(which))
    if room is None:
        raise NotFound(ROOM_GONE)
    return room


def begin(room: Room, reason: str, beds: list[int], now: datetime, terms: Terms, by: Actor) -> Void:
    """Take these locked beds out of use from now on: a step inside a transaction."""
    during = Range(now, terms.until)
    void = Void(
        refuge_id=room.refuge_id,
        room_id=room.id,
        reason_code=reason,
        cost_owner=terms.cost_owner,
        until=terms.until,
        begun_at=now,
        during=during,
        message_sid=terms.message_sid,
    )
    db.session.add(void)
    db.session.flush()
    _use(void, beds, during)
    _looked_at(room, by, now)
    _record(Fact.VOID_STARTED, void, by, {"reason": reason, "beds": len(beds)} | _told(void))
    defer(Job.PLAN)
    return void


def plan(room: Room, reason: str, terms: Terms, by: Actor) -> Void:
    """Keep in mind that a room closes later: a step inside a transaction."""
    void = Void(
        refuge_id=room.refuge_id,
        room_id=room.id,
        reason_code=reason,
        cost_owner=terms.cost_owner,
        until=terms.until,
        during=Range(terms.starts_at, terms.until),
    )
    db.session.add(void)
    db.session.flush()
    _record(Fact.VOID_PLANNED, void, by, {"reason": reason} | _told(void))
    defer(Job.PLAN)
    return void


def _refuse_overlap(room: Room, terms: Terms) -> None:
    """Raises Conflict when another closure is planned for part of that time."""
    during = Range(terms.starts_at, terms.until)
    other = db.session.scalar(
        select(Void.id)
        .where(Void.room_id == room.id, Void.live, Void.begun_at.is_(None))
        .where(Void.during.overlaps(during))
        .limit(1)
    )
    if other is not None:
        raise Conflict("This room is to be closed for part of that time already.")


def _use(void: Void, beds: list[int], during: Range[datetime]) -> None:
    db.session.add_all(
        BedUse(bed_id=bed, refuge_id=void.refuge_id, void_id=void.id, live=True, during=during)
        for bed in beds
    )
    db.session.flush()


def lock_free_beds(room: Room, now: datetime) -> list[int]:
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
        .where(BedUse.bed_id.in_(beds), in_use(now))
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


def change_void(public_id: UUID, terms: Terms, *, by: Actor) -> UUID:
    """Another end or another payer from now on; what was said before stays in the history.

    Raises:
        NotFound: no such closure, or not of the house.
        Invalid: an end that is past.
        Conflict: it has ended already.
    """
    _may_keep(by)
    with transaction(by=by) as now:
        void = _lock(public_id, by)
        check_times(terms, now)
        return replace(void, terms, now, by).public_id


def replace(void: Void, terms: Terms, now: datetime, by: Actor, *, reason: str = "") -> Void:
    """End a closure and let another follow it on the same beds: a step inside a transaction."""
    room = db.session.get_one(Room, void.room_id)
    beds = db.session.scalars(
        select(Bed.id)
        .join(BedUse, BedUse.bed_id == Bed.id)
        .where(BedUse.void_id == void.id)
        .order_by(Bed.id)
        .with_for_update(of=Bed)
    ).all()
    starts_at = void.during.lower
    is_begun = void.begun_at is not None
    end(void, now)
    db.session.flush()
    reason = reason or void.reason_code
    if is_begun:
        return begin(room, reason, list(beds), max(now, void.ended_at or now), terms, by)
    later = Terms(starts_at=starts_at, until=terms.until, cost_owner=terms.cost_owner)
    check_times(later, now)
    return plan(room, reason, later, by)


def end_void(public_id: UUID, *, by: Actor) -> None:
    """The room is back in use and offered from now on; one that had not begun is called off.

    Raises:
        NotFound: no such closure, or not of the house.
        Conflict: it has ended already.
    """
    _may_keep(by)
    with transaction(by=by) as now:
        finish(_lock(public_id, by), now, by)


def _lock(public_id: UUID, by: Actor) -> Void:
    rooms = visible_rooms(by).with_only_columns(Room.id)
    room_id = db.session.scalar(
        select(Void.room_id).where(Void.public_id == public_id, Void.room_id.in_(rooms))
    )
    if room_id is None:
        raise NotFound(ROOM_GONE)
    lock_room(room_id)
    void = db.session.scalars(
        select(Void).where(Void.public_id == public_id).with_for_update()
    ).one()
    if void.ended_at is not None:
        raise Conflict("This room is back in use already.")
    return void


def finish(void: Void, now: datetime, by: Actor) -> None:
    """The room is back in use: a step inside a transaction, on a locked row."""
    end(void, now)
    _looked_at(db.session.get_one(Room, void.room_id), by, now)
    _record(Fact.VOID_ENDED, void, by, {"reason": void.reason_code})
    defer(Job.PLAN)


def end(void: Void, now: datetime) -> None:
    """Both at once: the foreign key carries the end to every bed of the room.

    One whose time is over ended then, even if nobody has noted it: its beds may be taken since.
    """
    started, upper = void.during.lower, void.during.upper
    assert started is not None  # noqa: S101 - a CHECK of the table
    if void.begun_at is None:
        void.ended_at = now
        return
    if upper is not None and upper <= now:
        void.ended_at = upper
        return
    void.ended_at = max(now, started + SHORTEST)
    void.during = Range(started, void.ended_at)


def _looked_at(room: Room, by: Actor, now: datetime) -> None:
    """Whoever of the house changes a room has just looked at it."""
    if by.role in REFUGE:
        room.confirmed_at = now


# What the clock does


def keep_time() -> int:
    """Begin and end what is due, each by itself; how many rooms changed."""
    with transaction(by=SYSTEM) as now:
        due = db.session.scalars(
            select(Void.id)
            .where(Void.live)
            .where(
                (Void.begun_at.is_(None) & (func.lower(Void.during) <= now))
                | (func.upper(Void.during) <= now)
            )
            .order_by(Void.id)
        ).all()
    return sum(patiently(lambda void_id=void_id: _keep_time(void_id)) for void_id in due)  # type: ignore[misc]


def _keep_time(void_id: int) -> bool:
    with transaction(by=SYSTEM) as now:
        lock_room(db.session.scalars(select(Void.room_id).where(Void.id == void_id)).one())
        void = db.session.scalars(select(Void).where(Void.id == void_id).with_for_update()).one()
        if void.ended_at is not None:
            return False
        upper = void.during.upper
        if upper is not None and upper <= now:
            void.ended_at = upper
            if void.begun_at is not None:
                _record(Fact.VOID_ENDED, void, SYSTEM, {"reason": void.reason_code})
            defer(Job.PLAN)
            return True
        return void.begun_at is None and _begin_planned(void, now)


def _begin_planned(void: Void, now: datetime) -> bool:
    """Its day has come. Whoever has the room keeps it: then it waits until she has moved on."""
    try:
        beds = lock_free_beds(db.session.get_one(Room, void.room_id), now)
    except Conflict:
        return False
    void.begun_at = now
    void.during = Range(now, void.during.upper)
    db.session.flush()
    _use(void, beds, void.during)
    _record(Fact.VOID_STARTED, void, SYSTEM, {"reason": void.reason_code, "beds": len(beds)})
    defer(Job.PLAN)
    return True


def make_ready(placement: Placement, now: datetime, by: Actor) -> datetime | None:
    """Keep the beds of a stay that has just ended until they are made ready; when they will be.

    A step inside the transaction of the departure. None: this house needs no time.
    """
    refuge = db.session.get_one(Refuge, placement.refuge_id)
    time_needed = turnaround_of(refuge, policy_at(now))
    room = db.session.get_one(Room, placement.room_id)
    _looked_at(room, by, now)
    if not time_needed:
        return None
    db.session.flush()  # the stay lets go of its beds first
    beds = db.session.scalars(
        select(Bed.id)
        .join(BedUse, BedUse.bed_id == Bed.id)
        .where(BedUse.placement_id == placement.id)
        .order_by(Bed.id)
        .with_for_update(of=Bed)
    ).all()
    return begin(room, TURNAROUND, list(beds), now, Terms(until=now + time_needed), by).until


def _told(void: Void) -> dict[str, object]:
    until = void.until.isoformat() if void.until else None
    return {"until": until, "cost_owner": CostOwner(void.cost_owner).value}


def _may_keep(by: Actor) -> None:
    if by.role not in KEEPERS:
        raise NotAllowed("Only the house or the coordinator may do this.")


def _record(fact: Fact, void: Void, by: Actor, detail: dict[str, object]) -> None:
    record(fact, by=by, refuge_id=void.refuge_id, room_id=void.room_id, detail=detail)
