"""She is at the door."""

from __future__ import annotations

from collections.abc import Callable

from app.services import offers
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.views.refuge.conftest import Asked, Events

StateOf = Callable[[Asked], str]


def test_it_records_that_she_lives_here(
    bea: Browser, cast: Cast, accepted: Asked, state_of: StateOf, events: Events
) -> None:
    bea.get("/refuge/")
    response = bea.post(f"{accepted.stay}/arrived")

    assert (response.status_code, response.location) == (303, "/refuge/")
    page = text_of(bea.get("/refuge/"))
    assert "She is recorded as arrived." in page
    assert state_of(accepted) == "arrived"
    [row] = events("arrived")
    assert row.actor_user_id == cast.bea.actor.user_id


def test_the_officer_may_have_said_so_first(
    bea: Browser, cast: Cast, accepted: Asked, run: Run, events: Events
) -> None:
    bea.get("/refuge/")
    run(offers.record_arrival, accepted.placement.public_id, by=cast.amara.actor)

    page = text_of(bea.post(f"{accepted.stay}/arrived", follow_redirects=True))

    assert "She has already arrived." in page
    assert len(events("arrived")) == 1


def test_nobody_arrives_before_the_house_has_said_yes(
    bea: Browser, offered: Asked, state_of: StateOf
) -> None:
    bea.get("/refuge/")
    page = text_of(bea.post(f"{offered.stay}/arrived", follow_redirects=True))

    assert "This offer has not been answered yet." in page
    assert state_of(offered) == "offered"


def test_another_house_and_other_roles_cannot(
    chloe: Browser, not_refuge: Browser, accepted: Asked, state_of: StateOf
) -> None:
    chloe.get("/refuge/")

    assert chloe.post(f"{accepted.stay}/arrived").status_code == 404
    assert not_refuge.post(f"{accepted.stay}/arrived").status_code == 404
    assert state_of(accepted) == "accepted"
