"""The simulator: beds are used again, no rule is ever broken, nobody is passed over, fair draws."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from allocation import Placement, scarcity_prices, score, solve, violations
from allocation.arrivals import DAY_MINUTES, draw
from allocation.comparison import compare, paired, t_quantile
from allocation.houses import Houses
from allocation.policies import (
    ENGINE,
    FIRST_COME,
    LEAST_CAPABLE,
    ORDERS,
    RARITY,
    SCARCITY_FIRST,
    policies,
    rarity_prices,
    rehearsals,
)
from allocation.problem import DEFAULT_ORDER
from allocation.scenario import Scenario
from allocation.simulation import BrokenRule, Given, Night, Policy, simulate
from allocation.world import World
from tests.unit.allocation.scenarios import document, small

NAMES = tuple(policies(World(small().refuges, small().demand)))
SHORT = {"days": 10, "warm_up_days": 10}


def world_of(scenario: Scenario) -> World:
    return World(scenario.refuges, scenario.scaled_demand())


def named(name: str, scenario: Scenario) -> Policy:
    world = world_of(scenario)
    return {**rehearsals(world), **policies(world)}[name]


class Watched:
    """A policy with everything it saw and gave."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.nights: list[tuple[Night, Sequence[Given]]] = []

    def __call__(self, night: Night) -> Sequence[Given]:
        kept = Night(night.waiting, night.houses.copy(), night.as_of, night.minute)
        given = self.policy(night)
        self.nights.append((kept, given))
        return given


def placements(night: Night, given: Sequence[Given]) -> list[Placement]:
    rooms = night.houses.world.rooms
    return [Placement(a.id, rooms[j][0].id, rooms[j][1].id) for a, j in given]


@pytest.mark.parametrize("name", NAMES)
def test_no_policy_breaks_a_rule_or_leaves_anybody_a_room_would_take(name: str) -> None:
    scenario = small(**SHORT)
    watched = Watched(named(name, scenario))

    report = simulate(scenario, watched, 2)

    assert report.passed_over == 0
    assert report.placed > 0
    for night, given in watched.nights:
        made = placements(night, given)
        assert violations(night.problem, made) == []
        left = {a.id for a in night.waiting} - {p.household for p in made}
        for household in left:
            for refuge in night.problem.refuges:
                for room in refuge.rooms:
                    added = Placement(household, refuge.id, room.id)
                    assert violations(night.problem, [*made, added]), f"{added} was free"


@pytest.mark.parametrize("name", [RARITY, ENGINE, SCARCITY_FIRST])
def test_the_engine_policy_gives_what_solve_proves_best(name: str) -> None:
    scenario = small(days=30, warm_up_days=0, load=1.5)
    watched = Watched(named(name, scenario))
    prices = {
        RARITY: rarity_prices(world_of(scenario)),
        ENGINE: scarcity_prices(scenario.refuges, scenario.scaled_demand()),
    }
    prices[SCARCITY_FIRST] = prices[ENGINE]
    order = ORDERS[", scarcity before wishes"] if name == SCARCITY_FIRST else DEFAULT_ORDER

    simulate(scenario, watched, 4)

    fullest = sorted(watched.nights, key=lambda seen: -len(seen[0].waiting))[:8]
    for night, given in fullest:
        problem = replace(prices[name].applied_to(night.problem), order=order)
        best = {figure.level: figure.value for figure in solve(problem).objective}
        assert score(problem, placements(night, given)) == best


def test_a_policy_that_leaves_rooms_empty_is_told_so() -> None:
    assert simulate(small(**SHORT), lambda night: [], 2).passed_over > 0


def test_a_policy_that_breaks_a_rule_is_stopped() -> None:
    def careless(night: Night) -> list[Given]:
        return [(arrival, 0) for arrival in night.waiting]

    with pytest.raises(BrokenRule):
        simulate(small(**SHORT), careless, 2)


def test_rooms_are_used_again_but_never_by_two_at_a_time() -> None:
    scenario = small(days=60)
    watched = Watched(named(LEAST_CAPABLE, scenario))
    simulate(scenario, watched, 3)
    lived: dict[int, list[tuple[int, int]]] = defaultdict(list)
    rooms = world_of(scenario).rooms

    for night, given in watched.nights:
        for arrival, room in given:
            if not rooms[room][1].shared:
                lived[room].append((night.minute, night.minute + arrival.stay_minutes))

    assert max(len(stays) for stays in lived.values()) > 1
    for stays in lived.values():
        stays.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(stays))


