"""Rooms out of use: begun now or planned, changed, ended, and made ready after a departure."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from app.actors import REFUGE, SYSTEM, Actor, Role
from app.db import db, patiently, transaction
from app.errors import Conflict, NotAllowed, NotFound
from app.models.beds import BedUse, Refuge, Room, Void
from app.models.placements import Placement
from app.policy import visible_rooms
from app.queue import Job, defer
from app.services.supply import policy_at, turnaround_of
from app.services.void_steps import (
    ROOM_GONE,
    TURNAROUND,
    Terms,
    begin,
    begin_planned,
    check_times,
    check_void_reason,
    end,
    find_room,
    finish,
    in_effect,
    lock_beds,
    lock_free_beds,
    lock_room,
    looked_at,
    plan,
    replace,
)

KEEPERS = (*REFUGE, Role.COORDINATOR)
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


def _may_keep(by: Actor) -> None:
    if by.role not in KEEPERS:
        raise NotAllowed("Only the house or the coordinator may do this.")


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
        if upper is None or upper > now:
            return void.begun_at is None and begin_planned(void, now)
        if void.begun_at is not None:
            finish(void, now, SYSTEM)
        else:
            void.ended_at = upper
            defer(Job.PLAN)
        return True


def make_ready(placement: Placement, now: datetime, by: Actor) -> datetime | None:
    """Keep the beds of a stay that has just ended until they are made ready; when they will be.

    A step inside the transaction of the departure. None: this house needs no time.
    """
    refuge = db.session.get_one(Refuge, placement.refuge_id)
    time_needed = turnaround_of(refuge, policy_at(now))
    room = db.session.get_one(Room, placement.room_id)
    looked_at(room, by, now)
    if not time_needed:
        return None
    db.session.flush()  # the stay lets go of its beds first
    beds = lock_beds(BedUse.placement_id == placement.id)
    return begin(room, TURNAROUND, beds, now, Terms(until=now + time_needed), by).until
