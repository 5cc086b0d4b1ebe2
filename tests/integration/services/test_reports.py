"""Every figure to the digit, in small worlds whose answers can be counted on the fingers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.errors import Invalid, NotAllowed
from app.models.placements import Channel, Placement
from app.models.reference import HandOnFor
from app.services import beds, clock, closing, funding, offers, referrals, reports
from app.services.asked import NewChild
from app.services.report_figures import Figures, Nights, Places, Reason, Requests
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, make_refuge, offer_room, placement_of, room_of

LONDON = ZoneInfo("Europe/London")
START = datetime(2026, 10, 20, 12, 0, tzinfo=LONDON)  # summer time ends on 25 October


@dataclass
class World:
    """The cast with the clock in hand; each house has a single room and a family room."""

    cast: Cast
    web: Run
    owner: Run

    def at(self, day: int, hour: int, minute: int = 0, second: int = 5) -> None:
        """It is this London time of October 2026; days above 31 are of November."""
        shown = datetime(2026, 10, 1, hour, minute, second, tzinfo=LONDON) + timedelta(days=day - 1)
        self.owner(clock.shift_to, shown)

    def ask(self, **changes: Any) -> str:
        return str(self.web(make_referral, self.cast.amara.actor, **changes).ref)

    def offer(self, ref: str, house: str = "Rowan", code: str = "1") -> Placement:
        room = self.web(room_of, house, code)
        return self.web(offer_room, ref, by=self.cast.dee.actor, room=room.public_id)  # type: ignore[no-any-return]

    def promise(self, ref: str, house: str = "Rowan", code: str = "1") -> Placement:
        placement = self.offer(ref, house, code)
        self.web(accept, placement, by=self.staff(house))
        return placement

    def arrive(self, placement: Placement) -> None:
        self.web(offers.record_arrival, placement.public_id, by=self.cast.amara.actor)

    def depart(self, placement: Placement, house: str = "Rowan") -> None:
        self.web(offers.record_departure, placement.public_id, "planned_move", by=self.staff(house))

    def staff(self, house: str) -> Any:
        return {"Rowan": self.cast.bea, "Cedar": self.cast.chloe}[house].actor

    def fund(self, **changes: Any) -> None:
        given: dict[str, Any] = {
            "charity": "Harbour",
            "name": "Winter grant",
            "source": "A letter",
            "amount_pence": 100_000,
            "bed_night_pence": 10_000,
            "starts_on": date(2026, 10, 1),
            "ends_on": date(2026, 10, 10),
        }
        self.web(funding.add_fund, funding.NewFund(**(given | changes)), by=SYSTEM)

    def figures(self, days: int = 7, *, of: str = "mara") -> Figures:
        return self.web(reports.figures, days, by=getattr(self.cast, of).actor)  # type: ignore[no-any-return]


@pytest.fixture
def world(run_as_owner: Run, run: Run, request: pytest.FixtureRequest) -> World:
    """The houses open at noon on 20 October, so that nights before it are nobody's."""
    run_as_owner(clock.shift_to, START)
    return World(request.getfixturevalue("cast"), run, run_as_owner)


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
    mother = world.ask(may_share=True, children=(_child(6), _child(1)))
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
    world.arrive(world.promise(world.ask(children=(_child(6),)), code="2"))
    world.at(21, 12)

    area = world.figures().everywhere

    assert area.places == Places(occupied=1, held=0, free=3, void=0)
    assert area.nights == Nights(occupied=1, open=4, void=0, waited=0)


def test_a_room_out_of_use_is_not_open_that_night(world: World) -> None:
    room = world.web(room_of, "Rowan", "1")
    world.at(21, 2, 59)
    void = world.web(beds.start_void, room.public_id, "repair", by=world.cast.bea.actor)
    world.at(23, 2, 59)
    world.web(beds.end_void, void, by=world.cast.bea.actor)
    world.at(23, 12)
    world.web(beds.start_void, room.public_id, "pests", by=world.cast.bea.actor)

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


# Requests


def _child(age: int) -> NewChild:
    return NewChild(age=age, sex="f")


