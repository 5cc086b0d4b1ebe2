"""The desk's page of one request: what is known, what was tried, and whether it still holds."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.models.placements import Channel
from app.services import matching, offers
from app.services.asked import AvoidedPlace
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of
from tests.integration.views.coordinator.conftest import Planned, events_of, explain


def test_every_look_is_written_down(desk: Browser, planned: Planned, cast: Cast, run: Run) -> None:
    desk.get(f"/desk/requests/{planned.ref}")

    (event,) = run(events_of, "referral_viewed")
    assert event.actor_user_id == cast.dee.actor.user_id
    assert event.referral_id is not None


def test_where_she_must_not_go_and_her_district_are_never_shown(
    desk: Browser, cast: Cast, run: Run
) -> None:
    ref = run(
        make_referral, cast.amara.actor, place="M14", avoid=(AvoidedPlace(place="OL8", km=32),)
    ).ref

    html = desk.get(f"/desk/requests/{ref}").get_data(as_text=True)

    assert "North West" in html
    for secret in ("M14", "Manchester", "OL8", "Oldham", "53.4", "53.5"):
        assert secret not in html


def test_the_officer_can_be_reached_where_a_task_says_so(
    desk: Browser, cast: Cast, run: Run, planned: Planned
) -> None:
    before = text_of(desk.get(f"/desk/requests/{planned.ref}"))
    placement = run(offer_room, planned.ref, by=cast.dee.actor)
    run(accept, placement, by=cast.bea.actor)
    run(
        offers.record_not_arrived,
        placement.public_id,
        "cannot_be_reached",
        by=cast.bea.actor,
    )

    said = text_of(desk.get(f"/desk/requests/{planned.ref}"))

    assert "Metropolitan Police" in before
    assert "07700 900555" not in before
    assert "See who asked" in before
    assert "07700 900555" in said
    assert "OP-LANTERN-7" in said


def test_every_offer_stays_with_its_reason(desk: Browser, cast: Cast, run: Run) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor)
    run(
        offers.decline_offer,
        by=cast.bea.actor,
        channel=Channel.WEB,
        reason="risk_to_residents",
        public_id=run(placement_of, ref).public_id,
    )

    said = text_of(desk.get(f"/desk/requests/{ref}"))

    assert "It could put women or children living here at risk" in said
    assert "by Dee" in said
    assert "on the web" in said
    assert "1 house said no." in said
    assert "not answered" not in said


def test_the_open_offer_says_how_the_house_was_told(desk: Browser, cast: Cast, run: Run) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor)

    said = text_of(desk.get(f"/desk/requests/{ref}"))

    assert "Text to “Duty phone”: waiting to be sent." in said
    assert "The house answers by" in said


@pytest.mark.parametrize("change", ["offered", "explained", "nothing"])
def test_the_page_says_when_it_is_older_than_the_night(
    desk: Browser, planned: Planned, cast: Cast, run: Run, run_as_worker: Run, change: str
) -> None:
    html = desk.get(f"/desk/requests/{planned.ref}").get_data(as_text=True)
    found = re.search(r'data-wm-live="([^"]+)"', html)
    assert found is not None
    if change == "offered":
        run(offer_room, planned.ref, by=cast.dee.actor)
    if change == "explained":
        run_as_worker(explain, planned.ref, ("Cedar", "1", True, "Nothing."))

    news = desk.get(found[1])

    assert ("has changed since you opened" in text_of(news)) == (change != "nothing")
    assert len(run(events_of, "referral_viewed")) == 1


def test_a_woman_nothing_fits_has_her_reasons(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    ref = run(make_referral, cast.amara.actor, needs=("wheelchair",)).ref
    run_as_worker(matching.make_plan)

    said = text_of(desk.get(f"/desk/requests/{ref}"))

    assert "No room fits" in said
    assert "What would open a place" in said
    assert "Close: no place was found" in said


@pytest.mark.parametrize("ref", ["R-2222222", "R-%00", "R-\U0001f6cf", "x" * 300])
def test_an_unknown_request_is_not_there(desk: Browser, ref: str) -> None:
    assert desk.get(f"/desk/requests/{ref}").status_code == 404


@pytest.mark.parametrize("who", ["amara", "sergeant", "bea", "mara", "ada"])
@pytest.mark.parametrize("rest", ["", "/news"])
def test_nobody_else_has_this_page(
    cast: Cast, browser_of: Any, planned: Planned, who: str, rest: str
) -> None:
    browser = browser_of(cast.everybody()[who].email)

    assert browser.get(f"/desk/requests/{planned.ref}{rest}").status_code == 404
