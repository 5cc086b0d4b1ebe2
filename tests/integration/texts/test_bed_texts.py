"""Beds by text, from the demo phone over HTTP to the room and the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact
from app.fields import PHONE, any_of
from app.models.beds import Refuge, Void
from app.models.events import Event
from app.models.messages import Contact, Message, SmsInbox, Task, TaskKind
from app.notices import Template
from app.services import houses, nudging, offers, texts, voids
from app.services.clock import shift_by, shift_to
from app.services.void_steps import Terms
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of
from tests.fake_twilio import FakeTwilio

ROWAN, CEDAR, STRANGER = "+447700900101", "+447700900102", "+447700900777"


class House:
    """Rowan and its phone; room 1 is single, room 2 has three beds and a cot."""

    def __init__(self, cast: Cast, run: Run, run_as_worker: Run, twilio: FakeTwilio) -> None:
        self.cast, self.run, self.work, self.twilio = cast, run, run_as_worker, twilio

    def text(self, body: str, *, phone: str = ROWAN, sid: str = "") -> str:
        """Write from a phone and let the worker read it; the template of the answer, or none."""
        before = len(self.run(_answers))
        assert self.twilio.reply(phone, body, sid=sid)["trouble"] == ""
        self.work(texts.handle_waiting)
        return "".join(self.run(_answers)[before:])

    def rooms(self) -> dict[str, str]:
        page = self.run(houses.rooms, by=self.cast.bea.actor)
        return {room.code: room.beds[0][0] for room in page.rooms}

    def told(self) -> dict[str, str]:
        return dict(self.run(_last_variables))

    def offer(self) -> str:
        """Room 2 is offered for somebody: her reference."""
        ref: str = self.run(make_referral, self.cast.amara.actor).ref
        room = self.run(room_of, "Rowan", "2").public_id
        self.run(offer_room, ref, by=self.cast.dee.actor, room=room)
        return ref


@pytest.fixture
def house(cast: Cast, run: Run, run_as_worker: Run, twilio: FakeTwilio) -> House:
    return House(cast, run, run_as_worker, twilio)


def test_out_of_use_and_free_again_by_text(house: House) -> None:
    assert house.text("b2 void cleaning 2d") == Template.BED_OUT_UNTIL
    assert house.rooms() == {"1": "free", "2": "void"}
    [void] = house.run(_voids)
    assert void.reason_code == "cleaning"
    assert abs(void.until - void.begun_at - timedelta(days=2)) < timedelta(seconds=9)

    assert house.text("B 2 VOID REPAIR") == Template.BED_OUT  # changed, and the first is kept
    assert [v.reason_code for v in house.run(_voids)] == ["cleaning", "repair"]

    assert house.text("B 2 FREE") == Template.BED_FREE
    assert house.text("B 2 FREE") == Template.BED_FREE
    assert house.rooms() == {"1": "free", "2": "free"}
    assert all(v.ended_at for v in house.run(_voids))
    assert house.run(_kinds, Fact.VOID_STARTED) == 2
    assert house.run(_kinds, Fact.VOID_ENDED) == 1
    assert house.run(_kinds, Fact.ROOM_CONFIRMED) == 1


def test_a_text_has_its_effect_once_even_after_a_crash(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    sid = "SM" + "e" * 32
    with monkeypatch.context() as broken:
        broken.setattr(texts, "_keep", crash)
        with pytest.raises(KeyboardInterrupt):
            house.text("B 1 VOID PESTS 3D", sid=sid)
    first = house.run(_voids)
    house.work(texts.handle_waiting)
    for _ in range(5):
        house.text("B 1 VOID PESTS 3D", sid=sid)

    assert [v.id for v in house.run(_voids)] == [v.id for v in first]
    assert house.run(_answers) == [Template.BED_OUT_UNTIL]


def test_every_mistake_is_answered_with_what_to_write(house: House) -> None:
    house.offer()
    for body, answer in [
        ("B 9 FREE", Template.BED_UNKNOWN),
        ("B 2 FREE", Template.BED_TAKEN),
        ("B 2 VOID CLEAN", Template.BED_TAKEN),
        ("B 1 VOID", Template.VOID_REASON),
        ("B 1 VOID CLEAN UNTIL SOON", Template.VOID_UNTIL),
        ("B 1 VOID CLEAN UNTIL 31 FEB", Template.VOID_UNTIL),
        ("B 1 is not free", Template.BED_UNCLEAR),
        ("B 1 B 2 FREE", Template.ONE_BED_EACH),
        ("free", Template.BED_MISSING),
        ("all ok?", Template.NOT_UNDERSTOOD),
        ("FULL", Template.COUNT_DIFFERS),
        ("count 7", Template.COUNT_DIFFERS),
        ("ACCEPT, we are free", Template.CODE_MISSING),
        ("help", Template.HELP),
    ]:
        assert house.text(body) == answer, body
    assert house.rooms() == {"1": "free", "2": "held"}
    assert house.run(_voids) == []
    assert house.run(_outcomes).count("wrong_bed") == 1


def test_a_bed_is_only_ever_the_phones_own(house: House) -> None:
    assert house.text("B 1 VOID CLEAN 1D", phone=CEDAR) == Template.BED_OUT_UNTIL
    assert house.text("B 1 VOID CLEAN 1D", phone=STRANGER) == ""

    [void] = house.run(_voids)
    assert void.refuge_id == house.cast.cedar_id
    assert house.rooms() == {"1": "free", "2": "free"}


def test_guessed_beds_and_codes_are_counted_together(house: House) -> None:
    for guess in ("B 7 FREE", "B 8 FREE", "ACCEPT 222222", "B 9 VOID CLEAN"):
        house.text(guess)
    before = house.run(_open_tasks)
    house.text("B 77 FREE")

    assert (before, house.run(_open_tasks)) == ([], [TaskKind.WRONG_CODES])
    assert house.text("B 1 VOID CLEAN") == ""
    assert house.rooms() == {"1": "free", "2": "free"}


def test_counts_are_asked_and_kept_by_text(house: House, run_as_owner: Run) -> None:
    house.offer()
    assert house.text("count") == Template.COUNT
    assert house.told() == {"free": "1", "held": "3", "taken": "0", "out": "0"}
    for right in ("ALL OK", "COUNT 1"):
        run_as_owner(_forget_check)
        assert house.text(right) == Template.COUNTS_KEPT
        assert house.told() == {"free": "1"}
        assert house.run(_checked_at) is not None
    house.text("B 1 VOID STAFF 1D")
    assert house.text("we are full") == Template.COUNTS_KEPT


def test_arrived_and_maybe_by_text(house: House) -> None:
    ref = house.offer()
    code = house.run(placement_of, ref).offer_code

    assert house.text(f"ARRIVED {code}") == Template.ACCEPT_FIRST
    assert house.text(f"maybe {code}: can she climb stairs?") == Template.MAYBE
    assert house.text(f"MAYBE {code}") == Template.MAYBE
    assert house.run(placement_of, ref).state == "offered"
    assert house.run(_open_tasks) == [TaskKind.QUESTION]

    house.text(f"ACCEPT {code}")
    assert house.text(f"MAYBE {code}") == Template.ALREADY_ACCEPTED
    assert house.text(f"she has not arrived {code}") == Template.ONE_ANSWER_EACH
    assert house.text(f"ARRIVED {code}", phone=CEDAR) == Template.WRONG_CODE
    assert house.run(placement_of, ref).state == "accepted"
    assert house.text(f"7 she has arrived {code}") == Template.ONE_ANSWER_EACH
    assert house.text(f"She has arrived, {code}. Thanks") == Template.ARRIVED
    assert house.text(f"ARRIVED {code}") == Template.ARRIVED
    assert house.run(placement_of, ref).state == "arrived"
    assert house.run(_kinds, Fact.ARRIVED) == 1


def test_free_by_text_ends_the_turnaround(house: House) -> None:
    ref = house.offer()
    house.run(accept, house.run(placement_of, ref), by=house.cast.bea.actor)
    stay = house.run(placement_of, ref).public_id
    house.run(offers.record_arrival, stay, by=house.cast.bea.actor)
    assert house.text("B 2 FREE") == Template.BED_TAKEN
    house.run(offers.record_departure, stay, "planned_move", by=house.cast.bea.actor)
    made_ready = house.rooms()["2"]

    assert house.text("bed two is ready now, thanks") == Template.BED_FREE
    assert (made_ready, house.rooms()["2"]) == ("turnaround", "free")


def test_free_does_not_call_off_a_planned_closure(house: House) -> None:
    later = house.run(_in, timedelta(days=20))
    room = house.run(room_of, "Rowan", "1").public_id
    by = house.cast.bea.actor
    house.run(voids.start_void, room, "repair", by=by, terms=Terms(starts_at=later))

    assert house.text("B 1 FREE") == Template.BED_FREE
    assert [v.ended_at for v in house.run(_voids)] == [None]


@pytest.fixture
def at(run_as_owner: Run, house: House) -> Callable[[int], None]:
    """The service's clock shows this hour of London's next winter day."""

    def go(hour: int) -> None:
        run_as_owner(shift_to, house.run(_in, timedelta(days=0)).replace(month=12, hour=hour))

    return go


def test_a_house_with_stale_counts_is_asked_by_day_and_seldom(
    house: House, at: Callable[[int], None], run_as_owner: Run
) -> None:
    for night in (7, 21, 23):
        at(night)
        house.run(_check_all, timedelta(hours=25))
        assert house.work(nudging.ask_the_stale) == 0
    at(12)
    house.run(_check_all, timedelta(hours=23))
    assert house.work(nudging.ask_the_stale) == 0
    house.run(_check_all, timedelta(hours=25))
    run_as_owner(_stop_phone, CEDAR)
    assert [house.work(nudging.ask_the_stale) for _ in range(3)] == [1, 0, 0]
    [asked] = house.run(_nudges)
    assert (asked.template, asked.variables) == ("check_beds", {"free": "4"})

    run_as_owner(shift_by, timedelta(hours=6, minutes=1))
    assert house.work(nudging.ask_the_stale) == 1
    run_as_owner(shift_by, timedelta(hours=6, minutes=1))  # midnight
    assert house.work(nudging.ask_the_stale) == 0
    run_as_owner(shift_by, timedelta(hours=11))  # morning: two in 24 hours are enough
    assert house.work(nudging.ask_the_stale) == 0
    run_as_owner(shift_by, timedelta(hours=3))
    assert house.work(nudging.ask_the_stale) == 1

    house.text("ALL OK")
    run_as_owner(shift_by, timedelta(hours=7))
    assert house.work(nudging.ask_the_stale) == 0


# Questions to the database, each in a transaction of its own.


def _all(query: Any) -> list[Any]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(query))


def _answers() -> list[str]:
    query = select(Message.template).where(Message.dedupe_key.like("answer:%"))
    return _all(query.order_by(Message.created_at))


def _last_variables() -> dict[str, str]:
    query = select(Message.variables).order_by(Message.created_at.desc()).limit(1)
    return dict(_all(query)[0])


def _voids() -> list[Void]:
    return _all(select(Void).order_by(Void.id))


def _kinds(fact: Fact) -> int:
    return len(_all(select(Event.id).where(Event.kind == fact.value)))


def _outcomes() -> list[str]:
    return _all(select(SmsInbox.outcome).order_by(SmsInbox.received_at))


def _open_tasks() -> list[str]:
    return _all(select(Task.kind).where(Task.done_at.is_(None)))


def _nudges() -> list[Message]:
    return _all(select(Message).where(Message.template == "check_beds"))


def _checked_at() -> Any:
    return _all(select(Refuge.beds_confirmed_at).where(Refuge.alias == "Rowan"))[0]


def _forget_check() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(update(Refuge).values(beds_confirmed_at=None))


def _check_all(ago: timedelta) -> None:
    with transaction(by=SYSTEM) as now:
        db.session.execute(update(Refuge).values(beds_confirmed_at=now - ago))


def _stop_phone(phone: str) -> None:
    with transaction(by=SYSTEM) as now:
        db.session.execute(
            update(Contact).where(any_of(Contact.phone_index, PHONE, phone)).values(stopped_at=now)
        )


def _in(ahead: timedelta) -> Any:
    with transaction(by=SYSTEM) as now:
        return now + ahead
