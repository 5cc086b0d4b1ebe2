"""The first page of a house."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

from app.services.clock import shift_by
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.views.refuge.conftest import Asked, Events


def test_it_shows_the_offer_with_its_clock(bea: Browser, offered: Asked) -> None:
    page = text_of(bea.get("/refuge/"))

    assert "Tonight at Rowan" in page
    assert "1 request waits for your answer" in page
    assert "A woman with 1 child (aged 6)" in page
    assert "Room 2 is held for her" in page
    assert re.search(r"Answer by (?:today|tomorrow) \d\d:\d\d \(19 minutes left\)", page)


def test_it_shows_nothing_of_another_house(chloe: Browser, offered: Asked) -> None:
    page = text_of(chloe.get("/refuge/"))

    assert "Tonight at Cedar" in page
    assert "No request waits for you" in page
    assert offered.placement.offer_code not in page


def test_it_is_not_there_for_others(not_refuge: Browser) -> None:
    assert not_refuge.get("/refuge/").status_code == 404
    assert not_refuge.get("/refuge/tonight").status_code == 404


def test_an_offer_whose_time_has_passed_has_no_clock(
    bea: Browser, cast: Cast, offered: Asked, run_as_owner: Run
) -> None:
    run_as_owner(shift_by, timedelta(minutes=21))

    page = text_of(bea.sign_in_as(cast.bea.email).get("/refuge/"))

    assert "The time to answer has passed." in page
    assert "Answer by" not in page


def test_it_shows_who_is_on_the_way_and_who_lives_here(bea: Browser, accepted: Asked) -> None:
    before = text_of(bea.get("/refuge/"))
    bea.post(f"{accepted.stay}/arrived")
    after = text_of(bea.get("/refuge/"))

    assert f"{accepted.referral.ref} , room 2. Accepted today" in before
    assert "Nobody lives here tonight." in before
    assert "Nobody is on the way." in after
    assert f"Living here: 1 {accepted.referral.ref} Room 2" in after


def test_the_live_part_shows_a_new_offer(bea: Browser, offered: Asked) -> None:
    part = bea.get("/refuge/tonight")

    assert part.status_code == 200
    assert offered.placement.offer_code in text_of(part)
    assert "<html" not in part.get_data(as_text=True)


def test_a_look_at_the_list_is_one_audit_row_however_long_the_page_stays_open(
    bea: Browser, offered: Asked, events: Events
) -> None:
    bea.get("/refuge/")
    bea.get("/refuge/tonight")
    bea.get("/refuge/tonight")

    [look] = events("referrals_listed")
    assert look.detail == {"referral_ids": [offered.placement.referral_id], "live": False}


def test_a_woman_who_comes_onto_an_open_page_is_an_audit_row(
    bea: Browser, offered: Asked, events: Events
) -> None:
    bea.get("/refuge/tonight")
    bea.get("/refuge/tonight")

    [look] = events("referrals_listed")
    assert look.detail == {"referral_ids": [offered.placement.referral_id], "live": True}


def _links(page: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', page)]


def _forms(page: str) -> list[str]:
    return re.findall(r'<form method="post" action="([^"]+)"', page)


def test_accept_is_two_taps_from_the_first_page(bea: Browser, offered: Asked) -> None:
    assert offered.offer in _links(bea.get("/refuge/").get_data(as_text=True))
    assert f"{offered.offer}/accept" in _forms(bea.get(offered.offer).get_data(as_text=True))


def test_arrived_is_one_tap_and_out_of_use_two(
    bea: Browser, accepted: Asked, room_one: Callable[[], str]
) -> None:
    forms = _forms(bea.get("/refuge/").get_data(as_text=True))

    assert f"{accepted.stay}/arrived" in forms
    assert f"/refuge/rooms/{room_one()}/out-of-use" in forms
