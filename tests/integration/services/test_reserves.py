"""Soft reserves: gone round where another room is as good, never withheld, let go to the minute."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, NotFound
from app.models.beds import Room
from app.models.plans import PlanLine
from app.models.referrals import Referral
from app.services import clock, invariants, matching, pre_alerts
from app.services.asked import NewChild
from app.services.matching.pricing import look_ahead
from app.services.snapshot import take
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, make_refuge, room_of
from tests.integration.services.expected import events_of, now_is, reserved_at

ABOVE_SCARCITY = 7  # levels: priorities 1 to 4, waiting, standing offers, wishes


def figures(*, with_reserves: bool) -> tuple[list[int], set[str]]:
    """The figures of the best plan above the scarcity level, and who is placed."""
    with transaction(by=SYSTEM) as now:
        night = look_ahead(take(now).problem, now, with_reserved=with_reserves)
    plan = allocation.solve(allocation.parse_problem(night), seconds=5)
    assert plan.status == "optimal"
    placed = {each.household for each in plan.placements}
    return [figure.value for figure in plan.objective][:ABOVE_SCARCITY], placed


def proposed(ref: str) -> Room | None:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(Room)
            .join(PlanLine, PlanLine.room_id == Room.id)
            .join(Referral, Referral.id == PlanLine.referral_id)
            .where(Referral.ref == ref)
            .order_by(PlanLine.id.desc())
        ).first()


def test_the_plan_goes_round_a_reserved_room_where_another_is_as_good(
    told: Any, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_owner(make_refuge, "Alder", organisation_id=1, rooms=(("1", 1, 0, False),))
    told(women_least=1, women_most=1)
    run_as_worker(matching.rehearse)
    kept = run(reserved_at, run(now_is))
    ref = run(make_referral, cast.amara.actor).ref

    run_as_worker(matching.make_plan)

    room = run(proposed, ref)
    assert len(kept) == 1
    assert room is not None
    assert room.id not in kept


@pytest.mark.parametrize("expected", [1, 2, 3, 4])
@pytest.mark.parametrize("waiting", [1, 3, 5])
def test_a_reserve_never_leaves_anybody_out_and_never_costs_a_wish(
    told: Any, cast: Cast, run: Run, run_as_worker: Run, expected: int, waiting: int
) -> None:
    told(women_least=1, women_most=expected)
    run_as_worker(matching.rehearse)
    assert len(run(reserved_at, run(now_is))) == expected
    for number in range(waiting):
        children = (NewChild(age=4, sex="f"),) * (number % 2)
        run(make_referral, cast.amara.actor, children=children, language=("sq", "vi")[number % 2])

    with_it, without_it = (run_as_worker(figures, with_reserves=each) for each in (True, False))

    assert with_it[0] == without_it[0]
    assert len(with_it[1]) == len(without_it[1]) == min(waiting, 4)


def test_a_woman_who_is_here_takes_the_last_reserved_room(
    told: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    told(women_most=4)
    run_as_worker(matching.rehearse)
    refs = [run(make_referral, cast.amara.actor).ref for _ in range(4)]

    plan = run_as_worker(matching.make_plan)

    assert all(run(proposed, ref) for ref in refs)
    outcome = run(matching.confirm_plan, plan, refs, by=cast.dee.actor)
    assert sorted(outcome.offered) == sorted(refs)
    assert run(invariants.broken) == {}


def test_a_reserve_ends_at_its_very_minute_swept_or_not(
    told: Any, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    end = run(now_is) + timedelta(hours=6)
    told(expected_until=end)
    run_as_worker(matching.rehearse)

    assert len(run(reserved_at, end - timedelta(microseconds=1))) == 4
    assert run(reserved_at, end) == set()

    assert run_as_worker(pre_alerts.expire) == 0
    run_as_owner(clock.shift_by, timedelta(hours=6))
    assert run_as_worker(pre_alerts.expire) == 1
    assert run_as_worker(pre_alerts.expire) == 0
    assert len(run(events_of, "pre_alert_expired")) == 1
    assert run_as_worker(matching.rehearse) == 0


def test_their_requests_let_the_reserve_go(
    told: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    before = run(make_referral, cast.amara.actor).ref
    alert = told()
    run_as_worker(matching.rehearse)
    refs = [run(make_referral, cast.amara.actor).ref for _ in range(2)]
    page = run(pre_alerts.show_pre_alert, alert, by=cast.dee.actor)
    assert [ref for ref, _ in page.candidates] == refs
    assert before not in refs

    run(pre_alerts.they_are_here, alert, refs, by=cast.dee.actor)

    assert run(reserved_at, run(now_is)) == set()
    assert run(pre_alerts.show_pre_alert, alert, by=cast.dee.actor).arrived == refs
    (detail,) = run(events_of, "pre_alert_arrived")
    assert len(detail["referral_ids"]) == 2
    with pytest.raises(Conflict):
        run(pre_alerts.they_are_here, alert, refs, by=cast.dee.actor)
    second = told()
    assert run(pre_alerts.show_pre_alert, second, by=cast.dee.actor).candidates == []
    with pytest.raises(Conflict):
        run(pre_alerts.they_are_here, second, refs, by=cast.dee.actor)
    with pytest.raises(NotFound):
        run(pre_alerts.they_are_here, second, ["R-2222222"], by=cast.dee.actor)


def test_calling_it_off_lets_the_reserve_go(
    told: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    alert = told()
    run_as_worker(matching.rehearse)

    run(pre_alerts.cancel, alert, by=cast.dee.actor)

    assert run(reserved_at, run(now_is)) == set()
    assert len(run(events_of, "pre_alert_cancelled")) == 1
    assert run_as_worker(matching.rehearse) == 0


def test_no_reason_or_price_that_people_read_names_a_reserve(
    told: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    told(women_least=1, women_most=2)
    run_as_worker(matching.rehearse)
    for needs in ((), ("wheelchair",)):
        run(make_referral, cast.amara.actor, needs=needs)
    run_as_worker(matching.make_plan)
    run_as_worker(matching.explain_newest_plan)

    def said() -> str:
        with transaction(by=SYSTEM):
            lines = db.session.scalars(select(PlanLine)).all()
            return repr([(each.reasons, each.unlock, each.alternatives) for each in lines])

    def told_engine() -> str:
        with transaction(by=SYSTEM):
            newest = matching.newest_run()
            assert newest is not None
            return repr(newest.problem)

    assert "reserve:" in run_as_worker(told_engine)
    assert "reserve" not in run_as_worker(said)


def test_plans_with_a_reserve_can_be_made_again(
    told: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    told()
    run_as_worker(matching.rehearse)
    run(make_referral, cast.amara.actor)

    made = run_as_worker(matching.make_plan)

    assert run_as_worker(matching.replay, made).verdict is matching.Verdict.SAME


def test_rooms_are_kept_for_a_room_that_exists(cast: Cast, run: Run, run_as_worker: Run,
                                               told: Any) -> None:  # fmt: skip
    told(women_least=1, women_most=1)
    run_as_worker(matching.rehearse)
    rooms = {run(room_of, alias, code).id for alias in ("Rowan", "Cedar") for code in ("1", "2")}

    assert run(reserved_at, run(now_is)) <= rooms
