"""Who is texted when: the rota, quiet hours, the next number, and then a person who rings."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Invalid, NotAllowed, NotFound
from app.fields import open_field, open_fields, seal
from app.models.beds import Refuge
from app.models.clocks import Day
from app.models.messages import Contact, Message, MessageState, Task
from app.models.reference import Urgency
from app.notices import Template
from app.services import clock, invariants, next_number, rota, settling
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room
from tests.fake_twilio import FakeTwilio

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday
NIGHT = datetime(2026, 11, 24, 23, tzinfo=UTC)
ALWAYS: dict[str, Any] = {"days": tuple(Day), "from_time": time(0), "until_time": time(0)}
BY_NIGHT = ALWAYS | {"from_time": time(22), "until_time": time(6)}
Rota = Callable[..., UUID]


@pytest.fixture
def phones(cast: Cast, run_as_owner: Run) -> dict[str, UUID]:
    """Rowan's numbers: the duty phone, and two more."""

    def add() -> dict[str, UUID]:
        with transaction(by=SYSTEM) as now:
            for number, label in enumerate(("Deputy", "Manager"), start=2):
                contact = Contact(
                    refuge_id=cast.rowan_id, verified_at=now - timedelta(days=9), position=number
                )
                seal(contact, label=label, phone=f"+44770090080{number}")
                db.session.add(contact)
            found = db.session.scalars(select(Contact).where(Contact.refuge_id == cast.rowan_id))
            return {open_field(contact, "label"): contact.public_id for contact in found.all()}

    made: dict[str, UUID] = run_as_owner(add)
    return made


@pytest.fixture
def duty(cast: Cast, phones: dict[str, UUID], run: Run) -> Rota:
    """``duty("Deputy", 1)`` puts a number on duty, day and night unless told."""

    def add(label: str, position: int, **changes: Any) -> UUID:
        new = rota.NewSlot(phone=phones[label], position=position, **(ALWAYS | changes))
        made: UUID = run(rota.add_slot, new, by=cast.rowan_manager.actor)
        return made

    return add


def texted() -> list[str]:
    """The labels of the numbers that were asked, in order."""
    with transaction(by=SYSTEM):
        found = (
            select(Contact)
            .join(Message, Message.contact_id == Contact.id)
            .where(Message.template == Template.OFFER.value)
            .order_by(Message.created_at, Contact.position)
        )
        return open_fields(db.session.scalars(found).all(), "label")


def calls() -> list[bool]:
    """Whether each call that the desk was told to make is still open."""
    with transaction(by=SYSTEM):
        found = select(Task).where(Task.kind == "ring_house").order_by(Task.id)
        return [task.done_at is None for task in db.session.scalars(found)]


def ask(cast: Cast, run: Run, urgency: Urgency = Urgency.EMERGENCY) -> Any:
    ref = run(make_referral, cast.amara.actor, urgency=urgency).ref
    return run(offer_room, ref, by=cast.dee.actor)


@pytest.fixture
def later(run_as_owner: Run, run_as_worker: Run) -> Callable[[float], None]:
    """So many minutes later the worker looks."""

    def go(minutes: float) -> None:
        run_as_owner(clock.shift_by, timedelta(minutes=minutes))
        run_as_worker(next_number.ask_the_next)

    return go


@pytest.mark.usefixtures("phones")
def test_without_a_rota_all_numbers_are_asked_at_once(cast: Cast, run: Run, later: Any) -> None:
    ask(cast, run)
    later(9)

    assert run(texted) == ["Duty phone", "Deputy", "Manager"]
    assert run(calls) == []
    later(1)
    assert run(calls) == [True]


