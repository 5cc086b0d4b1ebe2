"""Asking several houses on the desk's pages, and answering what one of them asks back."""

from __future__ import annotations

from typing import Any

import pytest

from app.models.placements import Channel
from app.services import matching, questions
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, room_of
from tests.several_houses import ask, asks_of, plan_for, states, two_more_houses


@pytest.fixture
def ref(cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run) -> str:
    """A woman for whom the plan proposes Rowan's room 1 and lists three other houses."""
    run_as_owner(two_more_houses, cast)
    ref = str(run(make_referral, cast.amara.actor).ref)
    run_as_worker(matching.make_plan)
    run_as_worker(plan_for, ref)
    return ref


def also(run: Run, ref: str, *houses: str) -> list[str]:
    return [f"{ref}:{run(room_of, alias, '1').public_id}" for alias in houses]


def sent(run: Run, run_as_worker: Run, ref: str, *houses: str) -> dict[str, Any]:
    run_id = str(run_as_worker(plan_for, ref))
    return {"run": run_id, "which": "ticked", "line": ref, "also": also(run, ref, *houses)}


def test_the_board_offers_the_other_houses_and_asks_them(
    desk: Browser, run: Run, run_as_worker: Run, ref: str
) -> None:
    page = desk.get("/desk/board").get_data(as_text=True)
    for value in also(run, ref, "Cedar", "Fern", "Hazel"):
        assert f'name="also" value="{value}"' in page
    assert "Ask these as well, at most 2" in text_of(desk.get("/desk/board"))

    answer = sent(run, run_as_worker, ref, "Cedar", "Hazel")
    response = desk.post("/desk/board", answer, follow_redirects=True)

    said = text_of(response)
    assert run(states, ref) == {"Rowan": "offered", "Cedar": "enquired", "Hazel": "enquired"}
    assert "2 more asked as well" in said
    assert "Also Cedar, room 1" in said
    assert "Also Hazel, room 1" in said


def test_one_too_many_asks_nobody_and_keeps_the_ticks(
    desk: Browser, run: Run, run_as_worker: Run, ref: str
) -> None:
    desk.get("/desk/board")

    houses = ("Cedar", "Fern", "Hazel")
    response = desk.post("/desk/board", sent(run, run_as_worker, ref, *houses))

    page = response.get_data(as_text=True)
    assert response.status_code == 422
    assert "at most 2 more may be asked beside the first" in text_of(response)
    assert run(states, ref) == {}
    for value in also(run, ref, *houses):
        assert f'name="also" value="{value}" checked' in page


@pytest.mark.parametrize("bad", ["R-2222222", "nonsense", "R-2222222:1234", ":", "' OR 1=1"])
def test_a_tick_that_cannot_be_read_asks_nobody(
    desk: Browser, run: Run, run_as_worker: Run, ref: str, bad: str
) -> None:
    desk.get("/desk/board")

    response = desk.post("/desk/board", sent(run, run_as_worker, ref) | {"also": [bad]})

    assert response.status_code == 422
    assert "cannot be read any more" in text_of(response)
    assert run(states, ref) == {}


def test_the_requests_page_asks_too_and_says_what_was_not_asked(
    desk: Browser, run: Run, run_as_worker: Run, ref: str
) -> None:
    desk.get(f"/desk/requests/{ref}")
    answer = sent(run, run_as_worker, ref, "Cedar")
    answer["also"] += [f"{ref}:{run(room_of, 'Rowan', '2').public_id}"]

    response = desk.post(f"/desk/requests/{ref}/ask", answer, follow_redirects=True)

    said = text_of(response)
    assert "the house has been asked, and 1 more beside it" in said
    assert "Not asked: Rowan, room 2:" in said
    assert said.count("They answered you by phone") == 2
    assert run(states, ref) == {"Rowan": "offered", "Cedar": "enquired"}


def test_the_desk_answers_for_the_house_that_was_asked_as_well(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar", "Fern")
    asks = run(asks_of, ref)
    desk.get(f"/desk/requests/{ref}")

    empty = desk.post(f"/desk/requests/{ref}/offers/{asks['Fern'].public_id}/decline", {})
    assert "Choose a reason." in text_of(empty)
    assert 'href="#decline-3-reason"' in empty.get_data(as_text=True), "beside the right house"
    no = {"reason": "full"}
    desk.post(f"/desk/requests/{ref}/offers/{asks['Fern'].public_id}/decline", no)
    desk.post(f"/desk/requests/{ref}/offers/{asks['Cedar'].public_id}/accept")

    assert run(states, ref) == {"Rowan": "withdrawn", "Cedar": "accepted", "Fern": "declined"}
    said = text_of(desk.get(f"/desk/requests/{ref}"))
    assert "The house said no" in said
    assert "Not needed any more" in said
    assert "Another house said yes first" in said


def test_a_question_is_answered_on_the_page_and_kept_when_it_is_wrong(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")
    cedar = run(asks_of, ref)["Cedar"].public_id
    run(questions.ask_question, "ask_cot", by=cast.chloe.actor, channel=Channel.WEB,
        public_id=cedar)  # fmt: skip
    page = desk.get(f"/desk/requests/{ref}")
    assert "They ask: Does a child of hers need a cot?" in text_of(page)
    assert "Wants to know one thing first" in text_of(page)
    address = page.get_data(as_text=True).split(f"/offers/{cedar}/questions/")[1].split('"')[0]
    path = f"/desk/requests/{ref}/offers/{cedar}/questions/{address}"

    wrong = desk.post(path, {"note": "We think so"})
    assert wrong.status_code == 422
    assert "Choose an answer." in text_of(wrong)
    assert "We think so" in text_of(wrong)
    too_long = desk.post(path, {"answer": "no", "note": "x" * 301})
    assert "Keep the note to 300 characters" in text_of(too_long)
    done = desk.post(path, {"answer": "no", "note": "y" * 300}, follow_redirects=True)

    assert "the house is told that its question has an answer" in text_of(done)
    again = desk.post(path, {"answer": "yes"})
    assert "answered already" in text_of(again)
