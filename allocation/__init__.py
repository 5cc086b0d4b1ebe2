"""The door to the placement engine: a problem in, a proven and explained plan out.

Pure: no Flask, no database, no clock but the one that limits the search. Importing this package
imports no solver; only calling ``solve``, ``place``, ``explain`` and the like does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import allocation._one_thread  # noqa: F401 - before numpy
from allocation.canonical import canonical_json
from allocation.check import RoomVerdict, Violation, eligible_rooms, score, verify, violations
from allocation.doubt import Doubt, Watch, chance_still_free
from allocation.forecast import Forecast, parse_forecast
from allocation.plan import (
    Figure,
    Placement,
    Plan,
    Reason,
    Unplaced,
    parse_plan,
    plan_sha256,
    plan_to_json,
)
from allocation.prices import FeatureFigures, Prices
from allocation.problem import (
    Child,
    DangerZone,
    Household,
    Place,
    Problem,
    Refuge,
    Room,
    Standing,
    parse_problem,
    problem_sha256,
    problem_to_json,
)
from allocation.reading import ProblemError
from allocation.rules import RULES, Rule
from allocation.scenario import Scenario, parse_scenario
from allocation.words import describe

if TYPE_CHECKING:
    from allocation.asking import Question
    from allocation.kept import KeptPlan

DEFAULT_SECONDS = 30.0
# What is spent on proving costs the lowest, beyond finding them, so that the answer comes at once.
PROVE_SECONDS = 0.1
# Changes whenever the same problem could give another plan, so that a replay knows what to expect.
ENGINE_VERSION = "4"


def solve(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Plan:
    """Return the best plan, explained; at the time limit the best found, with its gap in bounds.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    from allocation import solver

    return solver.solve(problem, seconds=seconds)


def place(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Plan:
    """Return the same plan as ``solve`` without reasons or changes for those left out.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    from allocation import solver

    return solver.place(problem, seconds=seconds).plan


def solve_within(problem: Problem, *, seconds: float, grace: float = 10.0) -> Plan:
    """Return what ``solve`` does, from a process that is ended ``grace`` seconds after its time.

    A solver that hangs or dies costs no plan: the last one it told comes back.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    from allocation import process

    return process.solve_within(problem, seconds=seconds, grace=grace)


def keep(
    problem: Problem, plan: Plan | None = None, *, seconds: float = DEFAULT_SECONDS
) -> KeptPlan:
    """Return a plan kept in memory, to ask again and again; it is made where none is told.

    Raises:
        ProblemError: no plan is valid, or the one told breaks a rule of this problem.
    """
    from allocation.kept import KeptPlan
    from allocation.solver import place

    return KeptPlan(place(problem, seconds=seconds)) if plan is None else KeptPlan.of(problem, plan)


def place_again(kept: KeptPlan, problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Plan:
    """Return ``place(problem)``; at once where the proof of the plan kept still holds.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    from allocation import again

    return again.place_again(kept, problem, seconds=seconds)


def alternatives(
    problem: Problem, plan: Plan, *, count: int = 3, seconds: float = 10.0
) -> list[dict[str, Any]]:
    """Return up to ``count`` clearly different plans, the best first, and what each costs.

    Each is ``{plan, loss, decisive, differs, text}``: the plan as JSON, the loss of each level
    (more is worse), the first level that loses, and the ids of those who would live elsewhere.

    Raises:
        ProblemError: the plan breaks a rule.
    """
    from allocation import other_plans
    from allocation.kept import KeptPlan

    return other_plans.alternatives(KeptPlan.of(problem, plan), count=count, seconds=seconds)


def explain(
    problem: Problem, plan: Plan, household_id: str, *, seconds: float = PROVE_SECONDS
) -> dict[str, Any]:
    """Return why she has this room (or none), and for every other refuge why not.

    Costs come at once; those not proven the lowest are solved again for so many ``seconds``.

    Raises:
        ProblemError: there is no such household, or the plan breaks a rule of this problem.
    """
    from allocation import explanation

    return explanation.explain(problem, plan, household_id, seconds=seconds)


def explain_kept(
    kept: KeptPlan, household_id: str, *, seconds: float = PROVE_SECONDS
) -> dict[str, Any]:
    """Explain one household as ``explain`` does; a plan made by ``keep`` proves more of its costs.

    Raises:
        ProblemError: there is no such household.
    """
    from allocation import explanation

    return explanation.explain_kept(kept, household_id, seconds=seconds)


def forced_cost(
    problem: Problem, plan: Plan, household_id: str, refuge_id: str, room_id: str
) -> dict[str, Any]:
    """Return what giving her this room would cost: per level, and which others it touches.

    Raises:
        ProblemError: there is no such household or room, or the plan breaks a rule.
    """
    from allocation import explanation

    return explanation.forced_cost(problem, plan, household_id, refuge_id, room_id)


def value_of_one_more(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> dict[str, Any]:
    """Return what one more and one fewer room of each size and region would change."""
    from allocation import value

    return value.value_of_one_more(problem, seconds=seconds)


def questions(kept: KeptPlan, doubts: Sequence[Doubt], *, seconds: float) -> list[Question]:
    """Return the refuges whose answer would change the plan, the one that matters most first.

    Refuges that ``seconds`` did not reach, and those the plan can do without, are left out.
    """
    from allocation import asking

    return asking.questions(kept, doubts, seconds=seconds)


def scarcity_prices(refuges: Sequence[Refuge], forecast: Forecast, *, days: int = 30) -> Prices:
    """Return what using each room costs the women still to come, from a forecast of who comes.

    ``refuges`` with all rooms, free and occupied, as if nobody lived there. Operations announced
    for the next ``days`` count as spread over them. Takes well under a second for a country.
    """
    from allocation import pressure, world

    return pressure.scarcity_prices(world.World(refuges, forecast), days=days)


def compare_policies(scenario: Scenario, *, seeds: int = 5) -> dict[str, Any]:
    """Play every policy on ``seeds`` seeds from the scenario's own on, and return the figures.

    Shares are weighted 8, 4, 2, 1 by priority; differences are paired, with 95 % intervals.
    """
    from allocation import comparison

    return comparison.compare(scenario, range(scenario.seed, scenario.seed + seeds))


__all__ = [
    "DEFAULT_SECONDS",
    "ENGINE_VERSION",
    "PROVE_SECONDS",
    "RULES",
    "Child",
    "DangerZone",
    "Doubt",
    "FeatureFigures",
    "Figure",
    "Forecast",
    "Household",
    "Place",
    "Placement",
    "Plan",
    "Prices",
    "Problem",
    "ProblemError",
    "Reason",
    "Refuge",
    "Room",
    "RoomVerdict",
    "Rule",
    "Scenario",
    "Standing",
    "Unplaced",
    "Violation",
    "Watch",
    "alternatives",
    "canonical_json",
    "chance_still_free",
    "compare_policies",
    "describe",
    "eligible_rooms",
    "explain",
    "explain_kept",
    "forced_cost",
    "keep",
    "parse_forecast",
    "parse_plan",
    "parse_problem",
    "parse_scenario",
    "place",
    "place_again",
    "plan_sha256",
    "plan_to_json",
    "problem_sha256",
    "problem_to_json",
    "questions",
    "scarcity_prices",
    "score",
    "solve",
    "solve_within",
    "value_of_one_more",
    "verify",
    "violations",
]
