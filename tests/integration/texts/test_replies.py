"""Replies from refuges, from the demo phone over HTTP to the act and its answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import outbox
from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.events import Fact
from app.fields import PHONE, any_of
from app.models.events import Event
from app.models.messages import Contact, Message, SmsInbox, Task, TaskKind
from app.models.placements import Channel, Placement
from app.notices import Template
from app.services import offers, text_verdict, texts
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room
from tests.fake_twilio import FakeTwilio
from tests.integration.texts.owed import events

PHONES = {"Rowan": "+447700900101", "Cedar": "+447700900102"}
STRANGER = "+447700900777"


class Story:
    """An open offer, the phone it went to, and what the test needs to ask."""

    def __init__(self, cast: Cast, run: Run, run_as_worker: Run, twilio: FakeTwilio) -> None:
        self.cast, self.run, self.work, self.twilio = cast, run, run_as_worker, twilio
        referral = run(make_referral, cast.amara.actor)
        self.offer: Placement = run(offer_room, referral.ref, by=cast.dee.actor)
        self.code = self.offer.offer_code
        is_rowan = self.offer.refuge_id == cast.rowan_id
        self.phone = PHONES["Rowan" if is_rowan else "Cedar"]
        self.other_phone = PHONES["Cedar" if is_rowan else "Rowan"]
        self.worker: Actor = (cast.bea if is_rowan else cast.chloe).actor

    def text(self, body: str, *, phone: str = "", sid: str = "") -> None:
        """Write from a phone, and let the worker read it."""
        answer = self.twilio.reply(phone or self.phone, body.replace("CODE", self.code), sid=sid)
        assert answer["trouble"] == ""
        self.work(texts.handle_waiting)

    def state(self) -> str:
        return str(self.run(_state_of, self.offer.id))

    def answers(self) -> list[str]:
        """The templates of the answers owed, in order."""
        return list(self.run(_answers))

    def outcomes(self) -> list[str]:
        return list(self.run(_outcomes))


@pytest.fixture
def story(cast: Cast, run: Run, run_as_worker: Run, twilio: FakeTwilio) -> Story:
    return Story(cast, run, run_as_worker, twilio)


def test_accept_by_text(story: Story) -> None:
    story.text("Accept CODE please")

    assert story.state() == "accepted"
    assert story.answers() == [Template.ACCEPTED]
    assert story.run(_answered_by, story.offer.id) == (Channel.TEXT, True)


def test_the_answer_comes_back_to_the_phone(story: Story) -> None:
    story.text("accept CODE")
    story.work(outbox.send_due, story.twilio.gateway(), public_url="http://127.0.0.1:9")

    assert story.twilio.sent() == [
        f"{story.code} is accepted, thank you. Sign in to see what happens next."
    ]
    assert story.twilio.ledger()[-1]["recipient"] == story.phone


@pytest.mark.parametrize(("number", "reason"), [(1, "full"), (7, "area_not_safe")])
def test_decline_by_text_with_a_reason(story: Story, number: int, reason: str) -> None:
    story.text(f"DECLINE CODE {number}")

    assert (story.state(), story.run(_reason_of, story.offer.id)) == ("declined", reason)
    assert story.answers() == [Template.DECLINED]


@pytest.mark.parametrize("body", ["DECLINE CODE", "decline CODE 99", "NO CODE", "decline CODE 0"])
def test_decline_without_a_reason_asks_for_one(story: Story, body: str) -> None:
    story.text(body)

    assert story.state() == "offered"
    assert story.answers() == [Template.REASON_NEEDED]
    assert story.run(_variables)["numbers"] == "1-9"


MISTAKES = [
    ("", Template.NOT_UNDERSTOOD, "asked_again"),
    ("👍", Template.NOT_UNDERSTOOD, "asked_again"),
    ("Përshëndetje, kush jeni?", Template.NOT_UNDERSTOOD, "asked_again"),
    ("你好", Template.NOT_UNDERSTOOD, "asked_again"),
    ("pranoj CODE", Template.ONE_ANSWER_EACH, "asked_again"),
    ("CODE", Template.ONE_ANSWER_EACH, "asked_again"),
    ("cannot accept CODE", Template.ONE_ANSWER_EACH, "asked_again"),
    ("Reply ACCEPT CODE or DECLINE CODE by 21:40", Template.ONE_ANSWER_EACH, "asked_again"),
    ("ACCEPT", Template.CODE_MISSING, "asked_again"),
    ("yes", Template.CODE_MISSING, "asked_again"),
    ("accept, many thanks", Template.CODE_MISSING, "wrong_code"),
    ("ACCEPT 222222", Template.WRONG_CODE, "wrong_code"),
    ("accept \x00\ud83d CODEX", Template.CODE_MISSING, "asked_again"),
    ("x" * 5000, Template.NOT_UNDERSTOOD, "asked_again"),
]


def test_every_mistake_gets_its_own_answer(story: Story) -> None:
    for number, (body, answer, outcome) in enumerate(MISTAKES):
        story.run(
            texts.receive_text,
            f"SM{number:032x}",
            story.phone,
            "+447700900999",
            body.replace("CODE", story.code),
        )
        story.work(texts.handle_waiting)

        assert story.answers()[number:] == [answer], body
        assert story.outcomes()[number:] == [outcome], body
    assert story.state() == "offered"


def test_two_codes_in_one_text_change_nothing(story: Story) -> None:
    second = story.run(make_referral, story.cast.amara.actor)
    room = story.run(_other_room, story.offer)
    other = story.run(offer_room, second.ref, by=story.cast.dee.actor, room=room)

    story.text(f"ACCEPT CODE and {other.offer_code}")

    assert story.state() == "offered"
    assert story.answers() == [Template.ONE_CODE_EACH]


def test_another_houses_code_is_just_wrong(story: Story) -> None:
    story.text("ACCEPT CODE", phone=story.other_phone)

    assert story.state() == "offered"
    assert story.answers() == [Template.WRONG_CODE]


def test_a_stranger_gets_silence(story: Story) -> None:
    story.text("ACCEPT CODE", phone=STRANGER)
    story.text("ACCEPT 222222", phone=STRANGER)

    assert story.state() == "offered"
    assert story.answers() == []
    assert story.outcomes() == ["unknown_number", "unknown_number"]


def test_a_phone_not_verified_is_a_stranger(story: Story, run_as_owner: Run) -> None:
    run_as_owner(_unverify, story.phone)

    story.text("ACCEPT CODE")

    assert (story.state(), story.answers()) == ("offered", [])


def test_yes_then_no_stays_yes(story: Story) -> None:
    story.text("ACCEPT CODE")
    story.text("DECLINE CODE 1")

    assert story.state() == "accepted"
    assert story.answers() == [Template.ACCEPTED, Template.ALREADY_ACCEPTED]


def test_no_then_yes_stays_no(story: Story) -> None:
    story.text("DECLINE CODE 1")
    story.text("ACCEPT CODE")
    story.text("DECLINE CODE")

    assert story.state() == "declined"
    assert story.answers() == [
        Template.DECLINED,
        Template.ALREADY_DECLINED,
        Template.ALREADY_DECLINED,
    ]


def test_yes_after_the_web_said_yes(story: Story) -> None:
    story.run(accept, story.offer, by=story.worker)

    story.text("ACCEPT CODE")

    assert story.answers() == [Template.ALREADY_ACCEPTED]
    assert story.run(_answered_by, story.offer.id)[0] == Channel.WEB


def test_yes_after_it_was_taken_back(story: Story) -> None:
    story.run(offers.withdraw_offer, story.offer.public_id, "her_wish", by=story.cast.dee.actor)

    story.text("ACCEPT CODE")

    assert story.answers()[-1] == Template.ALREADY_WITHDRAWN


@pytest.mark.parametrize("body", ["ACCEPT CODE", "DECLINE CODE 1", "DECLINE CODE"])
def test_an_answer_after_the_time_changes_nothing(
    story: Story, run_as_owner: Run, body: str
) -> None:
    run_as_owner(_let_it_run_out, story.offer.id)

    story.text(body)

    assert story.state() == "offered"
    assert story.answers() == [Template.TOO_LATE]
    story.work(offers.lapse_offers)
    story.text(body)
    assert story.answers() == [Template.TOO_LATE] * 2


def test_a_replayed_text_has_one_effect(story: Story) -> None:
    sid = "SM" + "f" * 32
    for _ in range(20):
        story.text("ACCEPT CODE", sid=sid)

    assert story.answers() == [Template.ACCEPTED]
    assert story.run(_count, Fact.OFFER_ACCEPTED) == 1
    assert story.run(_count, Fact.TEXT_RECEIVED) == 1


def test_a_replay_with_another_body_is_the_first_text(story: Story) -> None:
    sid = "SM" + "f" * 32
    story.text("hello", sid=sid)
    story.text("ACCEPT CODE", sid=sid)

    assert story.state() == "offered"


def test_two_workers_read_one_text_once(story: Story, worker_app: Flask) -> None:
    for number in range(5):
        story.twilio.reply(story.phone, f"ACCEPT {story.code}", sid=f"SM{number:032x}")

    def read(_: int) -> None:
        with worker_app.app_context():
            texts.handle_waiting()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))

    assert story.state() == "accepted"
    assert len(story.answers()) == 5
    assert story.run(_count, Fact.OFFER_ACCEPTED) == 1


@pytest.mark.parametrize("body", ["ACCEPT CODE", "DECLINE CODE 2"])
def test_a_crash_between_the_act_and_its_note_is_healed(
    story: Story, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(texts, "_keep", crash)
        with pytest.raises(KeyboardInterrupt):
            story.text(body)
    answered = story.state()
    story.work(texts.handle_waiting)

    assert answered in ("accepted", "declined")
    assert story.answers() == [Template(answered)]
    assert story.outcomes() == [answered]


def test_one_text_that_fails_stops_no_other(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = text_verdict.judge

    def fail_once(reply: Any, *rest: Any, **more: Any) -> Any:
        if "BOOM" in reply.words:
            raise RuntimeError("boom")
        return judge(reply, *rest, **more)

    monkeypatch.setattr(texts, "judge", fail_once)
    story.twilio.reply(story.phone, "boom")
    story.twilio.reply(story.phone, f"ACCEPT {story.code}")

    with pytest.raises(RuntimeError):
        story.work(texts.handle_waiting)

    assert story.state() == "accepted"
    assert sorted(map(str, story.outcomes())) == ["None", "accepted"]


def test_five_wrong_codes_and_the_phone_is_ignored_and_looked_into(story: Story) -> None:
    for guess in ("222222", "333333", "444444", "555555", "666666"):
        story.text(f"ACCEPT {guess}")
    asked = story.run(_tasks)
    story.text("ACCEPT CODE")
    story.text("ACCEPT 777777")

    assert asked == [TaskKind.WRONG_CODES]
    assert story.state() == "offered"
    assert story.answers() == [Template.WRONG_CODE] * 5
    assert story.outcomes()[5:] == ["ignored", "ignored"]


def test_wrong_codes_of_one_phone_do_not_block_another(story: Story) -> None:
    for guess in ("222222", "333333", "444444", "555555", "666666"):
        story.text(f"ACCEPT {guess}", phone=story.other_phone)

    story.text("ACCEPT CODE")

    assert story.state() == "accepted"


def test_guessing_finds_nothing(story: Story) -> None:
    """Ten thousand codes, twelve to a text as at most are read: none fits, and reading stops."""
    letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
    guesses = [
        code
        for a in letters[:22]
        for b in letters[:22]
        for c in letters[:22]
        if (code := f"{a}{b}{c}222") != story.code
    ][:10_000]
    for at in range(0, len(guesses), 1000):
        story.run(
            texts.receive_text,
            f"SM{at:032x}",
            story.phone,
            "+447700900999",
            "ACCEPT " + " ".join(guesses[at : at + 1000]),
        )
    story.work(texts.handle_waiting)

    assert story.state() == "offered"
    assert story.outcomes().count("wrong_code") == 5
    assert story.outcomes().count("ignored") == 5


def test_stop_and_start(story: Story) -> None:
    story.text("STOP")
    stopped = (story.run(_is_stopped, story.phone), story.run(_tasks))
    story.text("Start")

    assert stopped == (True, [TaskKind.PHONE_STOPPED])
    assert not story.run(_is_stopped, story.phone)
    assert story.run(_tasks) == []
    assert story.answers() == []
    for kind in ("contact_stopped", "contact_started"):
        [(refuge_id, contact_id)] = story.run(events, kind)
        assert refuge_id == story.offer.refuge_id
        assert contact_id is not None


def test_every_text_is_in_the_audit_trail(story: Story) -> None:
    story.text("hello")
    story.text("ACCEPT CODE")

    assert story.run(_count, Fact.TEXT_RECEIVED) == 2
    assert "hello" not in story.run(_all_details)


# Questions to the database, each in a transaction of its own.


def _ask(query: Any) -> list[Any]:
    with transaction(by=SYSTEM):
        return list(db.session.execute(query).all())


def _state_of(placement_id: int) -> str:
    return str(_ask(select(Placement.state).where(Placement.id == placement_id))[0][0])


def _reason_of(placement_id: int) -> str:
    return str(_ask(select(Placement.reason_code).where(Placement.id == placement_id))[0][0])


def _answered_by(placement_id: int) -> tuple[str, bool]:
    """The channel, and whether the audit row names a phone."""
    channel = _ask(select(Placement.answered_by_channel).where(Placement.id == placement_id))[0][0]
    contact = _ask(select(Event.actor_contact_id).where(Event.kind == Fact.OFFER_ACCEPTED.value))[
        0
    ][0]
    return channel, contact is not None


def _answers() -> list[str]:
    query = select(Message.template).where(Message.dedupe_key.like("answer:%"))
    return [row[0] for row in _ask(query.order_by(Message.created_at))]


def _variables() -> dict[str, str]:
    return dict(_ask(select(Message.variables).where(Message.dedupe_key.like("answer:%")))[0][0])


def _outcomes() -> list[str]:
    return [row[0] for row in _ask(select(SmsInbox.outcome).order_by(SmsInbox.received_at))]


def _tasks() -> list[str]:
    return [row[0] for row in _ask(select(Task.kind).where(Task.done_at.is_(None)))]


def _count(fact: Fact) -> int:
    return int(_ask(select(func.count()).where(Event.kind == fact.value))[0][0])


def _all_details() -> str:
    return str(_ask(select(Event.detail)))


def _is_stopped(phone: str) -> bool:
    return (
        _ask(select(Contact.stopped_at).where(any_of(Contact.phone_index, PHONE, phone)))[0][0]
        is not None
    )


def _unverify(phone: str) -> None:
    with transaction(by=SYSTEM):
        db.session.scalars(
            select(Contact).where(any_of(Contact.phone_index, PHONE, phone))
        ).one().verified_at = None


def _let_it_run_out(placement_id: int) -> None:
    with transaction(by=SYSTEM) as now:
        db.session.get_one(Placement, placement_id).offer_expires_at = now


def _other_room(offer: Placement) -> UUID:
    from app.models.beds import Room

    return _ask(  # type: ignore[no-any-return]
        select(Room.public_id).where(Room.refuge_id == offer.refuge_id, Room.id != offer.room_id)
    )[0][0]
