"""Every figure to the digit, in small worlds whose answers can be counted on the fingers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.actors import Role
from app.errors import Invalid, NotAllowed
from app.models.placements import Channel
from app.models.reference import HandOnFor
from app.services import closing, funding, offers, referrals
from app.services.report_figures import Nights, Places, Reason, Requests
from app.services.report_words import GROUPS
from tests.conftest import Run
from tests.known_world import World, child

# Requests


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
    assert [area.name for area in found.regions] == list(GROUPS), "a line tells nothing by itself"
    assert found.regions[0].requests == found.inside.requests
    assert found.regions[GROUPS.index("Wales")].places == found.outside.places


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
        Reason(
            side="The house said no",
            text="We cannot take anyone in at this hour",
            count=1,
            is_unmet=True,
        ),
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

    assert world.figures().said_no == (
        Reason(
            side="Nobody answered",
            text="The house did not answer in time",
            count=1,
            is_unmet=True,
        ),
    )


def test_the_four_kinds_of_no_are_counted_apart(world: World) -> None:
    """The same room four times: refused by the house, by her, by the police, and by nobody."""
    desk, amara = world.cast.dee.actor, world.cast.amara.actor
    no = {"by": world.cast.bea.actor, "channel": Channel.WEB, "reason": "not_enough_told"}
    world.web(offers.decline_offer, public_id=world.offer(world.ask()).public_id, **no)
    hers = world.promise(world.ask()).public_id
    world.web(offers.decline_for_her, hers, "too_far", by=amara)
    theirs = world.ask()
    world.offer(theirs)
    world.web(referrals.withdraw, theirs, "duplicate", by=amara)
    taken_back = world.offer(world.ask()).public_id
    world.web(offers.withdraw_offer, taken_back, "offer_mistake", by=desk)
    world.offer(world.ask())
    world.at(20, 13)
    world.owner(offers.lapse_offers)

    found = {(each.side, each.count, each.is_unmet) for each in world.figures().said_no}

    assert found == {
        ("The house said no", 1, False),
        ("She decided", 1, True),
        ("The police withdrew", 1, False),
        ("Nobody answered", 1, True),
    }


def test_what_the_plan_says_of_those_without_a_room_names_no_particulars(
    world: World, run_as_worker: Run
) -> None:
    from app.services import matching

    for _ in range(2):
        world.ask(needs=("wheelchair",), children=(child(4),))
    run_as_worker(matching.make_plan)

    found = world.figures().no_room

    assert [(each.text, each.count) for each in found] == [
        ("Free rooms lack something she must have", 2)
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
