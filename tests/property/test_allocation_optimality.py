"""The solver against every plan there is, on small problems with every rule and level in play."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation import (
    Place,
    Problem,
    ProblemError,
    Standing,
    core,
    parse_problem,
    place,
    problem_to_json,
    relaxation,
    search,
    solve,
    solver,
    verify,
)
from allocation.check import rank
from allocation.model import LEVELS
from allocation.plan import same_decisions
from allocation.search import Search
from allocation.vectors import Ints
from bench.nights import night
from tests.unit.allocation.brute_force import best_rank
from tests.unit.allocation.instances import make_household, make_problem, make_refuge, make_room
from tests.unit.allocation.strategies import THOROUGH, problems

FAR = Place(53.74, -0.33)


def check_best(problem: Problem) -> None:
    best = best_rank(problem)
    try:
        plan = place(problem)
    except ProblemError:
        assert best is None
        return
    assert verify(problem, plan) == []
    assert plan.status == "optimal"
    assert rank(problem, {f.level: f.value for f in plan.objective}) == best


@THOROUGH
@given(problems())
def test_no_allowed_plan_beats_the_solver(problem: Problem) -> None:
    check_best(problem)


@THOROUGH
@given(problems())
def test_looking_for_reasons_changes_no_placement(problem: Problem) -> None:
    try:
        plan = place(problem)
    except ProblemError:
        return

    told = solve(problem)

    assert told.placements == plan.placements
    assert told.objective == plan.objective
    assert verify(problem, told) == []


def from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without a first plan, so that every bound is taken on trust until it fails."""
    begin = Search.__init__

    def without(self: Search, face: Any, gains: Any, _: Any, *more: Any) -> None:
        begin(self, face, gains, None, *more)

    monkeypatch.setattr(Search, "__init__", without)


def by_few_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with one column of each household and of each kind, and add them one by one."""
    monkeypatch.setattr(search, "_ALL_INSIDE", 0)
    monkeypatch.setattr(search, "_STARTERS", (1, 1))
    monkeypatch.setattr(relaxation, "_NEWCOMERS", 1)


def by_few_columns_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    by_few_columns(monkeypatch)
    from_nothing(monkeypatch)


def in_small_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "_CORE", 0)
    monkeypatch.setattr(search, "_ALL_INSIDE", 0)
    monkeypatch.setattr(Search, "_take", _always_settled(Search._take))


def _always_settled(take: Callable[[Search, int], Any]) -> Callable[[Search, int], Any]:
    """Let no bound be taken on trust: each is settled by branch and bound."""

    def settled(self: Search, i: int) -> Any:
        self.steps[i].in_doubt = True
        return take(self, i)

    return settled


def one_level_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_LARGEST", 1)
    in_small_cores(monkeypatch)


def with_loose_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle levels together by weights that do not always keep them apart."""
    monkeypatch.setattr(search, "_RATIO", 1)
    monkeypatch.setattr(search, "_LARGEST", 1000)
    in_small_cores(monkeypatch)


def without_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxation, "_ROUNDS", 0)


def with_one_round_of_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxation, "_ROUNDS", 1)
    by_few_columns_from_nothing(monkeypatch)


def without_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never say outright who is placed."""
    monkeypatch.setattr(search, "_PROBES", -1)


WAYS = (
    from_nothing, by_few_columns, by_few_columns_from_nothing, in_small_cores, one_level_at_a_time,
    with_loose_weights, without_probes, without_cuts, with_one_round_of_cuts,
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_no_allowed_plan_beats_any_way_of_the_search(way: Callable[..., None]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        way(monkeypatch)
        THOROUGH(given(problems())(check_best))()


def every_level_counts() -> Problem:
    """Return a problem whose best plan is worth something on every level."""
    women = [
        make_household(f"h{p}", priority=p, waiting_minutes=7 * p, desirable={"a", "z"})
        for p in (1, 2, 3, 4)
    ]
    women[1] = replace(women[1], standing=Standing("near", "r1"))
    houses = (
        make_refuge("near", make_room("r1", bed_spaces=2), make_room("r2", features={"a"})),
        make_refuge("far", make_room("r1"), make_room("r2"), features={"x"}, location=FAR),
    )
    return make_problem(women, houses, prices={"x": 5}, spare_bed_price=2)


def test_the_example_reaches_every_level_and_is_solved() -> None:
    check_best(every_level_counts())
    assert all(figure.value for figure in place(every_level_counts()).objective)


WRONG = [lambda gain: 0 * gain, lambda gain: -gain, lambda gain: gain // 2]
COSTS = ["unmet_desirable", "scarcity", "travel_minutes"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_level_that_is_wrong_in_the_model_is_caught(
    level: str, wrong: Callable[[Ints], Ints], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = LEVELS[level]
    monkeypatch.setitem(LEVELS, level, lambda table: wrong(right(table)))

    with pytest.raises((AssertionError, solver.UnsoundPlan)):
        check_best(every_level_counts())


@pytest.mark.parametrize(
    ("one", "other"),
    list(itertools.combinations(COSTS, 2)),
)
def test_levels_taken_for_one_another_are_caught(
    one: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = LEVELS[one], LEVELS[other]
    monkeypatch.setitem(LEVELS, one, second)
    monkeypatch.setitem(LEVELS, other, first)

    with pytest.raises((AssertionError, solver.UnsoundPlan)):
        check_best(every_level_counts())


@THOROUGH
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(problem: Problem, rng: Any) -> None:
    shuffled = _shuffled(problem, rng)

    try:
        plan = place(problem)
    except ProblemError:
        return

    assert same_decisions(plan, place(shuffled))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_a_whole_nights_input_changes_nothing(seed: int) -> None:
    problem = night("M", seed)
    plan = place(problem)

    assert plan.status == "optimal"
    for shuffle in range(2):
        assert same_decisions(plan, place(_shuffled(problem, Random(shuffle))))


def _shuffled(problem: Problem, rng: Any) -> Problem:
    document = problem_to_json(problem)
    rng.shuffle(document["households"])
    rng.shuffle(document["refuges"])
    for refuge in document["refuges"]:
        rng.shuffle(refuge["rooms"])
    for group in document["together"]:
        rng.shuffle(group)
    for household in document["households"]:
        for words in ("danger_zones", "children"):
            rng.shuffle(household[words])
    rng.shuffle(document["together"])
    return parse_problem(document)