def test_a_shared_room_fills_up_and_empties_again() -> None:
    scenario = small(**SHORT)
    world = world_of(scenario)
    houses = Houses(world)
    shares = next(i for i, kind in enumerate(world.forecast.types) if kind.may_share)
    women = [a for a in draw(small(days=200), 1) if a.type == shares]
    room = next(j for j, (_, room) in enumerate(world.rooms) if room.shared)

    guests = [a for a in women if houses.eligible(a)[room]][:4]
    taken = [houses.move_in(a, room) for a in guests]

    assert [int(houses.beds[room])] == [0]
    assert room not in houses.open_to(guests[0])
    houses.move_out(guests[1], room, taken[1])
    assert room in houses.open_to(guests[0])
    assert [r.bed_spaces for f in houses.refuges() for r in f.rooms if r.shared] == [1]


def test_places_for_children_and_high_support_are_counted_over_the_nights() -> None:
    scenario = small(days=60, load=3)
    watched = Watched(named(FIRST_COME, scenario))

    simulate(scenario, watched, 5)

    spare = [
        refuge.spare_high_support
        for night, _ in watched.nights
        for refuge in night.problem.refuges
        if refuge.id == "house-2"
    ]
    assert set(spare) == {0, 1, 2}


def test_nobody_is_given_a_room_after_her_waiting_limit_or_before_she_came() -> None:
    scenario = small(days=40, load=3, waiting_limit_days=1.5, decisions_per_day=3)
    watched = Watched(named(FIRST_COME, scenario))

    simulate(scenario, watched, 1)

    waits = [night.minute - a.minute for night, given in watched.nights for a, _ in given]
    assert min(waits) >= 0
    assert DAY_MINUTES < max(waits) <= 1.5 * DAY_MINUTES


@pytest.mark.parametrize("name", [FIRST_COME, SCARCITY_FIRST])
def test_the_same_seed_gives_the_same_report_and_another_seed_another(name: str) -> None:
    scenario = small(**SHORT)
    policy = named(name, scenario)

    assert simulate(scenario, policy, 6) == simulate(scenario, policy, 6)
    assert simulate(scenario, policy, 6) != simulate(scenario, policy, 7)


def test_every_policy_meets_the_same_women_with_the_same_stays() -> None:
    scenario = small(**SHORT)
    first, other = Watched(named(FIRST_COME, scenario)), Watched(lambda night: [])

    a, b = simulate(scenario, first, 8), simulate(scenario, other, 8)

    came = [{w for night, _ in watched.nights for w in night.waiting} for watched in (first, other)]
    assert came[0] == came[1]
    assert (a.arrived, a.impossible) == (b.arrived, b.impossible)
    assert b.placed == 0


def test_women_no_room_could_ever_take_are_counted_apart() -> None:
    told = document()
    told["demand"]["types"][0]["essential"] = ["a lighthouse"]

    report = simulate(small(**{**told, **SHORT}), named(FIRST_COME, small()), 1)

    assert 0 < report.impossible < report.arrived
    assert "a lighthouse" not in report.by_need


def test_a_scarce_feature_used_without_need_is_counted() -> None:
    scenario = small(**SHORT)

    used = simulate(scenario, named(FIRST_COME, scenario), 1).unneeded_feature_nights

    assert used["women_only_staff"] > 0
    assert "ensuite" not in used  # a wish of some, a must of nobody


def test_the_comparison_has_every_policy_beside_first_come() -> None:
    found = compare(small(**SHORT), [1, 2, 3])

    assert tuple(found["policies"]) == NAMES
    first = found["policies"][FIRST_COME]["beside_first_come"]
    assert first == {"mean": 0, "low": 0, "high": 0}
    ours = found["policies"][ENGINE]["beside_first_come"]
    assert ours["low"] <= ours["mean"] <= ours["high"]


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.706), (2, 4.303), (4, 2.776), (5, 2.571), (19, 2.093)]
)
def test_the_t_quantile_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert t_quantile(freedom) == pytest.approx(quantile, abs=0.0006)


def test_a_paired_interval_sees_through_what_both_have_in_common() -> None:
    theirs = [0.1, 0.5, 0.9]

    found = paired([x + d for x, d in zip(theirs, (0.01, 0.02, 0.03), strict=True)], theirs)

    assert found.mean == pytest.approx(0.02)
    assert (found.low, found.high) == pytest.approx((0.02 - 0.02484, 0.02 + 0.02484), abs=1e-4)
    assert paired([1.0], [0.5]).low is None
