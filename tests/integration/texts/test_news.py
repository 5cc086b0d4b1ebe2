"""What the provider tells of a text: late, twice, out of order, before its answer; one end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import outbox
from app.models.messages import MessageState, TaskKind
from app.outbox import sending
from tests.cast import Cast
from tests.conftest import Run
from tests.fake_twilio import FakeTwilio
from tests.integration.texts.owed import (
    ROWAN,
    SHORT,
    message,
    owe_text,
    tasks,
    wait_until,
)


def test_a_callback_settles_what_the_answer_did_not(
    cast: Cast, run: Run, run_as_worker: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    twilio.settle(callbacks={"delays": [0.0, 0.0, 0.0]})
    twilio.plan("503_after")
    owed = run(owe_text)
    send(twilio.application.extensions["exchange"].public_url)

    wait_until(lambda: run(message, owed).provider_status == "delivered")

    kept = run(message, owed)
    assert (kept.state, kept.attempt) == ("accepted", 1)
    assert len(twilio.sent()) == 1


def test_callbacks_may_come_before_the_answer(
    cast: Cast, run: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    twilio.settle(callbacks={"delays": [0.0, 0.0, 0.0], "order": "reverse", "copies": 3})
    twilio.plan("slow_after", seconds=0.3)
    owed = run(owe_text)

    send(twilio.application.extensions["exchange"].public_url)

    kept = run(message, owed)
    assert (kept.state, kept.provider_status) == ("accepted", "delivered")


def test_every_order_of_news_ends_the_same(cast: Cast, run: Run) -> None:
    orders = permutations(["queued", "sent", "undelivered", "delivered"])
    for number, order in enumerate(orders):
        owed = run(owe_text, key=str(number))
        for status in order:
            error = "30003" if status == "undelivered" else ""
            assert run(outbox.record_status, owed, 1, f"SM{number:032x}", status, error)

        kept = run(message, owed)
        assert (kept.state, kept.provider_status) == ("accepted", "delivered"), order
        assert kept.error_code is None
        assert not [kind for kind, is_open in run(tasks) if is_open], order


def test_any_news_in_any_order_and_number_ends_the_same(cast: Cast, run: Run) -> None:
    words = ["accepted", "queued", "sending", "sent", "undelivered", "failed", "delivered", "odd"]
    numbers = iter(range(10_000))

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.sampled_from(words), min_size=1, max_size=6), st.randoms())
    def check(news: list[str], dice: Any) -> None:
        ends = []
        for again in (news, dice.sample(news * 2, len(news) * 2)):
            number = next(numbers)
            owed = run(owe_text, key=str(number))
            for status in again:
                run(outbox.record_status, owed, 1, f"SM{number:032x}", status)
            kept = run(message, owed)
            ends.append((kept.state, kept.provider_status, kept.status_rank))
        assert ends[0] == ends[1]

    check()


def test_an_undelivered_text_is_put_before_a_person(
    cast: Cast, run: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    twilio.settle(failing={ROWAN: 30003}, callbacks={"delays": [0.0]})
    owed = run(owe_text)
    send(twilio.application.extensions["exchange"].public_url)

    wait_until(lambda: run(message, owed).state == MessageState.FAILED)

    assert run(message, owed).error_code == "30003"
    assert run(tasks) == [(TaskKind.TEXT_FAILED, True)]


def test_late_news_of_an_old_attempt_stops_the_next(
    cast: Cast, run: Run, run_as_worker: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    twilio.plan("429", retry_after=0)
    owed = run(owe_text)
    run_as_worker(sending._claim_next, SHORT)
    assert run(outbox.record_status, owed, 1, "SM" + "b" * 32, "queued")

    send()

    assert twilio.sent() == []
    assert run(message, owed).provider_sid == "SM" + "b" * 32


def test_a_second_sid_for_one_text_changes_nothing(cast: Cast, run: Run) -> None:
    owed = run(owe_text)
    run(outbox.record_status, owed, 1, "SM" + "c" * 32, "sent")

    run(outbox.record_status, owed, 2, "SM" + "d" * 32, "undelivered", "30003")

    kept = run(message, owed)
    assert (kept.provider_sid, kept.provider_status) == ("SM" + "c" * 32, "sent")