def test_the_first_on_duty_is_asked_and_then_the_next(
    cast: Cast, run: Run, duty: Rota, later: Any, run_as_worker: Run
) -> None:
    duty("Manager", 2)
    duty("Deputy", 1)
    offer = ask(cast, run)
    seen = [run(texted)]
    for minutes in (4.5, 0.5, 4.5, 0.5, 4.5):
        later(minutes)
        seen.append(run(texted))

    assert seen == [
        ["Deputy"], ["Deputy"], ["Deputy", "Manager"], ["Deputy", "Manager"],
        ["Deputy", "Manager", "Duty phone"], ["Deputy", "Manager", "Duty phone"],
    ]  # fmt: skip
    assert run(calls) == []
    later(0.5)
    later(1)
    assert run(calls) == [True]  # once, and no number is asked twice
    assert run(texted) == ["Deputy", "Manager", "Duty phone"]

    run(accept, offer, by=cast.bea.actor)
    run_as_worker(settling.settle_ended_offers)
    assert run(calls) == [False]
    assert run(invariants.broken) == {}


def test_many_workers_ask_the_next_number_once(
    cast: Cast, run: Run, duty: Rota, run_as_owner: Run, worker_app: Flask
) -> None:
    duty("Deputy", 1)
    ask(cast, run)
    run_as_owner(clock.shift_by, timedelta(minutes=5))

    def look(_: int) -> int:
        with worker_app.app_context():
            return next_number.ask_the_next()

    with ThreadPoolExecutor(4) as pool:
        passed_on = list(pool.map(look, range(8)))

    assert sum(passed_on) == 1
    assert run(texted) == ["Deputy", "Duty phone"]


def test_a_text_that_is_lost_is_passed_on_at_once(
    cast: Cast, run: Run, duty: Rota, later: Any, run_as_worker: Run
) -> None:
    def lose() -> None:
        with transaction(by=SYSTEM):
            for message in db.session.scalars(select(Message)):
                message.state = MessageState.FAILED

    duty("Deputy", 1)
    ask(cast, run)
    later(0.5)
    before = run(texted)
    run_as_worker(lose)
    later(0.5)

    assert before == ["Deputy"]
    assert run(texted) == ["Deputy", "Duty phone"]


@pytest.mark.parametrize(
    ("urgency", "asked"),
    [(Urgency.EMERGENCY, ["Duty phone"]), (Urgency.URGENT, []), (Urgency.PLANNED, [])],
)
def test_in_quiet_hours_only_emergencies_wake_whoever_is_not_on_duty(
    cast: Cast, run: Run, duty: Rota, run_as_owner: Run, urgency: Urgency, asked: list[str]
) -> None:
    duty("Deputy", 1, from_time=time(8), until_time=time(20))
    run_as_owner(clock.shift_to, NIGHT)

    ask(cast, run, urgency)

    assert run(texted) == asked
    assert run(calls) == ([] if asked else [True])
    assert run(invariants.broken) == {}


def test_in_quiet_hours_whoever_is_on_duty_is_asked_and_nobody_is_woken_after(
    cast: Cast, run: Run, duty: Rota, run_as_owner: Run, later: Any
) -> None:
    duty("Manager", 1, **{key: BY_NIGHT[key] for key in ("from_time", "until_time")})
    run_as_owner(clock.shift_to, NIGHT)

    ask(cast, run, Urgency.URGENT)
    later(61)

    assert run(texted) == ["Manager"]
    assert run(calls) == [True]


def test_by_day_a_house_with_nobody_on_duty_is_asked_in_its_order(
    cast: Cast, run: Run, duty: Rota, run_as_owner: Run
) -> None:
    duty("Manager", 1, **{key: BY_NIGHT[key] for key in ("from_time", "until_time")})
    run_as_owner(clock.shift_to, NOON)

    ask(cast, run, Urgency.URGENT)

    assert run(texted) == ["Duty phone"]


