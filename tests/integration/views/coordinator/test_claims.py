"""Who is on it: one at a time, seen by all, and asked about before a colleague decides."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.errors import Conflict, NotAllowed, NotFound
from app.models.clocks import Claim
from app.models.messages import Task, TaskKind
from app.models.reference import Urgency
from app.models.referrals import ReferralState
from app.outbox import open_task
from app.services import board, claims, clock, closing, escalation
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast, Person, _user
from tests.conftest import Run
from tests.factories import make_referral, offer_room
from tests.integration.views.coordinator.conftest import Planned, events_of

BrowserOf = Callable[[str], Browser]


@pytest.fixture
def dora(cast: Cast, run_as_owner: Run) -> Person:
    """A colleague of Dee's."""

    def add() -> Person:
        with transaction(by=SYSTEM):
            return _user("dora", Role.COORDINATOR, cast.dee.actor.organisation_id or 0)

    made: Person = run_as_owner(add)
    return made


def live() -> list[tuple[int, bool]]:
    """(person, was let go) of the claims that have not ended."""
    with transaction(by=SYSTEM):
        found = select(Claim).where(Claim.ended_at.is_(None))
        return [(claim.user_id, claim.was_let_go) for claim in db.session.scalars(found)]


def claim_of(ref: str, cast: Cast) -> claims.Taken:
    (line,) = (each for each in board.look(by=cast.dee.actor).lines if each.person.ref == ref)
    assert line.person.taken is not None
    return line.person.taken


