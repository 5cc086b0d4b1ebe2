"""Closing a request as not met, and putting one back in the queue."""

from __future__ import annotations

from typing import Any

import pytest

from app.models.referrals import ReferralState
from app.services import matching, offers
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of
from tests.integration.views.coordinator.conftest import events_of, referral_of


@pytest.fixture
def ref(cast: Cast, run: Run) -> str:
    """A request that waits."""
    made: str = run(make_referral, cast.amara.actor).ref
    return made


@pytest.fixture
def missing(cast: Cast, run: Run, ref: str) -> str:
    """A woman who did not arrive."""
    run(offer_room, ref, by=cast.dee.actor)
    placement = run(placement_of, ref)
    run(accept, placement, by=cast.bea.actor)
    run(offers.record_not_arrived, placement.public_id, "transport_failed", by=cast.bea.actor)
    return ref


def test_unmet_is_closed_with_its_reason(desk: Browser, cast: Cast, run: Run, ref: str) -> None:
    desk.get(f"/desk/requests/{ref}")

    response = desk.post(
        f"/desk/requests/{ref}/unmet", {"reason": "no_safe_bed"}, follow_redirects=True
    )

    closed = run(referral_of, ref)
    assert (closed.state, closed.closed_reason) == (ReferralState.UNMET, "no_safe_bed")
    assert closed.closed_at is not None
    assert run(events_of, "referral_unmet")[0].actor_user_id == cast.dee.actor.user_id
    assert "No free bed was safe for her" in text_of(response)


@pytest.mark.parametrize("reason", ["", "full", "no such reason"])
def test_unmet_needs_a_reason_of_its_list(desk: Browser, run: Run, ref: str, reason: str) -> None:
    desk.get(f"/desk/requests/{ref}")

    response = desk.post(f"/desk/requests/{ref}/unmet", {"reason": reason})

    assert response.status_code == 422
    assert "Choose a reason" in text_of(response)
    assert run(referral_of, ref).state == ReferralState.READY


def test_a_woman_with_an_offer_is_not_unmet(desk: Browser, cast: Cast, run: Run, ref: str) -> None:
    desk.get(f"/desk/requests/{ref}")
    run(offer_room, ref, by=cast.dee.actor)

    response = desk.post(f"/desk/requests/{ref}/unmet", {"reason": "no_safe_bed"})

    assert response.status_code == 422
    assert "This request has moved on in the meantime." in text_of(response)
    assert run(referral_of, ref).state == ReferralState.OFFERED


def test_not_arrived_goes_back_to_the_queue_and_into_the_next_plan(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run, missing: str
) -> None:
    page = text_of(desk.get(f"/desk/requests/{missing}"))

    response = desk.post(f"/desk/requests/{missing}/reopen", follow_redirects=True)

    opened = run(referral_of, missing)
    assert "The journey could not be made" in page
    assert (opened.state, opened.closed_at, opened.closed_reason) == ("ready", None, None)
    assert run(events_of, "referral_reopened")[0].detail == {"was": "not_arrived"}
    assert "is back in the queue" in text_of(response)
    assert "Nothing needs a person" in text_of(desk.get("/desk/tasks"))
    run_as_worker(matching.make_plan)
    assert "a room proposed for 1" in text_of(desk.get("/desk/board"))


def test_not_arrived_may_be_closed_as_unmet_and_opened_again(
    desk: Browser, run: Run, missing: str
) -> None:
    desk.get(f"/desk/requests/{missing}")
    desk.post(f"/desk/requests/{missing}/unmet", {"reason": "unmet_lost_touch"})
    closed = run(referral_of, missing).state
    desk.post(f"/desk/requests/{missing}/reopen")

    assert (closed, run(referral_of, missing).state) == ("unmet", "ready")


def test_an_open_request_cannot_be_reopened(desk: Browser, run: Run, ref: str) -> None:
    desk.get(f"/desk/requests/{ref}")

    response = desk.post(f"/desk/requests/{ref}/reopen", follow_redirects=True)

    assert "This request has moved on in the meantime." in text_of(response)
    assert run(events_of, "referral_reopened") == []


@pytest.mark.parametrize("who", ["amara", "bea", "mara", "ada"])
@pytest.mark.parametrize("action", ["unmet", "reopen"])
def test_nobody_else_closes(
    cast: Cast, browser_of: Any, run: Run, missing: str, who: str, action: str
) -> None:
    browser = browser_of(cast.everybody()[who].email)
    browser.get("/about-the-data")

    response = browser.post(f"/desk/requests/{missing}/{action}", {"reason": "no_safe_bed"})

    assert response.status_code == 404
    assert run(referral_of, missing).state == ReferralState.NOT_ARRIVED
