"""Each constraint C1..C6 at its boundary, in the specification and in the model alike."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from allocation import Child, Placement, Problem, ProblemError, Standing, solve, solver, violations
from allocation.model import CONSTRAINTS
from tests.unit.allocation.instances import (
    make_household,
    make_problem,
    make_refuge,
    make_room,
    synthetic_night,
)

BABY, CHILD = Child(0), Child(5)


def two_rooms(**house: object) -> object:
    return make_refuge("f1", make_room("r1", bed_spaces=3), make_room("r2", bed_spaces=3), **house)


def both(**her: object) -> tuple[object, object]:
    return make_household("h1", **her), make_household("h2", **her)


def sharing(beds: int, cots: int = 0) -> Problem:
    mothers = both(may_share=True, children=(BABY,))
    return make_problem(
        mothers, make_refuge("f1", make_room(shared=True, bed_spaces=beds, cots=cots))
    )


def private(rooms: int) -> Problem:
    names = [make_room(f"r{i}") for i in range(rooms)]
    return make_problem(both(), make_refuge("f1", *names))


def apart(refuges: int) -> Problem:
    women = (make_household("h1", apart_from={"h2"}), make_household("h2"))
    houses = [make_refuge(f"f{i}", make_room("r1"), make_room("r2")) for i in range(refuges)]
    return make_problem(women, houses)


def together(rooms: int) -> Problem:
    houses = [
        make_refuge("f1", *[make_room(f"r{i}") for i in range(rooms)]),
        make_refuge("f2", make_room()),
    ]
    return make_problem(both(), houses, together=(("h1", "h2"),))


def children(places: int) -> Problem:
    return make_problem(both(children=(CHILD,)), two_rooms(spare_children=places))


def support(places: int) -> Problem:
    return make_problem(both(high_support=True), two_rooms(spare_high_support=places))


BOUNDARIES: list[tuple[str, Problem, Problem, int]] = [
    ("C2", private(2), private(1), 1),
    ("C2", sharing(4), sharing(3), 1),
    ("C2", sharing(2, cots=2), sharing(2, cots=1), 1),
    ("C3", apart(2), apart(1), 1),
    ("C4", together(2), together(1), 0),
    ("C5", children(2), children(1), 1),
    ("C6", support(1 + 1), support(1), 1),
]


@pytest.mark.parametrize(("rule", "inside", "outside", "left"), BOUNDARIES)
def test_the_solver_places_both_just_inside_and_fewer_just_outside(
    rule: str, inside: Problem, outside: Problem, left: int
) -> None:
    assert len(solve(inside).placements) == 2, rule
    assert len(solve(outside).placements) == left, rule


def crowded(problem: Problem) -> list[Placement]:
    """Put both into the first refuge, in two rooms where it has two."""
    rooms = [key for key in problem.room_by_key if key[0] in {"f0", "f1"}]
    keys = (rooms * 2)[:2] if len(rooms) < 2 else rooms[:2]
    return [Placement(f"h{i + 1}", *key) for i, key in enumerate(keys)]


@pytest.mark.parametrize(("rule", "inside", "outside", "left"), BOUNDARIES)
def test_the_specification_names_the_rule_just_outside(
    rule: str, inside: Problem, outside: Problem, left: int
) -> None:
    plan = [Placement("h1", "f1", "r0")] if rule == "C4" else crowded(outside)

    assert {v.rule for v in violations(outside, plan)} == {rule}


@pytest.mark.parametrize(("rule", "inside", "outside", "left"), BOUNDARIES)
def test_without_its_constraint_the_model_is_caught(
    rule: str, inside: Problem, outside: Problem, left: int
) -> None:
    others = [c for c in CONSTRAINTS if not (c.__doc__ or "").lstrip().startswith(rule)]

    assert len(others) == len(CONSTRAINTS) - 1
    with pytest.raises(solver.UnsoundPlan, match=rule):
        solver.place(outside, constraints=others)


def test_c1_without_its_constraint_the_model_is_caught() -> None:
    problem = make_problem(
        make_household(), make_refuge("f1", make_room("r1"), make_room("r2", bed_spaces=2))
    )

    with pytest.raises(solver.UnsoundPlan, match="C1"):
        solver.place(problem, constraints=CONSTRAINTS[1:])


RELAXED: list[tuple[str, Callable[[Problem], Problem]]] = [
    ("H1", lambda p: replace(p, households=(replace(p.households[0], adults=2),))),
    (
        "H2",
        lambda p: replace(p, households=(replace(p.households[0], essential=frozenset({"a"})),)),
    ),
    (
        "H6",
        lambda p: replace(
            p, households=(replace(p.households[0], vetoed_refuges=frozenset({"f1"})),)
        ),
    ),
    ("H7", lambda p: replace(p, households=(replace(p.households[0], london="inside_only"),))),
    ("H12", lambda p: replace(p, refuges=(make_refuge("f1", make_room(shared=True)),))),
]


@pytest.mark.parametrize(("rule", "spoil"), RELAXED)
def test_a_plan_that_breaks_a_pair_rule_is_refused(
    rule: str, spoil: Callable[[Problem], Problem]
) -> None:
    problem = spoil(make_problem(make_household(), make_refuge()))

    assert [v.rule for v in violations(problem, [Placement("h1", "f1", "r1")])] == [rule]
    assert solve(problem).placements == ()


def test_c1_a_household_named_twice_and_a_lost_accepted_offer_are_violations() -> None:
    her = make_household(standing=Standing("f1", "r1", fixed=True))
    problem = make_problem(her, two_rooms())
    twice = [Placement("h1", "f1", "r1"), Placement("h1", "f1", "r2")]

    assert {v.rule for v in violations(problem, twice)} == {"C1", "H13"}
    assert [v.rule for v in violations(problem, [])] == ["C1"]


def test_unknown_households_and_rooms_are_violations() -> None:
    problem = make_problem(make_household(), make_refuge())

    found = violations(problem, [Placement("nobody", "f1", "r1"), Placement("h1", "f1", "no")])

    assert [(v.rule, v.detail) for v in found] == [
        ("C1", "no such household"),
        ("C2", "no such room"),
    ]


def test_accepted_offers_stay_even_against_a_more_urgent_household() -> None:
    fixed = make_household("h1", priority=4, standing=Standing("f1", "r1", fixed=True))
    plan = solve(make_problem((fixed, make_household("h2", priority=1)), make_refuge()))

    assert plan.placements == (Placement("h1", "f1", "r1"),)


def test_accepted_offers_that_break_a_safety_rule_are_named() -> None:
    fixed = make_household(standing=Standing("f1", "r1", fixed=True), networks={"n"})

    with pytest.raises(ProblemError, match=r"H10 .*h1"):
        solve(make_problem(fixed, make_refuge(networks={"n"})))


def test_an_accepted_offer_whose_group_cannot_follow_is_named() -> None:
    fixed = make_household("h1", standing=Standing("f1", "r1", fixed=True))
    problem = make_problem((fixed, make_household("h2")), make_refuge(), together=(("h1", "h2"),))

    with pytest.raises(ProblemError, match=r"together.* leave no room"):
        solve(problem)


def test_running_out_of_time_over_accepted_offers_is_not_called_a_contradiction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solver, "_FIXED_SECONDS", -1.0)
    fixed = make_household("h1", standing=Standing("f1", "r1", fixed=True))
    problem = make_problem((fixed, make_household("h2")), two_rooms(), together=(("h1", "h2"),))

    with pytest.raises(ProblemError, match=r"together.* in time"):
        solve(problem)


def test_an_accepted_offer_brings_its_group_along_even_with_no_time_left() -> None:
    fixed = make_household("h1", standing=Standing("f1", "r1", fixed=True))
    problem = make_problem((fixed, make_household("h2")), two_rooms(), together=(("h1", "h2"),))

    plan = solve(problem, seconds=1e-9)

    assert violations(problem, plan.placements) == []
    assert len(plan.placements) == 2


def test_with_no_time_the_plan_is_valid_and_its_gap_is_told() -> None:
    problem = synthetic_night(1, 12, 10, 20)

    plan = solve(problem, seconds=1e-9)

    assert plan.status == "feasible"
    assert violations(problem, plan.placements) == []
    assert any(figure.value != figure.bound for figure in plan.objective)