def a_known_world(world: World) -> None:
    """Nine requests from London and one from Wales, each with another fate."""
    before = world.ask()  # older than the period: in no column of it
    world.at(24, 9)
    resident = world.ask()
    left = world.ask()
    away = world.ask()
    world.at(24, 9, 30, 40)
    world.arrive(world.promise(resident, "Rowan", "1"))
    gone = world.promise(left, "Rowan", "2")
    world.at(24, 10, 0, 40)
    world.promise(away, "Cedar", "1")
    world.at(24, 11)
    world.arrive(gone)
    world.at(25, 15)
    world.depart(gone)
    for _ in range(2):
        world.ask()
    asked = world.ask(place="CF10")
    world.offer(asked, "Cedar", "2")
    called_off, missing, refused, none = (world.ask() for _ in range(4))
    world.web(referrals.withdraw, called_off, "operation_called_off", by=world.cast.amara.actor)
    late = world.promise(missing, "Rowan", "2")
    by = world.cast.amara.actor
    world.web(offers.record_not_arrived, late.public_id, "cannot_be_reached", by=by)
    no = world.offer(refused, "Rowan", "2")
    bea = {"by": world.cast.bea.actor, "channel": Channel.WEB}
    world.web(offers.decline_offer, public_id=no.public_id, reason="outside_hours", **bea)
    world.web(referrals.withdraw, refused, "wants_home", by=by)
    world.web(closing.close_unmet, none, "no_safe_bed", by=world.cast.dee.actor)
    world.web(closing.close_unmet, before, "no_bed_anywhere", by=world.cast.dee.actor)
    world.web(referrals.hand_on, HandOnFor.UNDER_18, by=by)
    world.web(referrals.hand_on, HandOnFor.UNDER_18, by=by)
    world.web(referrals.hand_on, HandOnFor.MAN, by=by)
    world.at(28, 12)


def test_every_request_of_the_period_stands_in_one_column(world: World) -> None:
    a_known_world(world)

    found = world.figures()

    assert found.everywhere.requests == Requests(
        placed=3,
        arrived=2,
        waiting=3,
        withdrawn=2,
        unmet=1,
        not_arrived=1,
        placed_inside=2,
        placed_outside=1,
        placed_with_us=3,
    )
    assert found.everywhere.requests.received == 10
    assert found.everywhere.requests.placed_percent == Decimal("30.0")
    assert (found.everywhere.waiting_now, found.everywhere.on_the_way) == (3, 1)
    assert found.hand_ons == {"man": 1, "under_18": 2}


def test_inside_and_outside_london_add_up(world: World) -> None:
    a_known_world(world)

    found = world.figures()

    assert found.inside.requests.received == 9
    assert found.outside.requests.received == 1
    assert found.outside.requests.waiting == found.outside.waiting_now == 1
    assert found.inside.places == Places(occupied=1, held=0, free=1, void=0)
    assert found.outside.places == Places(occupied=0, held=2, free=0, void=0)
    assert [area.name for area in found.regions] == ["London", "Wales"]
    assert found.regions[0].requests == found.inside.requests
    assert found.regions[1].places == found.outside.places


def test_minutes_to_the_promise_are_whole_and_of_real_requests(world: World) -> None:
    a_known_world(world)

    # About 30:35, 30:35 and 60:35: the middle one, and the one in which 9 in 10 were promised.
    assert world.figures().pace == (30, 60)


def test_nobody_promised_means_no_pace_at_all(world: World) -> None:
    world.ask()
    world.at(21, 12)

    assert world.figures().pace is None


def test_a_broken_promise_is_not_a_place(world: World) -> None:
    placement = world.promise(world.ask())
    by = world.cast.dee.actor
    world.web(offers.withdraw_offer, placement.public_id, "bed_lost", by=by)
    world.at(21, 12)

    found = world.figures()

    assert (found.everywhere.requests.placed, found.everywhere.requests.waiting) == (0, 1)
    assert found.pace is None


def test_reasons_stay_with_whose_decision_they_were(world: World) -> None:
    a_known_world(world)

    found = world.figures()

    assert found.said_no == (
        Reason(side="The house", text="We cannot take anyone in at this hour", count=1),
    )
    assert {(each.side, each.text, each.count) for each in found.ended} == {
        ("No place was found", "No free bed was safe for her", 1),
        ("No place was found", "No bed was free anywhere", 1),
        ("She decided", "She wants to go home", 1),
        ("She did not arrive", "Nobody can reach her", 1),
        ("The police withdrew", "The operation was called off", 1),
    }


def test_silence_is_counted_apart_from_a_no(world: World) -> None:
    world.offer(world.ask())
    world.at(20, 13)
    world.owner(offers.lapse_offers)

    assert world.figures().said_no == (Reason(side="No answer", text="No answer in time", count=1),)


def test_what_the_plan_says_of_those_without_a_room_names_no_particulars(
    world: World, run_as_worker: Run
) -> None:
    from app.services import matching

    for _ in range(2):
        world.ask(needs=("wheelchair",), children=(_child(4),))
    run_as_worker(matching.make_plan)

    found = world.figures().no_room

    assert [(each.text, each.count) for each in found] == [
        ("No free room has everything she must have", 2)
    ]


def test_requests_outside_the_period_are_not_counted(world: World) -> None:
    world.ask()
    world.at(27, 11, 59)
    assert world.figures().everywhere.requests.received == 1

    world.at(27, 12, 1)
    found = world.figures()

    assert found.everywhere.requests.received == 0
    assert found.everywhere.waiting_now == 1
    assert found.everywhere.nights.waited == 7
    assert world.figures(28).everywhere.requests.received == 1


# Whose


