"""Scarcity prices: the formula by hand, what more demand and more supply do, and what they buy."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from allocation import Place, Prices, Problem, Refuge, scarcity_prices, solve
from allocation.comparison import paired
from allocation.forecast import Forecast, HouseholdType, Operation, Stay, Town
from allocation.policies import FIRST_COME, SCARCITY_FIRST, policies
from allocation.simulation import simulate
from allocation.world import World
from bench.policy_world import country
from tests.unit.allocation.instances import (
    LEEDS,
    make_household,
    make_problem,
    make_refuge,
    make_room,
)

PLAIN, RAMP = make_room("plain"), make_room("ramp", features={"wheelchair"})


def forecast(**per_day: float) -> Forecast:
    """Return women in Leeds who stay 10 days, so many a day of each type."""
    kinds = {
        "any": HouseholdType(id="any", stay="s", weight=per_day.get("any", 0)),
        "wheelchair": HouseholdType(
            id="wheelchair",
            stay="s",
            weight=per_day.get("wheelchair", 0),
            essential=frozenset({"wheelchair"}),
        ),
        "family": HouseholdType(id="family", stay="s", weight=per_day.get("family", 0), adults=2),
    }
    return Forecast(
        arrivals_per_day=sum(per_day.values()),
        towns=(Town("leeds", LEEDS),),
        stays={"s": Stay(10)},
        types=tuple(kinds.values()),
    )


def price(prices: Prices, room: str, refuge: str = "f1") -> int:
    return prices.features[prices.kinds[refuge][room]]


def test_each_expected_household_leans_evenly_on_the_rooms_it_could_have() -> None:
    refuge = make_refuge("f1", PLAIN, RAMP)

    prices = scarcity_prices([refuge], forecast(any=0.08, wheelchair=0.05))

    # 0.8 women at a time could have either room, 0.5 only the one with the ramp.
    assert prices.pressure == {"f1": {"plain": 0.4, "ramp": 0.9}}
    assert (price(prices, "plain"), price(prices, "ramp")) == (2, 4)
    assert prices.why["wheelchair"].demand == pytest.approx(0.5)
    assert (prices.why["wheelchair"].supply, prices.why["wheelchair"].ratio) == (1, 0.5)


def test_the_pressures_add_up_to_all_who_could_be_housed() -> None:
    scenario = country(3000, load=1.0)
    wanted = scenario.scaled_demand()
    world = World(scenario.refuges, wanted)
    towns = sum(town.weight for town in wanted.towns)
    housable = sum(
        wanted.at_a_time(30)[kind.id] * town.weight / towns
        for i, kind in enumerate(wanted.types)
        for j, town in enumerate(wanted.towns)
        if world.eligible[world.row(i, j)].any()
    )

    pressure = scarcity_prices(scenario.refuges, wanted).pressure

    private = sum(pressure[f.id][r.id] * (r.bed_spaces if r.shared else 1) for f, r in world.rooms)
    assert private == pytest.approx(housable, rel=0.02)  # two who share take two bed spaces


def test_a_feature_asked_for_twice_as_often_costs_no_less() -> None:
    refuge = make_refuge("f1", PLAIN, RAMP)

    steps = [
        price(scarcity_prices([refuge], forecast(any=0.08, wheelchair=w)), "ramp")
        - price(scarcity_prices([refuge], forecast(any=0.08, wheelchair=w)), "plain")
        for w in (0.0, 0.05, 0.1, 0.2, 0.4)
    ]

    assert all(a <= b for a, b in pairwise(steps))
    assert steps[0] == 0 < steps[-1]


@pytest.mark.parametrize("seed", range(5))
def test_one_more_room_raises_no_price(seed: int) -> None:
    scenario = country(seed)
    before = scarcity_prices(scenario.refuges, scenario.demand)
    first, *others = scenario.refuges
    more = replace(first, rooms=(*first.rooms, make_room("new", bed_spaces=2, features={"lift"})))

    after = scarcity_prices([more, *others], scenario.demand)

    assert all(
        after.pressure[house][room] <= leaning
        for house, rooms in before.pressure.items()
        for room, leaning in rooms.items()
    )
    assert after.pressure["f00"][first.rooms[0].id] < before.pressure["f00"][first.rooms[0].id]


def test_a_room_for_more_people_costs_more_where_families_are_expected() -> None:
    rooms = (make_room("small"), make_room("large", bed_spaces=2))

    prices = scarcity_prices([make_refuge("f1", *rooms)], forecast(any=0.1, family=0.05))

    assert price(prices, "large") > price(prices, "small")


def test_an_announced_operation_raises_prices_while_it_lies_ahead() -> None:
    refuge = make_refuge("f1", PLAIN, RAMP)
    raid = Operation(smallest=6, largest=6, day=10, types={"wheelchair": 1})
    told = replace(forecast(any=0.08), operations=(raid,))

    ahead, later = (scarcity_prices([refuge], told, days=days) for days in (30, 5))

    assert price(ahead, "ramp") > price(later, "ramp") == price(later, "plain")


def test_the_same_forecast_gives_the_same_prices_in_any_order_of_houses() -> None:
    scenario = country(3001)

    once = scarcity_prices(scenario.refuges, scenario.demand)

    assert scarcity_prices(scenario.refuges, scenario.demand) == once
    assert scarcity_prices(scenario.refuges[::-1], scenario.demand).kinds == once.kinds


def test_needs_nobody_can_meet_and_houses_without_rooms_do_no_harm() -> None:
    nobody = forecast(wheelchair=1.0)

    prices = scarcity_prices([make_refuge("f1", PLAIN)], nobody)

    assert price(prices, "plain") == 0
    assert prices.why["wheelchair"].ratio is None
    assert scarcity_prices([], nobody).kinds == {}


def priced(households: Any, refuge: Refuge, expected: Forecast) -> Problem:
    problem = make_problem(households, refuge)
    return scarcity_prices([refuge], expected).applied_to(problem)


def test_the_engine_leaves_the_dearer_room_to_those_still_to_come() -> None:
    refuge = make_refuge("f1", RAMP, make_room("z"))

    plan = solve(priced(make_household(), refuge, forecast(any=0.08, wheelchair=0.05)))

    assert [p.room for p in plan.placements] == ["z"]
    [figure] = [f for f in plan.objective if f.level == "scarcity"]
    assert figure.value == 2


def test_no_price_ever_leaves_a_woman_without_the_last_room() -> None:
    refuge = make_refuge("f1", RAMP)
    least = make_household(priority=4, location=Place(51.5, -0.1))

    plan = solve(priced(least, refuge, forecast(wheelchair=900.0)))

    assert [p.household for p in plan.placements] == ["h1"]


def test_a_room_not_priced_and_a_feature_of_old_prices_cost_nothing() -> None:
    prices = scarcity_prices([make_refuge("f1", PLAIN)], forecast(any=0.5))
    problem = make_problem(make_household(), make_refuge("f2", RAMP), prices={"wheelchair": 9})

    plan = solve(prices.applied_to(problem))

    assert [f.value for f in plan.objective if f.level == "scarcity"] == [0]


@pytest.mark.slow
def test_out_of_sample_the_engine_places_clearly_more_than_first_come() -> None:
    ours, theirs = [], []
    for seed in (3000, 3001, 3002):
        scenario = country(seed, load=1.0, days=30, warm_up_days=30)
        world = World(scenario.refuges, scenario.scaled_demand())
        both = policies(world)
        ours.append(simulate(scenario, both[SCARCITY_FIRST], seed, world).weighted_share)
        theirs.append(simulate(scenario, both[FIRST_COME], seed, world).weighted_share)

    assert paired(ours, theirs).mean > 0.02
    assert min(a - b for a, b in zip(ours, theirs, strict=True)) > 0
