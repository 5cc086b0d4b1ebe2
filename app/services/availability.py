"""What each room is on any date: free, held, lived in, out of use, made ready or closed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from app.db import db
from app.london import LONDON, london_day
from app.models.beds import Bed, BedKind, BedUse, Refuge, Room, RoomKind, RoomWindow, Void
from app.models.placements import Placement, PlacementState
from app.models.reference import InventoryPolicy
from app.services.supply import policy_at, turnaround_of
from app.services.void_steps import TURNAROUND

# A date stands for its night: this is when a woman who came that day would be in bed.
NIGHT = time(22)
# Nobody knows the hour of a departure that is still expected.
LEAVES = time(12)


class BedState(StrEnum):
    """What one bed is at one moment. ``expected``: free, if she has moved on as expected."""

    FREE = "free"
    EXPECTED = "expected"
    HELD = "held"
    BOOKED = "booked"
    OCCUPIED = "occupied"
    TURNAROUND = "turnaround"
    VOID = "void"
    CLOSED = "closed"


OF_PLACEMENT = {
    PlacementState.OFFERED: BedState.HELD,
    PlacementState.ACCEPTED: BedState.BOOKED,
    PlacementState.ARRIVED: BedState.OCCUPIED,
}
# The order in which several states of one shared room are told.
ORDER = (
    BedState.OCCUPIED,
    BedState.BOOKED,
    BedState.HELD,
    BedState.TURNAROUND,
    BedState.VOID,
    BedState.CLOSED,
    BedState.EXPECTED,
    BedState.FREE,
)


@dataclass(frozen=True, kw_only=True)
class RoomDay:
    """One room at one moment: its bed spaces by state; a private room has one state.

    ``reasons`` are the codes of what keeps it out of use.
    """

    beds: tuple[tuple[BedState, int], ...]
    reasons: tuple[str, ...] = ()

    @property
    def state(self) -> BedState:
        """The state that decides: a shared room with a free bed is free."""
        states = [state for state, _ in self.beds]
        return next((s for s in (BedState.FREE, BedState.EXPECTED) if s in states), states[0])

    def count(self, *states: BedState) -> int:
        """Bed spaces in these states; cots are not counted."""
        return sum(count for state, count in self.beds if state in states)


@dataclass(frozen=True, kw_only=True)
class _Use:
    """One use of one bed: a stay, an offer, or a closure."""

    during: Range[datetime]
    live: bool
    state: PlacementState | None
    arrived_at: datetime | None
    leaves_on: date | None
    reason: str


def night_of(day: date, now: datetime) -> datetime:
    """The moment that a date stands for: its night; tonight never lies behind us."""
    night = datetime.combine(day, NIGHT, tzinfo=LONDON)
    return max(night, now) if day == london_day(now) else night


def by_day(
    rooms: Sequence[Room], days: Sequence[date], now: datetime
) -> dict[int, dict[date, RoomDay]]:
    """Each room (by id) on each date, past or to come: a step inside a transaction."""
    nights = {night_of(day, now): day for day in days}
    found = at_moments(rooms, list(nights), now)
    return {
        room: {nights[at]: state for at, state in moments.items()}
        for room, moments in found.items()
    }


def at_moments(
    rooms: Sequence[Room], moments: Sequence[datetime], now: datetime
) -> dict[int, dict[datetime, RoomDay]]:
    """Each room (by id) at each moment: a step inside a transaction.

    The past is what was; what is to come rests on what is known: stays without an expected
    departure go on, offers are held, planned closures begin unless somebody lives there.
    """
    if not rooms or not moments:
        return {room.id: {} for room in rooms}
    room_ids = [room.id for room in rooms]
    first, last = min(moments), max(moments)
    beds = _beds(room_ids)
    uses = _uses(room_ids, first, last)
    planned, windows = _planned(room_ids, first, last), _windows(room_ids)
    turnarounds = _turnarounds(rooms, policy_at(now))
    found: dict[int, dict[datetime, RoomDay]] = {}
    for room in rooms:
        ready = turnarounds[room.refuge_id]
        found[room.id] = {}
        for at in moments:
            base, why = _without_uses(room, at, planned[room.id], windows[room.id])
            states = [_of_bed(uses[bed], at, now, ready, base, why) for bed in beds[room.id]]
            found[room.id][at] = _room_day(room, states)
    return found


def _without_uses(
    room: Room, at: datetime, planned: list[tuple[Range[datetime], str]],
    windows: list[Range[datetime]],
) -> tuple[BedState, str]:  # fmt: skip
    """What the room's beds are while nobody uses them."""
    if not room.is_open:
        return BedState.CLOSED, ""
    if room.kind != RoomKind.HOUSE and not any(at in window for window in windows):
        return BedState.CLOSED, ""
    why = next((reason for during, reason in planned if at in during), "")
    return (BedState.VOID, why) if why else (BedState.FREE, "")


