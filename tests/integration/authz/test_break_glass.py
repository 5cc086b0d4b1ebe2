"""Break-glass: every shortcut tried, and none of them works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound, ProofNeeded
from app.events import Fact
from app.fields import open_fields
from app.models.access import AccessNotice, BreakGlass
from app.models.accounts import SignIn
from app.models.events import Event
from app.models.referrals import Caller
from app.services import break_glass, case, clock
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast, Person, _user
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of

WHY = "The officer's line is dead"


@pytest.fixture
def people(cast: Cast, run_as_owner: Run) -> dict[str, Person]:
    """The cast, a second coordinator and the data protection lead."""

    def more() -> dict[str, Person]:
        assert cast.dee.actor.organisation_id is not None
        with transaction(by=SYSTEM):
            return {
                "dora": _user("dora", Role.COORDINATOR, cast.dee.actor.organisation_id),
                "petra": _user("petra", Role.DATA_PROTECTION_LEAD, cast.dee.actor.organisation_id),
            }

    return cast.everybody() | run_as_owner(more)  # type: ignore[no-any-return]


@pytest.fixture
def ref(cast: Cast, run: Run) -> str:
    """Amara's request, promised by Rowan."""
    made = str(run(make_referral, cast.amara.actor).ref)
    placement = run(offer_room, made, by=cast.dee.actor, room=run(room_of, "Rowan", "1").public_id)
    run(accept, placement, by=cast.bea.actor)
    return made


@pytest.fixture
def now_proved(run: Run, people: dict[str, Person]) -> Callable[[str], Actor]:
    def proved(name: str) -> Actor:
        def look() -> Actor:
            with transaction(by=SYSTEM) as now:
                return replace(people[name].actor, proved_at=now)

        return run(look)  # type: ignore[no-any-return]

    return proved


@pytest.fixture
def asked(run: Run, ref: str, now_proved: Callable[[str], Actor]) -> UUID:
    """Dee has asked."""
    return run(break_glass.ask, ref, WHY, by=now_proved("dee"))  # type: ignore[no-any-return]


@pytest.fixture
def approved(run: Run, asked: UUID, now_proved: Callable[[str], Actor]) -> UUID:
    """Dora has agreed."""
    run(break_glass.approve, asked, by=now_proved("dora"))
    return asked


def test_with_a_second_person_one_record_is_shown(
    run: Run, approved: UUID, ref: str, now_proved: Callable[[str], Actor]
) -> None:
    page = run(break_glass.open_record, approved, by=now_proved("dee"))

    assert (page.ref, page.officer, page.callback_phone) == (ref, "Amara", "+447700900555")


def test_without_it_the_desk_is_not_shown_who_asked(cast: Cast, run: Run, ref: str) -> None:
    page = run(case.show_case, ref, by=cast.dee.actor)

    assert (page.callback_phone, page.incident_ref) == ("", "")


@pytest.mark.parametrize("reason", ["", "because", " " * 40, "a" * 14, "a" * 501])
def test_a_reason_is_a_reason(
    run: Run, ref: str, now_proved: Callable[[str], Actor], reason: str
) -> None:
    with pytest.raises(Invalid):
        run(break_glass.ask, ref, reason, by=now_proved("dee"))


@pytest.mark.parametrize("name", ["amara", "bea", "rowan_manager", "mara", "ada", "petra"])
def test_nobody_else_may_ask(
    run: Run, ref: str, now_proved: Callable[[str], Actor], name: str
) -> None:
    with pytest.raises(NotAllowed):
        run(break_glass.ask, ref, WHY, by=now_proved(name))


def test_a_supervisor_asks_for_her_own_force_alone(
    cast: Cast, run: Run, ref: str, now_proved: Callable[[str], Actor]
) -> None:
    others = str(run(make_referral, cast.cora.actor).ref)

    assert run(break_glass.ask, ref, WHY, by=now_proved("sergeant"))
    with pytest.raises(NotFound):
        run(break_glass.ask, others, WHY, by=now_proved("sergeant"))


def test_every_step_needs_a_fresh_proof(
    run: Run, asked: UUID, ref: str, people: dict[str, Person], now_proved: Callable[[str], Actor]
) -> None:
    dee = people["dee"].actor
    stale = now_proved("dee").proved_at
    assert stale is not None
    for unproved in (dee, replace(dee, proved_at=stale - timedelta(minutes=11))):
        with pytest.raises(ProofNeeded):
            run(break_glass.ask, ref, WHY, by=unproved)
    with pytest.raises(ProofNeeded):
        run(break_glass.approve, asked, by=people["dora"].actor)
    run(break_glass.approve, asked, by=now_proved("dora"))
    with pytest.raises(ProofNeeded):
        run(break_glass.open_record, asked, by=dee)


