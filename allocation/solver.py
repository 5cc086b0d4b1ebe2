"""From a problem to a plan: start, search, translate, check; nothing leaves that breaks a rule."""

import time
from collections.abc import Sequence

from allocation.check import MAXIMISED, score, violations
from allocation.model import CONSTRAINTS, LOTTERY, Constraint, Model, build, gains
from allocation.plan import FEASIBLE, OPTIMAL, Figure, Placement, Plan, Unplaced
from allocation.problem import Problem, problem_sha256
from allocation.reading import ProblemError
from allocation.reasons import reasons_for, verdicts_of
from allocation.search import Outcome, any_plan, lexicographic
from allocation.start import greedy
from allocation.trial import picture_of, turn
from allocation.unlock import unlocks_for

DEFAULT_SECONDS = 30.0
# Accepted offers are settled first, whatever the limit: without them there is no valid plan.
_FIXED_SECONDS = 60.0


class UnsoundPlan(RuntimeError):
    """The search returned a plan that the specification refuses: a fault in our own model."""


def solve(
    problem: Problem,
    *,
    seconds: float = DEFAULT_SECONDS,
    constraints: Sequence[Constraint] = CONSTRAINTS,
) -> Plan:
    """Return the best plan, level by level; at the time limit the best found, with its gap.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
        UnsoundPlan: the plan found breaks a rule of check.py (never seen; a fault of ours).
    """
    started = time.monotonic()
    refuse_contradiction(problem)
    model = build(problem, constraints)
    levels = {name: gains(model, name) for name in (*problem.levels, *LOTTERY)}
    outcome = lexicographic(model, levels, first_plan(model), started + seconds)
    placements = placements_of(model, outcome.chosen or frozenset())
    _refuse_unsound(problem, placements)
    figures = _figures(problem, outcome, placements)
    proven = all(figure.value == figure.bound for figure in figures)
    return Plan(
        problem_sha256=problem_sha256(problem),
        status=OPTIMAL if proven else FEASIBLE,
        placements=placements,
        unplaced=_unplaced(model, placements, started + seconds),
        objective=figures,
        seconds=round(time.monotonic() - started, 3),
    )


def refuse_contradiction(problem: Problem) -> None:
    """Refuse a problem whose accepted offers alone already break a rule.

    Raises:
        ProblemError: naming the rule and the households, so that a person can settle it.
    """
    fixed = [
        Placement(h.id, h.standing.refuge, h.standing.room)
        for h in problem.households
        if h.standing is not None and h.standing.fixed
    ]
    broken = [v for v in violations(problem, fixed) if v.rule != "C4"]
    if broken:
        lines = "; ".join(str(violation) for violation in broken)
        raise ProblemError(
            "households", f"accepted offers break a rule, settle them first: {lines}"
        )


def first_plan(model: Model) -> frozenset[int]:
    """Return an allowed plan: the accepted offers with their groups, then the queue in order.

    Raises:
        ProblemError: the accepted offers leave no room for the rest of a group.
    """
    base: frozenset[int] | None = frozenset()
    if any(h.is_fixed for h in model.problem.households):
        base = any_plan(model, time.monotonic() + _FIXED_SECONDS)
    if base is None:
        wanted = "accepted offers leave no room for the rest of a group; settle them first"
        raise ProblemError("together", wanted)
    return greedy(model, base)


def placements_of(model: Model, chosen: frozenset[int]) -> tuple[Placement, ...]:
    """Return the chosen columns as placements, by household id."""
    pairs = (model.pairs[j] for j in sorted(chosen))
    return tuple(Placement(p.household.id, p.refuge.id, p.room.id) for p in pairs)


def _unplaced(
    model: Model, placements: Sequence[Placement], deadline: float
) -> tuple[Unplaced, ...]:
    """Explain every household without a room, the first in the queue first while time lasts."""
    picture = picture_of(model, placements, deadline)
    left_out = [h for h in model.problem.households if h.id not in picture.placed]
    explained = []
    for household in sorted(left_out, key=lambda h: (turn(h), h.id)):
        verdicts = verdicts_of(model.problem, household)
        reasons = reasons_for(picture, verdicts)
        explained.append(Unplaced(household.id, reasons, unlocks_for(picture, verdicts)))
    return tuple(sorted(explained, key=lambda entry: entry.household))


def _refuse_unsound(problem: Problem, placements: Sequence[Placement]) -> None:
    broken = violations(problem, placements)
    if broken:
        raise UnsoundPlan("; ".join(str(violation) for violation in broken))


def _figures(
    problem: Problem, outcome: Outcome, placements: Sequence[Placement]
) -> tuple[Figure, ...]:
    actual = score(problem, placements)
    signs = {level: 1 if level in MAXIMISED else -1 for level in problem.levels}
    for level in problem.levels:
        if signs[level] * outcome.values[level] != actual[level]:
            raise UnsoundPlan(f"{level} is {actual[level]}, the search said otherwise")
    return tuple(
        Figure(level, actual[level], signs[level] * outcome.bounds[level])
        for level in problem.levels
    )
