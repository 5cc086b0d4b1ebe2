"""The pages of a pre-alert: what was typed stays, numbers are said, and nobody else reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from app.authz import matrix
from app.london import LONDON
from app.services import matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral
from tests.integration.services.expected import now_is
from tests.integration.test_access import _path, _rules
from tests.integration.views.coordinator.conftest import events_of

NEW = "/desk/pre-alerts/new"


@pytest.fixture
def typed(run: Run) -> dict[str, Any]:
    """8 to 12 women in London, two of them with a child, from tomorrow at five to nine."""
    tomorrow = (run(now_is).astimezone(LONDON) + timedelta(days=1)).date().isoformat()
    return {
        "form_key": str(uuid4()),
        "women_least": "8",
        "women_most": "12",
        "with_children": "2",
        "region": "E12000007",
        "languages": ["sq", "vi"],
        "other_language": "yo",
        "needs": ["staff_24h"],
        "from_day": tomorrow,
        "from_time": "5.00",
        "until_day": tomorrow,
        "until_time": "0900",
    }


@pytest.fixture
def alert(desk: Browser, typed: dict[str, Any]) -> str:
    """The page of a pre-alert that has just been recorded."""
    desk.get(NEW)
    response = desk.post(NEW, typed)
    assert response.status_code == 303
    return str(response.location)


def test_it_is_recorded_rehearsed_and_said(
    desk: Browser, alert: str, run_as_worker: Run, cast: Cast, run: Run
) -> None:
    before = text_of(desk.get(alert))
    assert "8 to 12 women expected" in before
    assert "tomorrow 05:00" in before
    assert "tomorrow 09:00" in before
    assert "Albanian Vietnamese Yoruba" in before
    assert "Being rehearsed" in before
    assert "Being rehearsed" in text_of(desk.get("/desk/board"))

    run_as_worker(matching.rehearse)

    said = text_of(desk.get(alert))
    assert "4 of 12 would have a bed tonight; 8 would not" in said
    assert "What is short" in said
    assert re.search(r"What is short [0-9] wom[ae]n: ", said)
    assert "4 rooms are kept softly until " in said
    assert "enough for the fewest" not in said
    assert "4 of 12 would have a bed" in text_of(desk.get("/desk/board"))
    assert "4 of 12 would have a bed tonight" in text_of(desk.get("/desk/pre-alerts"))
    assert "4 of 12" in text_of(desk.get(f"{alert}/rehearsal"))
    looks = run(events_of, "pre_alert_viewed")
    assert {each.actor_user_id for each in looks} == {cast.dee.actor.user_id}
    assert len(looks) == 3  # the page twice and the list; a page that refreshes itself is no look


def test_enough_for_the_fewest_is_said(
    desk: Browser, typed: dict[str, Any], run_as_worker: Run
) -> None:
    desk.get(NEW)
    page = desk.post(NEW, typed | {"women_least": "3"}).location
    run_as_worker(matching.rehearse)

    assert "That is enough for the fewest expected, 3." in text_of(desk.get(page))


def test_one_number_and_no_more_is_a_sure_number(desk: Browser, typed: dict[str, Any]) -> None:
    desk.get(NEW)
    sure = {"women_least": "1", "women_most": "", "with_children": "", "needs": []}
    page = desk.post(NEW, typed | sure).location

    assert "1 woman expected" in text_of(desk.get(page))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"women_least": ""}, "Type a number from 1 to 60."),
        ({"women_least": "0"}, "Type a number from 1 to 60."),
        ({"women_most": "61"}, "Type a number from 1 to 60."),
        ({"women_most": "9" * 9000}, "Type a number from 1 to 60."),
        ({"women_least": "many"}, "Type a number from 1 to 60."),
        ({"women_most": "7"}, "The most cannot be fewer than the fewest."),
        ({"with_children": "13"}, "That is more than the women expected."),
        ({"with_children": "-1"}, "Type how many bring a child"),
        ({"region": ""}, "Choose a region."),
        ({"region": "Atlantis"}, "Choose a region from the list."),
        ({"region": "\U0001f6cf" * 41}, "Choose a region."),
        ({"from_day": ""}, "Choose a day."),
        ({"from_day": "soon"}, "Choose a day."),
        ({"until_day": "9999-12-31"}, "A pre-alert ends within a week."),
        ({"from_day": "0001-01-01", "until_day": "0001-01-02"}, "The end must be still to come."),
        ({"from_time": "25:00"}, "Type a time such as 05:30."),
        ({"from_time": "five"}, "Type a time such as 05:30."),
        ({"until_time": ""}, "Type a time such as 05:30."),
        ({"until_time": "04:00"}, "The end must be after the beginning."),
        ({"languages": ["Klingon"]}, "Choose languages from the list."),
        ({"languages": ["sq"] * 3 + [f"x{n}" for n in range(21)]}, "Choose fewer."),
        ({"needs": ["a_castle"]}, "Choose from the list of needs."),
        ({"needs": ["\x00"]}, "take out the characters"),
        ({"form_key": "lost"}, "Part of the form was lost."),
    ],
)
def test_bad_input_is_answered_and_what_was_typed_stays(
    desk: Browser, typed: dict[str, Any], run: Run, changes: dict[str, Any], said: str
) -> None:
    desk.get(NEW)

    response = desk.post(NEW, typed | changes)

    html = response.get_data(as_text=True)
    assert response.status_code == 422
    assert said in text_of(response)
    if "until_time" not in changes:
        assert re.search(r'name="until_time"[^>]*value="0900"', html)
    if "languages" not in changes:
        assert re.search(r'value="vi"[^>]* checked', html)
    assert run(events_of, "pre_alert_recorded") == []


def test_their_requests_are_ticked_and_it_ends(
    desk: Browser, alert: str, cast: Cast, run: Run
) -> None:
    refs = [run(make_referral, cast.amara.actor).ref for _ in range(2)]
    page = desk.get(alert).get_data(as_text=True)
    assert all(f'value="{ref}"' in page for ref in refs)
    none = desk.post(f"{alert}/here", {})
    assert (none.status_code, "Tick the requests" in text_of(none)) == (422, True)

    done = desk.post(f"{alert}/here", {"refs": refs}, follow_redirects=True)

    assert "They are here" in text_of(done)
    assert all(ref in text_of(done) for ref in refs)
    assert "Nothing is kept for them any more." in text_of(done)
    again = desk.post(f"{alert}/here", {"refs": refs})
    assert (again.status_code, "This pre-alert has ended." in text_of(again)) == (422, True)


def test_it_is_called_off_once(desk: Browser, alert: str) -> None:
    desk.get(alert)

    first = desk.post(f"{alert}/cancel", follow_redirects=True)
    second = desk.post(f"{alert}/cancel", follow_redirects=True)

    assert "Called off" in text_of(first)
    assert "This pre-alert has ended." in text_of(second)


def test_one_that_is_not_there(desk: Browser) -> None:
    desk.get("/desk/board")
    nowhere = f"/desk/pre-alerts/{uuid4()}"

    assert desk.get(nowhere).status_code == 404
    assert desk.get(f"{nowhere}/rehearsal").status_code == 404
    assert desk.post(f"{nowhere}/cancel").status_code == 404
    assert desk.post(f"{nowhere}/here", {"refs": ["R-2222222"]}).status_code == 404


@pytest.mark.parametrize("who", ["amara", "cora", "sergeant", "bea", "chloe", "mara", "ada"])
def test_its_pages_do_not_exist_for_anybody_else(
    alert: str, typed: dict[str, Any], cast: Cast, browser_of: Any, run: Run, who: str
) -> None:
    browser = browser_of(cast.everybody()[who].email)
    browser.get("/about-the-data")

    for path in ("/desk/pre-alerts", NEW, alert, f"{alert}/rehearsal"):
        assert browser.get(path).status_code == 404, path
    for path in (NEW, f"{alert}/here", f"{alert}/cancel"):
        assert browser.post(path, typed).status_code == 404, path
    assert len(run(events_of, "pre_alert_recorded")) == 1


def _pages(app: Flask, role: Any, ref: str) -> Iterator[str]:
    for rule, method in _rules(app):
        if method == "GET" and matrix().may_open(rule.endpoint, method, role):
            yield _path(app, rule).replace("R-2222222", ref)


def test_nothing_of_it_is_on_any_page_of_anybody_else(
    app: Flask,
    alert: str,
    cast: Cast,
    browser_of: Callable[[str], Browser],
    run: Run,
    run_as_worker: Run,
) -> None:
    """With the expected women rehearsed, rooms kept, and a plan made and explained on top."""
    run_as_worker(matching.rehearse)
    placed = run(make_referral, cast.amara.actor)
    left_out = run(make_referral, cast.amara.actor, needs=("wheelchair",))
    run_as_worker(matching.make_plan)
    run_as_worker(matching.explain_newest_plan)

    for name, person in cast.everybody().items():
        if name == "dee":
            continue
        browser = browser_of(person.email)
        for ref in (placed.ref, left_out.ref):
            for path in _pages(app, person.actor.role, ref):
                html = browser.get(path).get_data(as_text=True).lower()
                for word in ("pre-alert", "reserve", "rehears", "kept softly", "8 to 12"):
                    assert word not in html, (name, path, word)
