"""What an officer reads while several houses are asked, and what she may say for her."""

from __future__ import annotations

from typing import Any

import pytest

from app.models.placements import Channel
from app.services import offers, questions
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral
from tests.several_houses import HOUSES, ask, asks_of, states, two_more_houses


@pytest.fixture
def ref(cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run) -> str:
    """Rowan is asked with its room held, Cedar and Fern as well."""
    run_as_owner(two_more_houses, cast)
    ref = str(run(make_referral, cast.amara.actor).ref)
    ask(run, run_as_worker, cast, ref, "Cedar", "Fern")
    return ref


@pytest.fixture
def amara(cast: Cast, browser_of: Any) -> Browser:
    browser: Browser = browser_of(cast.amara.email)
    return browser


def test_she_reads_how_many_and_never_which(amara: Browser, cast: Cast, run: Run, ref: str) -> None:
    said = text_of(amara.get(f"/police/requests/{ref}"))

    assert "3 houses have been asked" in said
    assert not [alias for alias in HOUSES if alias in said]
    run(offers.decline_offer, by=cast.bea.actor, channel=Channel.WEB, reason="full",
        public_id=run(asks_of, ref)["Rowan"].public_id)  # fmt: skip
    live = text_of(amara.get(f"/police/requests/{ref}/status"))
    assert "2 houses have been asked" in live
    run(offers.accept_offer, by=cast.chloe.actor, channel=Channel.WEB,
        public_id=run(asks_of, ref)["Cedar"].public_id)  # fmt: skip
    placed = text_of(amara.get(f"/police/requests/{ref}"))
    assert "Placed: Cedar" in placed
    assert "Rowan" not in placed
    assert "Fern" not in placed


def test_she_answers_a_house_without_learning_which_it_is(
    amara: Browser, cast: Cast, run: Run, ref: str
) -> None:
    cedar = run(asks_of, ref)["Cedar"].public_id
    run(questions.ask_question, "ask_medicine_times", by=cast.chloe.actor, channel=Channel.WEB,
        public_id=cedar)  # fmt: skip
    page = amara.get(f"/police/requests/{ref}")
    assert "A house may say yes and asks: Does she take medicine at fixed times?" in text_of(page)
    question = page.get_data(as_text=True).split(f"{ref}/questions/")[1].split('"')[0]
    path = f"/police/requests/{ref}/questions/{question}"

    wrong = amara.post(path, {"answer": "told", "note": "At eight"})
    assert wrong.status_code == 422
    assert "Choose one of the answers" in text_of(wrong)
    assert "At eight" in text_of(wrong)
    done = amara.post(path, {"answer": "yes", "note": "At eight"}, follow_redirects=True)

    assert "The house is told" in text_of(done)
    assert "A house may say yes and asks" not in text_of(done)
    assert "Cedar" not in text_of(done)


def test_she_says_for_her_that_she_does_not_want_this_house(
    amara: Browser, run: Run, ref: str
) -> None:
    amara.get(f"/police/requests/{ref}")
    path = f"/police/requests/{ref}/not-this-house"
    assert amara.post(path, {}).status_code == 422

    done = amara.post(path, {"reason": "stay_near"}, follow_redirects=True)

    assert "she does not want this house" in text_of(done)
    assert "2 houses have been asked" in text_of(done)
    assert run(states, ref) == {"Rowan": "withdrawn", "Cedar": "enquired", "Fern": "enquired"}
    again = amara.post(path, {"reason": "stay_near"})
    assert "No room is kept for her now" in text_of(again)
