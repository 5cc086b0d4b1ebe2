"""What may be offered: the dated rules, windows of surge places, and how old a count is."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func

from app.london import LONDON
from app.models.beds import BedUse, Refuge, Room, RoomKind, RoomWindow, Void
from app.models.reference import InventoryPolicy
from app.services.dated import in_force


class Band(StrEnum):
    """How old a count of beds is; the hours that part the bands are dated data."""

    FRESH = "fresh"
    AGEING = "ageing"
    STALE = "stale"


def policy_at(now: datetime) -> InventoryPolicy:
    """The rules that hold now: a step for use inside a transaction."""
    policy = in_force(InventoryPolicy, now)
    assert policy is not None  # noqa: S101 - reference data: there is one from the first day on
    return policy


def is_awake(now: datetime, policy: InventoryPolicy) -> bool:
    """Whether it is no quiet hour, by London's clock."""
    return policy.wakes_at_hour <= now.astimezone(LONDON).hour < policy.sleeps_at_hour


def band_of(confirmed_at: datetime | None, now: datetime, policy: InventoryPolicy) -> Band:
    """How old a count is that was last confirmed then; one that never was is stale."""
    if confirmed_at is None or now - confirmed_at >= timedelta(hours=policy.stale_hours):
        return Band.STALE
    is_fresh = now - confirmed_at < timedelta(hours=policy.fresh_hours)
    return Band.FRESH if is_fresh else Band.AGEING


def turnaround_of(refuge: Refuge, policy: InventoryPolicy) -> timedelta:
    """How long a room of this house is made ready after somebody has left."""
    minutes = refuge.turnaround_minutes
    return timedelta(minutes=policy.turnaround_minutes if minutes is None else minutes)


def in_use(now: datetime) -> ColumnElement[bool]:
    """Whether a use keeps its bed now."""
    return BedUse.live & (func.upper_inf(BedUse.during) | (func.upper(BedUse.during) > now))


def may_be_offered(now: datetime) -> ColumnElement[bool]:
    """Whether a room, beside its beds being free, may be offered: for a query of Room and Refuge.

    A surge or hotel place only within a window; none that is to close in the next days, because
    whoever comes tonight stays longer than that, and is not put out.
    """
    notice = timedelta(days=policy_at(now).notice_days)
    within_a_window = exists().where(RoomWindow.room_id == Room.id, RoomWindow.during.contains(now))
    closes_soon = exists().where(
        Void.room_id == Room.id,
        Void.live,
        Void.begun_at.is_(None),
        func.lower(Void.during) < now + notice,
    )
    return (
        Room.is_open
        & Refuge.is_open
        & ((Room.kind == RoomKind.HOUSE) | within_a_window)
        & ~closes_soon
    )
