"""Holds and copies: two people, a fresh proof, and nothing of anybody else in the copy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Conflict, NotAllowed, NotFound, ProofNeeded
from app.fields import open_field
from app.models.accounts import Organisation, SignIn, User
from app.models.beds import Refuge
from app.models.events import Event
from app.models.messages import Contact
from app.models.retention import HoldReason, LegalHold, SubjectAccess
from app.services import (
    accounts,
    clock,
    data_rights,
    offers,
    referrals,
    retention,
    sign_ins,
    subject_access,
)
from app.services.accounts import DEMO_DOMAIN
from app.services.asked import AvoidedPlace, NewChild
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of

DAY = timedelta(days=1)


@pytest.fixture
def leads(cast: Cast, run_as_owner: Run) -> tuple[Actor, Actor]:
    """Lena and Lou, data protection leads who have just proved who they are."""
    found: tuple[Actor, Actor] = run_as_owner(_make_leads)
    return found


def _make_leads() -> tuple[Actor, Actor]:
    with transaction(by=SYSTEM) as now:
        desk = db.session.scalars(select(Organisation).where(Organisation.name == "The desk")).one()
        made = []
        for word in ("lena", "lou"):
            user = User(
                organisation_id=desk.id,
                role=Role.DATA_PROTECTION_LEAD,
                name=word.title(),
                email=word + DEMO_DOMAIN,
            )
            db.session.add(user)
            db.session.flush()
            made.append(replace(user.as_actor(), proved_at=now))
        return made[0], made[1]


@pytest.fixture
def lena(leads: tuple[Actor, Actor]) -> Actor:
    return leads[0]


@pytest.fixture
def lou(leads: tuple[Actor, Actor]) -> Actor:
    return leads[1]


@pytest.fixture
def dee(cast: Cast, lena: Actor) -> Actor:
    return replace(cast.dee.actor, proved_at=lena.proved_at)


@pytest.fixture
def hers(run: Run, cast: Cast) -> str:
    """A woman with a child and a place to avoid, who lived at Rowan; another asked the same day."""
    ref = str(
        run(
            make_referral,
            cast.amara.actor,
            children=(NewChild(age=7, sex="f"),),
            avoid=(AvoidedPlace(place="M1", km=15),),
            callback_phone="+447700900931",
            incident_ref="OP CANARY",
        ).ref
    )
    room = run(_family_room)
    placement = run(offer_room, ref, by=cast.dee.actor, room=room)
    run(accept, placement, by=cast.bea.actor)
    run(offers.record_arrival, placement.public_id, by=cast.amara.actor)
    run(make_referral, cast.bram.actor, incident_ref="OP OF ANOTHER")
    return ref


def _family_room() -> Any:
    return room_of("Rowan", "2").public_id


# The copy.


def copy_of(run: Run, ref: str, asks: Actor, agrees: Actor) -> dict[str, Any]:
    wanted = run(subject_access.ask, ref, by=asks)
    run(subject_access.approve, wanted, by=agrees)
    found: dict[str, Any] = run(subject_access.take, wanted, by=asks)
    return found


def test_the_copy_holds_her_record_in_words(run: Run, hers: str, lena: Actor, lou: Actor) -> None:
    copy = copy_of(run, hers, lena, lou)

    assert copy["request"]["reference"] == hers
    assert copy["request"]["state"] == "resident"
    assert copy["needs"]["children"] == [{"age": 7, "sex": "f"}]
    assert copy["needs"]["language"] == "Albanian"
    assert copy["places_to_avoid"]["around"] == [{"district": "M1", "kilometres": 15}]
    [room] = copy["rooms_offered"]
    assert (room["region"], room["state"]) == ("London", "arrived")
    assert room["arrived_at"]
    looks = [(event["what"], event["who"]) for event in copy["who_looked_and_what_happened"]]
    assert ("arrived", "officer") in looks


def test_the_copy_holds_nothing_of_anybody_else(
    run: Run, hers: str, lena: Actor, lou: Actor, cast: Cast
) -> None:
    text = json.dumps(copy_of(run, hers, lena, lou))

    for person in cast.everybody().values():
        assert person.actor.name not in text
        assert person.email not in text
    for secret in run(_secrets_of_others):
        assert secret not in text, secret
    assert "Lena" not in text
    assert "Lou" not in text


def _secrets_of_others() -> list[str]:
    with transaction(by=SYSTEM):
        found = ["+447700900931", "OP CANARY", "OP OF ANOTHER", "networks"]
        for refuge in db.session.scalars(select(Refuge)):
            found += [refuge.alias, refuge.duty_line, open_field(refuge, "handover_point")]
        found += [open_field(each, "phone") for each in db.session.scalars(select(Contact))]
        return found


def test_a_copy_takes_two_people(run: Run, hers: str, lena: Actor, lou: Actor) -> None:
    wanted = run(subject_access.ask, hers, by=lena)

    with pytest.raises(Conflict, match="must approve"):
        run(subject_access.take, wanted, by=lena)
    with pytest.raises(NotAllowed, match="Somebody else"):
        run(subject_access.approve, wanted, by=lena)
    run(subject_access.approve, wanted, by=lou)
    with pytest.raises(NotFound):
        run(subject_access.take, wanted, by=lou)
    assert run(subject_access.take, wanted, by=lena)


def test_the_database_too_refuses_one_person_as_both(
    run: Run, run_as_owner: Run, hers: str, lena: Actor
) -> None:
    run(subject_access.ask, hers, by=lena)

    with pytest.raises(Conflict):
        run_as_owner(_approve_behind_the_service, lena)


def _approve_behind_the_service(lead: Actor) -> None:
    with transaction(by=SYSTEM) as now:
        db.session.execute(
            update(SubjectAccess).values(approved_at=now, approved_by_id=lead.user_id)
        )


def test_a_copy_is_taken_once(run: Run, hers: str, lena: Actor, dee: Actor) -> None:
    wanted = run(subject_access.ask, hers, by=lena)
    run(subject_access.approve, wanted, by=dee)
    run(subject_access.take, wanted, by=lena)

    with pytest.raises(NotFound):
        run(subject_access.take, wanted, by=lena)


@pytest.mark.parametrize(
    ("late", "is_given"),
    [(-timedelta(seconds=5), True), (timedelta(seconds=5), False)],
    ids=["within a week", "after a week"],
)
def test_an_approval_lasts_a_week(
    late: timedelta,
    is_given: bool,
    run: Run,
    run_as_owner: Run,
    hers: str,
    lena: Actor,
    lou: Actor,
) -> None:
    wanted = run(subject_access.ask, hers, by=lena)
    run(subject_access.approve, wanted, by=lou)
    run_as_owner(clock.shift_by, 7 * DAY + late)
    proved = replace(lena, proved_at=run(_now))

    if is_given:
        assert run(subject_access.take, wanted, by=proved)
        return
    with pytest.raises(Conflict, match="approved again"):
        run(subject_access.take, wanted, by=proved)
    run(subject_access.approve, wanted, by=replace(lou, proved_at=run(_now)))
    assert run(subject_access.take, wanted, by=proved)


def _now() -> Any:
    with transaction(by=SYSTEM) as now:
        return now


def test_every_step_asks_for_a_fresh_proof(run: Run, hers: str, lena: Actor, lou: Actor) -> None:
    stale = timedelta(minutes=11)
    tired_lena, tired_lou = (
        replace(each, proved_at=each.proved_at - stale) for each in (lena, lou) if each.proved_at
    )
    wanted = run(subject_access.ask, hers, by=lena)
    hold = run(data_rights.place_hold, hers, HoldReason.COMPLAINT, by=lena)

    steps: tuple[tuple[Callable[..., Any], tuple[Any, ...], Actor], ...] = (
        (subject_access.ask, (hers,), tired_lena),
        (subject_access.approve, (wanted,), tired_lou),
        (subject_access.take, (wanted,), tired_lena),
        (data_rights.place_hold, (hers, HoldReason.COURT_ORDER), tired_lena),
        (data_rights.lift_hold, (hold,), tired_lena),
    )
    for step, given, by in steps:
        with pytest.raises(ProofNeeded):
            run(step, *given, by=by)


def test_nobody_else_asks_approves_or_takes(run: Run, hers: str, lena: Actor, cast: Cast) -> None:
    wanted = run(subject_access.ask, hers, by=lena)

    for person in cast.everybody().values():
        actor = replace(person.actor, proved_at=lena.proved_at)
        if actor.role is Role.DATA_PROTECTION_LEAD:
            continue
        with pytest.raises(NotAllowed):
            run(subject_access.ask, hers, by=actor)
        with pytest.raises(NotAllowed):
            run(subject_access.take, wanted, by=actor)
        with pytest.raises(NotAllowed):
            run(data_rights.place_hold, hers, HoldReason.COMPLAINT, by=actor)
        if actor.role is not Role.COORDINATOR:
            with pytest.raises(NotAllowed):
                run(subject_access.approve, wanted, by=actor)


def test_each_step_is_written_down(run: Run, hers: str, lena: Actor, lou: Actor) -> None:
    copy_of(run, hers, lena, lou)

    kinds = ("access_asked", "access_approved", "access_taken")
    assert [run(_actor_of, kind) for kind in kinds] == [lena.user_id, lou.user_id, lena.user_id]


def _actor_of(kind: str) -> Any:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Event.actor_user_id).where(Event.kind == kind)).one()


# Holds.


def test_a_hold_keeps_the_record_and_two_people_lift_it(
    run: Run,
    run_as_worker: Run,
    run_as_owner: Run,
    cast: Cast,
    lena: Actor,
    lou: Actor,
) -> None:
    ref = str(run(make_referral, cast.amara.actor).ref)
    run(referrals.withdraw, ref, "things_changed", by=cast.amara.actor)
    hold = run(data_rights.place_hold, ref, HoldReason.COURT_ORDER, by=lena)
    run_as_owner(clock.shift_by, 100 * DAY)
    now = run(_now)
    lena, lou = replace(lena, proved_at=now), replace(lou, proved_at=now)

    assert run_as_worker(retention.purge_due) == 0
    assert run(data_rights.lift_hold, hold, by=lena) is False
    assert run_as_worker(retention.purge_due) == 0
    with pytest.raises(NotAllowed, match="Somebody else"):
        run(data_rights.lift_hold, hold, by=lena)
    assert run(data_rights.lift_hold, hold, by=lou) is True
    assert run_as_worker(retention.purge_due) == 1
    with pytest.raises(NotFound, match="purged"):
        run(data_rights.place_hold, ref, HoldReason.COURT_ORDER, by=lena)


def test_one_reason_holds_once(run: Run, hers: str, lena: Actor) -> None:
    run(data_rights.place_hold, hers, HoldReason.COURT_ORDER, by=lena)
    run(data_rights.place_hold, hers, HoldReason.COMPLAINT, by=lena)

    with pytest.raises(Conflict, match="for this reason already"):
        run(data_rights.place_hold, hers, HoldReason.COURT_ORDER, by=lena)


def test_a_coordinator_agrees_but_does_not_begin(
    run: Run, hers: str, lena: Actor, dee: Actor
) -> None:
    hold = run(data_rights.place_hold, hers, HoldReason.COMPLAINT, by=lena)

    with pytest.raises(NotAllowed):
        run(data_rights.lift_hold, hold, by=dee)
    run(data_rights.lift_hold, hold, by=lena)
    assert run(data_rights.lift_hold, hold, by=dee) is True


# The page.


@pytest.fixture
def page_of(app: Flask, run: Run, run_as_owner: Run) -> Callable[[str], Browser]:
    """A signed-in browser whose person has just proved who they are."""

    def sign_in(word: str) -> Browser:
        with app.app_context():
            person = next(p for p in accounts.demo_people() if p.email == word + DEMO_DOMAIN)
            token = sign_ins.as_demo_person(person.public_id)
        run_as_owner(_prove_everybody)
        browser = Browser(app)
        with browser.client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = token, True
        return browser

    return sign_in


def _prove_everybody() -> None:
    with transaction(by=SYSTEM) as now:
        db.session.execute(update(SignIn).values(proved_at=now))


def test_two_people_make_a_copy_on_the_page(
    hers: str, lena: Actor, page_of: Callable[[str], Browser], run: Run
) -> None:
    lead, second = page_of("lena"), page_of("dee")
    lead.get("/data-rights/")

    asked = lead.post("/data-rights/copies", {"ref": hers[2:].lower()}, follow_redirects=True)
    wanted = run(_only, SubjectAccess).public_id
    assert "Somebody else must approve it." in text_of(asked)
    assert f"Approve the copy of {hers}" in text_of(second.get("/data-rights/"))
    second.post(f"/data-rights/copies/{wanted}/approve")
    assert f"Take the copy of {hers}, once" in text_of(lead.get("/data-rights/"))
    taken = lead.post(f"/data-rights/copies/{wanted}/take")
    again = lead.post(f"/data-rights/copies/{wanted}/take", follow_redirects=True)

    assert taken.get_json()["request"]["reference"] == hers
    assert taken.mimetype == "application/json"
    assert taken.headers["Content-Disposition"] == 'attachment; filename="copy.json"'
    assert taken.headers["Cache-Control"] == "no-store"
    assert "We cannot find that copy." in text_of(again)


def _only(model: Any) -> Any:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(model)).one()


def test_two_people_hold_and_let_go_on_the_page(
    hers: str, lena: Actor, page_of: Callable[[str], Browser], run: Run
) -> None:
    lead, second = page_of("lena"), page_of("lou")
    lead.get("/data-rights/")
    second.get("/data-rights/")

    held = lead.post(
        "/data-rights/holds", {"ref": hers, "reason": "court_order"}, follow_redirects=True
    )
    hold = run(_only, LegalHold).public_id
    assert "A court has ordered it Held by Lena" in text_of(held)
    lead.post(f"/data-rights/holds/{hold}/lift")
    own = lead.post(f"/data-rights/holds/{hold}/lift", follow_redirects=True)
    assert "Somebody else must agree to this" in text_of(own)
    lifted = second.post(f"/data-rights/holds/{hold}/lift", follow_redirects=True)

    assert "The hold is lifted." in text_of(lifted)
    assert "Nothing is held" in text_of(lifted)


@pytest.mark.parametrize(
    ("path", "form", "said"),
    [
        ("holds", {"ref": "", "reason": "court_order"}, "Type the request's reference"),
        ("holds", {"ref": "R-7KQ", "reason": "court_order"}, "Type the request's reference"),
        ("holds", {"ref": "R-2222222", "reason": ""}, "Choose why the record must be kept."),
        ("holds", {"ref": "R-2222222", "reason": "spite"}, "Choose why the record must be kept."),
        ("holds", {"ref": "R-2222222", "reason": "complaint"}, "We cannot find that request."),
        ("copies", {"ref": "R-2222222"}, "We cannot find that request."),
        ("copies", {"ref": "somebody"}, "Type the request's reference"),
    ],
    ids=["no ref", "short ref", "no reason", "no such reason", "no hold", "no copy", "a name"],
)
def test_what_cannot_be_meant_is_said_and_what_was_typed_stays(
    path: str, form: dict[str, str], said: str, lena: Actor, page_of: Callable[[str], Browser]
) -> None:
    lead = page_of("lena")
    lead.get("/data-rights/")

    answer = lead.post(f"/data-rights/{path}", form)

    assert answer.status_code in (404, 422)
    assert said in text_of(answer)
    assert form["ref"] in answer.get_data(as_text=True)


def test_a_coordinator_sees_no_form_to_begin_with(
    hers: str, lena: Actor, page_of: Callable[[str], Browser]
) -> None:
    page = text_of(page_of("dee").get("/data-rights/"))

    assert "Hold this record" not in page
    assert "Ask for a copy" not in page
    assert "kept for 90 days and then destroyed" in page


def test_a_copy_is_never_a_page_to_be_fetched(
    hers: str, lena: Actor, lou: Actor, page_of: Callable[[str], Browser], run: Run
) -> None:
    wanted = run(subject_access.ask, hers, by=lena)
    run(subject_access.approve, wanted, by=lou)

    assert page_of("lena").get(f"/data-rights/copies/{wanted}/take").status_code == 405
    assert run(_only, SubjectAccess).taken_at is None
