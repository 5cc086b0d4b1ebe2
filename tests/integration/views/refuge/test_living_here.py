"""What follows once she lives here: her right, her support, days of decisions, her plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.care import Identification, PlannedMove, Recovery, RecoveryExtension, Support
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.views.refuge.conftest import Asked, Events

COUNTING_DOWN = re.compile(
    r"days? (left|remain|to go)|overstay|overdue|expire|must leave|\bends? on", re.I
)
WRITES = ("recovery", "decisions", "support", "move")


def rows(model: type[Any]) -> list[Any]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(db.select(model)))


@pytest.fixture
def until(arrived: Asked, run: Run) -> date:
    [frozen] = run(rows, Recovery)
    return frozen.at_least_until  # type: ignore[no-any-return]


def test_her_right_is_a_minimum_and_never_counts_down(bea: Browser, arrived: Asked) -> None:
    page = text_of(bea.get(arrived.stay))

    assert "She has the right to at least 30 days, until at least" in page
    assert "This is a minimum: nobody has to leave when it is over." in page
    assert not COUNTING_DOWN.search(page), page


def test_a_longer_minimum_is_recorded_with_its_reason(
    bea: Browser, arrived: Asked, until: date, run: Run, events: Events
) -> None:
    bea.get(arrived.stay)
    later = until + timedelta(days=20)
    typed = {"until": later.isoformat(), "extension_reason": "recovery_court"}

    assert bea.post(f"{arrived.stay}/recovery", typed).status_code == 303

    page = text_of(bea.get(arrived.stay))
    assert f"until at least {later.day} {later:%B %Y}" in page
    assert "Made longer: she is a witness or has a case in court" in page
    [row] = run(rows, RecoveryExtension)
    assert (row.until_day, row.reason_code) == (later, "recovery_court")
    [event] = events("recovery_extended")
    assert event.detail == {"reason": "recovery_court"}


def test_an_earlier_day_is_refused_and_what_was_typed_is_kept(
    bea: Browser, arrived: Asked, until: date, run: Run
) -> None:
    bea.get(arrived.stay)
    typed = {"until": f"{until:%d/%m/%Y}", "extension_reason": "recovery_court"}

    answer = bea.post(f"{arrived.stay}/recovery", typed)

    assert answer.status_code == 422
    assert "never made shorter" in text_of(answer)
    assert f'value="{until:%d/%m/%Y}"' in answer.get_data(as_text=True)
    assert run(rows, RecoveryExtension) == []


def test_decisions_are_days_and_nothing_else(
    bea: Browser, arrived: Asked, cast: Cast, browser_of: Callable[[str], Browser], run: Run,
    events: Events,
) -> None:  # fmt: skip
    bea.get(arrived.stay)
    typed = {"reasonable_on": "2026-01-05", "outcome": "negative", "number": "12345"}

    assert bea.post(f"{arrived.stay}/decisions", typed).status_code == 303

    assert "received on 5 January 2026" in text_of(bea.get(arrived.stay))
    [row] = run(rows, Identification)
    assert (row.reasonable_on, row.conclusive_on) == (date(2026, 1, 5), None)
    assert set(Identification.__table__.columns.keys()) == {
        *("placement_id", "refuge_id", "reasonable_on", "conclusive_on"),
        *("changed_at", "changed_by_id"),
    }
    [event] = events("decisions_dated")
    assert event.detail == {"first": True, "second": False}
    desk = browser_of(cast.dee.email).get(f"/desk/requests/{arrived.referral.ref}")
    assert "January 2026" not in text_of(desk)
    assert "grounds" not in text_of(desk)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reasonable_on": "31/02/2026"}, "Type a day like"),
        ({"reasonable_on": "2099-01-01"}, "not one to come"),
        ({"reasonable_on": "2026-02-01", "conclusive_on": "2026-01-01"}, "before the first"),
    ],
    ids=["no-day", "to-come", "wrong-order"],
)
def test_a_day_that_cannot_be_is_refused(
    bea: Browser, arrived: Asked, run: Run, typed: dict[str, str], said: str
) -> None:
    bea.get(arrived.stay)

    answer = bea.post(f"{arrived.stay}/decisions", typed)

    assert answer.status_code == 422
    assert said in text_of(answer)
    assert f'value="{typed["reasonable_on"]}"' in answer.get_data(as_text=True)
    assert run(rows, Identification) == []


def test_support_is_written_down_line_by_line(
    bea: Browser, arrived: Asked, run: Run, events: Events
) -> None:
    bea.get(arrived.stay)
    where = f"{arrived.stay}/support"

    assert bea.post(where, {"item": "legal", "state": "offered"}).status_code == 303
    assert bea.post(where, {"item": "health", "state": "declined"}).status_code == 303
    done = {"item": "legal", "state": "done", "on_day": "2026-01-06"}
    assert bea.post(where, done).status_code == 303

    page = text_of(bea.get(arrived.stay))
    assert "A solicitor of her own: Done 6 January 2026" in page
    assert "Doctor and medicines: She said no" in page
    assert {(row.item_code, row.state) for row in run(rows, Support)} == {
        ("legal", "done"),
        ("health", "declined"),
    }
    assert [event.detail for event in events("support_recorded")] == [
        {"item": "legal", "state": "offered"},
        {"item": "health", "state": "declined"},
        {"item": "legal", "state": "done"},
    ]
    for wrong in ({"item": "visit", "state": "done"}, {"item": "legal"}, {"state": "done"}):
        assert bea.post(where, wrong).status_code == 422


def test_a_plan_to_move_on_says_when_and_where_to(
    bea: Browser, arrived: Asked, run: Run, cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    guessed = text_of(bea.get(arrived.stay))
    assert re.search(r"Likely free from \d+ \w+ \d{4} \(8 in 10 between \d", guessed)
    day = date.today() + timedelta(days=40)  # noqa: DTZ011 - a day of the calendar
    typed = {"leaves_on": day.isoformat(), "destination": "private_rent"}

    assert bea.post(f"{arrived.stay}/move", typed).status_code == 303

    said = f"Planned for {day.day} {day:%B %Y} (she rents a home)"
    desk = browser_of(cast.dee.email)
    for page in (
        bea.get(arrived.stay),
        bea.get("/refuge/rooms"),
        desk.get("/desk/freeing"),
        desk.get(f"/desk/requests/{arrived.referral.ref}"),
    ):
        assert said in text_of(page)
        assert not COUNTING_DOWN.search(text_of(page))
    html = bea.get(arrived.stay).get_data(as_text=True)
    assert html.count('<option value="private_rent" selected>') == 2, "planning and leaving"
    assert bea.post(f"{arrived.stay}/move", {}).status_code == 303
    assert "Likely free from" in text_of(bea.get(arrived.stay))
    [row] = run(rows, PlannedMove)
    assert row.destination_code is None


@pytest.mark.parametrize(
    "typed", [{"leaves_on": "2020-01-01"}, {"destination": "died"}, {"destination": "full"}],
    ids=["gone-by", "no-plan", "no-place"],
)  # fmt: skip
def test_what_is_no_plan_is_refused(
    bea: Browser, arrived: Asked, run: Run, typed: dict[str, str]
) -> None:
    bea.get(arrived.stay)

    assert bea.post(f"{arrived.stay}/move", typed).status_code == 422
    assert run(rows, PlannedMove) == []


def test_nobody_else_writes_or_reads_of_her(
    chloe: Browser, not_refuge: Browser, bea: Browser, arrived: Asked
) -> None:
    bea.get(arrived.stay)
    bea.post(f"{arrived.stay}/support", {"item": "legal", "state": "offered"})

    for other in (chloe, not_refuge):
        other.get("/about-the-data")
        for what in WRITES:
            assert other.post(f"{arrived.stay}/{what}").status_code == 404
        assert other.get(arrived.stay).status_code == 404


def test_before_she_comes_and_after_she_has_left_there_is_nothing_of_it(
    bea: Browser, accepted: Asked
) -> None:
    assert "Her right to recover" not in text_of(bea.get(accepted.stay))
    typed = {"item": "legal", "state": "offered"}
    assert bea.post(f"{accepted.stay}/support", typed).status_code == 404

    bea.post(f"{accepted.stay}/arrived")
    bea.post(f"{accepted.stay}/support", typed)
    bea.post(f"{accepted.stay}/depart", {"reason": "own_home"})

    page = text_of(bea.get(accepted.stay))
    assert "Her right to recover" not in page
    assert "solicitor" not in page
    assert bea.post(f"{accepted.stay}/support", typed).status_code == 404