def test_nobody_agrees_to_her_own_look(
    run: Run, asked: UUID, now_proved: Callable[[str], Actor]
) -> None:
    with pytest.raises(NotAllowed, match="never the one who asks"):
        run(break_glass.approve, asked, by=now_proved("dee"))


@pytest.mark.parametrize("name", ["amara", "sergeant", "bea", "rowan_manager", "mara", "ada"])
def test_who_may_not_be_the_second_person(
    run: Run, asked: UUID, now_proved: Callable[[str], Actor], name: str
) -> None:
    with pytest.raises(NotAllowed):
        run(break_glass.approve, asked, by=now_proved(name))


def test_nothing_is_shown_before_somebody_agrees(
    run: Run, asked: UUID, now_proved: Callable[[str], Actor]
) -> None:
    with pytest.raises(Conflict, match="Nobody has agreed"):
        run(break_glass.open_record, asked, by=now_proved("dee"))


@pytest.mark.parametrize("name", ["dora", "sergeant"])
def test_it_is_open_to_the_one_who_asked_alone(
    run: Run, approved: UUID, now_proved: Callable[[str], Actor], name: str
) -> None:
    with pytest.raises(NotFound):
        run(break_glass.open_record, approved, by=now_proved(name))


def test_it_is_over_after_thirty_minutes_of_the_databases_clock(
    run: Run, run_as_owner: Run, approved: UUID, now_proved: Callable[[str], Actor]
) -> None:
    run_as_owner(clock.shift_by, timedelta(minutes=29, seconds=50))
    assert run(break_glass.open_record, approved, by=now_proved("dee"))

    run_as_owner(clock.shift_by, timedelta(seconds=11))

    with pytest.raises(Conflict, match="30 minutes are over"):
        run(break_glass.open_record, approved, by=now_proved("dee"))


def test_it_is_agreed_to_once(
    run: Run, run_as_owner: Run, approved: UUID, now_proved: Callable[[str], Actor]
) -> None:
    run_as_owner(clock.shift_by, timedelta(minutes=31))

    with pytest.raises(Conflict):
        run(break_glass.approve, approved, by=now_proved("petra"))


def test_what_nobody_answered_for_half_a_day_is_gone(
    run: Run, run_as_owner: Run, asked: UUID, now_proved: Callable[[str], Actor]
) -> None:
    run_as_owner(clock.shift_by, timedelta(hours=12, seconds=1))

    with pytest.raises(Conflict):
        run(break_glass.approve, asked, by=now_proved("dora"))


def test_one_glass_shows_one_record(
    cast: Cast, run: Run, approved: UUID, people: dict[str, Person]
) -> None:
    """As SQL: the row of the record it was broken for, while it lasts, and no other."""
    run(make_referral, cast.amara.actor, callback_phone="+447700900777")

    def phones(actor: Actor) -> list[str]:
        with transaction(by=actor):
            return open_fields(db.session.scalars(select(Caller)).all(), "callback_phone")

    assert run(phones, people["dee"].actor) == ["+447700900555"]
    assert run(phones, people["dora"].actor) == []


def test_the_managers_of_her_house_and_the_lead_are_told_in_the_same_transaction(
    run: Run, approved: UUID, people: dict[str, Person]
) -> None:
    def told() -> set[int]:
        with transaction(by=SYSTEM):
            return set(db.session.scalars(select(AccessNotice.user_id)))

    who = [name for name in ("rowan_manager", "petra", "hana") if name in people]
    assert run(told) == {people[name].actor.user_id for name in who}
    for name in who:
        [look] = run(break_glass.list_looks, by=people[name].actor).looks
        assert (look.asked_by, look.approved_by, look.reason) == ("Dee", "Dora", WHY)
        assert not look.may_approve
    assert run(break_glass.list_looks, by=people["chloe"].actor).looks == []


