"""How many can be placed of each priority: bounds against every plan there is, and how close."""

import time

import pytest
from hypothesis import given

from allocation import Problem, ProblemError, place, score, solver, verify
from allocation.headcount import headcount_bounds
from allocation.model import build, gains
from allocation.problem import PRIORITY_LEVELS
from allocation.solver import first_plan, refuse_contradiction
from tests.unit.allocation.brute_force import allowed_plans
from tests.unit.allocation.instances import (
    make_household,
    make_problem,
    make_refuge,
    make_room,
    synthetic_night,
)
from tests.unit.allocation.strategies import THOROUGH, problems


@THOROUGH
@given(problems())
def test_no_plan_that_does_as_well_before_places_more(problem: Problem) -> None:
    try:
        refuse_contradiction(problem)
        model = build(problem)
        start = first_plan(model)
    except ProblemError:
        return
    now = {level: int(gains(model.table, level)[start].sum()) for level in PRIORITY_LEVELS}
    plans = [score(problem, plan) for plan in allowed_plans(problem)]

    for seconds in (60, -1):
        bounds = headcount_bounds(model, start, time.monotonic() + seconds)

        for i, level in enumerate(PRIORITY_LEVELS):
            before = PRIORITY_LEVELS[:i]
            rivals = [plan for plan in plans if all(plan[x] >= now[x] for x in before)]
            assert max(plan[level] for plan in rivals) <= bounds[level]


def test_no_more_are_counted_than_there_are_rooms() -> None:
    women = [make_household(f"h{i}") for i in range(4)]
    house = make_refuge("f0", make_room("r0"), make_room("r1"))
    problem = make_problem(women, (house, make_refuge("f1")))
    model = build(problem)

    bounds = headcount_bounds(model, first_plan(model), time.monotonic() + 60)

    assert bounds["placed_priority_2"] == 3


def test_a_vast_night_is_told_with_the_counts_as_its_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = synthetic_night(3, 60, 20, 45)
    best = {figure.level: figure.value for figure in place(problem).objective}
    monkeypatch.setattr(solver, "_BEGINNING", 1e9)
    monkeypatch.setattr(solver, "climb", lambda face, levels, start, *_: (start, _far(levels), []))

    plan = place(problem)

    assert verify(problem, plan) == []
    counts = [figure for figure in plan.objective if figure.level in PRIORITY_LEVELS]
    assert counts[0].bound in {best["placed_priority_1"], best["placed_priority_1"] + 1}
    assert sum(figure.bound - figure.value for figure in counts) < 10


def _far(levels: dict[str, object]) -> dict[str, int]:
    return dict.fromkeys(levels, 10**12)