def _of_bed(
    uses: list[_Use], at: datetime, now: datetime, ready: timedelta, base: BedState, why: str
) -> tuple[BedState, str]:
    use = next((use for use in uses if at in use.during and (use.live or at < now)), None)
    if use is None:
        return base, why
    if use.reason:
        state = BedState.TURNAROUND if use.reason == TURNAROUND else BedState.VOID
        return state, use.reason
    if use.state is None:  # the reader may not see her: the bed is taken, and no more is said
        return BedState.OCCUPIED, ""
    return _of_stay(use, at, now, ready, base, why)


def _of_stay(
    use: _Use, at: datetime, now: datetime, ready: timedelta, base: BedState, why: str
) -> tuple[BedState, str]:
    if at <= now:  # what it was then, not what became of it
        if use.arrived_at is not None:
            return (BedState.OCCUPIED if use.arrived_at <= at else BedState.BOOKED), ""
        return OF_PLACEMENT.get(use.state or PlacementState.OFFERED, BedState.HELD), ""
    assert use.state is not None  # noqa: S101 - it is no closure
    leaves = use.leaves_on and datetime.combine(use.leaves_on, LEAVES, tzinfo=LONDON)
    if not leaves or leaves <= now or at < leaves:
        return OF_PLACEMENT[use.state], ""
    if at < leaves + ready:
        return BedState.TURNAROUND, ""
    return (BedState.EXPECTED, "") if base is BedState.FREE else (base, why)


def _room_day(room: Room, states: list[tuple[BedState, str]]) -> RoomDay:
    counted = Counter(state for state, _ in states)
    beds = tuple((state, counted[state]) for state in ORDER if counted[state])
    reasons = tuple(sorted({why for _, why in states if why}))
    return RoomDay(beds=beds if room.is_shared else beds[:1], reasons=reasons)


def _beds(room_ids: list[int]) -> defaultdict[int, list[int]]:
    """Bed spaces by room; cots follow their room."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for room_id, bed_id in db.session.execute(
        select(Bed.room_id, Bed.id)
        .where(Bed.room_id.in_(room_ids), Bed.kind == BedKind.BED)
        .order_by(Bed.id)
    ):
        found[room_id].append(bed_id)
    return found


def _uses(room_ids: list[int], first: datetime, last: datetime) -> defaultdict[int, list[_Use]]:
    """Every use of each bed that touches the time between, the newest first."""
    rows = db.session.execute(
        select(
            BedUse.bed_id,
            BedUse.during,
            BedUse.live,
            Placement.state,
            Placement.arrived_at,
            Placement.expected_departure_on,
            Void.reason_code,
        )
        .join(Bed, Bed.id == BedUse.bed_id)
        .outerjoin(Placement, Placement.id == BedUse.placement_id)
        .outerjoin(Void, Void.id == BedUse.void_id)
        .where(Bed.room_id.in_(room_ids), Bed.kind == BedKind.BED)
        .where(BedUse.during.overlaps(Range(first, last, bounds="[]")))
        .order_by(BedUse.id.desc())
    )
    found: defaultdict[int, list[_Use]] = defaultdict(list)
    for bed_id, during, live, state, arrived_at, leaves_on, reason in rows:
        found[bed_id].append(
            _Use(
                during=during,
                live=live,
                state=PlacementState(state) if state else None,
                arrived_at=arrived_at,
                leaves_on=leaves_on,
                reason=reason or "",
            )
        )
    return found


def _planned(
    room_ids: list[int], first: datetime, last: datetime
) -> defaultdict[int, list[tuple[Range[datetime], str]]]:
    found: defaultdict[int, list[tuple[Range[datetime], str]]] = defaultdict(list)
    for room_id, during, reason in db.session.execute(
        select(Void.room_id, Void.during, Void.reason_code)
        .where(Void.room_id.in_(room_ids), Void.live, Void.begun_at.is_(None))
        .where(Void.during.overlaps(Range(first, last, bounds="[]")))
        .order_by(func.lower(Void.during))
    ):
        found[room_id].append((during, reason))
    return found


def _windows(room_ids: list[int]) -> defaultdict[int, list[Range[datetime]]]:
    found: defaultdict[int, list[Range[datetime]]] = defaultdict(list)
    for room_id, during in db.session.execute(
        select(RoomWindow.room_id, RoomWindow.during).where(RoomWindow.room_id.in_(room_ids))
    ):
        found[room_id].append(during)
    return found


def _turnarounds(rooms: Sequence[Room], policy: InventoryPolicy) -> dict[int, timedelta]:
    refuges = {room.refuge_id for room in rooms}
    return {
        refuge.id: turnaround_of(refuge, policy)
        for refuge in db.session.scalars(select(Refuge).where(Refuge.id.in_(refuges)))
    }


def month_of(day: date) -> list[date]:
    """Every date of the month that ``day`` lies in."""
    first = day.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    return [first + timedelta(days=step) for step in range((after - first).days)]
