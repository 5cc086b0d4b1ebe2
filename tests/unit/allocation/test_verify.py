"""verify: every broken rule and every wrong figure of a plan is told, without a solver."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from allocation import (
    Figure,
    Placement,
    Plan,
    ProblemError,
    Unplaced,
    canonical_json,
    parse_plan,
    plan_sha256,
    plan_to_json,
    solve,
    verify,
)
from tests.unit.allocation.instances import make_household, make_problem, make_refuge

PROBLEM = make_problem((make_household("h1"), make_household("h2", priority=3)), make_refuge())
PLAN = solve(PROBLEM)


def test_a_solved_plan_is_accepted_and_survives_the_round_trip() -> None:
    assert verify(PROBLEM, PLAN) == []
    assert parse_plan(plan_to_json(PLAN)) == PLAN


def with_figure(level: str, **changes: Any) -> Plan:
    figures = [replace(f, **changes) if f.level == level else f for f in PLAN.objective]
    return replace(PLAN, objective=tuple(figures))


SPOILT: list[tuple[Plan, str]] = [
    (replace(PLAN, problem_sha256="0" * 64), "made for another problem"),
    (replace(PLAN, placements=()), "h1 is neither placed nor unplaced"),
    (replace(PLAN, unplaced=()), "h2 is neither placed nor unplaced"),
    (replace(PLAN, unplaced=(*PLAN.unplaced, Unplaced("h1"))), "h1 is both placed and unplaced"),
    (replace(PLAN, unplaced=(*PLAN.unplaced, Unplaced("x"))), "there is no household x"),
    (replace(PLAN, unplaced=PLAN.unplaced * 2), "h2 stands 2 times"),
    (replace(PLAN, placements=(Placement("h1", "f1", "r9"),)), "no such room"),
    (with_figure("placed_priority_2", value=2, bound=2), "placed_priority_2 is 1, not 2"),
    (with_figure("placed_priority_2", bound=2), "make this plan feasible, not optimal"),
    (with_figure("placed_priority_2", bound=0), "placed_priority_2 1 beats its own bound 0"),
    (with_figure("travel_minutes", bound=1), "travel_minutes 0 beats its own bound 1"),
    (replace(PLAN, status="feasible"), "make this plan optimal, not feasible"),
    (replace(PLAN, objective=PLAN.objective[::-1]), "the levels must be"),
    (replace(PLAN, objective=()), "the levels must be"),
]


@pytest.mark.parametrize(("plan", "said"), SPOILT)
def test_every_wrong_figure_is_told(plan: Plan, said: str) -> None:
    assert any(said in line for line in verify(PROBLEM, plan))


def test_a_plan_with_an_unknown_key_is_refused() -> None:
    document = plan_to_json(PLAN)
    document["placements"][0]["bed"] = 1

    with pytest.raises(ProblemError, match=r"placements\[0\].bed: unknown key"):
        parse_plan(document)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"a": float("inf")}, "params.a: must be a number"),
        ({"a": 10**16}, "params.a: must be a whole number"),
        ({"a": [["b"]]}, "params.a[0]: must not be a list within another"),
        ({"a": {"b": {}}}, "params.a.b: must not be an object within another"),
        ({"a": "\ud800"}, "params.a: must hold no control characters"),
        ({"": 1}, 'params, key "": must be a text'),
        ({str(i): 1 for i in range(101)}, "params: must hold at most 100 entries"),
    ],
)
def test_a_parameter_that_is_not_plain_names_its_place(params: Any, said: str) -> None:
    document = plan_to_json(PLAN)
    document["unplaced"][0]["reasons"][0]["params"] = params

    with pytest.raises(ProblemError) as caught:
        parse_plan(document)

    assert str(caught.value).startswith(f"unplaced[0].reasons[0].{said}")


def test_the_identity_of_a_plan_leaves_out_the_clock_and_nothing_else() -> None:
    document = plan_to_json(PLAN)
    del document["seconds"]
    expected = hashlib.sha256(canonical_json(document).encode()).hexdigest()

    assert plan_sha256(PLAN) == expected
    assert plan_sha256(replace(PLAN, seconds=PLAN.seconds + 1)) == expected
    for changed in (
        replace(PLAN, problem_sha256="0" * 64),
        replace(PLAN, status="feasible"),
        replace(PLAN, placements=()),
        replace(PLAN, unplaced=()),
        with_figure("travel_minutes", bound=1),
    ):
        assert plan_sha256(changed) != expected


def test_figures_beyond_reason_are_refused() -> None:
    with pytest.raises(ProblemError, match="value: must be a whole number"):
        Figure("scarcity", 10**30, 0)


def test_importing_and_verifying_never_loads_the_solver() -> None:
    code = "import sys, allocation.__main__; assert not [m for m in sys.modules if 'highspy' in m]"

    subprocess.run([sys.executable, "-c", code], check=True)
