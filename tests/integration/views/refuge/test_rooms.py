"""The rooms, out of use and back in two taps, and "as shown" in one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.services.clock import shift_by
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import room_of
from tests.integration.views.refuge.conftest import Events

BACK = re.compile(r'action="(/refuge/rooms/back-in-use/[^"]+)"')
RoomOne = Callable[[], str]


@pytest.fixture
def closed(bea: Browser, room_one: RoomOne) -> str:
    """Where the button that brings room 1 back leads to."""
    bea.get("/refuge/")
    bea.post(f"/refuge/rooms/{room_one()}/out-of-use", {"reason": "repair"})
    [back] = BACK.findall(bea.get("/refuge/").get_data(as_text=True))
    return str(back)


def test_a_room_is_out_of_use_with_its_reason(
    bea: Browser, room_one: RoomOne, events: Events
) -> None:
    bea.get("/refuge/")
    response = bea.post(f"/refuge/rooms/{room_one()}/out-of-use", {"reason": "repair"})

    assert (response.status_code, response.location) == (303, "/refuge/")
    page = text_of(bea.get("/refuge/"))
    assert "The room is out of use." in page
    assert "Room 1 1 bed Out of use Needs a repair, since today" in page
    [row] = events("void_started")
    assert row.detail == {
        "reason": "repair",
        "beds": 1,
        "until": None,
        "cost_owner": "not_said",
    }


def test_it_is_back_in_one_tap(bea: Browser, closed: str, events: Events) -> None:
    assert bea.post(closed).status_code == 303

    page = text_of(bea.get("/refuge/rooms"))
    assert "Room 1 1 bed Free" in page
    [row] = events("void_ended")
    assert row.detail == {"reason": "repair"}


def test_bringing_it_back_twice_says_so(bea: Browser, closed: str, events: Events) -> None:
    bea.post(closed)

    page = text_of(bea.post(closed, follow_redirects=True))

    assert "This room is back in use already." in page
    assert len(events("void_ended")) == 1


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("offered", "This room is held for an offer that is waiting for your answer."),
        ("accepted", "This room is promised to a woman on her way."),
        ("arrived", "Somebody lives in this room."),
    ],
)
def test_a_room_that_is_taken_cannot_be_out_of_use(
    bea: Browser, run: Run, request: pytest.FixtureRequest, stage: str, words: str
) -> None:
    request.getfixturevalue(stage)
    bea.get("/refuge/")
    room = run(room_of, "Rowan", "2").public_id

    page = text_of(
        bea.post(f"/refuge/rooms/{room}/out-of-use", {"reason": "repair"}, follow_redirects=True)
    )

    assert f"{words} Nothing was changed." in page


@pytest.mark.parametrize("reason", ["", "full", "void_other", "x" * 5000, "\x00"])
def test_a_wrong_reason_is_asked_again(
    bea: Browser, room_one: RoomOne, events: Events, reason: str
) -> None:
    bea.get("/refuge/rooms")
    response = bea.post(f"/refuge/rooms/{room_one()}/out-of-use", {"reason": reason})

    assert response.status_code == 422
    assert "Nothing was changed." in text_of(response)
    assert f'id="void-{room_one()}" open>' in response.get_data(as_text=True)
    assert events("void_started") == []


def test_another_house_cannot(
    chloe: Browser, room_one: RoomOne, closed: str, events: Events
) -> None:
    chloe.get("/refuge/")
    sent = {"reason": "repair"}

    assert chloe.post(f"/refuge/rooms/{room_one()}/out-of-use", sent).status_code == 404
    assert chloe.post(closed).status_code == 404
    assert "Rowan" not in text_of(chloe.get("/refuge/rooms"))
    assert events("void_ended") == []


def test_other_roles_find_nothing(not_refuge: Browser, room_one: RoomOne, closed: str) -> None:
    assert not_refuge.get("/refuge/rooms").status_code == 404
    for path in (f"/refuge/rooms/{room_one()}/out-of-use", closed, "/refuge/rooms/confirm"):
        assert not_refuge.post(path, {"reason": "repair"}).status_code == 404


def test_rooms_nobody_checked_lately_are_confirmed_in_one_tap(
    bea: Browser, cast: Cast, run_as_owner: Run, events: Events
) -> None:
    assert "Not checked yet. Are the rooms as shown?" in text_of(bea.get("/refuge/"))

    assert bea.post("/refuge/rooms/confirm").status_code == 303
    assert "Checked today" in text_of(bea.get("/refuge/"))
    [row] = events("beds_confirmed")
    assert (row.actor_user_id, row.refuge_id) == (cast.bea.actor.user_id, cast.rowan_id)

    run_as_owner(shift_by, timedelta(hours=12, minutes=1))
    # The sign-in has idled out by then; whoever signs in next is asked.
    assert "Not checked since" in text_of(bea.sign_in_as(cast.bea.email).get("/refuge/"))
