"""What each room is on any date: what was, what is, and what is known of what is to come."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Invalid, NotFound
from app.london import LONDON
from app.models.beds import Room, RoomKind
from app.services import availability, houses, moving_on, offers, surge, voids
from app.services.asked import MovePlan
from app.services.availability import RoomDay
from app.services.clock import shift_by, shift_to
from app.services.void_steps import Terms
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of

DAY = timedelta(days=1)
NOON = datetime(2026, 12, 7, 12, tzinfo=LONDON)


def night(days: int, hour: int = 0) -> datetime:
    """The first minute of a day of the story, or an hour of it."""
    return NOON.replace(hour=hour) + days * DAY


def on(days: int) -> date:
    return (NOON + days * DAY).date()


@pytest.fixture(autouse=True)
def december(run_as_owner: Run, cast: Cast) -> None:
    run_as_owner(shift_to, NOON)


def _days(code: str, first: int, count: int) -> list[str]:
    days = [on(first + step) for step in range(count)]
    with transaction(by=SYSTEM) as now:
        rooms = db.session.scalars(select(Room).where(Room.code == code, Room.refuge_id == 1)).all()
        found = availability.by_day(rooms, days, now)[rooms[0].id]
    return [_word(found[day]) for day in days]


def _word(day: RoomDay) -> str:
    counts = " ".join(f"{state}:{count}" for state, count in day.beds)
    return f"{counts} {' '.join(day.reasons)}".strip()


def test_voids_planned_and_begun_on_every_date(cast: Cast, run: Run, run_as_owner: Run) -> None:
    room = run(room_of, "Rowan", "1").public_id
    bea = cast.bea.actor
    run(voids.start_void, room, "cleaning", by=bea, terms=Terms(until=night(2)))
    terms = Terms(starts_at=night(5), until=night(7))
    run(voids.start_void, room, "repair", by=bea, terms=terms)

    assert run(_days, "1", 0, 8) == [
        "void:1 cleaning",
        "void:1 cleaning",
        *["free:1"] * 3,
        *["void:1 repair"] * 2,
        "free:1",
    ]
    run_as_owner(shift_by, 3 * DAY)
    assert run(_days, "1", -1, 5) == [
        "free:1",
        "void:1 cleaning",
        "void:1 cleaning",
        "free:1",
        "free:1",
    ]


def test_a_stay_an_expected_departure_and_what_was(cast: Cast, run: Run, run_as_owner: Run) -> None:
    bea = cast.bea.actor
    ref = run(make_referral, cast.amara.actor).ref
    room = run(room_of, "Rowan", "2").public_id
    run(offer_room, ref, by=cast.dee.actor, room=room)
    held = run(_days, "2", 0, 2)
    run(accept, run(placement_of, ref), by=bea)
    booked = run(_days, "2", 0, 2)
    run_as_owner(shift_by, DAY)
    stay = run(placement_of, ref).public_id
    with pytest.raises(NotFound):
        run(moving_on.plan_move, stay, MovePlan(leaves_on=on(4)), by=bea)
    run(offers.record_arrival, stay, by=bea)
    run(moving_on.plan_move, stay, MovePlan(leaves_on=on(4)), by=bea)

    assert (held, booked) == (["held:3"] * 2, ["booked:3"] * 2)
    assert run(_days, "2", 0, 6) == ["booked:3", *["occupied:3"] * 3, *["expected:3"] * 2]
    [woman] = run(houses.tonight, by=bea).living_here
    assert woman.leaves_on == on(4)

    with pytest.raises(Invalid):
        run(moving_on.plan_move, stay, MovePlan(leaves_on=on(0)), by=bea)
    with pytest.raises(NotFound):
        run(moving_on.plan_move, stay, MovePlan(leaves_on=on(9)), by=cast.chloe.actor)
    run(voids.start_void, room, "repair", by=bea, terms=Terms(starts_at=night(5)))
    assert run(_days, "2", 3, 3) == ["occupied:3", "expected:3", "void:3 repair"]
    run(moving_on.plan_move, stay, MovePlan(leaves_on=None), by=bea)
    assert run(_days, "2", 3, 4) == ["occupied:3"] * 4

    run_as_owner(shift_by, 5 * DAY)  # a date that has passed puts nobody out
    run(moving_on.plan_move, stay, MovePlan(leaves_on=on(6)), by=bea)
    run_as_owner(shift_by, 3 * DAY)
    assert run(_days, "2", 8, 3) == ["occupied:3"] * 3
    run(offers.record_departure, stay, "planned_move", by=bea)
    assert run(_days, "2", 7, 3) == ["occupied:3", "occupied:3", "void:3 repair"]


def test_a_shared_room_is_counted_bed_by_bed(cast: Cast, run: Run, run_as_owner: Run) -> None:
    run_as_owner(_share_room_two)
    room = run(room_of, "Rowan", "2").public_id
    ref = run(make_referral, cast.amara.actor, may_share=True).ref
    run(offer_room, ref, by=cast.dee.actor, room=room)
    terms = Terms(until=night(1, hour=15))
    run(voids.start_void, room, "short_of_staff", by=cast.bea.actor, terms=terms)

    assert run(_days, "2", 0, 2) == ["held:1 void:2 short_of_staff", "held:1 free:2"]


def test_a_surge_place_is_closed_outside_its_windows(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    run_as_owner(_make_surge)
    room = run(room_of, "Rowan", "2").public_id
    run(surge.open_window, room, night(2), night(4), by=cast.rowan_manager.actor)

    assert run(_days, "2", 0, 5) == [*["closed:3"] * 2, *["free:3"] * 2, "closed:3"]


def test_a_month_has_its_days() -> None:
    assert len(availability.month_of(date(2028, 2, 11))) == 29
    assert availability.month_of(date(2026, 12, 31))[-1] == date(2026, 12, 31)


def _share_room_two() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(update(Room).where(Room.id == 2).values(is_shared=True))


def _make_surge() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(update(Room).where(Room.id == 2).values(kind=RoomKind.SURGE))
