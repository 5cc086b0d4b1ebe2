"""A planned day of moving on: put off with a reason, and a question once it has passed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid
from app.models.care import StayExtension
from app.models.messages import TaskKind
from app.models.placements import Placement
from app.services import clock, extensions, invariants, moving_on, offers
from app.services.asked import MovePlan
from app.services.recovery import recovery_of
from tests.browser_without_a_window import text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.stays.conftest import Promised, of, request_of, tasks, written

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 25)
NEXT_WEEK = TODAY + timedelta(days=7)
COUNTING_DOWN = re.compile(
    r"days? (left|remain|to go|over)|overstay|overdue|expire|must leave", re.I
)


@pytest.fixture(autouse=True)
def at_noon(run_as_owner: Run, database: str) -> None:
    run_as_owner(clock.shift_to, NOON)


def plan(day: date | None, because: str = "") -> MovePlan:
    return MovePlan(leaves_on=day, destination="council_home", later_because=because)


def kept() -> list[tuple[date, date, str]]:
    with transaction(by=SYSTEM):
        query = select(StayExtension).order_by(StayExtension.to_day)
        return [(row.from_day, row.to_day, row.reason_code) for row in db.session.scalars(query)]


def right_of(stay: Placement) -> Any:
    with transaction(by=SYSTEM):
        return recovery_of(stay)


def test_a_later_day_needs_its_reason_and_each_is_kept(
    lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    stay, bea = lives_at_rowan(), cast.bea.actor
    before = run(right_of, stay)
    run(moving_on.plan_move, stay.public_id, plan(NEXT_WEEK), by=bea)
    for because in ("", "full", "pause_asked"):
        later = plan(NEXT_WEEK + timedelta(days=1), because)
        with pytest.raises(Invalid, match="Say why the day is later") as refused:
            run(moving_on.plan_move, stay.public_id, later, by=bea)
        assert refused.value.field == "later_because"
    assert lives_at_rowan().expected_departure_on == NEXT_WEEK

    run(moving_on.plan_move, stay.public_id, plan(date(2026, 12, 20), "extension_home"), by=bea)
    run(moving_on.plan_move, stay.public_id, plan(date(2026, 12, 10)), by=bea)  # earlier: no reason
    run(moving_on.plan_move, stay.public_id, plan(date(2027, 1, 5), "extension_court"), by=bea)

    assert lives_at_rowan().expected_departure_on == date(2027, 1, 5)
    assert run(kept) == [
        (NEXT_WEEK, date(2026, 12, 20), "extension_home"),
        (date(2026, 12, 10), date(2027, 1, 5), "extension_court"),
    ]
    assert [event.detail for event in run(of, "stay_extended")] == [
        {"reason": "extension_home"},
        {"reason": "extension_court"},
    ]
    assert run(right_of, stay) == before, "her right to recover is a minimum and stays one"
    assert run(invariants.broken) == {}


def test_a_person_is_asked_once_for_each_planned_day_that_has_passed(
    lives_at_rowan: Promised, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    stay = lives_at_rowan()
    run(moving_on.plan_move, stay.public_id, plan(TODAY), by=cast.bea.actor)
    run_as_owner(clock.shift_to, datetime(2026, 11, 25, 23, 59, tzinfo=UTC))
    assert run_as_worker(extensions.ask_after_passed_days) == 0, "the day is not over"
    run_as_owner(clock.shift_to, datetime(2026, 11, 26, 0, 1, tzinfo=UTC))
    assert run_as_worker(extensions.ask_after_passed_days) == 1
    assert run_as_worker(extensions.ask_after_passed_days) == 0

    later = plan(date(2026, 11, 27), "extension_wish")
    run(moving_on.plan_move, stay.public_id, later, by=cast.bea.actor)
    assert run(tasks, TaskKind.PLAN_PASSED) == [True], "a new plan is the answer"
    assert run_as_worker(extensions.ask_after_passed_days) == 0
    run_as_owner(clock.shift_to, datetime(2026, 11, 28, 9, 0, tzinfo=UTC))
    assert run_as_worker(extensions.ask_after_passed_days) == 1
    run(offers.record_departure, stay.public_id, "council_home", by=cast.bea.actor)
    assert run(tasks, TaskKind.PLAN_PASSED) == [True, True]
    assert run_as_worker(extensions.ask_after_passed_days) == 0


APART = (
    "UPDATE placement SET expected_departure_on = expected_departure_on + 3",
    "INSERT INTO stay_extension"
    " (placement_id, refuge_id, from_day, to_day, reason_code, recorded_by_id)"
    " SELECT id, refuge_id, expected_departure_on, expected_departure_on + 3,"
    " 'extension_home', decided_by_id FROM placement",
)


def test_the_database_keeps_a_later_day_and_its_reason_together(
    lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    stay = lives_at_rowan()
    run(moving_on.plan_move, stay.public_id, plan(NEXT_WEEK), by=cast.bea.actor)

    for statement in APART:
        with pytest.raises(Conflict):
            run(written, text(statement), cast.bea.actor)


def test_what_was_put_off_is_her_houses_and_the_desks_to_read_and_nobodys_to_change(
    lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    stay = lives_at_rowan()
    run(moving_on.plan_move, stay.public_id, plan(NEXT_WEEK), by=cast.bea.actor)
    later = plan(date(2026, 12, 20), "extension_health")
    run(moving_on.plan_move, stay.public_id, later, by=cast.bea.actor)

    for who, count in {"bea": 1, "dee": 1, "chloe": 0, "amara": 0, "mara": 0, "ada": 0}.items():
        assert run(seen_by, cast.everybody()[who].actor) == count, who
    for statement in (
        "UPDATE stay_extension SET to_day = to_day + 1",
        "DELETE FROM stay_extension",
    ):
        with pytest.raises(Exception, match="permission denied"):
            run(written, text(statement), cast.bea.actor)


def seen_by(by: Any) -> int:
    with transaction(by=by):
        return len(db.session.scalars(select(StayExtension.id)).all())


def test_the_pages_ask_kindly_and_the_desk_reads_what_helps(
    lives_at_rowan: Promised, cast: Cast, run: Run, run_as_owner: Run, run_as_worker: Run,
    browser_of: Any,
) -> None:  # fmt: skip
    stay = lives_at_rowan()
    page = f"/refuge/stays/{stay.public_id}"
    bea, dee = browser_of(cast.bea.email), browser_of(cast.dee.email)
    bea.get(page)
    assert "If the day is later now" not in text_of(bea.get(page)), "nothing is planned yet"
    assert bea.post(f"{page}/move", {"leaves_on": "2026-11-30"}).status_code == 303
    typed = {"leaves_on": "2026-12-15", "destination": "private_rent"}
    refused = bea.post(f"{page}/move", typed)
    assert refused.status_code == 422
    assert "Say why the day is later" in text_of(refused)
    assert 'value="2026-12-15"' in refused.get_data(as_text=True)
    typed["later_because"] = "extension_council"
    assert bea.post(f"{page}/move", typed).status_code == 303
    said = "Put off from 30 November 2026 to 15 December 2026: the council or a landlord"
    assert said in text_of(bea.get(page))
    assert "Planned days that have passed" not in text_of(dee.get("/desk/freeing"))

    run_as_owner(clock.shift_to, datetime(2026, 12, 17, 9, 0, tzinfo=UTC))
    run_as_worker(extensions.ask_after_passed_days)

    bea, dee = browser_of(cast.bea.email), browser_of(cast.dee.email)
    house, tonight = text_of(bea.get(page)), text_of(bea.get("/refuge/"))
    assert "The planned day, 15 December 2026, has passed. Is the plan still right?" in house
    assert "has passed: is the plan still right?" in tonight
    freeing = text_of(dee.get("/desk/freeing"))
    assert "Planned days that have passed (1)" in freeing
    assert "ask the landlord or the council" in freeing
    needs_a_person = text_of(dee.get("/desk/tasks"))
    assert "A planned day has passed" in needs_a_person
    for read in (house, tonight, freeing):
        assert not COUNTING_DOWN.search(read), read
    assert run(request_of, stay).state == "resident"
