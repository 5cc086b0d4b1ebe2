"""Which nights count, for whom and in which house: each edge to the second."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.placements import Channel, Placement
from app.services import beds, offers, pauses, voids
from app.services.asked import NewPause
from app.services.report_figures import Nights, Places
from tests.factories import make_refuge, offer_room, placement_of, room_of
from tests.known_world import LONDON, World, child

# Nights


@pytest.mark.parametrize(("hour", "minute", "slept"), [(2, 59, 1), (3, 1, 0)])
def test_a_night_counts_for_whoever_arrived_by_three_in_the_morning(
    world: World, hour: int, minute: int, slept: int
) -> None:
    placement = world.promise(world.ask())
    world.at(22, hour, minute)
    world.arrive(placement)
    world.at(22, 12)

    nights = world.figures().everywhere.nights

    assert nights.occupied == slept
    # Sent at noon on the 20th: without a bed on the night of the 20th, and on the next if late.
    assert nights.waited == 2 - slept


def test_the_moment_itself_belongs_to_who_arrives_and_not_to_who_leaves(world: World) -> None:
    placement = world.promise(world.ask())
    world.arrive(placement)
    world.at(23, 4)
    world.depart(placement)
    three = datetime(2026, 10, 22, 3, 0, tzinfo=LONDON)

    def stay(arrived_at: datetime, ended_at: datetime) -> int:
        def change() -> None:
            with transaction(by=SYSTEM):
                db.session.execute(
                    update(Placement).values(arrived_at=arrived_at, ended_at=ended_at)
                )

        world.owner(change)
        return world.figures().everywhere.nights.occupied

    day = timedelta(days=1)
    assert stay(three, three + day + timedelta(hours=1)) == 2
    assert stay(three + timedelta(microseconds=1), three + day + timedelta(hours=1)) == 1


def test_a_stay_that_ends_before_three_is_not_a_night(world: World) -> None:
    placement = world.promise(world.ask())
    world.arrive(placement)
    world.at(22, 2, 58)
    world.depart(placement)
    world.at(23, 12)

    nights = world.figures().everywhere.nights

    assert nights == Nights(occupied=1, open=12, void=0, waited=0)
    assert nights.occupancy == Decimal("8.3")


def test_the_night_on_which_the_clocks_change_is_one_night(world: World) -> None:
    world.arrive(world.promise(world.ask()))
    world.at(27, 12)

    found = world.figures()

    # From 12:00 summer time on the 20th to 12:00 winter time on the 27th: seven nights.
    assert list(found.period.nights) == [date(2026, 10, day) for day in range(20, 27)]
    assert found.everywhere.nights == Nights(occupied=7, open=28, void=0, waited=0)


def test_houses_count_from_the_night_they_open(world: World) -> None:
    world.at(24, 12)
    charity = world.cast.mara.actor.organisation_id
    world.owner(make_refuge, "Alder", organisation_id=charity, rooms=(("1", 2, 0, False),))
    world.at(25, 12)

    # Four places for five nights, and one more for the last.
    assert world.figures().everywhere.nights.open == 4 * 5 + 1


def test_a_room_added_later_counts_from_its_own_first_night(world: World) -> None:
    world.at(24, 12)
    charity, alias = world.cast.mara.actor.organisation_id, "Alder"
    house = world.owner(make_refuge, alias, organisation_id=charity, rooms=())
    world.at(25, 12)
    new = beds.NewRoom(code="1", bed_spaces=2)
    world.owner(beds.add_room, house.public_id, new, by=SYSTEM)
    world.at(26, 12)

    assert world.figures().everywhere.nights.open == 4 * 6 + 1


def test_every_bed_of_a_shared_room_is_a_place(world: World) -> None:
    charity = world.cast.olga.actor.organisation_id
    world.owner(make_refuge, "Alder", organisation_id=charity, rooms=(("1", 3, 1, True),))
    # The baby sleeps in the cot.
    mother = world.ask(may_share=True, children=(child(6), child(1)))
    world.web(
        offer_room, mother, by=world.cast.dee.actor, room=world.web(room_of, "Alder", "1").public_id
    )
    desk = {"by": world.cast.dee.actor, "channel": Channel.COORDINATOR}
    placement = world.web(placement_of, mother)
    world.web(offers.accept_offer, public_id=placement.public_id, **desk)
    world.arrive(placement)
    world.at(21, 12)

    area = world.figures(of="olga").everywhere

    assert area.places == Places(occupied=2, held=0, free=1, void=0)
    assert area.nights == Nights(occupied=2, open=3, void=0, waited=0)


def test_a_family_in_a_private_room_takes_one_place(world: World) -> None:
    world.arrive(world.promise(world.ask(children=(child(6),)), code="2"))
    world.at(21, 12)

    area = world.figures().everywhere

    assert area.places == Places(occupied=1, held=0, free=3, void=0)
    assert area.nights == Nights(occupied=1, open=4, void=0, waited=0)


def test_a_room_out_of_use_is_not_open_that_night(world: World) -> None:
    room = world.web(room_of, "Rowan", "1")
    world.at(21, 2, 59)
    void = world.web(voids.start_void, room.public_id, "repair", by=world.cast.bea.actor)
    world.at(23, 2, 59)
    world.web(voids.end_void, void, by=world.cast.bea.actor)
    world.at(23, 12)
    world.web(voids.start_void, room.public_id, "pests", by=world.cast.bea.actor)

    area = world.figures().everywhere

    # Nights of the 20th and 21st: out of use at 3. Night of the 22nd: back in use a minute before.
    assert area.nights == Nights(occupied=0, open=3 * 4 - 2, void=2, waited=0)
    assert area.places == Places(occupied=0, held=0, free=3, void=1)
    assert area.places.open == 3


def test_a_closed_place_counts_only_for_the_nights_somebody_slept_in_it(world: World) -> None:
    placement = world.promise(world.ask())
    world.arrive(placement)
    world.at(22, 12)
    world.depart(placement)

    def close() -> None:
        from app.models.beds import Room

        with transaction(by=SYSTEM):
            db.session.execute(
                update(Room).where(Room.id == placement.room_id).values(is_open=False)
            )

    world.owner(close)
    world.at(24, 12)

    area = world.figures().everywhere

    assert area.places == Places(occupied=0, held=0, free=3, void=0)
    assert area.nights == Nights(occupied=2, open=3 * 4 + 2, void=0, waited=0)


def test_a_night_in_hospital_is_no_night_waited_for_a_bed(world: World) -> None:
    world.at(21, 9)
    ref = world.ask()
    world.at(22, 9)  # one night has been waited
    until = datetime(2026, 10, 24, 9, tzinfo=LONDON)
    new = NewPause(reason="pause_hospital", until=until)
    world.web(pauses.pause, ref, new, by=world.cast.amara.actor)
    world.at(24, 9)
    assert world.owner(pauses.wake_the_due) == 1
    world.at(25, 9)

    found = world.figures().everywhere

    assert found.nights.waited == 2
    assert (found.requests.waiting, found.waiting_now) == (1, 1)
