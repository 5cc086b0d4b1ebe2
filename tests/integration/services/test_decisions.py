"""Decisions at their edges: rules that span a house, groups, silences, and plans used twice."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import DomainError
from app.models.messages import Task, TaskKind
from app.models.placements import Placement
from app.models.plans import PlanLine
from app.models.referrals import LinkKind, Referral
from app.services import clock, holds, invariants, matching, offers
from app.services.matching import deciding, fitting
from app.services.snapshot import take
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, at_once, make_referral, make_refuge, offer_room, room_of


def _two(run: Run, cast: Cast, tie: LinkKind) -> tuple[str, str]:
    first = run(make_referral, cast.amara.actor).ref
    return first, run(make_referral, cast.amara.actor, same_as=first, tie=tie).ref


def _choose(run: Run, cast: Cast, ref: str, house: str, code: str) -> None:
    room = run(room_of, house, code).public_id
    run(matching.override, ref, at_once(room), by=cast.dee.actor)


def _proposed(ref: str) -> int | None:
    with transaction(by=SYSTEM):
        newest = matching.newest_run()
        assert newest is not None
        query = select(PlanLine.refuge_id).join(Referral).where(PlanLine.run_id == newest.id)
        return db.session.scalars(query.where(Referral.ref == ref)).one()


def _both_at_once(app: Flask, run: Run, cast: Cast) -> None:
    """Two coordinators choose two rooms of one house for two women who must never meet."""
    refs = _two(run, cast, LinkKind.APART)
    rooms = [run(room_of, "Rowan", code).public_id for code in ("1", "2")]
    start = Barrier(2)

    def choose(ref: str, room: UUID) -> None:
        with app.app_context():
            start.wait()
            with suppress(DomainError):
                matching.override(ref, at_once(room), by=cast.dee.actor)

    both = [Thread(target=choose, args=pair) for pair in zip(refs, rooms, strict=True)]
    for each in both:
        each.start()
    for each in both:
        each.join()


def test_two_decisions_at_once_never_bring_two_together_who_must_not_meet(
    app: Flask, cast: Cast, run: Run
) -> None:
    _both_at_once(app, run, cast)

    assert run(invariants.broken) == {}


def test_without_the_one_committer_they_would_meet(
    app: Flask, cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "one_committer", lambda **_: None)
    both_have_looked = Barrier(2, timeout=5)

    def look(*args: Any, **kwargs: Any) -> object:
        seen = take(*args, **kwargs)
        both_have_looked.wait()
        return seen

    monkeypatch.setattr(fitting, "take", look)

    _both_at_once(app, run, cast)

    assert "I17 women to be kept apart in one house" in run(invariants.broken)


def test_a_person_may_place_one_of_a_group_and_the_other_follows(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    first, second = _two(run, cast, LinkKind.TOGETHER)

    _choose(run, cast, first, "Cedar", "1")
    run_as_worker(matching.make_plan)

    assert run_as_worker(_proposed, second) == cast.cedar_id


def test_a_person_may_part_a_group(cast: Cast, run: Run) -> None:
    first, second = _two(run, cast, LinkKind.TOGETHER)

    _choose(run, cast, first, "Cedar", "1")
    _choose(run, cast, second, "Rowan", "1")

    assert run(invariants.broken) == {}


def test_a_house_she_refused_is_not_proposed_again(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run_as_worker(matching.make_plan)
    assert run_as_worker(_proposed, ref) == cast.rowan_id
    offer = run(offer_room, ref, by=cast.dee.actor, room=run(room_of, "Rowan", "1").public_id)

    run(offers.withdraw_offer, offer.public_id, "too_near", by=cast.dee.actor)
    run_as_worker(matching.make_plan)

    assert run_as_worker(_proposed, ref) == cast.cedar_id


def test_a_line_is_offered_once_and_a_stale_one_stops_no_other(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_owner(make_refuge, "Alder", organisation_id=1, phone="+447700900103")
    refs = [run(make_referral, cast.amara.actor).ref for _ in range(2)]
    plan = run_as_worker(matching.make_plan)
    run(matching.confirm_plan, plan, refs[:1], by=cast.dee.actor)
    offer = run(_live, refs[0])
    run(offers.withdraw_offer, offer.public_id, "offer_mistake", by=cast.dee.actor)

    outcome = run(matching.confirm_plan, plan, refs, by=cast.dee.actor)

    assert outcome.offered == refs[1:]


def _live(ref: str) -> Placement:
    with transaction(by=SYSTEM):
        query = select(Placement).join(Referral).where(Referral.ref == ref, Placement.live)
        return db.session.scalars(query).one()


def test_a_silent_night_is_planned_again(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run(make_referral, cast.amara.actor)
    run_as_worker(matching.make_plan)

    def nothing_in_line() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text("DELETE FROM procrastinate_jobs"))

    run_as_worker(nothing_in_line)
    run_as_owner(clock.shift_by, timedelta(minutes=9))
    assert run_as_worker(matching.plan_if_due) is False
    run_as_owner(clock.shift_by, timedelta(minutes=2))
    assert run_as_worker(matching.plan_if_due) is True


def _tasks(kind: TaskKind) -> list[bool]:
    """For each task of this kind whether it is done."""
    with transaction(by=SYSTEM):
        found = db.session.scalars(select(Task).where(Task.kind == kind)).all()
        return [task.done_at is not None for task in found]


def test_a_promise_nobody_speaks_of_again_is_put_before_a_person_once(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref  # an emergency: 90 minutes
    room = run(room_of, "Rowan", "1").public_id
    stay = run(offer_room, ref, by=cast.dee.actor, room=room)
    run(accept, stay, by=cast.bea.actor)

    run_as_owner(clock.shift_by, timedelta(minutes=89))
    assert run_as_worker(holds.ask_after_the_overdue) == 0
    run_as_owner(clock.shift_by, timedelta(minutes=2))
    assert run_as_worker(holds.ask_after_the_overdue) == 1
    assert run_as_worker(holds.ask_after_the_overdue) == 0
    assert run(_tasks, TaskKind.OVERDUE) == [False]

    run(offers.record_arrival, stay.public_id, by=cast.bea.actor)
    assert run(_tasks, TaskKind.OVERDUE) == [True]
    assert run_as_worker(holds.ask_after_the_overdue) == 0
