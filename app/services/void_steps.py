"""Steps of taking a room out of use and bringing it back, inside a caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import Range

from app.actors import REFUGE, SYSTEM, Actor
from app.db import db
from app.errors import Conflict, Invalid, NotFound
from app.events import Fact, record
from app.models.beds import Bed, BedUse, CostOwner, Room, Void
from app.models.placements import Placement, PlacementState
from app.models.reference import ReasonKind
from app.policy import visible_rooms
from app.queue import Job, defer
from app.services.choices import check_reason
from app.services.supply import in_use

ROOM_GONE = "We cannot find that room."
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


def find_room(by: Actor, which: ColumnElement[bool]) -> Room:
    """Raises NotFound for a room that is not there, or not of the house."""
    room: Room | None = db.session.scalar(visible_rooms(by).where(which))
    if room is None:
        raise NotFound(ROOM_GONE)
    return room


def lock_room(room_id: int) -> None:
    """The first lock of whatever changes a room's closures; then come closures, then beds.

    Offers and stays take no lock here: the beds are where the two meet.
    """
    db.session.execute(
        select(Room.id).where(Room.id == room_id).with_for_update(key_share=True)
    ).one()


def in_effect(room: Room, now: datetime) -> Sequence[Void]:
    """What keeps a room out of use, locked, oldest first."""
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


def begin(room: Room, reason: str, beds: list[int], now: datetime, terms: Terms, by: Actor) -> Void:
    """Take these locked beds out of use from now on."""
    void = _add(room, reason, terms, begun_at=now)
    looked_at(room, by, now)
    _use(void, beds, by, _told(void))
    return void


def plan(room: Room, reason: str, terms: Terms, by: Actor) -> Void:
    """Keep in mind that a room closes later."""
    void = _add(room, reason, terms)
    _record(Fact.VOID_PLANNED, void, by, {"reason": reason} | _told(void))
    defer(Job.PLAN)
    return void


def begin_planned(void: Void, now: datetime) -> bool:
    """Its day has come. Whoever has the room keeps it: then it waits until she has moved on."""
    try:
        beds = lock_free_beds(db.session.get_one(Room, void.room_id), now)
    except Conflict:
        return False
    void.begun_at = now
    void.during = Range(now, void.during.upper)
    db.session.flush()
    _use(void, beds, SYSTEM, {})
    return True


def replace(void: Void, terms: Terms, now: datetime, by: Actor, *, reason: str = "") -> Void:
    """End a closure and let another follow it on the same beds."""
    room = db.session.get_one(Room, void.room_id)
    beds = lock_beds(BedUse.void_id == void.id)
    starts_at = void.during.lower
    is_begun = void.begun_at is not None
    end(void, now)
    db.session.flush()
    reason = reason or void.reason_code
    if is_begun:
        return begin(room, reason, beds, max(now, void.ended_at or now), terms, by)
    later = Terms(starts_at=starts_at, until=terms.until, cost_owner=terms.cost_owner)
    check_times(later, now)
    return plan(room, reason, later, by)


def lock_beds(of_use: ColumnElement[bool]) -> list[int]:
    """The beds of these uses, locked in id order as every path does."""
    return list(
        db.session.scalars(
            select(Bed.id)
            .join(BedUse, BedUse.bed_id == Bed.id)
            .where(of_use)
            .order_by(Bed.id)
            .with_for_update(of=Bed)
        )
    )


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


def finish(void: Void, now: datetime, by: Actor) -> None:
    """The room is back in use; its closure is locked."""
    end(void, now)
    looked_at(db.session.get_one(Room, void.room_id), by, now)
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


def looked_at(room: Room, by: Actor, now: datetime) -> None:
    """Whoever of the house changes a room has just looked at it."""
    if by.role in REFUGE:
        room.confirmed_at = now


def _add(room: Room, reason: str, terms: Terms, begun_at: datetime | None = None) -> Void:
    void = Void(
        refuge_id=room.refuge_id,
        room_id=room.id,
        reason_code=reason,
        cost_owner=terms.cost_owner,
        until=terms.until,
        begun_at=begun_at,
        during=Range(begun_at or terms.starts_at, terms.until),
        message_sid=terms.message_sid,
    )
    db.session.add(void)
    db.session.flush()
    return void


def _use(void: Void, beds: list[int], by: Actor, told: dict[str, object]) -> None:
    """From its beginning on the beds are its own, and no plan may count on them."""
    db.session.add_all(
        BedUse(bed_id=bed, refuge_id=void.refuge_id, void_id=void.id, live=True, during=void.during)
        for bed in beds
    )
    db.session.flush()
    detail: dict[str, object] = {"reason": void.reason_code, "beds": len(beds)}
    _record(Fact.VOID_STARTED, void, by, detail | told)
    defer(Job.PLAN)


def _told(void: Void) -> dict[str, object]:
    until = void.until.isoformat() if void.until else None
    return {"until": until, "cost_owner": CostOwner(void.cost_owner).value}


def _record(fact: Fact, void: Void, by: Actor, detail: dict[str, object]) -> None:
    record(fact, by=by, refuge_id=void.refuge_id, room_id=void.room_id, detail=detail)
