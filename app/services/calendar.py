"""A house's rooms by month and by day, for its own people and for the desk: codes, never names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from app.actors import REFUGE, Actor, Role
from app.db import db, transaction
from app.errors import NotAllowed, NotFound
from app.events import Fact, record
from app.london import london_day
from app.models.beds import Refuge, Room
from app.models.placements import LIVE, Placement, PlacementState
from app.models.reference import Reason
from app.models.referrals import Referral
from app.policy import visible_placements, visible_refuges, visible_rooms
from app.services import availability
from app.services.availability import BedState, RoomDay, night_of

LOOKERS = (*REFUGE, Role.COORDINATOR)
HOUSE_GONE = "We cannot find that house."
# How far a calendar goes back and ahead; closures and dates reach a year.
FARTHEST = timedelta(days=2 * 366)


@dataclass(frozen=True, kw_only=True)
class Who:
    """Whoever has a room, by code. ``leaves_on`` is when she is expected to move on."""

    code: str
    state: str
    leaves_on: date | None


@dataclass(frozen=True, kw_only=True)
class RoomLine:
    """One room on each date of the page; ``reasons`` say in words what keeps it out of use."""

    public_id: UUID
    code: str
    number: int
    kind: str
    bed_spaces: int
    is_shared: bool
    days: list[RoomDay]
    reasons: list[str]
    who: list[Who]


@dataclass(frozen=True, kw_only=True)
class CalendarPage:
    """Every room of one house on one or more dates; ``free`` counts free bed spaces by date."""

    refuge: UUID
    alias: str
    today: date
    days: list[date]
    rooms: list[RoomLine]
    free: list[int]

    @property
    def before(self) -> date:
        """A day of the page before."""
        return self.days[0] - timedelta(days=1)

    @property
    def after(self) -> date:
        """A day of the page after."""
        return self.days[-1] + timedelta(days=1)


def this_month(*, by: Actor, refuge: UUID | None = None) -> CalendarPage:
    """The month that is now. ``refuge`` names the house for the desk; its people see their own."""
    return _page(None, whole_month=True, by=by, refuge=refuge)


def month(of: date, *, by: Actor, refuge: UUID | None = None) -> CalendarPage:
    """The month that a date lies in.

    Raises:
        NotFound: no such house, or a month too far away.
    """
    return _page(of, whole_month=True, by=by, refuge=refuge)


def one_day(day: date, *, by: Actor, refuge: UUID | None = None) -> CalendarPage:
    """One date, with whoever has each room by code.

    Raises:
        NotFound: no such house, or a day too far away.
    """
    return _page(day, whole_month=False, by=by, refuge=refuge)


def _page(of: date | None, *, whole_month: bool, by: Actor, refuge: UUID | None) -> CalendarPage:
    if by.role not in LOOKERS:
        raise NotAllowed("The calendar is for the house and the coordinator.")
    with transaction(by=by) as now:
        house = _house(by, refuge)
        today = london_day(now)
        day = of or today
        if abs(day - today) > FARTHEST:
            raise NotFound("This calendar does not go that far.")
        days = availability.month_of(day) if whole_month else [day]
        rooms = db.session.scalars(
            visible_rooms(by)
            .where(Room.refuge_id == house.id, Room.is_open)
            .order_by(func.length(Room.code), Room.code)
        ).all()
        found = availability.by_day(rooms, days, now)
        lines = _lines(rooms, days, found, _who(house, days, now, by))
        return CalendarPage(
            refuge=house.public_id,
            alias=house.alias,
            today=today,
            days=days,
            rooms=lines,
            free=[
                sum(line.days[at].count(BedState.FREE) for line in lines) for at in range(len(days))
            ],
        )


def _house(by: Actor, refuge: UUID | None) -> Refuge:
    query = visible_refuges(by)
    if by.role not in REFUGE:
        query = query.where(Refuge.public_id == refuge)
    house: Refuge | None = db.session.scalar(query)
    if house is None:
        raise NotFound(HOUSE_GONE)
    return house


def _lines(
    rooms: Sequence[Room],
    days: list[date],
    found: dict[int, dict[date, RoomDay]],
    who: dict[int, list[Who]],
) -> list[RoomLine]:
    words = {code: text for code, text in db.session.execute(select(Reason.code, Reason.text))}  # noqa: C416 - a row is no pair to mypy
    lines = []
    for room in rooms:
        shown = [found[room.id][day] for day in days]
        reasons = sorted({words[code] for day in shown for code in day.reasons})
        lines.append(
            RoomLine(
                public_id=room.public_id,
                code=room.code,
                number=room.number,
                kind=room.kind,
                bed_spaces=room.bed_spaces,
                is_shared=room.is_shared,
                days=shown,
                reasons=reasons,
                who=who[room.id],
            )
        )
    return lines


def _who(house: Refuge, days: list[date], now: datetime, by: Actor) -> dict[int, list[Who]]:
    """By room, everybody who has or had it on one of these nights; the look is written down."""
    first, last = night_of(days[0], now), night_of(days[-1], now)
    rows = db.session.execute(
        visible_placements(by)
        .outerjoin(Referral, Referral.id == Placement.referral_id)
        .where(Placement.refuge_id == house.id)
        .where(Placement.during.overlaps(Range(first, last, bounds="[]")))
        .where(Placement.state.in_((*LIVE, PlacementState.DEPARTED)))
        .with_only_columns(Placement, Referral.ref)
        .order_by(Placement.id)
    ).all()
    shown: dict[int, list[Who]] = defaultdict(list)
    for placement, ref in rows:
        leaves_on = placement.expected_departure_on
        shown[placement.room_id].append(
            Who(code=ref or placement.offer_code, state=placement.state, leaves_on=leaves_on)
        )
    if rows:
        seen = sorted({placement.referral_id for placement, _ in rows})
        record(
            Fact.REFERRALS_LISTED,
            by=by,
            refuge_id=house.id,
            detail={"referral_ids": seen, "live": False},
        )
    return shown
