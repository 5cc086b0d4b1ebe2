"""Where a woman plans to move on to, and when each bed is likely to free. Nobody is told to go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.engine import Row

from app.actors import REFUGE, Actor, Role
from app.db import db, transaction
from app.errors import Invalid
from app.events import Fact, record, record_stay
from app.london import london_day
from app.models.beds import Room
from app.models.care import PlannedMove
from app.models.messages import TaskKind
from app.models.placements import Placement, PlacementState
from app.models.reference import ReasonKind
from app.policy import only_for, visible_placements
from app.services.asked import MovePlan
from app.services.choices import Choice, reason_choices, reason_text
from app.services.desk_rooms import RoomShown, rooms_shown
from app.services.extensions import extend
from app.services.recovery import LONGEST, lives_here
from app.services.settling import settle
from app.services.stay_lengths import Curve, read_curve

# What ends a stay and is no plan: nobody arranges for these.
NOBODY_PLANS = {
    *("planned_move", "safety_move", "left_without_word", "departure_hospital"),
    *("departure_arrested", "asked_to_leave", "died", "departure_mistake"),
}


@dataclass(frozen=True, kw_only=True)
class Freeing:
    """When a bed is likely to free.

    ``likely`` is the day of the plan, or else the middle of what other stays say; then
    ``earliest`` and ``latest`` hold 8 in 10 of them. All are None where too little is known.
    ``missed`` is a planned day that has gone by.
    """

    room: str
    likely: date | None
    is_planned: bool
    earliest: date | None
    latest: date | None
    missed: date | None
    destination: str

    @property
    def turn(self) -> date:
        """What the list is sorted by; what is not known comes last."""
        return self.likely or date.max


@dataclass(frozen=True, kw_only=True)
class RoomFreeing:
    """The same with the room as the desk names it; of who lives there nothing."""

    room: RoomShown
    frees: Freeing


def plan_move(public_id: UUID, plan: MovePlan, *, by: Actor) -> None:
    """Write down what she plans; an empty plan takes an older one back.

    Raises:
        NotFound: nobody of this stay lives in this house.
        Invalid: a day gone by or years ahead, no such place, or a later day without its reason.
    """
    only_for(by, *REFUGE)
    with transaction(by=by) as now:
        placement = lives_here(public_id, by)
        day = plan.leaves_on
        if day is not None and not london_day(now) <= day <= london_day(now) + LONGEST:
            raise Invalid("Choose today or a day in the next two years.", field="leaves_on")
        if plan.destination and plan.destination not in dict(destinations()):
            raise Invalid("Choose a place from the list.", field="destination")
        was = placement.expected_departure_on
        if day is not None and was is not None and day > was:
            extend(placement, day, plan.later_because, by=by)
        placement.expected_departure_on = day
        settle(TaskKind.PLAN_PASSED, placement, by=by, now=now)
        db.session.merge(
            PlannedMove(
                placement_id=placement.id,
                refuge_id=placement.refuge_id,
                destination_code=plan.destination or None,
                changed_at=now,
                changed_by_id=by.user_id,
            )
        )
        record_stay(
            Fact.MOVE_PLANNED, placement, by=by, has_day=day is not None, to=plan.destination
        )


def frees_in_house(*, by: Actor) -> list[Freeing]:
    """The rooms of the house in which somebody lives, by when they are likely to free."""
    only_for(by, *REFUGE)
    curve = read_curve()
    with transaction(by=by) as now:
        shown = [freeing_of(placement, room, curve, now) for placement, room in _lived_in(by)]
        return sorted(shown, key=lambda frees: frees.turn)


def frees_everywhere(*, by: Actor) -> list[RoomFreeing]:
    """The same for every house, for the desk; the look is written down."""
    only_for(by, Role.COORDINATOR)
    curve = read_curve()
    with transaction(by=by) as now:
        rooms = rooms_shown(by, now)
        lived_in = _lived_in(by)
        stays: dict[str, object] = {"placements": sorted(each.id for each, _ in lived_in)}
        record(Fact.FORECAST_VIEWED, by=by, detail=stays)
        shown = [
            RoomFreeing(
                room=rooms[placement.room_id], frees=freeing_of(placement, room, curve, now)
            )
            for placement, room in lived_in
        ]
        return sorted(shown, key=lambda each: each.frees.turn)


# Steps that other use cases share; each runs inside the caller's transaction.


def destinations() -> list[Choice]:
    """Where somebody can plan to move on to: codes of departure, so that one answer serves both."""
    return [each for each in reason_choices(ReasonKind.DEPARTURE) if each[0] not in NOBODY_PLANS]


def plan_of(placement: Placement) -> MovePlan:
    """What she plans, as far as it is written down."""
    row = db.session.get(PlannedMove, placement.id)
    to = row.destination_code if row is not None else None
    return MovePlan(leaves_on=placement.expected_departure_on, destination=to or "")


def freeing_of(placement: Placement, room: Room, curve: Curve, now: datetime) -> Freeing:
    """When the bed of this stay is likely to free."""
    plan, day = plan_of(placement), london_day(now)
    is_planned = plan.leaves_on is not None and plan.leaves_on >= day
    ends = None if is_planned else _ends(placement, curve, now)
    return Freeing(
        room=room.code,
        likely=plan.leaves_on if is_planned else ends[1] if ends else None,
        is_planned=is_planned,
        earliest=ends[0] if ends else None,
        latest=ends[2] if ends else None,
        missed=None if is_planned else plan.leaves_on,
        destination=reason_text(plan.destination),
    )


def _ends(placement: Placement, curve: Curve, now: datetime) -> tuple[date, date, date] | None:
    assert placement.arrived_at is not None  # noqa: S101 - only of somebody who has arrived
    left = curve.left((now - placement.arrived_at) / timedelta(days=1))
    if left is None:
        return None
    early, middle, late = (london_day(now) + timedelta(days=days) for days in left)
    return early, middle, late


def _lived_in(by: Actor) -> list[Row[Placement, Room]]:
    query = (
        visible_placements(by)
        .join(Room, Room.id == Placement.room_id)
        .where(Placement.state == PlacementState.ARRIVED)
        .with_only_columns(Placement, Room)
        .order_by(Placement.id)
    )
    return list(db.session.execute(query).all())
