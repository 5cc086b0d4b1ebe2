"""Choosing another room: with a reason, under the same rules, and what was typed stays."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from app.models.referrals import ReferralState
from app.services import matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room, placement_of, room_of
from tests.integration.views.coordinator.conftest import (
    Planned,
    events_of,
    explain,
    proposed_room,
    referral_of,
)

NOTE = "Her sister lives near there"


def _form(room: Any, /, **changes: str) -> dict[str, str]:
    """A choice by somebody who cannot wait for what it costs."""
    return {
        "room": str(room),
        "reason": "her_wish",
        "note": NOTE,
        "cannot_wait": "yes",
        **changes,
    }


def test_the_chosen_house_is_asked_and_the_reason_kept(
    desk: Browser, planned: Planned, cast: Cast, run: Run
) -> None:
    proposed = run(proposed_room, planned.ref)
    rooms = [run(room_of, alias, "1").public_id for alias in ("Rowan", "Cedar")]
    other = next(room for room in rooms if room != proposed)
    desk.get(f"/desk/requests/{planned.ref}")

    response = desk.post(
        f"/desk/requests/{planned.ref}/override",
        _form("other", other_room=str(other)),
        follow_redirects=True,
    )

    placement = run(placement_of, planned.ref)
    assert placement.override_reason == "her_wish"
    assert NOTE.encode() not in (placement.override_note_sealed or b"")
    assert placement.decided_by_id == cast.dee.actor.user_id
    assert run(events_of, "offer_made")[-1].detail["cost_known"] is False
    assert "Chosen against the plan: She asked for this." in text_of(response)
    assert NOTE in text_of(response)


def test_the_page_names_costs_and_the_rules_that_forbid(
    desk: Browser, planned: Planned, run_as_worker: Run
) -> None:
    run_as_worker(
        explain,
        planned.ref,
        ("Cedar", "1", True, "Her journey would be 3 hours longer."),
        ("Rowan", "2", False, "All rooms lack something she must have: no steps."),
    )

    said = text_of(desk.get(f"/desk/requests/{planned.ref}"))

    assert said.index("Her journey would be 3 hours longer.") < said.index("Ask this house instead")
    assert "Houses that cannot take her, and why (1)" in said
    assert "Rowan (London): All rooms lack something she must have: no steps." in said


def test_the_plan_itself_says_why_a_house_cannot_take_her(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    referral = run(make_referral, cast.amara.actor, unsafe_regions=("W92000004",))
    run_as_worker(matching.make_plan)
    run_as_worker(matching.explain_newest_plan)

    said = text_of(desk.get(f"/desk/requests/{referral.ref}"))

    assert "Houses that cannot take her, and why (1)" in said
    assert "Cedar (Wales, outside London): " in said


def test_a_rule_holds_for_people_too(desk: Browser, cast: Cast, run: Run) -> None:
    referral = run(make_referral, cast.amara.actor, unsafe_regions=("W92000004",))
    desk.get(f"/desk/requests/{referral.ref}")
    room = run(room_of, "Cedar", "1").public_id

    response = desk.post(f"/desk/requests/{referral.ref}/override", _form(room))

    assert response.status_code == 422
    assert "A rule would be broken: She has not said no to the refuge" in text_of(response)
    assert NOTE in text_of(response)
    assert run(referral_of, referral.ref).state == ReferralState.READY


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": ""}, "Choose a reason."),
        ({"reason": "full"}, "Choose a reason from the list."),
        ({"reason": "\U0001f6cf" * 30}, "Choose a reason from the list."),
        ({"room": ""}, "Choose a room."),
        ({"room": "Rowan"}, "Choose a room."),
        ({"room": "other"}, "Choose a room."),
        ({"room": str(uuid4())}, "We cannot find that room."),
        ({"note": NOTE + "n" * 500}, "Keep the note to 500 characters."),
    ],
)
def test_bad_input_keeps_the_note(
    desk: Browser, planned: Planned, run: Run, changes: dict[str, str], said: str
) -> None:
    desk.get(f"/desk/requests/{planned.ref}")
    room = run(room_of, "Rowan", "1").public_id

    response = desk.post(f"/desk/requests/{planned.ref}/override", _form(room, **changes))

    assert response.status_code == 422
    assert said in text_of(response)
    assert NOTE in response.get_data(as_text=True)
    assert run(referral_of, planned.ref).state == ReferralState.READY


def test_a_room_just_taken_is_a_clear_answer(desk: Browser, cast: Cast, run: Run) -> None:
    mine, other = (run(make_referral, cast.amara.actor).ref for _ in range(2))
    room = run(room_of, "Rowan", "1").public_id
    desk.get(f"/desk/requests/{mine}")
    run(offer_room, other, by=cast.dee.actor, room=room)

    response = desk.post(f"/desk/requests/{mine}/override", _form(room))

    assert response.status_code == 422
    assert "That room has just been taken." in text_of(response)
    assert NOTE in text_of(response)


def test_a_request_that_moved_on_is_a_clear_answer(desk: Browser, cast: Cast, run: Run) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    desk.get(f"/desk/requests/{ref}")
    run(offer_room, ref, by=cast.dee.actor)

    response = desk.post(
        f"/desk/requests/{ref}/override", _form(run(room_of, "Cedar", "1").public_id)
    )

    assert response.status_code == 422
    assert "This request is not waiting for a room any more." in text_of(response)


@pytest.mark.parametrize("who", ["amara", "bea", "mara", "ada"])
def test_nobody_else_overrides(
    cast: Cast, browser_of: Any, planned: Planned, run: Run, who: str
) -> None:
    browser = browser_of(cast.everybody()[who].email)
    browser.get("/about-the-data")
    room = run(room_of, "Rowan", "1").public_id

    response = browser.post(f"/desk/requests/{planned.ref}/override", _form(room))

    assert response.status_code == 404
    assert run(referral_of, planned.ref).state == ReferralState.READY


def test_an_unknown_request_is_not_there(desk: Browser, planned: Planned, run: Run) -> None:
    desk.get("/desk/board")
    room = run(room_of, "Rowan", "1").public_id

    assert desk.post("/desk/requests/R-2222222/override", _form(room)).status_code == 404
