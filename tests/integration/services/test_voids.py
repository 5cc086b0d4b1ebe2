"""Rooms out of use by date, made ready after a departure, and the plan that is told of both."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import outbox
from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.beds import BedUse, CostOwner, RoomWindow, Void
from app.models.placements import Placement, PlacementState
from app.services import bed_calls, invariants, offers, snapshot, surge, tonight, voids
from app.services.clock import shift_by
from app.services.void_steps import Terms
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import (
    accept,
    make_referral,
    offer_room,
    placement_of,
    room_of,
    rooms_need_no_time,
)

DAY = timedelta(days=1)


class Rowan:
    """Bea's house: room 1 with one bed, room 2 with three and a cot."""

    def __init__(self, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run) -> None:
        self.cast, self.run, self.work, self.owner = cast, run, run_as_worker, run_as_owner
        self.bea = cast.bea.actor
        self.two = run(room_of, "Rowan", "2").public_id

    def later(self, by: timedelta) -> datetime:
        return self.run(_now) + by  # type: ignore[no-any-return]

    def goes(self, by: timedelta) -> None:
        """Time passes, and the worker's sweep runs."""
        self.owner(shift_by, by)
        self.work(voids.keep_time)

    def offered(self) -> bool:
        """Whether the plan is told of room 2, and the front page counts its three beds."""
        found = "room-2" in self.run(_offered)
        assert self.run(tonight.tonight).free_beds == (8 if found else 5)
        return found

    def lives_there(self) -> Placement:
        ref = self.run(make_referral, self.cast.amara.actor).ref
        self.run(offer_room, ref, by=self.cast.dee.actor, room=self.two)
        self.run(accept, self.run(placement_of, ref), by=self.bea)
        stay: Placement = self.run(placement_of, ref)
        self.run(offers.record_arrival, stay.public_id, by=self.bea)
        return stay

    def leaves(self, stay: Placement) -> None:
        self.run(offers.record_departure, stay.public_id, "planned_move", by=self.bea)

    def voids(self) -> list[Void]:
        return list(self.run(_voids))


@pytest.fixture
def rowan(cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run) -> Rowan:
    return Rowan(cast, run, run_as_worker, run_as_owner)


def test_a_closure_with_an_end_ends_by_itself(rowan: Rowan) -> None:
    terms = Terms(until=rowan.later(2 * DAY), cost_owner=CostOwner.LANDLORD)
    rowan.run(voids.start_void, rowan.two, "repair", by=rowan.bea, terms=terms)
    before = rowan.offered()
    rowan.owner(shift_by, 2 * DAY)
    free_before_the_sweep = rowan.offered()
    rowan.work(voids.keep_time)

    [void] = rowan.voids()
    assert (before, free_before_the_sweep) == (False, True)
    assert (void.ended_at, void.cost_owner) == (terms.until, "landlord")
    assert rowan.work(voids.keep_time) == 0
    rowan.run(voids.start_void, rowan.two, "pests", by=rowan.bea)
    assert rowan.run(invariants.broken) == {}


def test_one_that_is_over_is_never_stretched_over_whoever_came_since(rowan: Rowan) -> None:
    terms = Terms(until=rowan.later(2 * DAY))
    void = rowan.run(voids.start_void, rowan.two, "repair", by=rowan.bea, terms=terms)
    rowan.owner(shift_by, 3 * DAY)  # the sweep has not run
    rowan.lives_there()
    called = rowan.run(bed_calls.call_free, 2, by=rowan.bea)
    rowan.run(voids.end_void, void, by=rowan.bea)

    assert called.became == "taken"
    assert rowan.voids()[0].ended_at == terms.until
    assert rowan.run(invariants.broken) == {}


def test_whoever_changes_one_room_at_once_waits_for_the_other(rowan: Rowan, app: Flask) -> None:
    def call(number: int) -> str:
        with app.app_context():
            if number % 3 == 0:
                return bed_calls.call_free(2, by=rowan.bea).became
            if number % 3 == 1:
                sid = f"SM{number:032x}"
                return bed_calls.call_out(2, "repair", None, by=rowan.bea, message_sid=sid).became
            try:
                voids.start_void(rowan.two, "pests", by=rowan.bea)
            except Conflict:
                return "refused"
            return "started"

    with ThreadPoolExecutor(6) as pool:
        said = set(pool.map(call, range(24)))

    assert said <= {"done", "started", "refused"}
    assert rowan.run(invariants.broken) == {}


