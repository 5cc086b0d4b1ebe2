"""MAYBE with a number asks one question; nobody is told by text what the answer is."""

from __future__ import annotations

from typing import Any

import pytest

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.enquiries import HouseQuestion
from app.notices import Template
from app.services import matching
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, room_of
from tests.fake_twilio import FakeTwilio
from tests.integration.texts.test_replies import Story
from tests.several_houses import asks_of, plan_for, states, two_more_houses


@pytest.fixture
def story(cast: Cast, run: Run, run_as_worker: Run, twilio: FakeTwilio) -> Story:
    return Story(cast, run, run_as_worker, twilio)


def asked() -> list[tuple[str, str]]:
    with transaction(by=SYSTEM):
        return [(each.code, each.asked_by_channel) for each in db.session.query(HouseQuestion)]


def test_maybe_and_a_number_is_a_question_asked_once(story: Story) -> None:
    story.text("Maybe CODE 3")
    story.text("MAYBE CODE 3")
    story.text("maybe CODE 2")
    story.text("maybe CODE 44")
    story.text("ACCEPT CODE")
    story.text("MAYBE CODE 4")

    assert story.answers() == [
        Template.QUESTION_ASKED,
        Template.QUESTION_ASKED,
        Template.QUESTION_ONCE,
        Template.QUESTION_NUMBER,
        Template.ACCEPTED,
        Template.ALREADY_ACCEPTED,
    ]
    assert story.run(asked) == [("ask_stairs", "text")]


def test_a_house_that_is_asked_as_well_says_yes_and_no_by_text(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, twilio: FakeTwilio
) -> None:
    run_as_owner(two_more_houses, cast)
    ref = run(make_referral, cast.amara.actor).ref
    run_as_worker(matching.make_plan)
    run_id = run_as_worker(plan_for, ref, "Fern")
    rooms = [run(room_of, alias, "1").public_id for alias in ("Rowan", "Cedar")]
    run(matching.confirm_plan, run_id, [ref], by=cast.dee.actor, also={ref: rooms})
    said = Said(cast, run, run_as_worker, twilio, ref)

    said.text("Cedar", "DECLINE CODE 8")
    said.text("Rowan", "MAYBE CODE 1")
    said.text("Rowan", "ACCEPT CODE")
    said.text("Fern", "ACCEPT CODE")

    assert said.answers() == [
        Template.DECLINED,
        Template.QUESTION_ASKED,
        Template.ACCEPTED,
        Template.ALREADY_WITHDRAWN,
    ]
    assert run(states, ref) == {"Fern": "withdrawn", "Rowan": "accepted", "Cedar": "declined"}


class Said(Story):
    """Several houses' phones, each with its own code."""

    def __init__(self, cast: Cast, run: Run, work: Run, twilio: FakeTwilio, ref: str) -> None:
        self.cast, self.run, self.work, self.twilio = cast, run, work, twilio
        self.asks = run(asks_of, ref)

    def text(self, house: str, body: str, **_: Any) -> None:  # type: ignore[override]
        phones = {"Rowan": "101", "Cedar": "102", "Fern": "103"}
        self.code = self.asks[house].offer_code
        super().text(body, phone=f"+447700900{phones[house]}")
