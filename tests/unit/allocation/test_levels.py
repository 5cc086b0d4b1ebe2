"""Each level of the objective decides exactly when all levels above it are equal."""

from dataclasses import replace

import pytest

from allocation import Placement, Plan, Problem, Standing, score, solve
from allocation.problem import DEFAULT_ORDER
from tests.unit.allocation.instances import make_household, make_problem, make_refuge, make_room


def placed(plan: Plan) -> dict[str, str]:
    return {p.household: p.refuge for p in plan.placements}


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 3), (3, 4)])
def test_one_of_a_higher_priority_goes_before_longer_waits_below(first: int, second: int) -> None:
    urgent = make_household("z", priority=first)
    patient = make_household("a", priority=second, waiting_minutes=9999)

    assert placed(solve(make_problem((urgent, patient), make_refuge()))) == {"z": "f1"}


def test_within_a_priority_the_longest_wait_decides() -> None:
    women = [make_household(f"h{i}", waiting_minutes=i) for i in range(3)]

    assert placed(solve(make_problem(women, make_refuge()))) == {"h2": "f1"}


def test_a_standing_offer_is_kept_before_wishes() -> None:
    her = make_household(desirable={"a"}, standing=Standing("f1", "r1"))
    houses = (make_refuge("f1"), make_refuge("f2", features={"a"}))

    assert placed(solve(make_problem(her, houses))) == {"h1": "f1"}


def test_wishes_come_before_scarcity_and_scarcity_before_travel() -> None:
    her = make_household(desirable={"wish"})
    plain, dear = make_refuge("plain"), make_refuge("dear", features={"wish", "rare"})
    near_dear = make_refuge("near", features={"rare"})
    prices = {"rare": 5}
    far = {"h1": {"dear": 500, "plain": 400, "near": 1}}

    wishes = make_problem(her, (plain, dear, near_dear), prices=prices, travel_minutes=far)
    scarce = replace(wishes, households=(make_household(),))
    travel = replace(scarce, prices={})

    assert placed(solve(wishes)) == {"h1": "dear"}
    assert placed(solve(scarce)) == {"h1": "plain"}
    assert placed(solve(travel)) == {"h1": "near"}


def test_the_order_of_the_lower_levels_is_the_problems_own() -> None:
    her = make_household(desirable={"wish"})
    houses = (make_refuge("far", features={"wish"}), make_refuge("near"))
    told = {"h1": {"far": 60, "near": 5}}
    order = ("travel_minutes", *[level for level in DEFAULT_ORDER if level != "travel_minutes"])
    problem = make_problem(her, houses, travel_minutes=told)

    assert placed(solve(problem)) == {"h1": "far"}
    assert placed(solve(replace(problem, order=order))) == {"h1": "near"}
    assert [f.level for f in solve(replace(problem, order=order)).objective][4] == "travel_minutes"


def test_a_placed_household_always_beats_an_empty_bed() -> None:
    her = make_household(desirable={"a", "b"})
    problem = make_problem(her, make_refuge(features={"rare"}), prices={"rare": 1_000_000})

    assert placed(solve(problem)) == {"h1": "f1"}


def scored(problem: Problem) -> dict[str, int]:
    return score(problem, [Placement("h1", "f1", "r1")])


def test_unmet_wishes_count_missing_features_and_the_wrong_side_of_london() -> None:
    her = make_household(desirable={"a", "b"}, london="prefers_inside")
    room = make_room(features={"a"})

    assert scored(make_problem(her, make_refuge("f1", room)))["unmet_desirable"] == 2
    inside = make_refuge("f1", room, in_london=True)
    assert scored(make_problem(her, inside))["unmet_desirable"] == 1


def test_scarcity_counts_unneeded_features_and_empty_beds_in_private_rooms_only() -> None:
    her = make_household(essential={"a"}, desirable={"b"}, may_share=True)
    told = {"prices": {"a": 100, "b": 100, "c": 5, "d": 7}, "spare_bed_price": 10}
    features = {"features": {"a", "b", "c"}}
    private = make_refuge("f1", make_room(bed_spaces=3, features={"d"}), **features)
    shared = make_refuge("f1", make_room(bed_spaces=3, features={"d"}, shared=True), **features)

    assert scored(make_problem(her, private, **told))["scarcity"] == 5 + 7 + 2 * 10
    assert scored(make_problem(her, shared, **told))["scarcity"] == 5 + 7


def test_equal_plans_are_told_apart_by_the_nights_lottery_alone() -> None:
    rooms = [make_room(f"r{i}") for i in range(6)]
    women = [make_household(f"h{i}") for i in range(3)]
    nights = [f"2026-11-{day:02}T18:00:00Z" for day in range(1, 15)]

    plans = {
        solve(make_problem(women, make_refuge("f1", *rooms), as_of=night)).placements
        for night in nights
    }
    same_night = {
        solve(make_problem(order, make_refuge("f1", *rooms_order))).placements
        for order in (women, women[::-1])
        for rooms_order in (rooms, rooms[::-1])
    }

    assert len(plans) > 7
    assert len(same_night) == 1
