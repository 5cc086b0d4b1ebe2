"""Another room in the same house: one step under locks, and every rule of a room holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from app.models.beds import BedUse, Void
from app.models.placements import Placement
from app.services import beds, invariants, matching, offers
from app.services.asked import NewChild
from tests.browser_without_a_window import text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of
from tests.integration.stays.conftest import Promised, of, request_of, written


@pytest.fixture
def more_rooms(cast: Cast, run_as_owner: Run) -> None:
    """Rowan has room 3, shared by four, and room 4 with two beds and a cot."""
    with_cot = beds.NewRoom(code="4", bed_spaces=2, cots=1)
    for new in (beds.NewRoom(code="3", bed_spaces=4, is_shared=True), with_cot):
        run_as_owner(beds.add_room, run_as_owner(_rowan), new, by=SYSTEM)


def _rowan() -> UUID:
    with transaction(by=SYSTEM):
        return UUID(
            str(db.session.scalar(text("SELECT public_id FROM refuge WHERE alias='Rowan'")))
        )


def room(run: Run, code: str, house: str = "Rowan") -> UUID:
    found: UUID = run(room_of, house, code).public_id
    return found


def used(stay: Placement) -> int:
    with transaction(by=SYSTEM):
        query = select(BedUse.id).where(BedUse.placement_id == stay.id, BedUse.live)
        return len(db.session.scalars(query).all())


def voids_of(room_id: int) -> list[str]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Void.reason_code).where(Void.room_id == room_id)))


def settle_family(run: Run, cast: Cast, code: str, **changes: Any) -> Placement:
    ref = run(make_referral, cast.amara.actor, **changes).ref
    run(accept, run(offer_room, ref, by=cast.dee.actor, room=room(run, code)), by=cast.bea.actor)
    stay: Placement = run(placement_of, ref)
    run(offers.record_arrival, stay.public_id, by=cast.bea.actor)
    found: Placement = run(placement_of, ref)
    return found


def test_she_has_the_other_room_at_once_and_hers_is_made_ready(
    lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    stay = lives_at_rowan()
    left = stay.room_id
    run(matching.move_room, stay.public_id, room(run, "2"), by=cast.rowan_manager.actor)

    moved = lives_at_rowan()
    assert moved.room_id == run(room_of, "Rowan", "2").id
    assert (moved.bed_spaces, moved.state, moved.arrived_at) == (1, "arrived", stay.arrived_at)
    assert run(used, moved) == 4, "a private room is taken whole: three beds and a cot"
    assert run(voids_of, left) == ["turnaround"]
    [event] = run(of, "room_changed")
    assert (event.room_id, event.detail) == (moved.room_id, {"left_room_id": left})
    assert run(invariants.broken) == {}


@pytest.mark.usefixtures("more_rooms")
def test_the_rules_of_a_room_hold(cast: Cast, run: Run) -> None:
    children = (NewChild(age=0, sex="f"), NewChild(age=7, sex="f"))
    stay = settle_family(run, cast, "2", children=children)
    by = cast.rowan_manager.actor

    with pytest.raises(Invalid, match="bed space for everyone"):
        run(matching.move_room, stay.public_id, room(run, "1"), by=by)
    with pytest.raises(Invalid, match="A shared room only if she accepts one"):
        run(matching.move_room, stay.public_id, room(run, "3"), by=by)
    run(matching.move_room, stay.public_id, room(run, "4"), by=by)

    moved: Placement = run(placement_of, run(request_of, stay).ref)
    assert (moved.bed_spaces, moved.cots) == (2, 1), "the baby sleeps in the cot"
    assert run(invariants.broken) == {}


@pytest.mark.usefixtures("more_rooms")
def test_of_a_shared_room_she_takes_what_she_needs(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    stay = settle_family(run, cast, "1", may_share=True)
    run(matching.move_room, stay.public_id, room(run, "3"), by=cast.dee.actor)

    assert run(used, stay) == 1
    assert run(invariants.broken) == {}


def test_a_room_that_is_not_free_or_not_of_the_house_is_refused(
    lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    stay, by = lives_at_rowan(), cast.rowan_manager.actor
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor, room=room(run, "2"))

    for code, house, error in (("2", "Rowan", Conflict), ("1", "Cedar", NotFound)):
        with pytest.raises(error):
            run(matching.move_room, stay.public_id, room(run, code, house), by=by)
    assert lives_at_rowan().room_id == stay.room_id


def test_only_the_manager_of_her_house_and_the_desk_move_her(
    lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    stay = lives_at_rowan()
    for by, error in (
        (cast.bea, NotAllowed),
        (cast.chloe, NotFound),
        (cast.amara, NotAllowed),
        (cast.ada, NotAllowed),
    ):
        with pytest.raises(error):
            run(matching.move_room, stay.public_id, room(run, "2"), by=by.actor)
    swap = text(f"SELECT move_to_room({stay.id}, 1, '{{1}}', 1, 0)")
    for by in (cast.bea, cast.chloe, cast.amara):
        with pytest.raises(Exception, match="manager or the desk"):
            run(written, swap, by.actor)


def test_the_database_refuses_beds_that_do_not_make_the_room(
    lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    stay, two = lives_at_rowan(), run(room_of, "Rowan", "2")
    wrong = text(
        f"SELECT move_to_room({stay.id}, {two.id}, (SELECT array_agg(id) FROM"
        f" (SELECT id FROM bed WHERE room_id = {two.id} LIMIT 2) AS few), 1, 0)"
    )
    with pytest.raises(Conflict):
        run(written, wrong, cast.rowan_manager.actor)


def test_two_who_want_one_room_and_one_gets_it(
    lives_at_rowan: Promised, cast: Cast, run: Run, app: Flask, run_as_owner: Run
) -> None:
    run_as_owner(
        beds.add_room, run_as_owner(_rowan), beds.NewRoom(code="5", bed_spaces=1), by=SYSTEM
    )
    first, second = lives_at_rowan(), settle_family(run, cast, "5")
    to = room(run, "2")

    def take(stay: Placement) -> bool:
        with app.app_context():
            try:
                matching.move_room(stay.public_id, to, by=cast.dee.actor)
            except DomainError:
                return False
            return True

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(take, (first, second))) == [False, True]
    assert run(invariants.broken) == {}


def test_the_page_lists_the_rooms_that_fit_for_those_who_may(
    lives_at_rowan: Promised, cast: Cast, run: Run, browser_of: Any
) -> None:
    stay = lives_at_rowan()
    page = f"/refuge/stays/{stay.public_id}"
    assert "another room in this house" not in text_of(browser_of(cast.bea.email).get(page))
    manager, desk = browser_of(cast.rowan_manager.email), browser_of(cast.dee.email)
    drawn = text_of(manager.get(page))
    assert "Give her another room in this house" in drawn
    assert "Room 2" in drawn
    assert manager.post(f"{page}/room", {"to_room": "x"}).status_code == 422
    assert manager.post(f"{page}/room", {"to_room": str(room(run, "2"))}).status_code == 303
    assert "She lives here, in room 2" in text_of(manager.get(page))
    case = f"/desk/requests/{run(request_of, stay).ref}"
    desk.get(case)
    back = desk.post(f"{case}/room", {"to_room": str(room(run, "1"))}, follow_redirects=True)
    assert "taken" in text_of(back), "room 1 is being made ready"
    assert cast.rowan_manager.actor.role is Role.REFUGE_MANAGER
