"""What a house does most is two taps away from the sign-in, on a phone, without script."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from app.services import accounts, houses
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.views.refuge.conftest import Asked
from tests.thumb import Thumb

HOME = "/refuge/"


def test_free_and_out_of_use(bea: Browser, cast: Cast, run: Run) -> None:
    def room_one() -> str:
        return str(run(houses.rooms, by=cast.bea.actor).rooms[0].beds[0][0])

    out = Thumb(bea, HOME)
    out.tap("Out of use: room 1")
    out.tap("Needs a repair")
    assert (out.taps, room_one()) == (2, "void")

    free = Thumb(bea, HOME)
    free.tap("Back in use: room 1")
    assert (free.taps, room_one()) == (1, "free")


def test_accept_and_arrived(
    bea: Browser, offered: Asked, state_of: Callable[[Asked], str]
) -> None:  # fmt: skip
    accept = Thumb(bea, HOME)
    accept.tap("Look and answer")
    accept.tap("Accept")
    assert (accept.taps, state_of(offered)) == (2, "accepted")

    arrived = Thumb(bea, HOME)
    arrived.tap("She has arrived")
    assert (arrived.taps, state_of(offered)) == (1, "arrived")


def test_the_counts_are_kept_with_one_tap(bea: Browser, cast: Cast, run: Run) -> None:
    assert run(houses.rooms, by=cast.bea.actor).band == "stale"
    check = Thumb(bea, HOME)
    check.tap("Rooms are as shown")

    assert check.taps == 1
    assert run(houses.rooms, by=cast.bea.actor).band == "fresh"


def test_the_sign_in_leads_to_where_the_taps_are_counted(cast: Cast, run: Run, app: Flask) -> None:
    bea = next(each for each in run(accounts.demo_people) if each.email == cast.bea.email)

    answer = Browser(app).post("/demo/sign-in", {"person": str(bea.public_id)})

    assert answer.location == HOME
