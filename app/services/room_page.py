"""One room with its history, and every house as the desk compares them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from app.actors import REFUGE, Actor, Role
from app.db import db, transaction
from app.errors import NotAllowed
from app.models.beds import CostOwner, Refuge, Room, RoomKind, RoomWindow, Void
from app.models.reference import Reason
from app.policy import only_for, visible_refuges, visible_rooms
from app.services import availability
from app.services.availability import BedState
from app.services.choices import Choice
from app.services.houses import Closure, closures_of, void_reasons
from app.services.supply import band_of, policy_at, turnaround_of
from app.services.void_steps import find_room

HISTORY = 100


@dataclass(frozen=True, kw_only=True)
class Past:
    """One closure as it was: ``until`` was the plan, ``ended_at`` the truth; None: still so.

    One that was called off before it began has no ``since``.
    """

    reason: str
    cost_owner: str
    since: datetime | None
    until: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Window:
    """When a surge or hotel place is open; ``is_over`` windows are history."""

    public_id: UUID
    opens_at: datetime
    closes_at: datetime | None
    is_over: bool


@dataclass(frozen=True, kw_only=True)
class RoomPage:
    """One room: now, what is planned, and what was. ``number`` is what texts call it."""

    public_id: UUID
    alias: str
    code: str
    number: int
    kind: str
    bed_spaces: int
    is_shared: bool
    state: str
    confirmed_at: datetime | None
    band: str
    closures: list[Closure]
    windows: list[Window]
    history: list[Past]
    void_reasons: list[Choice]
    may_open: bool


def show_room(public_id: UUID, *, by: Actor) -> RoomPage:
    """One room of the house, or of any house for the desk.

    Raises:
        NotFound: no such room, or not of the house.
    """
    if by.role not in (*REFUGE, Role.COORDINATOR):
        raise NotAllowed("Rooms are shown to the house and the coordinator.")
    with transaction(by=by) as now:
        room = find_room(by, Room.public_id == public_id)
        refuge = db.session.get_one(Refuge, room.refuge_id)
        looked = [at for at in (room.confirmed_at, refuge.beds_confirmed_at) if at is not None]
        confirmed = max(looked, default=None)
        return RoomPage(
            public_id=room.public_id,
            alias=refuge.alias,
            code=room.code,
            number=room.number,
            kind=room.kind,
            bed_spaces=room.bed_spaces,
            is_shared=room.is_shared,
            state=availability.at_moments([room], [now], now)[room.id][now].state,
            confirmed_at=confirmed,
            band=band_of(confirmed, now, policy_at(now)),
            closures=closures_of(refuge.id)[room.id],
            windows=_windows(room, now),
            history=_history(room),
            void_reasons=void_reasons(),
            may_open=room.kind != RoomKind.HOUSE and by.role is not Role.REFUGE_WORKER,
        )


def _windows(room: Room, now: datetime) -> list[Window]:
    rows = db.session.scalars(
        select(RoomWindow)
        .where(RoomWindow.room_id == room.id)
        .order_by(func.lower(RoomWindow.during).desc())
        .limit(HISTORY)
    )
    found = []
    for row in rows:
        opens_at, closes_at = row.during.lower, row.during.upper
        assert opens_at is not None  # noqa: S101 - a CHECK of the table
        is_over = closes_at is not None and closes_at <= now
        found.append(
            Window(public_id=row.public_id, opens_at=opens_at, closes_at=closes_at, is_over=is_over)
        )
    return found


def _history(room: Room) -> list[Past]:
    rows = db.session.execute(
        select(Void, Reason.text)
        .join(Reason, Reason.code == Void.reason_code)
        .where(Void.room_id == room.id)
        .order_by(Void.id.desc())
        .limit(HISTORY)
    )
    return [
        Past(
            reason=text,
            cost_owner=CostOwner(void.cost_owner),
            since=void.during.lower if void.begun_at is not None else None,
            until=void.until,
            ended_at=void.ended_at,
        )
        for void, text in rows
        if void.begun_at is not None or void.ended_at is not None
    ]


@dataclass(frozen=True, kw_only=True)
class HouseLine:
    """One house as the desk compares them: its bed spaces now, and how old the count is.

    ``ready_minutes`` is how long a room is made ready after a departure.
    """

    public_id: UUID
    alias: str
    region_code: str
    duty_line: str
    confirmed_at: datetime | None
    band: str
    free: int
    held: int
    taken: int
    out: int
    ready_minutes: int


def list_houses(*, by: Actor) -> list[HouseLine]:
    """Every open house, those whose counts are oldest first; for the desk."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        policy = policy_at(now)
        houses = db.session.scalars(
            visible_refuges(by)
            .where(Refuge.is_open)
            .order_by(Refuge.beds_confirmed_at.asc().nulls_first(), Refuge.alias)
        ).all()
        rooms = db.session.scalars(visible_rooms(by).where(Room.is_open).order_by(Room.id)).all()
        states = availability.at_moments(rooms, [now], now)
        lines = []
        for house in houses:
            days = [states[room.id][now] for room in rooms if room.refuge_id == house.id]
            lines.append(
                HouseLine(
                    public_id=house.public_id,
                    alias=house.alias,
                    region_code=house.region_code,
                    duty_line=house.duty_line,
                    confirmed_at=house.beds_confirmed_at,
                    band=band_of(house.beds_confirmed_at, now, policy),
                    free=sum(day.count(BedState.FREE) for day in days),
                    held=sum(day.count(BedState.HELD, BedState.BOOKED) for day in days),
                    taken=sum(day.count(BedState.OCCUPIED) for day in days),
                    out=sum(day.count(BedState.VOID, BedState.TURNAROUND) for day in days),
                    ready_minutes=int(turnaround_of(house, policy).total_seconds() // 60),
                )
            )
        return lines