def test_demand_is_everybodys_but_places_and_money_are_the_charitys_own(world: World) -> None:
    world.fund()
    world.arrive(world.promise(world.ask()))
    world.at(21, 12)

    ours, theirs = world.figures(28), world.figures(28, of="olga")

    assert theirs.charity == "Lantern"
    assert theirs.everywhere.requests.received == ours.everywhere.requests.received == 1
    assert theirs.everywhere.requests.placed_with_us == 0
    assert theirs.everywhere.places == Places(occupied=0, held=0, free=0, void=0)
    assert theirs.everywhere.nights == Nights(occupied=0, open=0, void=0, waited=0)
    assert theirs.everywhere.nights.occupancy is None
    assert (ours.funded, theirs.funded, theirs.funds) == (10, 0, ())


def test_only_a_charitys_manager_sees_figures(world: World) -> None:
    for name, person in world.cast.everybody().items():
        if person.actor.role is not Role.CHARITY_MANAGER:
            with pytest.raises(NotAllowed):
                world.figures(of=name)


@pytest.mark.parametrize("days", [0, -7, 8, 10_000])
def test_other_periods_are_refused_in_words(world: World, days: int) -> None:
    with pytest.raises(Invalid, match="7, 28 or 90"):
        world.figures(days)


# Money


def test_a_fund_pays_only_for_its_own_nights_of_the_period(world: World) -> None:
    # 10 nights' money over 1 to 10 October; the period's nights are those of the 3rd to the 30th.
    world.fund()
    world.at(31, 12)

    found = world.figures(28)

    assert found.funds[0].nights == 10
    assert found.funds[0].nights_in_period == 8
    assert [part.funded for part in found.parts] == [7, 1, 0, 0]
    assert found.funded == 8


def test_only_whole_nights_are_bought_and_the_parts_add_up(world: World) -> None:
    # 7.99 nights over the 14 days from the 17th: half a night a day and a little less.
    world.fund(amount_pence=79_900, starts_on=date(2026, 10, 17), ends_on=date(2026, 10, 30))
    world.at(31, 12)

    fund = world.figures(28).funds[0]

    assert fund.nights == fund.nights_in_period == 7
    assert fund.nights_in_parts == (0, 0, 3, 4)


def test_the_grant_of_october_2007_buys_1020_bed_nights(world: World) -> None:
    world.fund(
        name="Pentameter 2 grant",
        source="The Guardian, 4 October 2007",
        amount_pence=10_000_000,
        bed_night_pence=9_800,
        starts_on=date(2026, 4, 1),
        ends_on=date(2027, 3, 31),
    )
    world.at(31, 12)

    [grant] = world.figures(28).funds

    assert (grant.nights, grant.years_of_a_place) == (1020, Decimal("2.8"))
    assert grant.source == "The Guardian, 4 October 2007"
    assert grant.nights_in_period == 10_000_000 * 28 // (9_800 * 365) == 78


def test_needed_is_slept_in_plus_waited_for_and_every_part_adds_up(world: World) -> None:
    a_known_world(world)
    world.fund(starts_on=date(2026, 10, 26), ends_on=date(2026, 10, 27), amount_pence=30_000)

    found = world.figures()

    # Rowan 1 from the 24th: four nights; Rowan 2 on the 24th only.
    assert [part.occupied for part in found.parts] == [0, 0, 0, 2, 1, 1, 1]
    # The old request on four nights and on the 24th; "away" on four; three from the 25th on.
    assert [part.waited for part in found.parts] == [1, 1, 1, 2, 4, 4, 4]
    assert [part.funded for part in found.parts] == [0, 0, 0, 0, 0, 1, 2]
    assert (found.needed, found.funded) == (5 + 17, 3)
    assert found.parts[0].first_night == found.parts[0].last_night == date(2026, 10, 21)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"source": ""}, "source"),
        ({"amount_pence": 0}, "amount_pence"),
        ({"bed_night_pence": -1}, "bed_night_pence"),
        ({"ends_on": date(2026, 9, 30)}, "ends_on"),
        ({"charity": "Nobody"}, "charity"),
        ({"charity": "Metropolitan Police"}, "charity"),
    ],
)
def test_money_that_cannot_be_is_refused(world: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        world.fund(**changes)

    assert refused.value.field == field


def test_a_manager_enters_money_for_her_own_charity_only(world: World) -> None:
    new = funding.NewFund(
        name="Gift",
        source="A letter",
        amount_pence=500,
        bed_night_pence=100,
        starts_on=date(2026, 10, 1),
        ends_on=date(2026, 10, 1),
    )
    world.web(funding.add_fund, new, by=world.cast.mara.actor)

    for name in ("amara", "bea", "rowan_manager", "dee", "ada"):
        with pytest.raises(NotAllowed):
            world.web(funding.add_fund, new, by=getattr(world.cast, name).actor)
    foreign = replace(new, charity="Lantern")
    with pytest.raises(NotAllowed):
        world.web(funding.add_fund, foreign, by=world.cast.mara.actor)

    assert [fund.name for fund in world.figures().funds] == ["Gift"]
    assert world.figures(of="olga").funds == ()
