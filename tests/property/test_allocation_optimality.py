"""The solver against every plan there is, on small problems with every rule and level in play."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from allocation import (
    Problem,
    ProblemError,
    parse_problem,
    problem_to_json,
    solve,
    verify,
)
from allocation.check import rank
from allocation.plan import same_decisions
from tests.unit.allocation.brute_force import best_rank
from tests.unit.allocation.strategies import THOROUGH, problems


@THOROUGH
@given(problems())
def test_no_allowed_plan_beats_the_solver(problem: Problem) -> None:
    best = best_rank(problem)

    try:
        plan = solve(problem)
    except ProblemError:
        assert best is None
        return

    assert verify(problem, plan) == []
    assert plan.status == "optimal"
    assert rank(problem, {f.level: f.value for f in plan.objective}) == best


@THOROUGH
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(problem: Problem, rng: Any) -> None:
    shuffled = _shuffled(problem, rng)

    try:
        plan = solve(problem)
    except ProblemError:
        return

    assert same_decisions(plan, solve(shuffled))


def _shuffled(problem: Problem, rng: Any) -> Problem:
    document = problem_to_json(problem)
    rng.shuffle(document["households"])
    rng.shuffle(document["refuges"])
    for refuge in document["refuges"]:
        rng.shuffle(refuge["rooms"])
    for group in document["together"]:
        rng.shuffle(group)
    return parse_problem(document)
