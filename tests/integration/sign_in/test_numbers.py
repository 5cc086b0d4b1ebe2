"""Changing a house's number: the old one hears of it, and the new one answers alone after a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import md5
from uuid import UUID

import pytest
from sqlalchemy import select

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.errors import Conflict, NotAllowed, NotFound, ProofNeeded
from app.fields import open_field
from app.models.beds import Refuge
from app.models.messages import Contact, Message, SmsInbox, Task
from app.models.placements import Placement
from app.notices import Template
from app.services import beds, clock, phones, texts
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room, room_of
from tests.integration.sign_in.conftest import Hand

Later = Callable[..., None]
OLD, NEW = "+447700900101", "+447700900999"


@pytest.fixture
def manager(cast: Cast, hand: Hand) -> Actor:
    return hand.signed_in(cast.rowan_manager)


def rows(run: Run) -> dict[str, Contact]:
    def read() -> dict[str, Contact]:
        with transaction(by=SYSTEM):
            return {open_field(each, "phone"): each for each in db.session.scalars(select(Contact))}

    return run(read)  # type: ignore[no-any-return]


def owed(run: Run, *templates: Template) -> set[tuple[str, str]]:
    """Which of these texts are owed, and to what number."""

    def read() -> set[tuple[str, str]]:
        with transaction(by=SYSTEM):
            found = db.session.execute(
                select(Message.template, Contact)
                .join(Contact, Contact.id == Message.contact_id)
                .where(Message.template.in_(templates))
            )
            return {(template, open_field(each, "phone")) for template, each in found}

    return run(read)  # type: ignore[no-any-return]


def change(run: Run, manager: Actor, *, is_lost: bool = False) -> None:
    new = phones.NewNumber(phone=NEW, is_lost=is_lost)
    run(phones.change_number, rows(run)[OLD].public_id, new, by=manager)


def answer(run: Run, run_as_worker: Run, phone: str, body: str) -> None:
    sid = f"SM{md5(f'{phone} {body}'.encode(), usedforsecurity=False).hexdigest()}"
    run(texts.receive_text, sid, phone, "+447700900000", body)
    run_as_worker(texts.handle_waiting)


def state(run: Run, offer: Placement) -> str:
    def read() -> str:
        with transaction(by=SYSTEM):
            return str(db.session.get_one(Placement, offer.id).state)

    return run(read)  # type: ignore[no-any-return]


def offer_to_rowan(run: Run, cast: Cast) -> Placement:
    ref = run(make_referral, cast.amara.actor).ref
    room = run(room_of, "Rowan", "1").public_id
    return run(offer_room, ref, by=cast.dee.actor, room=room)  # type: ignore[no-any-return]


def test_both_numbers_hear_of_a_change_and_the_desk_rings(
    run: Run, cast: Cast, manager: Actor, hand: Hand
) -> None:
    change(run, manager)

    told = (Template.NUMBER_REPLACED, Template.NUMBER_ADDED)
    assert owed(run, *told) == {("number_replaced", OLD), ("number_added", NEW)}
    assert hand.facts("number_changed") == [("refuge_manager", None)]

    def tasks() -> list[str]:
        with transaction(by=SYSTEM):
            return [each.kind for each in db.session.scalars(select(Task))]

    assert run(tasks) == ["number_changed"]
    with pytest.raises(Conflict, match="being replaced already"):
        change(run, manager)


def test_a_new_number_answers_by_itself_after_a_day(
    run: Run,
    run_as_worker: Run,
    cast: Cast,
    manager: Actor,
    later: Later,
    browser_of: Callable[[str], Browser],
) -> None:
    change(run, manager)
    offer = offer_to_rowan(run, cast)
    assert owed(run, Template.OFFER) == {("offer", OLD), ("offer", NEW)}

    for body in (f"ACCEPT {offer.offer_code}", f"DECLINE {offer.offer_code} 1"):
        answer(run, run_as_worker, NEW, body)

    assert state(run, offer) == "offered"
    assert owed(run, Template.CONFIRM_BY_SIGNING_IN) == {("confirm_by_signing_in", NEW)}
    bea = browser_of(cast.bea.email)
    assert "Somebody answered this by text from your new number" in text_of(
        bea.get(f"/refuge/offers/{offer.public_id}")
    )
    later(hours=24)
    offer = offer_to_rowan_again(run, cast, offer)
    answer(run, run_as_worker, OLD, f"ACCEPT {offer.offer_code} now")
    assert state(run, offer) == "offered"  # the old number is nobody's any more
    answer(run, run_as_worker, NEW, f"ACCEPT {offer.offer_code} now")
    assert state(run, offer) == "accepted"


def offer_to_rowan_again(run: Run, cast: Cast, before: Placement) -> Placement:
    """Another woman's, in the house's other room, while the first still holds the first."""
    ref = run(make_referral, cast.amara.actor).ref
    room = run(room_of, "Rowan", "2").public_id
    return run(offer_room, ref, by=cast.dee.actor, room=room)  # type: ignore[no-any-return]


def test_the_old_number_goes_on_for_a_day_unless_it_was_lost(
    run: Run, run_as_worker: Run, cast: Cast, manager: Actor
) -> None:
    change(run, manager)
    offer = offer_to_rowan(run, cast)
    answer(run, run_as_worker, OLD, f"ACCEPT {offer.offer_code}")
    assert state(run, offer) == "accepted"

    run(phones.keep_old_number, rows(run)[NEW].public_id, by=manager)
    assert rows(run)[OLD].ends_at is None
    with pytest.raises((Conflict, NotFound)):
        run(phones.keep_old_number, rows(run)[NEW].public_id, by=manager)


def test_a_lost_phone_is_silent_at_once(
    run: Run, run_as_worker: Run, cast: Cast, manager: Actor
) -> None:
    change(run, manager, is_lost=True)
    offer = offer_to_rowan(run, cast)

    answer(run, run_as_worker, OLD, f"ACCEPT {offer.offer_code}")

    assert state(run, offer) == "offered"
    assert owed(run, Template.OFFER) == {("offer", NEW)}


def test_who_may_change_a_number(run: Run, cast: Cast, manager: Actor, hand: Hand) -> None:
    rowan = rows(run)[OLD].public_id
    new = phones.NewNumber(phone=NEW)

    with pytest.raises(NotFound):
        run(phones.change_number, rowan, new, by=hand.signed_in(cast.chloe))
    for other in (cast.bea, cast.dee, cast.ada, cast.amara):
        with pytest.raises(NotAllowed):
            run(phones.change_number, rowan, new, by=hand.signed_in(other))
    with pytest.raises(ProofNeeded):
        run(phones.change_number, rowan, new, by=cast.rowan_manager.actor)
    change(run, manager)
    with pytest.raises(NotFound):
        run(phones.keep_old_number, rows(run)[NEW].public_id, by=hand.signed_in(cast.chloe))
    run(phones.keep_old_number, rows(run)[NEW].public_id, by=cast.dee.actor)


def test_a_manager_changes_a_number_on_the_page(
    run: Run, cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    browser, desk = browser_of(cast.rowan_manager.email), browser_of(cast.dee.email)
    page = browser.get("/team/").get_data(as_text=True)
    path = f"/team/phones/{rows(run)[OLD].public_id}"
    assert path in page
    assert browser.get(path).location == f"/prove?next={path}"
    browser.get("/prove")
    browser.post("/demo/prove")
    browser.get(path)

    wrong = browser.post(path, {"phone": "12"})
    taken = browser.post(path, {"phone": "07700 900102"})
    changed = browser.post(path, {"phone": "07700 900999"})

    assert (wrong.status_code, taken.status_code, changed.location) == (422, 422, "/team/")
    assert 'value="12"' in wrong.get_data(as_text=True)
    assert "in use already" in text_of(taken)
    assert "are confirmed here until" in text_of(browser.get("/team/"))
    desk.get("/desk/tasks")
    kept = desk.post(f"/desk/phones/{rows(run)[NEW].public_id}/keep-old")
    assert kept.location == "/desk/tasks"
    assert "Nothing needs a person" in text_of(desk.get("/desk/tasks"))


def test_a_number_that_has_ended_may_be_another_houses(
    run: Run, cast: Cast, manager: Actor, run_as_owner: Run
) -> None:
    def add_to_cedar() -> None:
        run_as_owner(beds.add_contact, run(house, "Cedar"), OLD, label="Night phone", by=SYSTEM)

    change(run, manager)
    with pytest.raises(Conflict):
        add_to_cedar()  # it still is Rowan's for a day
    run_as_owner(clock.shift_by, phones.COOLS_DOWN_FOR + timedelta(minutes=1))

    add_to_cedar()

    run(texts.receive_text, "SM" + "5" * 32, OLD, "+447700900000", "ALL OK")
    assert run(owner_of_the_text) == cast.cedar_id


def house(alias: str) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Refuge.public_id).where(Refuge.alias == alias)).one()


def owner_of_the_text() -> int:
    with transaction(by=SYSTEM):
        text = db.session.scalars(select(SmsInbox)).one()
        return db.session.get_one(Contact, text.contact_id).refuge_id
