"""Why a household is left out, what would help, and that safety is never up for trade."""

import json
from typing import Any

import pytest

from allocation import RULES, Child, DangerZone, Plan, Problem, Reason, describe, solve
from allocation.unlock import FINDERS
from tests.unit.allocation.instances import (
    LEEDS,
    make_household,
    make_problem,
    make_refuge,
    make_room,
)


def left_out(problem: Problem, name: str = "h1") -> tuple[list[str], dict[str, Reason]]:
    [entry] = [u for u in solve(problem).unplaced if u.household == name]
    return [r.code for r in entry.reasons], {r.code: r for r in entry.unlock}


ZONE = DangerZone(LEEDS.lat, LEEDS.lon, 5)
OLD_BOY = Child(15, "m")
CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str, set[str]]] = [
    ({"adults": 2}, {}, {}, "size", {"one_more_room"}),
    ({"children": (Child(1),)}, {}, {}, "size", {"one_more_cot", "one_more_room"}),
    ({"essential": {"a"}}, {}, {}, "essential_missing", {"feature_arranged", "one_more_room"}),
    ({"excludes": {"a"}}, {"features": {"a"}}, {}, "excluded_present", {"lift_exclusion"}),
    ({"danger_zones": (ZONE,)}, {}, {}, "safety_distance", set()),
    ({"children": (OLD_BOY,)}, {"boys_to_age": 14}, {"bed_spaces": 2}, "boys_age", {"older_boys"}),
    ({"vetoed_refuges": {"f1"}}, {}, {}, "vetoed", {"lift_refuge_veto"}),
    ({"vetoed_regions": {"yorkshire"}}, {}, {}, "vetoed", {"lift_region_veto"}),
    ({"london": "inside_only"}, {}, {}, "london", {"accept_london"}),
    ({"max_travel_minutes": 9}, {"island": "IE"}, {}, "travel", {"longer_travel"}),
    (
        {"needed_by": "2026-11-22T19:00:00Z"},
        {},
        {"free_from": "2026-11-22T20:30:00Z"},
        "not_free_in_time",
        {"room_free_earlier", "needed_later", "one_more_room"},
    ),
    ({"networks": {"n"}}, {"networks": {"n"}}, {}, "network", set()),
    ({"apart_from": {"x"}}, {"residents": {"x"}}, {}, "apart_resident", set()),
    ({}, {}, {"shared": True}, "sharing", {"accept_sharing", "one_more_room"}),
]


@pytest.mark.parametrize(("her", "house", "room", "code", "unlock"), CASES)
def test_each_rule_is_named_with_what_would_help(
    her: dict[str, Any], house: dict[str, Any], room: dict[str, Any], code: str, unlock: set[str]
) -> None:
    refuge = make_refuge("f1", make_room(**room), **house)

    reasons, unlocks = left_out(make_problem(make_household(**her), refuge))

    assert reasons == [code]
    assert set(unlocks) == unlock


def test_capacity_counts_rooms_and_those_who_stand_before_her() -> None:
    women = [make_household(f"h{i}", priority=i) for i in (1, 2, 3)]
    problem = make_problem(women, make_refuge("f1", make_room("r1"), make_room("r2")))

    [entry] = solve(problem).unplaced
    [reason] = entry.reasons

    assert (entry.household, reason.code) == ("h3", "capacity")
    counts = {"before": {"1": 1, "2": 1}, "level": 0, "after": 0}
    assert reason.params == {"rooms": 2, "of": 2, **counts}
    assert "2 households who stand before her" in reason.text


def test_without_any_room_or_household_there_is_still_a_plan() -> None:
    nobody = solve(make_problem((), make_refuge()))
    nowhere = solve(make_problem(make_household(), ()))

    assert (nobody.status, nobody.placements, nobody.unplaced) == ("optimal", (), ())
    assert nowhere.unplaced[0].reasons[0].text == "There is no free room at all."


def test_one_more_room_is_not_offered_when_it_would_go_to_somebody_before_her() -> None:
    women = [make_household(f"h{i}", priority=i) for i in (1, 2, 3)]
    problem = make_problem(women, make_refuge())

    assert "one_more_room" in left_out(problem, "h2")[1]
    assert "one_more_room" not in left_out(problem, "h3")[1]


