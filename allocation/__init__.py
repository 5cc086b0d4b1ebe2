"""The door to the placement engine: a problem in, a proven and explained plan out.

Pure: no Flask, no database, no clock but the one that limits the search. Importing this package
does not import OR-Tools; only calling ``solve``, ``explain`` or ``forced_cost`` does.
"""

from allocation.check import RoomVerdict, Violation, eligible_rooms, score, verify, violations
from allocation.plan import (
    Figure,
    Placement,
    Plan,
    Reason,
    Unplaced,
    parse_plan,
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

DEFAULT_SECONDS = 30.0


def solve(problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Plan:
    """Return the best plan, explained; at the time limit the best found, with its gap in bounds.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    from allocation import solver

    return solver.solve(problem, seconds=seconds)


__all__ = [
    "DEFAULT_SECONDS",
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
    "eligible_rooms",
    "parse_plan",
    "parse_problem",
    "plan_to_json",
    "problem_sha256",
    "problem_to_json",
    "score",
    "solve",
    "verify",
    "violations",
]
