"""What a house reads of an enquiry, and how it asks its one question."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.enquiries import HouseQuestion, QuestionAnswer
from app.services import matching, questions
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral
from tests.several_houses import ask, asks_of, say, states, two_more_houses


@pytest.fixture
def ref(cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run) -> str:
    """Fern is asked with its room held, Rowan as well."""
    run_as_owner(two_more_houses, cast)
    ref = str(run(make_referral, cast.amara.actor).ref)
    ask(run, run_as_worker, cast, ref, "Rowan", proposed="Fern")
    return ref


@pytest.fixture
def page(run: Run, ref: str) -> str:
    return f"/refuge/offers/{run(asks_of, ref)['Rowan'].public_id}"


def test_an_enquiry_says_that_nothing_is_held_and_shows_what_an_offer_shows(
    bea: Browser, run: Run, ref: str, page: str
) -> None:
    home, said = text_of(bea.get("/refuge/")), text_of(bea.get(page))

    assert "Room 1 would suit her and is not held" in home
    assert "Asked as well, nothing held" in home
    assert "the first house to say yes takes her" in said
    assert "Albanian" in said
    for hidden in ("Fern", "OP-LANTERN-7", "0555", "SE15"):
        assert hidden not in said + home
    bea.post(f"{page}/accept")
    assert run(states, ref) == {"Fern": "withdrawn", "Rowan": "accepted"}


def test_a_house_that_came_second_reads_why(
    bea: Browser, cast: Cast, run: Run, ref: str, page: str
) -> None:
    bea.get(page)
    say(run, cast, ref, "Fern")

    assert "Another house said yes first" in text_of(
        bea.post(f"{page}/accept", follow_redirects=True)
    )
    closed = text_of(bea.get(page))
    assert "Another house said yes first" in closed
    assert "Albanian" not in closed


def test_one_question_is_asked_and_its_answer_read(
    bea: Browser, cast: Cast, run: Run, ref: str, page: str
) -> None:
    bea.get(page)
    for wrong in ({}, {"question": "full"}, {"question": "x" * 50}):
        response = bea.post(f"{page}/question", wrong)
        assert response.status_code == 422
        assert "Choose what you need to know." in text_of(response)

    asked = bea.post(f"{page}/question", {"question": "ask_pet"}, follow_redirects=True)

    said = text_of(asked)
    assert "Your question is asked. You have until" in said
    assert "You asked: Does she bring a pet?" in said
    assert "We may be able to" not in said, "there is one question in all"
    assert "Wants to know one thing first" in text_of(bea.get("/refuge/"))
    second = bea.post(f"{page}/question", {"question": "ask_cot"}, follow_redirects=True)
    assert "You have asked your one question" in text_of(second)
    answer = questions.NewAnswer(answer=QuestionAnswer.NO, note="No animals.")
    run(questions.answer_question, run(_only_question), answer, by=cast.dee.actor)
    read = text_of(bea.get(page))
    assert "No. No animals." in read
    assert matching.STALE not in read


def _only_question() -> object:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(HouseQuestion.public_id)).one()