def test_a_planned_closure_keeps_no_bed_until_its_day_draws_near(rowan: Rowan) -> None:
    terms = Terms(starts_at=rowan.later(10 * DAY), until=rowan.later(12 * DAY))
    rowan.run(voids.start_void, rowan.two, "repair", by=rowan.bea, terms=terms)
    with pytest.raises(Conflict, match="to be closed"):
        rowan.run(voids.start_void, rowan.two, "pests", by=rowan.bea, terms=terms)

    seen = [rowan.offered()]
    rowan.goes(8 * DAY)  # 3 days' notice: whoever comes now would stay longer
    seen.append(rowan.offered())
    rowan.goes(2 * DAY + timedelta(minutes=1))
    seen.append(rowan.offered())
    begun = rowan.voids()[0].begun_at
    rowan.goes(2 * DAY)
    seen.append(rowan.offered())

    assert seen == [True, False, False, True]
    assert begun is not None


def test_a_planned_closure_waits_for_whoever_lives_there(rowan: Rowan) -> None:
    terms = Terms(starts_at=rowan.later(10 * DAY))
    rowan.run(voids.start_void, rowan.two, "repair", by=rowan.bea, terms=terms)
    stay = rowan.lives_there()
    rowan.goes(11 * DAY)
    waits = rowan.voids()[0].begun_at
    rowan.leaves(stay)
    [_, turnaround] = rowan.voids()
    rowan.goes(timedelta(hours=3, minutes=1))

    assert (waits, turnaround.reason_code) == (None, "turnaround")
    assert rowan.voids()[0].begun_at is not None
    assert not rowan.offered()
    rowan.work(outbox.expire_unsent)
    assert rowan.run(invariants.broken) == {}


def test_one_that_never_could_begin_is_over_when_its_time_is(rowan: Rowan) -> None:
    stay = rowan.lives_there()
    terms = Terms(starts_at=rowan.later(DAY), until=rowan.later(2 * DAY))
    rowan.run(voids.start_void, rowan.two, "repair", by=rowan.bea, terms=terms)
    rowan.goes(3 * DAY)

    [void] = rowan.voids()
    assert (void.begun_at, void.ended_at) == (None, terms.until)
    rowan.run(offers.record_departure, stay.public_id, "planned_move", by=rowan.bea)


def test_a_room_is_made_ready_after_a_departure_and_not_before_it_is_offered(
    rowan: Rowan, run_as_owner: Run
) -> None:
    stay = rowan.lives_there()
    rowan.leaves(stay)
    [void] = rowan.voids()
    seen = [rowan.offered()]
    rowan.goes(timedelta(hours=3, minutes=1))
    seen.append(rowan.offered())

    assert void.reason_code == "turnaround"
    assert void.during.upper == void.until
    assert void.until == void.during.lower + timedelta(hours=3)  # type: ignore[operator]
    assert seen == [False, True]

    again = rowan.lives_there()
    run_as_owner(rooms_need_no_time)
    rowan.leaves(again)
    assert rowan.offered()


def test_nobody_is_put_into_a_room_that_is_made_ready(rowan: Rowan) -> None:
    rowan.leaves(rowan.lives_there())
    ref = rowan.run(make_referral, rowan.cast.amara.actor).ref
    with pytest.raises(Conflict):
        rowan.run(offer_room, ref, by=rowan.cast.dee.actor, room=rowan.two)
    # The database itself says no, whatever the code forgets.
    with pytest.raises(Conflict, match="just been taken"):
        rowan.run(_take_anyway)


def test_a_change_keeps_what_was_said_before(rowan: Rowan) -> None:
    first = rowan.run(voids.start_void, rowan.two, "repair", by=rowan.bea)
    terms = Terms(until=rowan.later(5 * DAY), cost_owner=CostOwner.INSURER)
    rowan.run(voids.change_void, first, terms, by=rowan.bea)

    kept = rowan.voids()
    assert [v.cost_owner for v in kept] == ["not_said", "insurer"]
    assert kept[0].ended_at == kept[1].begun_at
    assert not rowan.offered()
    with pytest.raises(Conflict):
        rowan.run(voids.change_void, first, terms, by=rowan.bea)


