"""What a house reads: only its own, and of a woman only what the moment allows."""

from __future__ import annotations

import dataclasses
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotAllowed, NotFound
from app.models.beds import Room
from app.models.placements import Placement
from app.models.plans import PlanLine
from app.services import admissions, houses, matching, offers, voids
from app.services.asked import NewChild
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, make_refuge, offer_room, placement_of, room_of


def _states(page: houses.RoomsPage) -> dict[str, list[tuple[str, int]]]:
    return {room.code: room.beds for room in page.rooms}


def test_a_private_room_has_one_state_through_the_whole_stay(cast: Cast, run: Run) -> None:
    referral = run(make_referral, cast.amara.actor)
    room = run(room_of, "Rowan", "2").public_id
    seen = []

    def look() -> None:
        seen.append(_states(run(houses.rooms, by=cast.bea.actor))["2"])

    look()
    placement = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    look()
    run(accept, placement, by=cast.bea.actor)
    look()
    run(offers.record_arrival, placement.public_id, by=cast.bea.actor)
    look()
    run(offers.record_departure, placement.public_id, "planned_move", by=cast.bea.actor)
    run(voids.start_void, room, "cleaning", by=cast.bea.actor)
    look()

    assert seen == [[("free", 3)], [("held", 3)], [("booked", 3)], [("occupied", 3)], [("void", 3)]]


def test_a_shared_room_counts_its_beds_by_state(cast: Cast, run: Run, run_as_owner: Run) -> None:
    rowan = run_as_owner(_share_room_two)
    referral = run(make_referral, cast.amara.actor, may_share=True)
    placement = run(offer_room, referral.ref, by=cast.dee.actor, room=rowan)
    run(accept, placement, by=cast.bea.actor)

    page = run(houses.rooms, by=cast.bea.actor)

    assert _states(page)["2"] == [("booked", 1), ("free", 2)]
    assert [room.may_void for room in page.rooms] == [True, True]
    assert (page.beds("free"), page.beds("held", "booked")) == (3, 1)


def _share_room_two() -> UUID:
    with transaction(by=SYSTEM):
        db.session.execute(update(Room).where(Room.code == "2").values(is_shared=True))
        return db.session.scalars(select(Room.public_id).where(Room.code == "2")).first()  # type: ignore[return-value]


def test_rooms_are_in_the_order_of_their_numbers(cast: Cast, run: Run, run_as_owner: Run) -> None:
    house = run_as_owner(
        make_refuge,
        "Linden",
        organisation_id=cast.mara.actor.organisation_id,
        rooms=tuple((code, 1, 0, False) for code in ("10", "2", "1", "11")),
    )
    worker = dataclasses.replace(cast.bea.actor, refuge_id=house.id)

    assert list(_states(run(houses.rooms, by=worker))) == ["1", "2", "10", "11"]


def test_the_offer_with_least_time_left_stands_first(cast: Cast, run: Run) -> None:
    from app.models.reference import Urgency

    planned = run(make_referral, cast.amara.actor, urgency=Urgency.PLANNED)
    tonight = run(make_referral, cast.amara.actor, urgency=Urgency.EMERGENCY)
    one, two = (run(room_of, "Rowan", code).public_id for code in ("1", "2"))
    run(offer_room, planned.ref, by=cast.dee.actor, room=one)
    run(offer_room, tonight.ref, by=cast.dee.actor, room=two)

    page = run(houses.tonight, by=cast.bea.actor)

    assert [offer.ref for offer in page.offers] == [tonight.ref, planned.ref]


def test_an_offer_says_why_the_plan_chose_this_house(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    referral = run(make_referral, cast.amara.actor)
    run_id = run_as_worker(matching.make_plan)
    run_as_worker(_explain, referral.id, "Staff here speak Albanian.")
    run(matching.confirm_plan, run_id, [referral.ref], by=cast.dee.actor)
    placement = run(placement_of, referral.ref)

    page = run(admissions.show_offer, placement.public_id, by=_worker(cast, placement))

    assert page.reasons == ["Staff here speak Albanian."]


def _explain(referral_id: int, text: str) -> None:
    with transaction(by=SYSTEM):
        line = db.session.scalars(select(PlanLine).where(PlanLine.referral_id == referral_id)).one()
        line.reasons = [{"code": "language", "params": {}, "text": text}]


def _worker(cast: Cast, placement: Placement) -> object:
    return (cast.bea if placement.refuge_id == cast.rowan_id else cast.chloe).actor


def test_an_offer_has_no_field_for_caller_case_place_or_danger() -> None:
    fields = {
        field.name
        for shape in (admissions.OfferPage, admissions.Suitability, houses.WomanRow)
        for field in dataclasses.fields(shape)
    }

    for word in ("phone", "incident", "officer", "force", "district", "lat", "zone", "region"):
        assert not [name for name in fields if word in name.split("_")]


def test_what_she_needs_is_gone_once_she_is_not_theirs(cast: Cast, run: Run) -> None:
    referral = run(make_referral, cast.amara.actor, children=(NewChild(age=0, sex=None),))
    room = run(room_of, "Rowan", "2").public_id
    placement = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    asked = run(admissions.show_offer, placement.public_id, by=cast.bea.actor)
    run(accept, placement, by=cast.bea.actor)
    hers = run(admissions.show_stay, placement.public_id, by=cast.bea.actor)
    run(offers.withdraw_offer, placement.public_id, "her_wish", by=cast.dee.actor)
    gone = run(admissions.show_stay, placement.public_id, by=cast.bea.actor)

    assert asked.asks == hers.asks
    assert asked.asks.children == ["Child, under 1"]
    assert hers.meeting.callback_phone == "+447700900555"
    assert (gone.state, gone.asks, gone.meeting) == ("withdrawn", None, None)


def test_nobody_else_reads_a_house(cast: Cast, run: Run) -> None:
    referral = run(make_referral, cast.amara.actor)
    room = run(room_of, "Rowan", "2").public_id
    placement = run(offer_room, referral.ref, by=cast.dee.actor, room=room)

    with pytest.raises(NotFound):
        run(admissions.show_offer, placement.public_id, by=cast.chloe.actor)
    for person in (cast.amara, cast.dee, cast.mara, cast.ada):
        with pytest.raises(NotAllowed):
            run(houses.tonight, by=person.actor)
        with pytest.raises(NotAllowed):
            run(admissions.show_offer, placement.public_id, by=person.actor)