def test_nobody_is_told_of_what_did_not_happen(
    run: Run, run_as_owner: Run, asked: UUID, now_proved: Callable[[str], Actor]
) -> None:
    """Where telling fails, the glass stays whole."""

    def no_notices() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text("REVOKE INSERT ON access_notice FROM waymark_web"))

    run_as_owner(no_notices)
    with pytest.raises(ProgrammingError):
        run(break_glass.approve, asked, by=now_proved("dora"))
    with pytest.raises(Conflict, match="Nobody has agreed"):
        run(break_glass.open_record, asked, by=now_proved("dee"))


def test_every_step_is_in_the_trail(
    run: Run, approved: UUID, now_proved: Callable[[str], Actor]
) -> None:
    run(break_glass.open_record, approved, by=now_proved("dee"))

    def kinds() -> list[str]:
        glass = (Fact.GLASS_ASKED, Fact.GLASS_APPROVED, Fact.IDENTITY_VIEWED)
        with transaction(by=SYSTEM):
            return list(db.session.scalars(select(Event.kind).where(Event.kind.in_(glass))
                                           .order_by(Event.id)))  # fmt: skip

    assert run(kinds) == ["glass_asked", "glass_approved", "identity_viewed"]


BY_HAND = {
    "approved as it is asked": (
        "dee",
        "INSERT INTO break_glass (referral_id, asked_by_id, reason_sealed, approved_by_id,"
        " approved_at, ends_at) SELECT 1, acting_user_id(), repeat('a', 50)::bytea,"
        " acting_user_id() + 1,"
        " waymark_now(), waymark_now() + interval '30 minutes'",
    ),
    "asked in another's name": (
        "dee",
        "INSERT INTO break_glass (referral_id, asked_by_id, reason_sealed)"
        " SELECT 1, acting_user_id() + 1, repeat('a', 50)::bytea",
    ),
    "a short reason": (
        "dee",
        "INSERT INTO break_glass (referral_id, asked_by_id, reason_sealed)"
        " SELECT 1, acting_user_id(), 'short'::bytea",
    ),
    "a longer look": (
        "dora",
        "UPDATE break_glass SET approved_by_id = acting_user_id(), approved_at = waymark_now(),"
        " ends_at = waymark_now() + interval '3 hours'",
    ),
    "another record": (
        "dora",
        "UPDATE break_glass SET referral_id = 2, approved_by_id = acting_user_id(),"
        " approved_at = waymark_now(), ends_at = waymark_now() + interval '30 minutes'",
    ),
}


@pytest.mark.parametrize("what", sorted(BY_HAND))
def test_the_database_refuses_each_shortcut(
    cast: Cast, run: Run, asked: UUID, people: dict[str, Person], what: str
) -> None:
    run(make_referral, cast.amara.actor)
    person, statement = BY_HAND[what]

    def by_hand() -> None:
        with transaction(by=people[person].actor):
            db.session.execute(text(statement))

    with pytest.raises((DBAPIError, Conflict)):
        run(by_hand)


def test_ones_own_asking_cannot_be_approved_by_hand(
    run: Run, asked: UUID, people: dict[str, Person]
) -> None:
    def by_hand() -> int:
        with transaction(by=people["dee"].actor) as now:
            done = db.session.execute(
                update(BreakGlass).values(
                    approved_by_id=people["dora"].actor.user_id,
                    approved_at=now,
                    ends_at=now + timedelta(minutes=30),
                )
            )
            return int(done.rowcount)  # type: ignore[attr-defined]

    assert run(by_hand) == 0


def test_the_pages_lead_through_it(
    app: Any, run: Run, ref: str, people: dict[str, Person], browser_of: Callable[[str], Browser]
) -> None:
    dee, dora = browser_of(people["dee"].email), browser_of(people["dora"].email)
    path = f"/access/requests/{ref}/who-asked"
    assert "See who asked" in text_of(dee.get(f"/desk/requests/{ref}"))
    dee.get(path)
    assert dee.post(path, {"reason": WHY}).status_code == 403  # not proved yet
    with app.app_context(), transaction(by=SYSTEM) as now:
        db.session.execute(update(SignIn).values(proved_at=now))
    dee.get(path)
    assert dee.post(path, {"reason": "short"}).status_code == 422
    assert dee.post(path, {"reason": WHY}).location == "/access/"

    looks = dora.get("/access/").get_data(as_text=True)
    action = looks.split('action="/access/looks/')[1].split('"')[0]
    assert dora.post(f"/access/looks/{action}").status_code == 303
    shown = text_of(dee.get(f"/access/looks/{action.removesuffix('/approve')}"))

    assert "07700 900555" in shown
    assert dora.get(f"/access/looks/{uuid4()}").status_code == 404
