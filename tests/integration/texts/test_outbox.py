"""The send protocol against the stand-in over HTTP: nothing lost, nothing doubled, nothing late."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app import outbox
from app.actors import SYSTEM
from app.db import db, transaction
from app.models.messages import Message, MessageState, TaskKind
from app.outbox import sending
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of
from tests.fake_twilio import FakeTwilio
from tests.integration.texts.owed import (
    ROWAN,
    SHORT,
    Settle,
    change_contact,
    events,
    message,
    owe_text,
    task_subjects,
    tasks,
)


def test_an_owed_text_goes_out_once(
    cast: Cast, run: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    owed = run(owe_text)

    rounds = [send(), send()]

    assert rounds == [1, 0]
    kept = run(message, owed)
    assert (kept.state, kept.attempt, kept.provider_status) == ("accepted", 1, "accepted")
    assert [text["sid"] for text in twilio.ledger()] == [kept.provider_sid]
    assert twilio.sent() == ["Bed request 7KQ4M2 is withdrawn. There is nothing more to do."]


def test_the_same_key_owes_one_text(
    cast: Cast, run: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    for _ in range(3):
        run(owe_text, key="one")
    send()

    assert len(twilio.sent()) == 1


def test_an_offer_reaches_the_phone_of_its_own_house_only(
    cast: Cast, run: Run, run_as_worker: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    referral = run(make_referral, cast.amara.actor)
    placement = run(offer_room, referral.ref, by=cast.dee.actor)

    send()

    house = ROWAN if placement.refuge_id == cast.rowan_id else "+447700900102"
    assert [text["recipient"] for text in twilio.ledger()] == [house]
    assert placement.offer_code in twilio.sent()[0]


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        ("503_after", 1),
        ("reset_after", 1),
        ("garbage_after", 1),
        ("hang_after", 1),
        ("500_before", 2),
        ("reset_before", 2),
        ("hang_before", 2),
        ("429", 2),
        ("401", 2),
    ],
)
def test_whatever_goes_wrong_the_text_is_sent_exactly_once(
    cast: Cast, run: Run, settle: Settle, twilio: FakeTwilio, fault: str, attempts: int
) -> None:
    twilio.plan(fault, seconds=3)
    owed = run(owe_text)

    settle(owed, MessageState.ACCEPTED)

    kept = run(message, owed)
    assert len(twilio.sent()) == 1
    assert kept.attempt == attempts
    assert kept.provider_sid == twilio.ledger()[0]["sid"]


def test_a_text_in_doubt_waits_for_two_looks(
    cast: Cast, run: Run, run_as_worker: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    gateway = twilio.gateway()
    twilio.plan("500_before")
    owed = run(owe_text)
    send()

    look = [run_as_worker(outbox.reconcile_unknown, gateway, patience=SHORT)]
    time.sleep(1.1)
    look.append(run_as_worker(outbox.reconcile_unknown, gateway, patience=SHORT))
    state_after_one_look = run(message, owed).state
    look.append(run_as_worker(outbox.reconcile_unknown, gateway, patience=SHORT))
    time.sleep(0.4)
    look.append(run_as_worker(outbox.reconcile_unknown, gateway, patience=SHORT))

    assert look == [0, 1, 0, 1]
    assert state_after_one_look == MessageState.UNKNOWN
    assert run(message, owed).state == MessageState.NEW
    assert twilio.sent() == []


def test_a_list_that_lags_is_waited_for(
    cast: Cast, run: Run, settle: Settle, twilio: FakeTwilio
) -> None:
    twilio.settle(list_lag_seconds=1.15)
    twilio.plan("503_after")
    owed = run(owe_text)

    settle(owed, MessageState.ACCEPTED)

    assert len(twilio.sent()) == 1


def test_nothing_is_sent_again_while_the_list_cannot_be_read(
    cast: Cast, run: Run, run_as_worker: Run, settle: Settle, twilio: FakeTwilio
) -> None:
    twilio.plan("503_after")
    twilio.plan("500_before", "reset_before", "429", operation="list")
    owed = run(owe_text)

    settle(owed, MessageState.ACCEPTED)

    assert len(twilio.sent()) == 1


def test_two_equal_texts_in_doubt_are_told_apart(
    cast: Cast, run: Run, settle: Settle, twilio: FakeTwilio
) -> None:
    twilio.plan("503_after", "500_before")
    first, second = run(owe_text, key="a"), run(owe_text, key="b")

    settle(first, MessageState.ACCEPTED)
    settle(second, MessageState.ACCEPTED)

    assert len(twilio.sent()) == 2
    assert run(message, first).provider_sid != run(message, second).provider_sid


def test_a_refused_number_fails_at_once_and_is_put_before_a_person(
    cast: Cast, run: Run, run_as_owner: Run, send: Callable[..., int]
) -> None:
    run_as_owner(change_contact, phone="+15005550001")
    owed = run(owe_text, phone="+15005550001")

    send()

    kept = run(message, owed)
    assert (kept.state, kept.attempt, kept.error_code) == ("failed", 1, "21211")
    assert run(tasks) == [(TaskKind.TEXT_FAILED, True)]


def test_a_phone_that_has_sent_stop_is_put_before_a_person(
    cast: Cast, run: Run, run_as_worker: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    twilio.application.extensions["exchange"].ledger.opt_out(ROWAN, out=True)
    owed = run(owe_text)

    send()

    assert run(message, owed).error_code == "21610"
    assert run(tasks) == [(TaskKind.PHONE_STOPPED, True)]
    assert run(events, "contact_stopped") == [(cast.rowan_id, None)]


def test_a_phone_nobody_verified_gets_nothing(
    cast: Cast, run: Run, run_as_owner: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    run_as_owner(change_contact, verified_at=None)
    owed = run(owe_text)

    send()

    assert run(message, owed).state == MessageState.NEW
    assert twilio.sent() == []


def test_nothing_goes_out_after_its_time(
    cast: Cast, run: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    owed = run(owe_text, seconds=0.2)
    time.sleep(0.3)

    send()

    assert run(message, owed).state == MessageState.EXPIRED
    assert twilio.sent() == []


def test_an_offer_answered_in_the_meantime_is_not_announced(
    cast: Cast, run: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    referral = run(make_referral, cast.amara.actor)
    placement = run(offer_room, referral.ref, by=cast.dee.actor)
    run(accept, placement, by=_worker_of(cast, placement.refuge_id))

    send()

    assert twilio.sent() == []
    assert run(tasks) == []


def test_an_offer_nobody_could_be_told_of_is_put_before_a_person(
    cast: Cast, run: Run, run_as_owner: Run, send: Callable[..., int]
) -> None:
    referral = run(make_referral, cast.amara.actor)
    run(offer_room, referral.ref, by=cast.dee.actor)
    run_as_owner(_let_the_texts_grow_old)

    send()

    assert run(tasks) == [(TaskKind.TEXT_FAILED, True)]
    assert run(task_subjects) == [(referral.id, run(placement_of, referral.ref).id)]


def test_an_offer_to_a_house_that_no_text_reaches_is_put_before_a_person(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    run_as_owner(change_contact, stopped_at=datetime(2026, 1, 1, tzinfo=UTC))
    referral = run(make_referral, cast.amara.actor)
    room = run(room_of, "Rowan", "1").public_id

    offer = run(offer_room, referral.ref, by=cast.dee.actor, room=room)

    assert run(tasks) == [(TaskKind.RING_HOUSE, True)]
    assert run(task_subjects) == [(referral.id, offer.id)]


def test_an_offer_that_can_be_texted_needs_no_person(cast: Cast, run: Run) -> None:
    referral = run(make_referral, cast.amara.actor)

    run(offer_room, referral.ref, by=cast.dee.actor)

    assert run(tasks) == []


def test_a_provider_that_is_down_is_left_alone_for_the_round(
    cast: Cast, run: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    for number in range(8):
        run(owe_text, code=f"7KQ4M{number}")
    twilio.plan("500_before", "500_before", "500_before")

    first = send()

    assert first == 0
    assert twilio.sent() == []
    assert send() == 5


def test_a_worker_that_was_frozen_does_not_send(
    cast: Cast, run: Run, run_as_worker: Run, twilio: FakeTwilio
) -> None:
    owed = run(owe_text)
    claim = run_as_worker(sending._claim_next, SHORT)
    fresh = run_as_worker(sending._still_ours, claim, SHORT)
    time.sleep(0.6)

    assert fresh
    assert not run_as_worker(sending._still_ours, claim, SHORT)
    assert run(message, owed).state == MessageState.INFLIGHT


def test_a_worker_that_was_frozen_behind_the_fence_does_not_send_either(
    cast: Cast, run: Run, run_as_worker: Run, twilio: FakeTwilio, send: Callable[..., int]
) -> None:
    owed = run(owe_text)
    claim = run_as_worker(sending._claim_next, SHORT)
    begin_by = time.monotonic() - 0.01  # so long it stood still

    run_as_worker(sending._attempt, twilio.gateway(), claim, "http://127.0.0.1:9", SHORT, begin_by)

    assert twilio.sent() == []
    assert run(message, owed).state == MessageState.NEW
    assert send() == 1
    assert len(twilio.sent()) == 1


def test_a_text_that_cannot_be_written_stops_no_other(
    cast: Cast, run: Run, run_as_owner: Run, send: Callable[..., int], twilio: FakeTwilio
) -> None:
    broken = run(owe_text, key="broken")
    run_as_owner(_spoil, broken)
    run(owe_text, code="7KQ4M3")

    send()

    assert len(twilio.sent()) == 1
    assert run(message, broken).error_code == "cannot_be_written"


def test_many_workers_share_the_work(
    cast: Cast, run: Run, worker_app: Any, twilio: FakeTwilio
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(30):
        run(owe_text, code=f"7KQ4{number:02d}")

    def work(_: int) -> int:
        with worker_app.app_context():
            return outbox.send_due(twilio.gateway(), public_url="http://127.0.0.1:9")

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, range(4)))

    assert sum(counts) == 30
    assert len(twilio.sent()) == len(set(twilio.sent())) == 30


def _worker_of(cast: Cast, refuge_id: int) -> Any:
    return (cast.bea if refuge_id == cast.rowan_id else cast.chloe).actor


def _let_the_texts_grow_old() -> None:
    with transaction(by=SYSTEM) as now:
        for owed in db.session.scalars(select(Message)):
            owed.not_after = now - timedelta(seconds=1)


def _spoil(message_id: UUID) -> None:
    with transaction(by=SYSTEM):
        db.session.get_one(Message, message_id).variables = {"code": "a name"}
