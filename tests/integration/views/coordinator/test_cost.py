"""What another room costs the others is read before it is chosen, and what was read is kept."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from app.models.referrals import LinkKind, ReferralState
from app.services import matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, placement_of, room_of
from tests.integration.views.coordinator.conftest import (
    Planned,
    events_of,
    proposed_room,
    referral_of,
)

NOTE = "Her sister lives near there"
BEING_WORKED_OUT = "What this room costs the others is being worked out."


def _tokens(response: Any) -> list[str]:
    return re.findall(r'name="read" value="(\w+)"', response.get_data(as_text=True))


def _form(room: Any, /, **changes: Any) -> dict[str, Any]:
    return {"room": str(room), "reason": "her_wish", "note": NOTE, **changes}


@pytest.fixture
def other_room(planned: Planned, run: Run) -> Any:
    """A free room of another house than the plan's."""
    proposed = run(proposed_room, planned.ref)
    rooms = [run(room_of, alias, "1").public_id for alias in ("Rowan", "Cedar")]
    return next(room for room in rooms if room != proposed)


def test_a_room_nobody_has_priced_is_worked_out_read_and_then_asked(
    desk: Browser, planned: Planned, other_room: Any, run: Run, run_as_worker: Run
) -> None:
    page, cost = f"/desk/requests/{planned.ref}", f"/desk/requests/{planned.ref}/cost/{other_room}"
    desk.get(page)

    first = desk.post(f"{page}/override", _form(other_room))
    assert first.status_code == 422
    assert BEING_WORKED_OUT in text_of(first)
    assert NOTE in first.get_data(as_text=True)
    assert "Ask the house now. The record will say that the cost was not known." in text_of(first)
    assert "Being worked out" in text_of(desk.get(cost))

    assert run_as_worker(matching.answer_questions) == 1
    assert "A longer journey." in text_of(desk.get(cost))
    second = desk.post(f"{page}/override", _form(other_room))
    assert second.status_code == 422
    said = text_of(second)
    assert said.index("A longer journey.") < said.index("Ask this house instead")
    assert "Nobody else is touched." in said
    assert run(referral_of, planned.ref).state == ReferralState.READY

    third = desk.post(f"{page}/override", _form(other_room, read=_tokens(second)))
    assert third.status_code == 303
    kept = run(placement_of, planned.ref)
    assert kept.override_cost == "A longer journey. Nobody else is touched."
    detail = run(events_of, "offer_made")[-1].detail
    assert (detail["cost_known"], detail["cost"]) == (True, kept.override_cost)
    assert detail["loss"]["travel_minutes"] > 0
    assert kept.override_cost in text_of(desk.get(page))


def test_what_stands_on_the_page_has_been_read(
    desk: Browser, planned: Planned, other_room: Any, run: Run, run_as_worker: Run
) -> None:
    run_as_worker(matching.explain_newest_plan)
    page = desk.get(f"/desk/requests/{planned.ref}")
    assert "A longer journey. Nobody else is touched." in text_of(page)

    response = desk.post(
        f"/desk/requests/{planned.ref}/override", _form(other_room, read=_tokens(page))
    )

    assert response.status_code == 303
    assert run(events_of, "offer_made")[-1].detail["cost_known"] is True


def test_a_cost_of_another_room_does_not_count_as_read(
    desk: Browser, planned: Planned, other_room: Any, run: Run, run_as_worker: Run
) -> None:
    run_as_worker(matching.explain_newest_plan)
    page = desk.get(f"/desk/requests/{planned.ref}")
    family = run(room_of, "Rowan", "2").public_id

    response = desk.post(
        f"/desk/requests/{planned.ref}/override", _form(family, read=[*_tokens(page), "0" * 16])
    )

    assert response.status_code == 422
    assert BEING_WORKED_OUT in text_of(response)


def test_who_loses_her_room_is_named_with_the_level(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    """The family room is the only one for a mother with two children."""
    from app.services.asked import NewChild

    children = (NewChild(age=5, sex="f"), NewChild(age=7, sex="f"))
    region = ("W92000004",)
    family = run(make_referral, cast.amara.actor, children=children, unsafe_regions=region).ref
    alone = run(make_referral, cast.amara.actor).ref
    run_as_worker(matching.make_plan)
    desk.get(f"/desk/requests/{alone}")
    room = run(room_of, "Rowan", "2").public_id

    desk.post(f"/desk/requests/{alone}/override", _form(room))
    run_as_worker(matching.answer_questions)
    said = text_of(desk.post(f"/desk/requests/{alone}/override", _form(room)))

    assert "1 woman fewer of those who need a place tonight would have one." in said
    assert f"{family} would have no room." in said


def test_she_cannot_wait_and_the_record_says_so(
    desk: Browser, planned: Planned, other_room: Any, run: Run
) -> None:
    desk.get(f"/desk/requests/{planned.ref}")

    response = desk.post(
        f"/desk/requests/{planned.ref}/override", _form(other_room, cannot_wait="yes")
    )

    assert response.status_code == 303
    kept = run(placement_of, planned.ref)
    assert kept.override_cost == "Not known when it was decided: she could not wait."
    assert run(events_of, "offer_made")[-1].detail == {
        "override": "her_wish",
        "cost": kept.override_cost,
        "cost_known": False,
        "loss": {},
    }


def test_a_newer_plan_answers_the_question_again(
    desk: Browser, planned: Planned, other_room: Any, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    desk.get(f"/desk/requests/{planned.ref}")
    path = f"/desk/requests/{planned.ref}/override"
    desk.post(path, _form(other_room))
    run_as_worker(matching.answer_questions)
    read = _tokens(desk.post(path, _form(other_room)))
    run(make_referral, cast.amara.actor, same_as=planned.ref, tie=LinkKind.TOGETHER)
    run_as_worker(matching.make_plan)

    stale = desk.post(path, _form(other_room, read=read))
    assert stale.status_code == 422
    assert run_as_worker(matching.answer_questions) == 1
    assert run_as_worker(matching.answer_questions) == 0


def test_where_the_plan_could_not_do_it_the_page_says_why(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    """A person may part a group; the plan may not, and says so before she does."""
    first = run(make_referral, cast.amara.actor).ref
    run(make_referral, cast.amara.actor, same_as=first, tie=LinkKind.TOGETHER)
    run_as_worker(matching.make_plan)
    desk.get(f"/desk/requests/{first}")
    room = run(room_of, "Cedar", "2").public_id
    path = f"/desk/requests/{first}/override"

    desk.post(path, _form(room))
    run_as_worker(matching.answer_questions)
    told = desk.post(path, _form(room))

    assert "What Cedar, room 2 costs the others" in text_of(told)
    assert desk.post(path, _form(room, read=_tokens(told))).status_code == 303


def test_a_cost_belongs_to_a_request_and_a_room(desk: Browser, planned: Planned) -> None:
    for path in (f"{planned.ref}/cost/{uuid4()}", f"R-2222222/cost/{uuid4()}"):
        assert desk.get(f"/desk/requests/{path}").status_code == 404


@pytest.mark.parametrize("read", [["x" * 17], ["\x00"], ["a"] * 501])
def test_what_was_never_read_is_refused_and_the_note_kept(
    desk: Browser, planned: Planned, other_room: Any, run: Run, read: list[str]
) -> None:
    desk.get(f"/desk/requests/{planned.ref}")

    response = desk.post(f"/desk/requests/{planned.ref}/override", _form(other_room, read=read))

    assert response.status_code == 422
    assert NOTE in response.get_data(as_text=True)
    assert run(referral_of, planned.ref).state == ReferralState.READY