def test_an_answer_with_a_question_is_an_answer(
    cast: Cast, run: Run, duty: Rota, later: Any, run_as_worker: Run
) -> None:
    from app.services import texts

    duty("Duty phone", 1)
    offer = ask(cast, run)
    run(texts.receive_text, "SM1", "+447700900101", "+447700900000", f"MAYBE {offer.offer_code}")
    run_as_worker(texts.handle_waiting)

    later(12)

    assert run(texted) == ["Duty phone"]
    assert run(calls) == []


def test_the_desk_reads_which_numbers_to_ring(
    cast: Cast, run: Run, phones: dict[str, UUID], later: Any, browser_of: Any
) -> None:
    ask(cast, run)
    later(11)

    said = text_of(browser_of(cast.dee.email).get("/desk/tasks"))

    assert "Ring a house that does not answer" in said
    for words in ("Duty line of Rowan", "Deputy 07700 900802", "Manager 07700 900803"):
        assert words in said


def test_the_manager_keeps_the_rota_of_her_own_house_and_numbers(
    cast: Cast, run: Run, phones: dict[str, UUID], duty: Rota
) -> None:
    slot = duty("Deputy", 1)
    theirs = rota.NewSlot(phone=phones["Deputy"], position=1, **ALWAYS)

    with pytest.raises(Invalid):
        run(rota.add_slot, theirs, by=cast.chloe.actor)
    with pytest.raises(NotFound):
        run(rota.end_slot, slot, by=cast.chloe.actor)
    for name, person in cast.everybody().items():
        if name not in ("rowan_manager", "chloe"):
            with pytest.raises(NotAllowed):
                run(rota.show_rota, by=person.actor)
    assert run(rota.show_rota, by=cast.chloe.actor).slots == []
    page = run(rota.show_rota, by=cast.rowan_manager.actor)
    assert (page.texted_now, [each.is_on_duty for each in page.slots]) == (["Deputy"], [True])
    run(rota.end_slot, slot, by=cast.rowan_manager.actor)
    run(rota.end_slot, slot, by=cast.rowan_manager.actor)
    assert run(rota.show_rota, by=cast.rowan_manager.actor).slots == []


def test_the_page_takes_a_duty_and_keeps_what_was_typed_wrong(
    cast: Cast, phones: dict[str, UUID], browser_of: Any, run: Run
) -> None:
    manager: Browser = browser_of(cast.rowan_manager.email)
    manager.get("/team/rota")
    right = {
        "phone": str(phones["Deputy"]), "position": "2", "days": ["fri", "sat"],
        "from_time": "2200", "until_time": "6.30",
    }  # fmt: skip

    wrong = manager.post("/team/rota", right | {"from_time": "25:00"})
    no_day = manager.post("/team/rota", {k: v for k, v in right.items() if k != "days"})
    done = manager.post("/team/rota", right)
    said = text_of(manager.get("/team/rota"))

    assert (wrong.status_code, no_day.status_code, done.status_code) == (422, 422, 303)
    assert "Type a time like 22:00." in text_of(wrong)
    assert 'value="25:00"' in wrong.get_data(as_text=True)
    assert "Choose days of the week" in text_of(no_day)
    assert "Second: Deputy" in said
    assert "22:00 to 06:30 the next day Friday, Saturday" in said


def test_a_house_is_never_asked_on_anothers_number(cast: Cast, run: Run, duty: Rota) -> None:
    def others() -> list[int]:
        with transaction(by=SYSTEM):
            found = (
                select(Message.contact_id)
                .join(Contact, Contact.id == Message.contact_id)
                .join(Refuge, Refuge.id == Contact.refuge_id)
                .where(Refuge.alias != "Rowan")
            )
            return list(db.session.scalars(found))

    duty("Deputy", 1)
    ask(cast, run)

    assert run(others) == []


def test_the_text_goes_to_the_first_on_duty_alone(
    cast: Cast, run: Run, duty: Rota, send: Any, twilio: FakeTwilio
) -> None:
    duty("Deputy", 1)
    ask(cast, run)
    send()

    assert [text["recipient"] for text in twilio.ledger()] == ["+447700900802"]
