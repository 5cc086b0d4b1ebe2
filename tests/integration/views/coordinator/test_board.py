"""The board: everybody who waits, with the plan's word before the button that confirms it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.models.reference import Urgency
from app.models.referrals import LinkKind
from app.services import matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of
from tests.integration.views.coordinator.conftest import (
    Planned,
    events_of,
    explain,
    proposed_room,
)


def test_reasons_and_alternatives_stand_before_the_button(
    desk: Browser, planned: Planned, run_as_worker: Run
) -> None:
    run_as_worker(
        explain,
        planned.ref,
        ("Cedar", "1", True, "Her journey would be 3 hours longer."),
        ("Rowan", "2", False, "All rooms are shared, which she has not accepted."),
    )

    said = text_of(desk.get("/desk/board"))

    order = [
        planned.ref,
        "It is the nearest safe room.",
        "Her journey would be 3 hours longer.",
        "Ask ticked houses",
    ]
    assert [said.index(words) for words in order] == sorted(said.index(words) for words in order)


def test_who_waits_is_said_in_words_and_by_region_only(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    run(make_referral, cast.amara.actor, needs=("step_free",), place="M14")
    run_as_worker(matching.make_plan)

    said = text_of(desk.get("/desk/board"))

    assert "A woman alone" in said
    assert "No steps · Speaks Albanian. Now in: North West." in said
    assert "M14" not in said
    assert "Manchester" not in said


def test_unexplained_lines_say_that_it_is_being_worked_out(desk: Browser, planned: Planned) -> None:
    assert "Still being worked out" in text_of(desk.get("/desk/board"))


def test_a_request_newer_than_the_plan_is_being_planned(
    desk: Browser, planned: Planned, cast: Cast, run: Run
) -> None:
    newer = run(make_referral, cast.amara.actor)

    said = text_of(desk.get("/desk/board"))

    assert "2 waiting, a room proposed for 1" in said
    assert "Being planned" in said[said.index(newer.ref) :]


def test_no_room_says_why_and_what_would_open_one(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    run(make_referral, cast.amara.actor, needs=("wheelchair",))
    run_as_worker(matching.make_plan)

    said = text_of(desk.get("/desk/board"))

    assert "No room fits" in said
    assert "wheelchair" in said[said.index("Why") :]
    assert "What would open a place" in said
    assert "Ask your control room for a safe room tonight" in said


def test_the_urgent_stand_before_those_who_can_wait(desk: Browser, cast: Cast, run: Run) -> None:
    later = run(make_referral, cast.amara.actor, urgency=Urgency.PLANNED)
    tonight = run(make_referral, cast.amara.actor)

    said = text_of(desk.get("/desk/board"))

    assert said.index(tonight.ref) < said.index(later.ref)


def test_women_who_belong_together_are_tied_on_the_page(
    desk: Browser, planned: Planned, cast: Cast, run: Run
) -> None:
    run(make_referral, cast.amara.actor, same_as=planned.ref, tie=LinkKind.TOGETHER)

    assert "Must stay together" in text_of(desk.get("/desk/board"))


def test_offers_and_promises_stand_beside_the_queue(desk: Browser, cast: Cast, run: Run) -> None:
    asked = run(make_referral, cast.amara.actor)
    promised = run(make_referral, cast.amara.actor)
    run(offer_room, asked.ref, by=cast.dee.actor)
    other_room = run(room_of, "Rowan", "2").public_id
    run(offer_room, promised.ref, by=cast.dee.actor, room=other_room)
    run(accept, run(placement_of, promised.ref), by=cast.bea.actor)

    said = text_of(desk.get("/desk/board"))

    assert "Nobody is waiting" in said
    assert "Waiting for a house (1)" in said
    assert "minutes left" in said
    assert "On the way (1)" in said


def test_a_proposal_taken_since_says_so(
    desk: Browser, planned: Planned, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    other = run(make_referral, cast.amara.actor)
    run_as_worker(matching.make_plan)
    before = text_of(desk.get("/desk/board"))
    room = run(proposed_room, planned.ref)
    run(offer_room, other.ref, by=cast.dee.actor, room=room)

    assert "Taken since this plan was made" not in before
    assert "Taken since this plan was made" in text_of(desk.get("/desk/board"))


def test_the_live_parts_are_sent_once_until_they_change(
    desk: Browser, planned: Planned, cast: Cast, run: Run
) -> None:
    first = desk.get("/desk/board/live")
    again = desk.get("/desk/board/live", headers={"If-None-Match": first.headers["ETag"]})
    run(offer_room, planned.ref, by=cast.dee.actor)
    changed = desk.get("/desk/board/live", headers={"If-None-Match": first.headers["ETag"]})

    parts = re.findall(r'<template data-wm-part="(\w+)">', first.get_data(as_text=True))
    assert parts == ["lines", "side"]
    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)


def test_every_look_is_written_down_and_a_live_one_only_when_it_shows_more(
    desk: Browser, planned: Planned, cast: Cast, run: Run
) -> None:
    desk.get("/desk/board")
    desk.get("/desk/board/live")
    desk.get("/desk/board/live")
    seen_once = run(events_of, "plan_viewed")
    newer = run(make_referral, cast.amara.actor)
    desk.get("/desk/board/live")
    desk.get("/desk/board/live")
    seen_more = run(events_of, "plan_viewed")

    assert [event.run_id for event in seen_once] == [planned.run_id]
    assert seen_once[0].actor_user_id == cast.dee.actor.user_id
    assert len(seen_more) == 2
    assert newer.id in seen_more[1].detail["referral_ids"]


def test_there_is_a_board_before_the_first_plan(desk: Browser) -> None:
    response = desk.get("/desk/board")

    assert response.status_code == 200
    assert "No plan has been made yet" in text_of(response)


@pytest.mark.parametrize("who", ["amara", "sergeant", "bea", "chloe", "mara", "ada"])
@pytest.mark.parametrize("path", ["/desk/board", "/desk/board/live", "/desk/tasks"])
def test_nobody_else_has_a_board(cast: Cast, browser_of: Any, who: str, path: str) -> None:
    browser = browser_of(cast.everybody()[who].email)

    assert browser.get(path).status_code == 404
