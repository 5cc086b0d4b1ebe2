"""A house's supply: opened, out of use, back, and what the plan is then told."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.beds import Bed, BedKind, BedUse, Refuge, Void
from app.models.events import Event
from app.models.messages import Contact
from app.models.placements import Channel
from app.services import beds, invariants, offers, snapshot, voids
from app.services.beds import NewRefuge, NewRoom
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, make_refuge, offer_room, room_of

HAZEL = NewRefuge(
    organisation="Harbour",
    alias="Hazel",
    region_code="E12000007",
    cell_lat=51.5,
    cell_lon=-0.1,
    duty_line="+443069990150",
    handover_point="Meeting point H, agreed by phone",
    features=("staff_24h", "lang:sq", "lang:vi"),
)


def _offered_rooms() -> set[str]:
    """The rooms that the plan is told of, as house and code, with their beds."""
    with transaction(by=SYSTEM) as now:
        found = snapshot.take(now)
        return {
            f"{db.session.get_one(Refuge, found.rooms[room['id']].refuge_id).alias}"
            f" {found.rooms[room['id']].code}: {room['bed_spaces']}+{room['cots']}"
            for refuge in found.problem["refuges"]
            for room in refuge["rooms"]
        }


def _all(model: type) -> list[object]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(model).order_by(model.id)))  # type: ignore[attr-defined]


def _kinds() -> list[str]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Event.kind).order_by(Event.id)))


def test_a_house_that_is_opened_can_be_offered(cast: Cast, run: Run) -> None:
    house = run(beds.open_refuge, HAZEL, by=cast.ada.actor)
    run(beds.add_room, house, NewRoom(code="1", bed_spaces=2, cots=1), by=cast.ada.actor)
    run(beds.add_contact, house, "+447700900150", "Duty phone", by=cast.ada.actor)

    assert "Hazel 1: 2+1" in run(_offered_rooms)
    numbered = [(b.kind, b.number) for b in run(_all, Bed) if b.refuge_id == 3]
    assert numbered == [(BedKind.BED, 1), (BedKind.BED, 2), (BedKind.COT, 1)]
    assert run(_all, Contact)[-1].verified_at is not None
    assert run(_kinds)[-3:] == ["refuge_opened", "room_opened", "contact_added"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"organisation": "Metropolitan Police"}, "organisation"),
        ({"region_code": "nowhere"}, "region_code"),
        ({"features": ("a_pool",)}, "features"),
    ],
)
def test_a_house_of_unknown_things_is_refused(
    cast: Cast, run: Run, change: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        run(beds.open_refuge, replace(HAZEL, **change), by=SYSTEM)  # type: ignore[arg-type]

    assert caught.value.field == field


def test_two_houses_never_share_an_alias_nor_a_phone(cast: Cast, run: Run) -> None:
    house = run(beds.open_refuge, HAZEL, by=SYSTEM)

    with pytest.raises(Conflict, match="has that alias"):
        run(beds.open_refuge, HAZEL, by=SYSTEM)
    with pytest.raises(Conflict, match="in use already"):
        run(beds.add_contact, house, "+447700900101", "Duty phone", by=SYSTEM)


def test_a_manager_adds_rooms_to_her_own_house_only(cast: Cast, run: Run) -> None:
    house = run(beds.open_refuge, HAZEL, by=SYSTEM)
    room = NewRoom(code="9", bed_spaces=1)

    with pytest.raises(NotFound):
        run(beds.add_room, house, room, by=cast.rowan_manager.actor)
    with pytest.raises(NotAllowed):
        run(beds.add_room, house, room, by=cast.bea.actor)
    with pytest.raises(NotAllowed):
        run(beds.open_refuge, replace(HAZEL, alias="Other"), by=cast.rowan_manager.actor)
    rowan = run(_public_id, "Rowan")
    run(beds.add_room, rowan, room, by=cast.rowan_manager.actor)
    assert "Rowan 9: 1+0" in run(_offered_rooms)


def _public_id(alias: str) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Refuge.public_id).where(Refuge.alias == alias)).one()


@pytest.mark.parametrize("size", [(0, 0), (13, 0), (1, 5), (1, -1)])
def test_a_room_has_a_size_that_exists(cast: Cast, run: Run, size: tuple[int, int]) -> None:
    room = NewRoom(code="9", bed_spaces=size[0], cots=size[1])

    with pytest.raises(Invalid, match="1 to 12 beds and at most 4 cots"):
        run(beds.add_room, run(_public_id, "Rowan"), room, by=SYSTEM)


@pytest.fixture
def room_two(cast: Cast, run: Run) -> UUID:
    """Rowan's room 2, with 3 beds and a cot."""
    return run(room_of, "Rowan", "2").public_id  # type: ignore[no-any-return]


