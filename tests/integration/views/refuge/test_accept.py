"""Yes, on the web."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.models.placements import Channel
from app.services import offers
from app.services.clock import shift_by
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.views.refuge.conftest import Asked, Events

StateOf = Callable[[Asked], str]


def test_it_accepts_and_shows_whom_to_ring(
    bea: Browser, offered: Asked, state_of: StateOf, events: Events
) -> None:
    bea.get(offered.offer)
    response = bea.post(f"{offered.offer}/accept")
    page = text_of(bea.get(response.location))

    assert (response.status_code, response.location) == (303, offered.stay), page
    assert state_of(offered) == "accepted"
    assert "You have accepted her." in page
    assert "07700 900555" in page
    assert "OP-LANTERN-7" in page
    [row] = events("offer_accepted")
    assert row.detail == {"channel": "web"}


def test_accepting_twice_says_so_and_changes_nothing(
    bea: Browser, accepted: Asked, state_of: StateOf, events: Events
) -> None:
    response = bea.post(f"{accepted.offer}/accept", follow_redirects=True)

    assert "This offer has already been accepted." in text_of(response)
    assert state_of(accepted) == "accepted"
    assert len(events("offer_accepted")) == 1


def test_accepting_too_late_says_that_the_time_has_passed(
    bea: Browser, cast: Cast, offered: Asked, state_of: StateOf, run_as_owner: Run
) -> None:
    run_as_owner(shift_by, timedelta(minutes=21))
    bea.sign_in_as(cast.bea.email).get("/refuge/")

    page = text_of(bea.post(f"{offered.offer}/accept", follow_redirects=True))

    assert "The time to answer this offer has passed." in page
    assert state_of(offered) == "offered"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("lapse", "This offer has lapsed: the time to answer had passed."),
        ("decline", "This offer has already been declined."),
        ("withdraw", "This offer has been withdrawn."),
    ],
)
def test_accepting_what_has_ended_says_how(
    bea: Browser, cast: Cast, offered: Asked, run: Run, run_as_owner: Run, how: str, words: str
) -> None:
    which = offered.placement.public_id
    if how == "lapse":
        run_as_owner(shift_by, timedelta(minutes=21))
        run(offers.lapse_offers)
    elif how == "decline":
        run(
            offers.decline_offer,
            by=cast.rowan_manager.actor,
            channel=Channel.TEXT,
            reason="full",
            public_id=which,
        )
    else:
        run(offers.withdraw_offer, which, "her_wish", by=cast.dee.actor)

    # A sign-in idles out before an offer lapses.
    bea.sign_in_as(cast.bea.email).get("/refuge/")
    page = text_of(bea.post(f"{offered.offer}/accept", follow_redirects=True))

    assert words in page


def test_another_house_and_other_roles_cannot(
    chloe: Browser, not_refuge: Browser, offered: Asked, state_of: StateOf
) -> None:
    chloe.get("/refuge/")

    assert chloe.post(f"{offered.offer}/accept").status_code == 404
    assert not_refuge.post(f"{offered.offer}/accept").status_code == 404
    assert state_of(offered) == "offered"


def test_it_cannot_be_done_by_a_link(bea: Browser, offered: Asked, state_of: StateOf) -> None:
    assert bea.get(f"{offered.offer}/accept").status_code == 405
    assert state_of(offered) == "offered"
