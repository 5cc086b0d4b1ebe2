"""Rules that a service of ours cannot be made to break: each counts what is broken beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.messages import Message, MessageState
from app.services import invariants, texts
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room

PHONE = "+447700900101"


@pytest.fixture
def offered(cast: Cast, run: Run) -> None:
    """One open offer to Rowan."""
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor)


def test_an_offer_that_no_phone_was_told_of(offered: None, run_as_owner: Run) -> None:
    assert run_as_owner(_broken, _forget_the_texts) == [
        "I5 an open offer that no phone was told of"
    ]


def test_a_phone_that_starts_again_need_not_have_been_told(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_worker(_text, "STOP", "SM1")
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor)

    run_as_worker(_text, "START", "SM2")

    assert run_as_owner(invariants.broken) == {}


@pytest.mark.parametrize(
    ("name", "break_it"),
    [
        ("I7 a text held longer than its lease, or owed past its time", lambda: _owed_for_hours()),
        ("I7 one text to one phone taken twice by the provider", lambda: _send_again()),
        ("I9 one received text that had two effects", lambda: _receive_twice()),
        (
            "I11 a sealed field without its key, or a number or an address in the open",
            lambda: _write("who", "someone@example.org"),
        ),
        (
            "I11 a sealed field without its key, or a number or an address in the open",
            lambda: _write("where", "SW1A 1AA"),
        ),
    ],
    ids=["owed past its time", "sent twice", "two effects", "an address", "a postcode"],
)
def test_what_breaks_a_rule_is_counted(
    offered: None, run_as_owner: Run, name: str, break_it: Callable[[], None]
) -> None:
    assert run_as_owner(invariants.broken) == {}

    assert run_as_owner(_broken, break_it) == [name]


def _broken(break_it: Callable[[], None]) -> list[str]:
    break_it()
    return list(invariants.broken())


def _forget_the_texts() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(delete(Message))


def _text(body: str, sid: str) -> None:
    texts.receive_text(sid, PHONE, "+447700900999", body)
    texts.handle_waiting()


def _owed_for_hours() -> None:
    with transaction(by=SYSTEM) as now:
        db.session.execute(update(Message).values(not_after=now - timedelta(minutes=2)))


def _send_again() -> None:
    with transaction(by=SYSTEM):
        one = db.session.scalars(select(Message).order_by(Message.id).limit(1)).one()
        one.state, one.provider_sid = MessageState.ACCEPTED, "SMa"
        again = Message(
            dedupe_key=one.dedupe_key + ":again",
            contact_id=one.contact_id,
            placement_id=one.placement_id,
            template=one.template,
            variables=one.variables,
            not_after=one.not_after,
            state=MessageState.ACCEPTED,
            provider_sid="SMb",
        )
        db.session.add(again)


def _receive_twice() -> None:
    with transaction(by=SYSTEM):
        for _ in range(2):
            record(Fact.TEXT_RECEIVED, by=SYSTEM, detail={"sid": "SMx"})


def _write(key: str, value: str) -> None:
    with transaction(by=SYSTEM):
        record(Fact.TEXT_RECEIVED, by=SYSTEM, detail={"sid": "SMy", key: value})