def test_of_many_at_once_one_has_it_and_the_others_are_told_who(
    app: Flask, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    def add(number: int) -> Person:
        with transaction(by=SYSTEM):
            return _user(f"desk.{number}", Role.COORDINATOR, cast.dee.actor.organisation_id or 0)

    people = [run_as_owner(add, number) for number in range(8)]
    for _ in range(3):
        ref = run(make_referral, cast.amara.actor).ref
        start = Barrier(len(people))

        def claim(person: Person, ref: str = ref, start: Barrier = start) -> str:
            with app.app_context():
                start.wait()
                try:
                    claims.claim_request(ref, by=person.actor)
                except Conflict as error:
                    return str(error)
            return "mine"

        with ThreadPoolExecutor(len(people)) as pool:
            answers = list(pool.map(claim, people))

        assert answers.count("mine") == 1
        winner = people[answers.index("mine")].actor
        told = {answer[: answer.index(" since ")] for answer in answers if answer != "mine"}
        assert told == {f"{winner.name} has been on it"}
    assert len(run(live)) == 3


def test_everybody_at_the_desk_sees_who_is_on_it(
    desk: Browser, cast: Cast, dora: Person, browser_of: BrowserOf, run: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    desk.get("/desk/board")
    answer = desk.post(f"/desk/requests/{ref}/claim", {"from": "board"})
    colleague = browser_of(dora.email)

    assert (answer.status_code, answer.location) == (303, f"/desk/board#page-{ref}")
    assert "You are on it since today" in text_of(desk.get("/desk/board"))
    for path in ("/desk/board", "/desk/board/live", f"/desk/requests/{ref}"):
        assert "Dee is on it since today" in text_of(colleague.get(path))
    refused = colleague.post(f"/desk/requests/{ref}/claim")
    assert refused.status_code == 302
    assert "Dee has been on it since" in text_of(colleague.get(f"/desk/requests/{ref}"))


def test_taking_over_is_one_press_and_is_written_down(
    cast: Cast, dora: Person, browser_of: BrowserOf, run: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run(claims.claim_request, ref, by=cast.dee.actor)
    first = run(claim_of, ref, cast)
    colleague = browser_of(dora.email)
    page = colleague.get(f"/desk/requests/{ref}").get_data(as_text=True)
    pressed = f"/desk/requests/{ref}/claim?instead_of={first.public_id}"

    assert pressed in page
    assert colleague.post(pressed).status_code == 303
    assert run(live) == [(dora.actor.user_id, False)]
    (event,) = run(events_of, "claim_taken_over")
    assert event.actor_user_id == dora.actor.user_id
    with pytest.raises(Conflict):  # that claim is over: Dee is told who has it now
        run(claims.claim_request, ref, by=cast.dee.actor, instead_of=first.public_id)


@pytest.mark.parametrize(("urgency", "minutes"), [(Urgency.EMERGENCY, 20), (Urgency.PLANNED, 60)])
def test_a_claim_ends_by_itself_at_its_minute(
    cast: Cast, dora: Person, run: Run, run_as_owner: Run, urgency: Urgency, minutes: int
) -> None:
    ref = run(make_referral, cast.amara.actor, urgency=urgency).ref
    run(claims.claim_request, ref, by=cast.dee.actor)
    run_as_owner(clock.shift_by, timedelta(minutes=minutes - 0.5))
    with pytest.raises(Conflict):
        run(claims.claim_request, ref, by=dora.actor)

    run_as_owner(clock.shift_by, timedelta(minutes=0.5))
    run(claims.claim_request, ref, by=dora.actor)

    assert run(live) == [(dora.actor.user_id, False)]
    assert run(events_of, "claim_taken_over") == []


def test_a_claim_acknowledges_the_request_unless_it_is_let_go(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    kept, dropped = (run(make_referral, cast.amara.actor).ref for _ in range(2))
    for ref in (kept, dropped):
        run(claims.claim_request, ref, by=cast.dee.actor)
    run(claims.let_go_of_request, dropped, by=cast.dee.actor)
    run_as_owner(clock.shift_by, timedelta(minutes=16))

    new = run_as_worker(escalation.escalate)

    clocks = {
        line.person.ref: line.person.clock.clock
        for line in run(board.look, by=cast.dee.actor).lines
    }
    assert new == 1
    assert clocks == {kept: "duty_manager", dropped: "acknowledge"}
    run(claims.claim_request, dropped, by=cast.dee.actor)
    assert run_as_worker(escalation.settle) == 1


def test_deciding_over_a_colleague_asks_first_and_keeps_what_was_typed(
    desk: Browser, planned: Planned, cast: Cast, dora: Person, run: Run
) -> None:
    run(claims.claim_request, planned.ref, by=dora.actor)
    desk.get("/desk/board")
    typed = {"run": str(planned.run_id), "line": planned.ref, "which": "ticked"}

    asked = desk.post("/desk/board", typed)

    said = asked.get_data(as_text=True)
    assert asked.status_code == 409
    assert "Dora is on it since" in text_of(asked)
    for name, value in typed.items():
        assert f'name="{name}" value="{value}"' in said
    assert run(board.look, by=cast.dee.actor).offers == []
    assert run(events_of, "claim_passed_over") == []

    taken = run(claim_of, planned.ref, cast)
    done = desk.post("/desk/board", typed | {"anyway": str(taken.public_id)})

    assert done.status_code == 303
    (offer,) = run(board.look, by=cast.dee.actor).offers
    assert offer.person.state == ReferralState.OFFERED
    (event,) = run(events_of, "claim_passed_over")
    assert event.actor_user_id == cast.dee.actor.user_id


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("override", {"reason": "her_wish", "note": "she asked for it"}),
        ("unmet", {"reason": "no_safe_bed"}),
        ("call-back", {"outcome": "genuine"}),
        ("offers/00000000-0000-0000-0000-000000000007/decline", {"reason": "full"}),
    ],
)
def test_every_form_that_decides_asks(
    desk: Browser, cast: Cast, dora: Person, run: Run, path: str, sent: dict[str, str]
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run(claims.claim_request, ref, by=dora.actor)
    desk.get("/desk/board")

    asked = desk.post(f"/desk/requests/{ref}/{path}", {**sent, "anyway": str(UUID(int=7))})

    assert asked.status_code == 409
    assert all(text in asked.get_data(as_text=True) for text in sent.values())


def test_ones_own_claim_and_an_expired_one_ask_nothing(
    cast: Cast, dora: Person, browser_of: BrowserOf, run: Run, run_as_owner: Run
) -> None:
    own, old = (run(make_referral, cast.amara.actor).ref for _ in range(2))
    run(claims.claim_request, old, by=dora.actor)
    run_as_owner(clock.shift_by, timedelta(minutes=21))
    run(claims.claim_request, own, by=cast.dee.actor)
    desk = browser_of(cast.dee.email)
    desk.get("/desk/board")

    for ref in (own, old):
        answer = desk.post(f"/desk/requests/{ref}/unmet", {"reason": "no_safe_bed"})
        assert answer.status_code == 303


def _task() -> UUID:
    with transaction(by=SYSTEM):
        open_task(TaskKind.ABANDONED)
        return db.session.scalars(select(Task.public_id).order_by(Task.id.desc())).first()  # type: ignore[return-value]


def test_a_task_is_claimed_shown_and_asked_about(
    desk: Browser, cast: Cast, dora: Person, run: Run
) -> None:
    task = run(_task)
    run(claims.claim_task, task, by=dora.actor)
    with pytest.raises(Conflict):
        run(claims.claim_task, task, by=cast.dee.actor)

    assert "Dora is on it since" in text_of(desk.get("/desk/tasks"))
    asked = desk.post(f"/desk/tasks/{task}/done")
    assert asked.status_code == 409
    run(claims.let_go_of_task, task, by=dora.actor)
    assert desk.post(f"/desk/tasks/{task}/claim").status_code == 303
    assert "You are on it" in text_of(desk.get("/desk/tasks"))
    assert desk.post(f"/desk/tasks/{task}/let-go").status_code == 303
    assert desk.post(f"/desk/tasks/{task}/done").status_code == 303
    with pytest.raises(NotFound):
        run(claims.claim_task, task, by=cast.dee.actor)


def test_claims_are_the_desks_alone(cast: Cast, browser_of: BrowserOf, run: Run) -> None:
    ref = run(make_referral, cast.amara.actor).ref

    for name, person in cast.everybody().items():
        if name == "dee":
            continue
        browser = browser_of(person.email)
        browser.get("/about-the-data")
        assert browser.post(f"/desk/requests/{ref}/claim").status_code == 404
        with pytest.raises(NotAllowed):
            run(claims.claim_request, ref, by=person.actor)
    assert run(live) == []


def test_what_has_ended_or_is_not_there_cannot_be_claimed(
    desk: Browser, cast: Cast, run: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run(closing.close_unmet, ref, "no_safe_bed", by=cast.dee.actor)
    desk.get("/desk/board")

    assert desk.post("/desk/requests/R-2222222/claim").status_code == 404
    assert desk.post(f"/desk/requests/{ref}/claim").status_code == 302
    assert "I am on it" not in text_of(desk.get(f"/desk/requests/{ref}"))
    assert run(live) == []


def test_a_claim_may_be_renewed(cast: Cast, run: Run, run_as_owner: Run) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor)
    run(claims.claim_request, ref, by=cast.dee.actor)
    run_as_owner(clock.shift_by, timedelta(minutes=19))
    run(claims.claim_request, ref, by=cast.dee.actor)
    run_as_owner(clock.shift_by, timedelta(minutes=19))

    def still(by: Any) -> int:
        with transaction(by=by) as now:
            return len(claims._live(Claim.id.is_not(None), by, now))

    assert run(still, cast.dee.actor) == 1
    assert run(live) == [(cast.dee.actor.user_id, False)]