def test_impossible_times_and_strangers_are_refused(rowan: Rowan) -> None:
    for terms in (
        Terms(until=rowan.later(-DAY)),
        Terms(starts_at=rowan.later(2 * DAY), until=rowan.later(DAY)),
        Terms(starts_at=rowan.later(400 * DAY)),
        Terms(until=rowan.later(400 * DAY)),
    ):
        with pytest.raises(Invalid):
            rowan.run(voids.start_void, rowan.two, "repair", by=rowan.bea, terms=terms)
    with pytest.raises(Invalid):
        rowan.run(voids.start_void, rowan.two, "turnaround", by=rowan.bea)
    void = rowan.run(voids.start_void, rowan.two, "repair", by=rowan.bea)
    with pytest.raises(NotFound):
        rowan.run(voids.change_void, void, Terms(), by=rowan.cast.chloe.actor)
    with pytest.raises(NotAllowed):
        rowan.run(voids.change_void, void, Terms(), by=rowan.cast.mara.actor)


def test_a_surge_place_is_offered_only_within_its_window(
    rowan: Rowan, run_as_owner: Run, cast: Cast
) -> None:
    run_as_owner(_make_surge)
    seen = [rowan.offered()]
    window = rowan.run(
        surge.open_window, rowan.two, rowan.later(DAY), rowan.later(3 * DAY),
        by=cast.rowan_manager.actor,
    )  # fmt: skip
    seen.append(rowan.offered())
    rowan.goes(DAY + timedelta(minutes=1))
    seen.append(rowan.offered())
    stay = rowan.lives_there()
    rowan.run(surge.close_window, window, by=cast.dee.actor)

    assert seen == [False, False, True]
    assert rowan.run(placement_of, _ref(rowan, stay)).state == "arrived"
    rowan.leaves(stay)
    rowan.goes(timedelta(hours=4))
    assert not rowan.offered()
    assert rowan.run(_windows)[0].during.upper < rowan.later(timedelta())


def test_windows_are_the_managers_and_the_desks_and_never_overlap(
    rowan: Rowan, run_as_owner: Run, cast: Cast
) -> None:
    now, soon = rowan.later(timedelta()), rowan.later(DAY)
    with pytest.raises(Conflict, match="all year"):
        rowan.run(surge.open_window, rowan.two, now, soon, by=cast.dee.actor)
    run_as_owner(_make_surge)
    with pytest.raises(NotAllowed):
        rowan.run(surge.open_window, rowan.two, now, soon, by=cast.bea.actor)
    with pytest.raises(NotFound):
        rowan.run(surge.open_window, rowan.two, now, soon, by=cast.chloe.actor)
    with pytest.raises(Invalid):
        rowan.run(surge.open_window, rowan.two, soon, now, by=cast.dee.actor)
    rowan.run(surge.open_window, rowan.two, now, soon, by=cast.dee.actor)
    with pytest.raises(Conflict, match="open for part of that time"):
        rowan.run(surge.open_window, rowan.two, now, None, by=cast.dee.actor)


def _ref(rowan: Rowan, stay: Placement) -> str:
    def read() -> str:
        from app.models.referrals import Referral

        with transaction(by=SYSTEM):
            return db.session.get_one(Referral, stay.referral_id).ref

    return str(rowan.run(read))


def _now() -> datetime:
    with transaction(by=SYSTEM) as now:
        return now


def _offered() -> set[str]:
    with transaction(by=SYSTEM) as now:
        problem = snapshot.take(now).problem
        return {room["id"] for refuge in problem["refuges"] for room in refuge["rooms"]}


def _voids() -> list[Void]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Void).order_by(Void.id)))


def _windows() -> list[RoomWindow]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(RoomWindow)))


def _make_surge() -> None:
    from app.models.beds import Room, RoomKind

    with transaction(by=SYSTEM):
        db.session.execute(update(Room).where(Room.id == 2).values(kind=RoomKind.SURGE))


def _take_anyway() -> None:
    """A writer that skips every lock and every rule of ours."""
    with transaction(by=SYSTEM) as now:
        stay: Any = db.session.scalars(
            select(Placement).where(Placement.state == PlacementState.DEPARTED)
        ).one()
        kept = db.session.scalars(select(BedUse).where(BedUse.void_id.is_not(None))).first()
        assert kept is not None
        void = Void(
            refuge_id=stay.refuge_id,
            room_id=stay.room_id,
            reason_code="repair",
            begun_at=now,
            during=kept.during,
        )
        db.session.add(void)
        db.session.flush()
        db.session.add(
            BedUse(
                bed_id=kept.bed_id,
                refuge_id=kept.refuge_id,
                void_id=void.id,
                live=True,
                during=kept.during,
            )
        )
