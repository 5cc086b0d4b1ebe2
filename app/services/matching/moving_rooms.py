"""Another room in the same house: the rules of a room checked, and the beds swapped in one step."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

import allocation
from app.actors import Actor, Role
from app.db import db, patiently, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import Fact, record_stay
from app.models.beds import JUST_TAKEN, Bed, BedKind, BedUse, Refuge, Room
from app.models.placements import Placement, PlacementState
from app.models.referrals import Needs, Referral
from app.policy import only_for, visible_rooms
from app.queue import Job, defer
from app.services.holding import beds_for
from app.services.locks import lock_placement
from app.services.snapshot import rooms_within, sleeps
from app.services.snapshot_houses import refuge_key, room_key
from app.services.supply import policy_at, turnaround_of
from app.services.void_steps import TURNAROUND, Terms, begin

MAY_MOVE = (Role.REFUGE_MANAGER, Role.COORDINATOR)


def move_room(public_id: UUID, room: UUID, *, by: Actor) -> None:
    """Give her another free room of the house she lives in; the one she leaves is made ready.

    Raises:
        NotFound: no such stay or room to ``by``.
        Invalid: a rule of the room forbids it; the text says which.
        Conflict: she does not live there any more, or the room has just been taken.
    """
    only_for(by, *MAY_MOVE)
    patiently(lambda: _move_room(public_id, room, by))


def _move_room(public_id: UUID, to: UUID, by: Actor) -> None:
    with transaction(by=by) as now:
        placement, referral = lock_placement(by, public_id)
        placement.refuse_unless(PlacementState.ARRIVED)
        room = db.session.scalar(
            visible_rooms(by).where(Room.public_id == to, Room.refuge_id == placement.refuge_id)
        )
        if room is None:
            raise NotFound("We cannot find that room.")
        left = db.session.get_one(Room, placement.room_id)
        _lock_beds(left.id, room.id)
        old_beds = list(
            db.session.scalars(
                select(BedUse.bed_id).where(BedUse.placement_id == placement.id, BedUse.live)
            )
        )
        size, beds = _checked(placement, referral, room, now)
        db.session.flush()
        db.session.execute(
            select(
                func.move_to_room(placement.id, room.id, [bed.id for bed in beds], size[0], size[1])
            )
        )
        db.session.refresh(placement)
        record_stay(Fact.ROOM_CHANGED, placement, by=by, left_room_id=left.id)
        _make_ready(left, sorted(old_beds), now, by)
        defer(Job.PLAN)


def _lock_beds(*room_ids: int) -> None:
    """In id order, as every path does."""
    db.session.execute(
        select(Bed.id).where(Bed.room_id.in_(room_ids)).order_by(Bed.id).with_for_update()
    )


def _checked(
    placement: Placement, referral: Referral, room: Room, now: datetime
) -> tuple[tuple[int, int], list[Bed]]:
    """What she takes of the room, once every rule of a room holds."""
    document, rooms, free = rooms_within(placement, referral, now)
    told = {each["id"] for refuge in document["refuges"] for each in refuge["rooms"]}
    if room_key(room.id) not in rooms or room_key(room.id) not in told:
        raise Conflict(JUST_TAKEN)
    broken = _broken(allocation.parse_problem(document), referral, placement, room)
    if broken:
        raise Invalid(f"A rule would be broken: {broken}", field="to_room")
    needs = db.session.get_one(Needs, referral.needs_id)
    cots = sum(bed.kind == BedKind.COT for bed in free[room.id])
    size = sleeps(needs.adults, [child["age"] for child in needs.children], cots)
    beds = beds_for(room, free[room.id], size)
    if beds is None:
        raise Conflict(JUST_TAKEN)
    return size, beds


def _broken(
    problem: allocation.Problem, referral: Referral, placement: Placement, room: Room
) -> str:
    there = allocation.Placement(referral.ref, refuge_key(placement.refuge_id), room_key(room.id))
    found = allocation.violations(problem, [there])
    return allocation.RULES[found[0].code].text if found else ""


def _make_ready(left: Room, beds: list[int], now: datetime, by: Actor) -> None:
    house = db.session.get_one(Refuge, left.refuge_id)
    time_needed = turnaround_of(house, policy_at(now))
    if time_needed > timedelta():
        begin(left, TURNAROUND, beds, now, Terms(until=now + time_needed), by)


def rooms_that_fit(
    placement: Placement, referral: Referral, now: datetime, by: Actor
) -> list[tuple[str, str]]:
    """Free rooms of the house that she could have, to choose from; a step of a transaction."""
    if by.role not in MAY_MOVE or placement.state != PlacementState.ARRIVED:
        return []
    document, rooms, _ = rooms_within(placement, referral, now)
    problem = allocation.parse_problem(document)
    told = {each["id"] for refuge in document["refuges"] for each in refuge["rooms"]}
    return [
        (str(room.public_id), f"Room {room.code}{', shared' if room.is_shared else ''}")
        for key, room in rooms.items()
        if key in told and not _broken(problem, referral, placement, room)
    ]
