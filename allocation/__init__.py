"""The door to the placement engine: a problem in, a proven and explained plan out.

Pure: no Flask, no database, no clock but the one that limits the search. Importing this package
does not import OR-Tools; only calling ``solve``, ``explain`` or ``forced_cost`` does.
"""

from typing import Any

from allocation.check import RoomVerdict, Violation, eligible_rooms, score, verify, violations
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
from allocation.problem import (
    Child,
    DangerZone,
    Household,
    Place,
    Problem,
    Refuge,
    Room,
    Standing,
    canonical_json,
    parse_problem,
    problem_sha256,
    problem_to_json,
)
from allocation.reading import ProblemError
from allocation.rules import RULES, Rule
from allocation.words import describe

DEFAULT_SECONDS = 30.0
# Changes whenever the same problem could give another plan, so that a replay knows what to expect.
ENGINE_VERSION = "2"


def solve(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Plan:
    """Return the best plan, explained; at the time limit the best found, with its gap in bounds.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    from allocation import solver

    return solver.solve(problem, seconds=seconds)


def explain(
    problem: Problem, plan: Plan, household_id: str, *, seconds: float = 10.0
) -> dict[str, Any]:
    """Return why she has this room (or none), and for every other refuge why not.

    Raises:
        ProblemError: there is no such household, or the plan breaks a rule of this problem.
    """
    from allocation import explanation

    return explanation.explain(problem, plan, household_id, seconds=seconds)


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
    """Return what one more room of each size and region would change, by solving again."""
    from allocation import value

    return value.value_of_one_more(problem, seconds=seconds)


__all__ = [
    "DEFAULT_SECONDS",
    "ENGINE_VERSION",
    "RULES",
    "Child",
    "DangerZone",
    "Figure",
    "Household",
    "Place",
    "Placement",
    "Plan",
    "Problem",
    "ProblemError",
    "Reason",
    "Refuge",
    "Room",
    "RoomVerdict",
    "Rule",
    "Standing",
    "Unplaced",
    "Violation",
    "canonical_json",
    "describe",
    "eligible_rooms",
    "explain",
    "forced_cost",
    "parse_plan",
    "parse_problem",
    "plan_sha256",
    "plan_to_json",
    "problem_sha256",
    "problem_to_json",
    "score",
    "solve",
    "value_of_one_more",
    "verify",
    "violations",
]
