"""Clocks that run out: each level once, at its minute, by the clocks the request was made under."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound, ProofNeeded
from app.models.clocks import Escalation, EscalationContact, Level
from app.models.events import Event
from app.models.messages import Message, Task
from app.models.reference import ClockPolicy, Urgency
from app.models.referrals import Referral
from app.notices import Template
from app.services import clock, closing, escalation, invariants, managers, offers
from app.services.reference import load_reference
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of

BOSS = "+447700900701"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def minutes(run_as_owner: Run, number: float) -> None:
    run_as_owner(clock.shift_by, timedelta(minutes=number))


def levels() -> list[str]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Escalation.level).order_by(Escalation.id)))


def open_kinds() -> list[str]:
    with transaction(by=SYSTEM):
        found = select(Task.kind).where(Task.done_at.is_(None)).order_by(Task.id)
        return [kind for kind in db.session.scalars(found) if kind in escalation.TASK_OF.values()]


def add(cast: Cast, **changes: Any) -> None:
    """Dora, duty manager from today on, in Ada's words."""
    with transaction(by=SYSTEM) as now:
        proved = replace(cast.ada.actor, proved_at=now)
        given: dict[str, Any] = {
            "level": Level.DUTY_MANAGER,
            "organisation": "The desk",
            "name": "Dora Quist",
            "phone": BOSS,
            "from_day": now.date() - timedelta(days=1),
        }
    managers.add_manager(managers.NewManager(**(given | changes)), by=proved)


def texts() -> list[Message]:
    with transaction(by=SYSTEM):
        found = select(Message).where(Message.template == Template.ESCALATED.value)
        return list(db.session.scalars(found.order_by(Message.created_at)))


@pytest.mark.parametrize(
    ("urgency", "at", "level"),
    [
        (Urgency.EMERGENCY, 15, Level.ACKNOWLEDGE),
        (Urgency.EMERGENCY, 45, Level.DUTY_MANAGER),
        (Urgency.EMERGENCY, 90, Level.REGIONAL_MANAGER),
        (Urgency.URGENT, 60, Level.ACKNOWLEDGE),
        (Urgency.URGENT, 240, Level.DUTY_MANAGER),
        (Urgency.URGENT, 480, Level.REGIONAL_MANAGER),
        (Urgency.PLANNED, 4320, Level.REGIONAL_MANAGER),
    ],
)
def test_a_level_is_reached_at_its_minute_and_not_before(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run,
    urgency: Urgency, at: int, level: Level,
) -> None:  # fmt: skip
    run(make_referral, cast.amara.actor, urgency=urgency)
    minutes(run_as_owner, at - 0.5)
    run_as_worker(escalation.escalate)
    before = run(levels)

    minutes(run_as_owner, 0.5)
    run_as_worker(escalation.escalate)

    assert level not in before
    assert run(levels)[-1] == level


def test_a_level_is_reached_once_however_many_workers_look(
    cast: Cast, run: Run, run_as_owner: Run, worker_app: Flask
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    minutes(run_as_owner, 100)

    def look(_: int) -> int:
        with worker_app.app_context():
            return escalation.escalate()

    with ThreadPoolExecutor(4) as pool:
        new = list(pool.map(look, range(8)))

    assert sum(new) == 3
    assert sorted(run(levels)) == ["acknowledge", "duty_manager", "regional_manager"]
    assert sorted(run(open_kinds)) == ["duty_manager", "regional_manager", "unacknowledged"]
    with_events = run(_escalated_events)
    assert [event.detail["level"] for event in with_events] == [
        "acknowledge", "duty_manager", "regional_manager",
    ]  # fmt: skip
    assert {event.referral_id for event in with_events} == {run(_id_of, ref)}


def _escalated_events() -> list[Event]:
    with transaction(by=SYSTEM):
        found = select(Event).where(Event.kind == "escalated").order_by(Event.id)
        return list(db.session.scalars(found))


def _id_of(ref: str) -> int:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral.id).where(Referral.ref == ref)).one()


def _new_clocks(cast: Cast) -> None:
    with transaction(by=SYSTEM) as now:
        now_held = db.session.scalars(
            select(ClockPolicy).where(ClockPolicy.urgency == Urgency.EMERGENCY)
        ).one()
        kept = {
            column.key: getattr(now_held, column.key)
            for column in ClockPolicy.__table__.columns
            if column.key != "id"
        }
        sooner = {
            "valid_from": now.date(),
            "acknowledge_minutes": 1,
            "duty_manager_minutes": 4,
            "regional_manager_minutes": 5,
        }
        db.session.add(ClockPolicy(**kept | sooner))


