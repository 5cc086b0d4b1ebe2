"""What a house said by phone, recorded by the desk; and an offer taken back."""

from __future__ import annotations

from typing import Any

import pytest

from app.models.placements import Channel, PlacementState
from app.models.referrals import ReferralState
from app.services import invariants, offers
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of
from tests.integration.views.coordinator.conftest import events_of, referral_of


@pytest.fixture
def ref(cast: Cast, run: Run) -> str:
    """A request for which Rowan has been asked."""
    made: str = run(make_referral, cast.amara.actor).ref
    run(offer_room, made, by=cast.dee.actor)
    return made


def _path(run: Run, ref: str, action: str) -> str:
    return f"/desk/requests/{ref}/offers/{run(placement_of, ref).public_id}/{action}"


def test_yes_by_phone(desk: Browser, cast: Cast, run: Run, ref: str) -> None:
    page = text_of(desk.get(f"/desk/requests/{ref}"))

    response = desk.post(_path(run, ref, "accept"), follow_redirects=True)

    placement = run(placement_of, ref)
    assert "They said yes" in page
    assert placement.state == PlacementState.ACCEPTED
    assert placement.answered_by_channel == Channel.COORDINATOR
    assert run(referral_of, ref).state == ReferralState.CONFIRMED
    assert run(events_of, "offer_accepted")[0].actor_user_id == cast.dee.actor.user_id
    assert "the house has promised the room" in text_of(response)


def test_no_by_phone_needs_the_house_s_reason(desk: Browser, run: Run, ref: str) -> None:
    desk.get(f"/desk/requests/{ref}")

    without = desk.post(_path(run, ref, "decline"), {"reason": ""})
    other_list = desk.post(_path(run, ref, "decline"), {"reason": "her_wish"})
    given = desk.post(_path(run, ref, "decline"), {"reason": "full"})

    assert (without.status_code, other_list.status_code, given.status_code) == (422, 422, 303)
    assert "Choose a reason." in text_of(without)
    placement = run(placement_of, ref)
    assert (placement.state, placement.reason_code) == (PlacementState.DECLINED, "full")
    assert run(referral_of, ref).state == ReferralState.READY


@pytest.mark.parametrize("is_promised", [False, True])
def test_an_offer_and_a_promise_can_be_taken_back(
    desk: Browser, cast: Cast, run: Run, ref: str, is_promised: bool
) -> None:
    if is_promised:
        run(accept, run(placement_of, ref), by=cast.bea.actor)
    desk.get(f"/desk/requests/{ref}")

    response = desk.post(_path(run, ref, "withdraw"), {"reason": "bed_lost"}, follow_redirects=True)

    assert run(placement_of, ref).state == PlacementState.WITHDRAWN
    assert run(referral_of, ref).state == ReferralState.READY
    assert run(events_of, "offer_withdrawn")[0].detail == {"reason": "bed_lost"}
    assert "She is in the plan again" in text_of(response)
    assert run(invariants.broken) == {}


def test_taking_back_needs_a_reason(desk: Browser, run: Run, ref: str) -> None:
    desk.get(f"/desk/requests/{ref}")

    response = desk.post(_path(run, ref, "withdraw"), {"reason": "full"})

    assert response.status_code == 422
    assert "Choose a reason from the list." in text_of(response)
    assert run(placement_of, ref).state == PlacementState.OFFERED


@pytest.mark.parametrize("action", ["accept", "decline", "withdraw"])
def test_an_answer_that_came_first_is_a_clear_answer(
    desk: Browser, cast: Cast, run: Run, ref: str, action: str
) -> None:
    desk.get(f"/desk/requests/{ref}")
    path = _path(run, ref, action)
    run(
        offers.decline_offer,
        by=cast.bea.actor,
        channel=Channel.WEB,
        reason="full",
        public_id=run(placement_of, ref).public_id,
    )

    reason = {"decline": "room_not_right", "withdraw": "bed_lost"}.get(action, "")
    response = desk.post(path, {"reason": reason}, follow_redirects=True)

    assert "This offer has already been declined." in text_of(response)
    assert run(placement_of, ref).reason_code == "full"


@pytest.mark.parametrize("action", ["accept", "decline", "withdraw"])
def test_an_offer_of_another_request_is_not_there(
    desk: Browser, cast: Cast, run: Run, ref: str, action: str
) -> None:
    other = run(make_referral, cast.amara.actor).ref
    desk.get(f"/desk/requests/{other}")
    offer = run(placement_of, ref).public_id

    response = desk.post(f"/desk/requests/{other}/offers/{offer}/{action}", {"reason": "full"})

    assert response.status_code == 404
    assert run(placement_of, ref).state == PlacementState.OFFERED


@pytest.mark.parametrize("who", ["amara", "bea", "mara", "ada"])
@pytest.mark.parametrize("action", ["accept", "decline", "withdraw"])
def test_nobody_else_answers_here(
    cast: Cast, browser_of: Any, run: Run, ref: str, who: str, action: str
) -> None:
    browser = browser_of(cast.everybody()[who].email)
    browser.get("/about-the-data")

    assert browser.post(_path(run, ref, action), {"reason": "full"}).status_code == 404
    assert run(placement_of, ref).state == PlacementState.OFFERED
