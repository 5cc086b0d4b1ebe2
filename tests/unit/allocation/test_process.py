"""A solver in a process of its own that hangs, dies or refuses: its last plan comes back."""

import os
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

import pytest

from allocation import Plan, Problem, ProblemError, Standing, place, solve, solver, verify
from allocation.check import rank
from allocation.plan import same_decisions
from allocation.process import solve_within
from tests.unit.allocation.instances import (
    make_household,
    make_problem,
    make_refuge,
    synthetic_night,
)

Tell = Callable[[Plan], None]


def hangs(problem: Problem, seconds: float, tell: Tell) -> None:
    tell(place(problem, seconds=seconds))
    time.sleep(3600)


def hangs_in_mid_sentence(problem: Problem, seconds: float, tell: Tell) -> None:
    tell(place(problem, seconds=seconds))
    pipe: Connection = tell.__self__  # type: ignore[attr-defined]
    os.write(pipe.fileno(), struct.pack("!i", 1000))
    time.sleep(3600)


def dies(problem: Problem, seconds: float, tell: Tell) -> None:
    plan = place(problem, seconds=seconds)
    tell(replace(plan, seconds=1.0))
    tell(replace(plan, seconds=2.0))
    os.kill(os.getpid(), signal.SIGKILL)


def dies_at_once(problem: Problem, seconds: float, tell: Tell) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs_at_once(problem: Problem, seconds: float, tell: Tell) -> None:
    time.sleep(3600)


def small() -> Problem:
    return synthetic_night(1, 12, 10, 20)


def test_a_solver_that_ends_gives_the_plan_it_gives_here() -> None:
    assert same_decisions(solve_within(small(), seconds=30), solve(small(), seconds=30))


@pytest.mark.parametrize("solver", [hangs, hangs_in_mid_sentence])
def test_a_solver_that_hangs_is_ended_and_its_plan_kept(solver: Callable[..., None]) -> None:
    plan = solve_within(small(), seconds=8, grace=0, solver=solver)

    assert same_decisions(plan, place(small(), seconds=30))


def test_a_solver_that_dies_leaves_its_last_plan() -> None:
    assert solve_within(small(), seconds=30, solver=dies).seconds == 2.0


@pytest.mark.parametrize("child", [dies_at_once, hangs_at_once])
def test_without_any_word_of_the_solver_there_is_still_a_plan(child: object) -> None:
    plan = solve_within(small(), seconds=0.2, grace=0.2, solver=child)  # type: ignore[arg-type]

    assert verify(small(), plan) == []
    assert plan.placements


def test_every_plan_told_on_the_way_is_valid_and_none_is_worse_than_the_one_before() -> None:
    told: list[Plan] = []
    problem = synthetic_night(2, 60, 20, 40)

    last = solver.place(problem, tell=told.append).plan

    ranks = [rank(problem, {f.level: f.value for f in plan.objective}) for plan in (*told, last)]
    assert len(told) > 1
    assert ranks == sorted(ranks)
    assert [line for plan in told for line in verify(problem, plan)] == []


def test_accepted_offers_that_break_a_rule_are_refused_as_they_are_here() -> None:
    fixed = make_household(standing=Standing("f1", "r1", fixed=True), networks={"n"})
    problem = make_problem(fixed, make_refuge(networks={"n"}))

    with pytest.raises(ProblemError, match=r"^households: .*H10 .*h1"):
        solve_within(problem, seconds=30)