def test_new_clocks_never_change_a_request_that_was_made(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    old = run(make_referral, cast.amara.actor).ref
    run_as_owner(_new_clocks, cast)
    new = run(make_referral, cast.amara.actor).ref
    minutes(run_as_owner, 14)

    run_as_worker(escalation.escalate)

    with_levels = run(_levels_of)
    assert with_levels.get(run(_id_of, old), 0) == 0
    assert with_levels[run(_id_of, new)] == 3


def _levels_of() -> dict[int, int]:
    with transaction(by=SYSTEM):
        counted = select(Escalation.referral_id, func.count()).group_by(Escalation.referral_id)
        return dict(db.session.execute(counted).all())


def test_clocks_that_requests_were_made_under_cannot_be_changed(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    def change() -> None:
        with transaction(by=SYSTEM):
            of_hers = update(ClockPolicy).where(ClockPolicy.urgency == Urgency.EMERGENCY)
            db.session.execute(of_hers.values(duty_manager_minutes=44))

    run(make_referral, cast.amara.actor)

    with pytest.raises(Conflict):
        run_as_owner(change)
    run_as_owner(load_reference)  # the same words again are no change


def test_a_promise_ends_it_and_the_list_is_cleared(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    minutes(run_as_owner, 46)
    run_as_worker(escalation.escalate)
    placement = run(offer_room, ref, by=cast.dee.actor)
    run_as_worker(escalation.settle)
    asked = run(open_kinds)
    run(accept, placement, by=cast.bea.actor)

    run_as_worker(escalation.settle)
    minutes(run_as_owner, 60)
    run_as_worker(escalation.escalate)

    assert asked == ["duty_manager"]  # somebody decided, and still nobody has promised
    assert run(open_kinds) == []
    assert run(levels) == ["acknowledge", "duty_manager"]


def test_an_offer_that_comes_to_nothing_does_not_set_the_managers_clocks_back(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor)
    minutes(run_as_owner, 30)
    run_as_worker(offers.lapse_offers)
    minutes(run_as_owner, 14.5)
    run_as_worker(escalation.escalate)
    before = run(levels)

    minutes(run_as_owner, 0.5)
    run_as_worker(escalation.escalate)

    assert before == []  # back at the desk for less than 15 minutes
    assert sorted(run(levels)) == ["acknowledge", "duty_manager"]


def test_a_promise_that_falls_through_sets_the_clocks_going_again(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    minutes(run_as_owner, 46)
    run_as_worker(escalation.escalate)
    run(accept, run(offer_room, ref, by=cast.dee.actor), by=cast.bea.actor)
    offer = run(placement_of, ref).public_id
    run(offers.record_not_arrived, offer, "cannot_be_reached", by=cast.bea.actor)
    run(closing.reopen, ref, by=cast.dee.actor)
    run_as_worker(escalation.escalate)
    at_once = run(levels)

    minutes(run_as_owner, 46)
    run_as_worker(escalation.escalate)

    assert at_once == ["acknowledge", "duty_manager"]
    assert run(levels) == ["acknowledge", "duty_manager"] * 2


@pytest.mark.parametrize(
    ("from_day", "until_day", "is_told"),
    [(-1, 0, True), (0, 0, True), (-2, -1, False), (1, None, False), (0, None, True)],
)
def test_a_manager_is_told_on_her_days_both_included(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run,
    from_day: int, until_day: int | None, is_told: bool,
) -> None:  # fmt: skip
    run_as_owner(clock.shift_to, NOON)
    run(add, cast)
    run(make_referral, cast.amara.actor)
    minutes(run_as_owner, 46)
    until = None if until_day is None else NOON.date() + timedelta(days=until_day)
    run_as_owner(_set_days, NOON.date() + timedelta(days=from_day), until)

    run_as_worker(escalation.escalate)

    assert (len(run(texts)) == 1) is is_told
    assert "duty_manager" in run(open_kinds)  # the desk's list says it either way


def _set_days(from_day: date, until_day: date | None) -> None:
    with transaction(by=SYSTEM):
        db.session.execute(update(EscalationContact).values(from_day=from_day, until_day=until_day))


def test_managers_are_the_administrators_and_ask_for_a_fresh_proof(cast: Cast, run: Run) -> None:
    new = managers.NewManager(
        level=Level.DUTY_MANAGER, organisation="The desk", name="Dora", phone=BOSS,
        from_day=date(2026, 1, 1),
    )  # fmt: skip

    with pytest.raises(ProofNeeded):
        run(managers.add_manager, new, by=cast.ada.actor)
    for name, person in cast.everybody().items():
        if name != "ada":
            with pytest.raises(NotAllowed):
                run(managers.add_manager, new, by=person.actor)
            with pytest.raises(NotAllowed):
                run(managers.list_managers, by=person.actor)
    with pytest.raises(Invalid):
        run(add, cast, organisation="Metropolitan Police")
    with pytest.raises(Invalid):
        run(add, cast, until_day=date(2020, 1, 1))
    assert run(managers.list_managers, by=cast.ada.actor).missing == [
        "duty_manager", "regional_manager",
    ]  # fmt: skip


def test_an_ended_manager_is_told_no_more(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run(add, cast)
    (shown,) = run(managers.list_managers, by=cast.ada.actor).managers
    with_proof = replace(cast.ada.actor, proved_at=run(_now))
    run(managers.end_manager, shown.public_id, by=with_proof)
    with pytest.raises(NotFound):
        run(managers.end_manager, UUID(int=7), by=with_proof)
    run(make_referral, cast.amara.actor)
    minutes(run_as_owner, 46)

    run_as_worker(escalation.escalate)

    assert (shown.name, shown.phone, shown.is_told_now) == ("Dora Quist", BOSS, True)
    assert run(texts) == []
    assert run(managers.list_managers, by=cast.ada.actor).managers == []


def _now() -> Any:
    with transaction(by=SYSTEM) as now:
        return now


def test_a_request_past_its_time_that_told_nobody_is_found(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run(make_referral, cast.amara.actor)
    minutes(run_as_owner, 47)
    found = run(invariants.broken)

    run_as_worker(escalation.escalate)

    assert found == {"I19 a clock that ran out a minute ago and told nobody": 1}
    assert run(invariants.broken) == {}