def test_a_free_room_goes_out_of_use_whole_and_comes_back(
    cast: Cast, run: Run, room_two: UUID
) -> None:
    before = run(_offered_rooms)
    void = run(voids.start_void, room_two, "cleaning", by=cast.bea.actor)
    during = run(_offered_rooms)
    run(voids.end_void, void, by=cast.bea.actor)

    assert before - during == {"Rowan 2: 3+1"}
    assert run(_offered_rooms) == before
    uses = run(_all, BedUse)
    assert [use.live for use in uses] == [False] * 4
    [row] = run(_all, Void)
    assert {use.during.upper for use in uses} == {row.ended_at}
    assert run(_kinds)[-2:] == ["void_started", "void_ended"]
    assert run(invariants.broken) == {}


def test_a_room_back_in_use_can_be_offered_at_once(cast: Cast, run: Run, room_two: UUID) -> None:
    void = run(voids.start_void, room_two, "cleaning", by=cast.bea.actor)
    run(voids.end_void, void, by=cast.bea.actor)
    referral = run(make_referral, cast.amara.actor)

    assert run(offer_room, referral.ref, by=cast.dee.actor, room=room_two).state == "offered"


def test_nobody_is_offered_a_room_out_of_use(cast: Cast, run: Run, room_two: UUID) -> None:
    run(voids.start_void, room_two, "repair", by=cast.bea.actor)
    referral = run(make_referral, cast.amara.actor)

    with pytest.raises(Conflict, match="just been taken"):
        run(offer_room, referral.ref, by=cast.dee.actor, room=room_two)


def test_a_room_is_free_to_go_out_of_use_the_moment_she_has_left(
    cast: Cast, run: Run, room_two: UUID
) -> None:
    referral = run(make_referral, cast.amara.actor)
    placement = run(offer_room, referral.ref, by=cast.dee.actor, room=room_two)

    def start() -> None:
        run(voids.start_void, room_two, "cleaning", by=cast.bea.actor)

    with pytest.raises(Conflict, match="held for an offer"):
        start()
    run(offers.accept_offer, by=cast.bea.actor, channel=Channel.WEB, code=placement.offer_code)
    with pytest.raises(Conflict, match="on her way"):
        start()
    run(offers.record_arrival, placement.public_id, by=cast.bea.actor)
    with pytest.raises(Conflict, match="Somebody lives in this room"):
        start()
    run(offers.record_departure, placement.public_id, "planned_move", by=cast.bea.actor)
    start()
    with pytest.raises(Conflict, match="out of use already"):
        start()


def test_only_the_free_beds_of_a_shared_room_go_out_of_use(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    run_as_owner(
        make_refuge,
        "Linden",
        organisation_id=cast.mara.actor.organisation_id,
        rooms=(("S", 3, 0, True),),
    )
    shared = run(room_of, "Linden", "S").public_id
    referral = run(make_referral, cast.amara.actor, may_share=True)
    run(offer_room, referral.ref, by=cast.dee.actor, room=shared)

    void = run(voids.start_void, shared, "short_of_staff", by=cast.dee.actor)

    assert not any(room.startswith("Linden") for room in run(_offered_rooms))
    with pytest.raises(Conflict, match="held for an offer"):
        run(voids.start_void, shared, "repair", by=cast.dee.actor)
    run(voids.end_void, void, by=cast.dee.actor)
    assert "Linden S: 2+0" in run(_offered_rooms)


def test_only_the_house_and_the_desk_keep_its_rooms(cast: Cast, run: Run, room_two: UUID) -> None:
    for person in (cast.amara, cast.sergeant, cast.mara, cast.ada):
        with pytest.raises(NotAllowed):
            run(voids.start_void, room_two, "repair", by=person.actor)
    with pytest.raises(NotFound):
        run(voids.start_void, room_two, "repair", by=cast.chloe.actor)
    void = run(voids.start_void, room_two, "repair", by=cast.bea.actor)
    with pytest.raises(NotFound):
        run(voids.end_void, void, by=cast.chloe.actor)
    with pytest.raises(NotAllowed):
        run(beds.confirm_beds, by=cast.dee.actor)


def test_a_change_of_supply_puts_a_plan_in_line(cast: Cast, run: Run, room_two: UUID) -> None:
    assert run(_plans_in_line) == 0

    run(voids.start_void, room_two, "repair", by=cast.bea.actor)

    assert run(_plans_in_line) == 1


def _plans_in_line() -> int:
    from sqlalchemy import text

    with transaction(by=SYSTEM):
        query = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'plan'")
        return db.session.scalar(query) or 0
