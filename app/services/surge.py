"""Surge and hotel places: when they may be offered. The end of a window puts nobody out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.london import london_day
from app.models.beds import Room, RoomKind, RoomWindow
from app.policy import visible_rooms
from app.queue import Job, defer
from app.services.void_steps import LONGEST, SHORTEST, find_room

OPENERS = (Role.REFUGE_MANAGER, Role.COORDINATOR)


def open_window(
    room: UUID, opens_at: datetime, closes_at: datetime | None, *, by: Actor
) -> UUID:  # fmt: skip
    """Let a surge or hotel place be offered between two aware times; None: until it is closed.

    Raises:
        NotFound: no such room, or not of the house.
        Invalid: it would close before it opens, or lies in the past or over a year away.
        Conflict: a room of the house is open all year, or a window holds then already.
    """
    _may_open(by)
    with transaction(by=by) as now:
        place = find_room(by, Room.public_id == room)
        if place.kind == RoomKind.HOUSE:
            raise Conflict("This room is open all year. Only surge and hotel places have dates.")
        if london_day(opens_at) == london_day(now):
            opens_at = max(opens_at, now)  # "from today on"
        if not now <= opens_at <= now + LONGEST:
            raise Invalid("Choose a first day from today on, within a year.", field="opens_on")
        if closes_at is not None and not opens_at < closes_at <= opens_at + LONGEST:
            raise Invalid("Choose a last day after the first, within a year.", field="closes_on")
        window = RoomWindow(
            refuge_id=place.refuge_id, room_id=place.id, during=Range(opens_at, closes_at)
        )
        db.session.add(window)
        db.session.flush()
        _record(Fact.WINDOW_OPENED, window, by)
        defer(Job.PLAN)
        return window.public_id


def close_window(public_id: UUID, *, by: Actor) -> None:
    """No more offers from now on; whoever has the place keeps it.

    Raises:
        NotFound: no such window, or not of the house.
        Conflict: it is over already.
    """
    _may_open(by)
    with transaction(by=by) as now:
        rooms = visible_rooms(by).with_only_columns(Room.id)
        window = db.session.scalar(
            select(RoomWindow)
            .where(RoomWindow.public_id == public_id, RoomWindow.room_id.in_(rooms))
            .with_for_update()
        )
        if window is None:
            raise NotFound("We cannot find those dates.")
        opens_at, closes_at = window.during.lower, window.during.upper
        assert opens_at is not None  # noqa: S101 - a CHECK of the table
        if closes_at is not None and closes_at <= now:
            raise Conflict("This place is closed already.")
        # One that has not opened yet is left as an instant, so that the history keeps it.
        window.during = Range(opens_at, max(now, opens_at + SHORTEST))
        _record(Fact.WINDOW_CLOSED, window, by)
        defer(Job.PLAN)


def _may_open(by: Actor) -> None:
    if by.role not in OPENERS:
        raise NotAllowed("Only the manager of the house or the coordinator may do this.")


def _record(fact: Fact, window: RoomWindow, by: Actor) -> None:
    closes_at = window.during.upper
    record(
        fact,
        by=by,
        refuge_id=window.refuge_id,
        room_id=window.room_id,
        detail={
            "opens_at": str(window.during.lower),
            "closes_at": str(closes_at) if closes_at else None,
        },
    )
