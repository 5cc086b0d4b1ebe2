"""A house that answers nobody is left alone by the plan until somebody hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.actors import SYSTEM
from app.db import transaction
from app.models.placements import Channel
from app.services import beds, clock, offers, questions, texts
from app.services.snapshot import take
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room, room_of

HER_TIME = timedelta(minutes=121)  # longer than an urgent request's time to answer
ROWANS_PHONE = "+447700900101"
SERVICE = "+447700900999"
Lapse = Callable[[], None]


@pytest.fixture
def lapses(cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run) -> Lapse:
    """One more woman is offered Rowan's room, and nobody answers."""

    def lapse() -> None:
        ref = run(make_referral, cast.amara.actor).ref
        room = run(room_of, "Rowan", "1").public_id
        run(offer_room, ref, by=cast.dee.actor, room=room)
        run_as_owner(clock.shift_by, HER_TIME)
        assert run_as_worker(offers.lapse_offers) == 1

    return lapse


def left_alone(cast: Cast, run: Run, *, by_hand: bool = False) -> bool:
    """Whether the plan may not ask Rowan for a woman who has never been offered it."""
    ref = run(make_referral, cast.amara.actor).ref

    def look() -> list[str]:
        with transaction(by=SYSTEM) as now:
            problem = take(now, person_for=ref if by_hand else "").problem
        her = next(each for each in problem["households"] if each["id"] == ref)
        return list(her["vetoed_refuges"])

    return f"refuge-{cast.rowan_id}" in run(look)


def test_the_third_silence_in_a_row_is_one_too_many(cast: Cast, run: Run, lapses: Lapse) -> None:
    lapses()
    lapses()
    assert not left_alone(cast, run)
    lapses()
    assert left_alone(cast, run)
    assert not left_alone(cast, run, by_hand=True), "a person may ask it all the same"


def test_any_word_of_the_house_brings_it_back(
    cast: Cast, run: Run, run_as_worker: Run, lapses: Lapse
) -> None:
    for _ in range(3):
        lapses()
    run_as_worker(texts.receive_text, "SM" + "7" * 32, ROWANS_PHONE, SERVICE, "hello?")
    assert not left_alone(cast, run)
    lapses()
    lapses()
    assert not left_alone(cast, run), "silences before the word count no more"
    lapses()
    assert left_alone(cast, run)
    run(beds.confirm_beds, by=cast.bea.actor)
    assert not left_alone(cast, run)


def test_a_lapse_while_we_owe_the_house_an_answer_is_not_its_silence(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, lapses: Lapse
) -> None:
    lapses()
    lapses()
    ref = run(make_referral, cast.amara.actor).ref
    room = run(room_of, "Rowan", "1").public_id
    offer = run(offer_room, ref, by=cast.dee.actor, room=room)
    ask = {"by": cast.bea.actor, "channel": Channel.WEB, "public_id": offer.public_id}
    run(questions.ask_question, "ask_stairs", **ask)
    run_as_owner(clock.shift_by, 2 * HER_TIME)
    assert run_as_worker(offers.lapse_offers) == 1

    assert not left_alone(cast, run)