def test_a_wish_is_named_only_with_the_rules_that_bind_together_with_it() -> None:
    houses = (make_refuge("f1", in_london=True), make_refuge("f2", features={"x"}))
    her = make_household(london="outside_only", excludes={"x"})

    reasons, unlocks = left_out(make_problem(her, houses))

    assert reasons == ["excluded_present", "london"]
    assert {"accept_london", "lift_exclusion"} <= set(unlocks)


def test_a_rule_nobody_may_lift_is_named_before_a_wish() -> None:
    her = make_household(networks={"n"}, london="inside_only")
    reasons, unlocks = left_out(make_problem(her, make_refuge(networks={"n"})))

    assert reasons == ["network"]
    assert unlocks == {}


def plan_rule(**told: Any) -> Problem:
    mine = told.pop("mine", {})
    first = make_household("h0", priority=1, **told.pop("first", {}))
    rooms = [make_room(f"r{i}", bed_spaces=2) for i in range(2)]
    groups = told.pop("groups", ())
    women = (first, make_household("h1", **mine))
    return make_problem(women, make_refuge("f1", *rooms, **told), together=groups)


@pytest.mark.parametrize(
    ("problem", "code", "unlock"),
    [
        (plan_rule(mine={"apart_from": {"h0"}}), "apart", None),
        (
            plan_rule(
                first={"children": (Child(4),)}, mine={"children": (Child(4),)}, spare_children=1
            ),
            "children_places",
            "more_children",
        ),
        (
            plan_rule(
                first={"high_support": True}, mine={"high_support": True}, spare_high_support=1
            ),
            "high_support_places",
            "more_high_support",
        ),
        (plan_rule(first={"adults": 9}, groups=(("h0", "h1"),)), "together", None),
    ],
)
def test_rules_on_the_whole_plan_are_named(problem: Problem, code: str, unlock: str | None) -> None:
    reasons, unlocks = left_out(problem)

    assert reasons == [code]
    assert unlock is None or unlock in unlocks
    assert "accept_sharing" not in unlocks


def test_the_smallest_change_is_offered() -> None:
    houses = [make_refuge(f"f{i}") for i in range(3)]
    told = {"h1": {"f0": 90, "f1": 70, "f2": 80}}
    her = make_household(max_travel_minutes=60)

    _, unlocks = left_out(make_problem(her, houses, travel_minutes=told))

    assert unlocks["longer_travel"].params == {"minutes": 70, "from": 60}
    assert unlocks["longer_travel"].text == (
        "If she could travel 1 hour 10 minutes instead of 1 hour."
    )


def test_reasons_never_name_a_zone_a_network_or_a_person() -> None:
    zone = DangerZone(LEEDS.lat, LEEDS.lon, 4.3217)
    her = make_household(danger_zones=(zone,), networks={"secret"}, apart_from={"secret-resident"})
    houses = (
        make_refuge("f1", networks={"secret"}),
        make_refuge("f2", residents={"secret-resident"}),
    )

    plan = solve(make_problem(her, houses))

    said = json.dumps([[r.to_json() for r in (*u.reasons, *u.unlock)] for u in plan.unplaced])
    assert "secret" not in said
    assert "4.3217" not in said


def test_out_of_time_the_rules_are_still_named_but_not_called_proven() -> None:
    women = (make_household("h0", priority=1), make_household("h1", essential={"a"}))

    plan: Plan = solve(make_problem(women, make_refuge()), seconds=1e-9)
    [reason] = plan.unplaced[0].reasons

    assert reason.code == "essential_missing"
    assert reason.params["proven"] is False


def test_every_code_has_words() -> None:
    params = {
        "rooms": 1,
        "of": 2,
        "bed_spaces": 2,
        "cots": 0,
        "features": ["a"],
        "age": 3,
        "london": "inside_only",
        "minutes": 61,
        "from": 30,
        "children": 1,
        "feature": "a",
        "before": {"1": 1},
        "level": 0,
        "after": 0,
    }

    for code in (*RULES, *FINDERS, "capacity", "not_proven"):
        text = describe(code, params)
        assert text.endswith("."), code
        assert "Unknown" not in text
