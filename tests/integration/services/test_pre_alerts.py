"""Pre-alerts: told in confidence, rehearsed beside those who wait, and ended once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed
from app.models.pre_alerts import PreAlert
from app.services import clock, invariants, matching, pre_alerts
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral
from tests.integration.services.expected import coming, events_of, now_is, reserved_at


def rehearsed(run: Run, cast: Cast, alert: UUID) -> pre_alerts.Rehearsed:
    found = run(pre_alerts.show_pre_alert, alert, by=cast.dee.actor).alert.rehearsed
    assert found is not None
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(("women", "waiting", "placed"), [(3, 0, 3), (6, 0, 4), (6, 1, 3)])
def test_the_rehearsal_counts_beds_beside_those_who_wait(
    told: Any, cast: Cast, run: Run, run_as_worker: Run, women: int, waiting: int, placed: int
) -> None:
    """Rowan and Cedar have two rooms each."""
    for _ in range(waiting):
        run(make_referral, cast.amara.actor)
    alert = told(women_most=women)

    assert run_as_worker(matching.rehearse) == 1

    found = rehearsed(run, cast, alert)
    assert (found.women, found.placed, found.rooms_kept) == (women, placed, placed)
    assert sum(count for _, count in found.shortages) >= women - placed
    assert bool(found.shortages) == (women > placed)
    assert found.is_proven


def test_the_rehearsal_says_which_need_is_short(
    told: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    alert = told(women_most=2, women_least=2, needs=("wheelchair",), with_children=1)

    run_as_worker(matching.rehearse)

    found = rehearsed(run, cast, alert)
    assert found.short == 2
    ((said, women),) = found.shortages
    assert women == 2
    assert "wheelchair" in said.lower()


def test_two_operations_do_not_count_on_the_same_rooms(
    told: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    alerts = [told(women_least=1, women_most=3) for _ in range(2)]

    assert run_as_worker(matching.rehearse) == 2

    both = [rehearsed(run, cast, alert) for alert in alerts]
    assert sum(each.placed for each in both) == 4
    assert len(run(reserved_at, run(now_is))) == 4


def test_nobody_of_a_rehearsal_becomes_a_request_or_a_line(
    told: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    told()
    run_as_worker(matching.rehearse)
    run_as_worker(matching.make_plan)

    def counts() -> list[int]:
        with transaction(by=SYSTEM):
            tables = ("referral", "placement", "plan_line", "message")
            return [
                db.session.scalars(text(f"SELECT count(*) FROM {table}")).one() for table in tables
            ]

    assert run_as_worker(counts) == [0, 0, 0, 0]
    assert run(invariants.broken) == {}


def test_an_alert_whose_time_has_passed_is_shown_as_ended_before_the_sweep(
    told: Any, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    alert = told()
    run_as_owner(clock.shift_by, timedelta(hours=6, seconds=1))

    shown = run(pre_alerts.show_pre_alert, alert, by=cast.dee.actor).alert

    assert shown.ended_how == "expired"
    assert run(pre_alerts.list_pre_alerts, by=cast.dee.actor)[0] == []
    with pytest.raises(Conflict):
        run(pre_alerts.cancel, alert, by=cast.dee.actor)


def _jobs() -> set[str]:
    with transaction(by=SYSTEM):
        return set(db.session.scalars(text("SELECT task_name FROM procrastinate_jobs")))


def _nothing_in_line() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text("DELETE FROM procrastinate_jobs"))


def test_a_rehearsal_follows_each_plan_and_asks_for_a_plan_once(
    told: Any, run: Run, run_as_worker: Run
) -> None:
    told()
    assert run(_jobs) == {"rehearse"}
    run_as_worker(_nothing_in_line)

    run_as_worker(matching.rehearse)
    assert run(_jobs) == {"plan"}
    run_as_worker(_nothing_in_line)
    run_as_worker(matching.make_plan)
    assert "rehearse" in run(_jobs)
    run_as_worker(_nothing_in_line)
    run_as_worker(matching.rehearse)
    assert run(_jobs) == set()


def test_a_quiet_night_is_rehearsed_again(
    told: Any, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    assert run_as_worker(matching.rehearse_if_due) is False
    told()
    assert run_as_worker(matching.rehearse_if_due) is True
    run_as_worker(matching.rehearse)
    assert run_as_worker(matching.rehearse_if_due) is False
    run_as_owner(clock.shift_by, timedelta(minutes=11))
    assert run_as_worker(matching.rehearse_if_due) is True


def test_an_alert_that_ends_while_it_is_rehearsed_keeps_nothing(
    told: Any, cast: Cast, run: Run, run_as_worker: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = told()
    solve = allocation.solve

    def overtaken(problem: allocation.Problem, *, seconds: float) -> allocation.Plan:
        run(pre_alerts.cancel, alert, by=cast.dee.actor)
        return solve(problem, seconds=seconds)

    monkeypatch.setattr(allocation, "solve", overtaken)

    assert run_as_worker(matching.rehearse) == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expected_until": timedelta(hours=-1)}, "until_time"),
        ({"expected_until": timedelta(days=9)}, "until_day"),
        ({"region": "E99"}, "region"),
        ({"languages": ("xx-none",)}, "languages"),
        ({"needs": ("a_castle",)}, "needs"),
    ],
)
def test_what_cannot_be_is_refused(
    cast: Cast, run: Run, changes: dict[str, Any], field: str
) -> None:
    now = run(now_is)
    if "expected_until" in changes:
        end = now + changes["expected_until"]
        changes = {"expected_until": end, "expected_from": end - timedelta(hours=1)}

    with pytest.raises(Invalid) as refused:
        run(pre_alerts.record_pre_alert, coming(now, **changes), by=cast.dee.actor)

    assert refused.value.field == field


def test_a_form_sent_twice_is_one_pre_alert(cast: Cast, run: Run) -> None:
    new = coming(run(now_is))

    made = {run(pre_alerts.record_pre_alert, new, by=cast.dee.actor) for _ in range(2)}

    assert len(made) == 1
    assert len(run(events_of, "pre_alert_recorded")) == 1


@pytest.mark.parametrize("who", ["amara", "sergeant", "bea", "chloe", "mara", "ada"])
def test_it_is_the_desks_alone(told: Any, cast: Cast, run: Run, who: str) -> None:
    alert = told()
    other = cast.everybody()[who].actor

    for use_case, args in (
        (pre_alerts.list_pre_alerts, ()),
        (pre_alerts.show_pre_alert, (alert,)),
        (pre_alerts.cancel, (alert,)),
        (pre_alerts.they_are_here, (alert, ["R-2222222"])),
        (pre_alerts.record_pre_alert, (coming(run(now_is)),)),
    ):
        with pytest.raises(NotAllowed):
            run(use_case, *args, by=other)

    def visible() -> int:
        from app.policy import visible_pre_alerts

        with transaction(by=other):
            return len(db.session.scalars(visible_pre_alerts(other)).all())

    assert run(visible) == 0


def test_the_database_refuses_a_half_ended_alert(told: Any, run_as_owner: Run) -> None:
    told()

    def half_end() -> None:
        with transaction(by=SYSTEM):
            db.session.scalars(select(PreAlert)).one().ended_how = "cancelled"  # type: ignore[assignment]

    with pytest.raises(Conflict):
        run_as_owner(half_end)
