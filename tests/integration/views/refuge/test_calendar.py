"""The month, the day and the room of a house by date: codes, closures, windows; its own only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.london import LONDON
from app.models.beds import Room, RoomKind, Void
from app.services.clock import shift_to
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import room_of
from tests.integration.views.refuge.conftest import Asked, Events

NOON = datetime(2026, 12, 7, 12, tzinfo=LONDON)


@pytest.fixture(autouse=True)
def december(run_as_owner: Run, cast: Cast) -> None:
    run_as_owner(shift_to, NOON)


def test_the_month_shows_letters_and_codes_and_no_name(
    bea: Browser, arrived: Asked, events: Events
) -> None:
    answer = bea.get("/refuge/calendar")
    page = text_of(answer)

    assert "Calendar of Rowan" in page
    assert "December 2026" in page
    assert f"Room 2 {arrived.referral.ref}" in page
    assert answer.text.count('aria-label="Taken">T<') == 25  # from the 7th to the 31st
    assert "Beds free" in page
    assert events("referrals_listed")[-1].detail == {
        "referral_ids": [arrived.referral.id],
        "live": False,
    }
    day = text_of(bea.get("/refuge/calendar/2026/12/8"))
    assert f"Taken {arrived.referral.ref} Here now" in day
    assert "November 2026" in text_of(bea.get("/refuge/calendar/2026/11"))


@pytest.mark.parametrize("path", ["2026/13", "2026/2/30", "1999/1", "0/1", "2099/1/1"])
def test_a_date_that_is_nowhere_is_not_there(bea: Browser, path: str) -> None:
    assert bea.get(f"/refuge/calendar/{path}").status_code == 404


def test_a_closure_is_planned_changed_and_kept_in_the_history(
    bea: Browser, chloe: Browser, room_one: Callable[[], str], run: Run
) -> None:
    room = f"/refuge/rooms/{room_one()}"
    bea.get(room)
    typed = {"reason": "repair", "starts_on": "2026-12-20", "back_on": "2026-12-18"}
    wrong = bea.post(f"{room}/close", typed)
    assert wrong.status_code == 422
    assert "Choose a day after the first one" in text_of(wrong)
    assert 'value="2026-12-18"' in wrong.get_data(as_text=True)

    right = typed | {"back_on": "2026-12-22", "cost_owner": "landlord"}
    assert chloe.get(room).status_code == 404
    assert chloe.post(f"{room}/close", right).status_code == 404
    answer = bea.post(f"{room}/close", right, follow_redirects=True)
    assert "To be closed: Needs a repair" in text_of(answer)
    assert "Who pays: The landlord" in text_of(answer)
    assert bea.get("/refuge/calendar").text.count('aria-label="Out of use">O<') == 2

    [planned] = run(_voids)
    change = {"back_on": "2026-12-25", "cost_owner": "insurer"}
    path = f"{room}/closures/{planned.public_id}"
    assert chloe.post(path, change).status_code == 404
    page = text_of(bea.post(path, change, follow_redirects=True))
    assert "Who pays: The insurer" in page
    assert "Needs a repair Never began" in page
    assert bea.post(path, {"back_on": "2026-12-01"}, follow_redirects=True).status_code == 200
    odd = bea.post(f"{room}/close", {"reason": "repair", "back_on": "soon", "cost_owner": "me"})
    assert odd.status_code == 422
    assert len(run(_voids)) == 2


def test_a_surge_place_is_opened_and_closed_by_the_manager(
    cast: Cast, bea: Browser, browser_of: Any, run: Run, run_as_owner: Run
) -> None:
    run_as_owner(_make_surge)
    room = f"/refuge/rooms/{run(room_of, 'Rowan', '1').public_id}"
    assert "Open it" not in text_of(bea.get(room))
    assert bea.post(f"{room}/windows", {"opens_on": "2026-12-07"}).status_code == 403
    manager = browser_of(cast.rowan_manager.email)
    manager.get(room)
    assert manager.post(f"{room}/windows", {}).status_code == 422
    dates = {"opens_on": "2026-12-07", "closes_on": "2026-12-10"}
    opened = manager.post(f"{room}/windows", dates, follow_redirects=True)
    assert "Free" in text_of(opened)

    dee = browser_of(cast.dee.email)
    theirs = f"/desk/rooms/{room.rsplit('/', 1)[1]}"
    html = dee.get(theirs).get_data(as_text=True)
    close = html.split('action="/desk')[1].split('"')[0]
    closed = dee.post(f"/desk{close}", follow_redirects=True)
    assert "Closed" in text_of(closed)
    assert "Was open from" in text_of(closed)


def test_the_manager_says_how_long_rooms_are_made_ready(
    cast: Cast, bea: Browser, browser_of: Any
) -> None:
    assert "made ready for 3 hours" in text_of(bea.get("/refuge/rooms"))
    assert bea.post("/refuge/rooms/turnaround", {"minutes": "60"}).status_code == 403
    manager = browser_of(cast.rowan_manager.email)
    manager.get("/refuge/rooms")
    for typed, said in [("1440", "1 day"), ("0", "no time"), ("7", "no time"), ("", "3 hours")]:
        page = manager.post("/refuge/rooms/turnaround", {"minutes": typed}, follow_redirects=True)
        assert f"made ready for {said}" in text_of(page), typed


def test_the_expected_day_is_kept_and_taken_back(bea: Browser, arrived: Asked) -> None:
    path = f"{arrived.stay}/move"
    bea.get(arrived.stay)
    page = text_of(bea.post(path, {"leaves_on": "2026-12-20"}, follow_redirects=True))
    assert "The plan is recorded." in page
    assert "Expected to move on Sun 20 Dec 2026" in text_of(bea.get("/refuge/"))
    assert 'aria-label="Perhaps free">?<' in bea.get("/refuge/calendar").text
    assert "days left" not in text_of(bea.get(arrived.stay))

    late = bea.post(path, {"leaves_on": "2026-12-01"}, follow_redirects=True)
    assert "Choose today or a day in the next two years." in text_of(late)
    bea.post(path, {"leaves_on": ""})
    assert "Expected" not in text_of(bea.get("/refuge/"))


def test_the_desk_compares_the_houses(cast: Cast, browser_of: Any, arrived: Asked) -> None:
    dee = browser_of(cast.dee.email)
    page = text_of(dee.get("/desk/houses"))
    assert "Rowan Not checked for long Never checked" in page
    html = dee.get("/desk/houses").get_data(as_text=True)
    path = html.split('href="/desk/houses/')[1].split('"')[0]
    calendar = dee.get(f"/desk/houses/{path}")
    assert "December 2026" in text_of(calendar)
    assert "December 2026" in text_of(dee.get(f"/desk/houses/{path}/2026/12"))
    assert "Thu 3 Dec 2026" in text_of(dee.get(f"/desk/houses/{path}/2026/12/3"))


@pytest.mark.parametrize(
    "day", ["9999999999999999999999/1/1", "10000/1/1", "9999/12/31", "2026/2/30"]
)
def test_a_date_in_no_calendar_is_no_page(
    bea: Browser, cast: Cast, browser_of: Any, day: str
) -> None:
    year, month, _ = day.split("/")
    assert bea.get(f"/refuge/calendar/{day}").status_code == 404
    if day != "2026/2/30":
        assert bea.get(f"/refuge/calendar/{year}/{month}").status_code == 404


def _voids() -> list[Void]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Void).order_by(Void.id)))


def _make_surge() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(update(Room).where(Room.id == 1).values(kind=RoomKind.SURGE))
