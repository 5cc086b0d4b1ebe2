"""From a problem to a plan: start, search, translate, check; nothing leaves that breaks a rule."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, repeat

import numpy as np

from allocation.augment import augmented
from allocation.check import MAXIMISED, score, violations
from allocation.core import best_of
from allocation.face import Face
from allocation.headcount import headcount_bounds
from allocation.model import CONSTRAINTS, Constraint, Model, build, gains
from allocation.plan import FEASIBLE, OPTIMAL, Figure, Placement, Plan, Unplaced
from allocation.problem import Problem, problem_sha256
from allocation.reading import ProblemError
from allocation.reasons import reasons_for, verdicts_of
from allocation.relaxation import OutOfTime
from allocation.search import Search, Step
from allocation.start import greedy, turn
from allocation.trial import Picture, picture_of
from allocation.unlock import unlocks_for
from allocation.vectors import Ints

DEFAULT_SECONDS = 30.0
# Accepted offers are settled first, whatever the limit: without them there is no valid plan.
_FIXED_SECONDS = 60.0
# In terms of the time it took to build the model: what it takes to begin the climb, and to finish
# (the last bound, the check of the plan). Where there is no time to begin, who is placed is
# bounded apart.
_BEGINNING, _FINISHING = 5.0, 0.3


class UnsoundPlan(RuntimeError):
    """The search returned a plan that the specification refuses: a fault in our own model."""


@dataclass(frozen=True, eq=False)
class Solved:
    """A plan with all it came from: ``chosen`` are its columns, ``climbed`` the search for it."""

    model: Model
    chosen: Ints
    climbed: Search | None
    plan: Plan

    @cached_property
    def levels(self) -> Mapping[str, Ints]:
        """What each column adds to each level; as large as the model nine times over."""
        return levels_of(self.model)


def levels_of(model: Model) -> Mapping[str, Ints]:
    """Return what each column adds to each level, in the order of the problem."""
    return {level: gains(model.table, level) for level in model.table.problem.levels}


def place(
    problem: Problem,
    *,
    seconds: float = DEFAULT_SECONDS,
    constraints: Sequence[Constraint] = CONSTRAINTS,
    tell: Callable[[Plan], None] | None = None,
) -> Solved:
    """Return the best plan, level by level; at the time limit the best found, with its gap.

    Nobody left out is told why yet. ``tell`` is given the first plan, and every better one found
    on the way, each with the bounds proven by then.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
        UnsoundPlan: the plan found breaks a rule of check.py (never seen; a fault of ours).
    """
    started = time.monotonic()
    refuse_contradiction(problem)
    model = build(problem, constraints)
    built = time.monotonic() - started
    deadline = started + seconds - _FINISHING * built

    def better(chosen: Ints, steps: Sequence[Step] = ()) -> None:
        if tell is not None:
            bounds = _bounds(model, chosen, steps)
            tell(plan_of(model, chosen, bounds, time.monotonic() - started))

    start = augmented(model, first_plan(model), deadline)
    better(start)
    chosen, climbed = start, None
    counts: Mapping[str, int] = {}
    if time.monotonic() + _BEGINNING * built > deadline:
        counts = headcount_bounds(model, start, deadline)
    if not counts or time.monotonic() < deadline:
        found, _, climbed = climb(Face.of(model), levels_of(model), start, deadline, better)
        chosen = start if found is None else found
    bounds = _bounds(model, chosen, climbed.steps if climbed else ())
    if np.array_equal(chosen, start):  # what was counted holds for plans as good as the start
        bounds |= {level: min(bounds[level], most) for level, most in counts.items()}
    plan = plan_of(model, chosen, bounds, time.monotonic() - started)
    return Solved(model, chosen, climbed, plan)


def solve(
    problem: Problem,
    *,
    seconds: float = DEFAULT_SECONDS,
    tell: Callable[[Plan], None] | None = None,
) -> Plan:
    """Return the best plan as ``place`` does, and tell everybody left out why, while time lasts.

    ``tell`` is given every better plan on the way, and the best before anybody is told why.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    started = time.monotonic()
    solved = place(problem, seconds=seconds, tell=tell)
    if tell is not None:
        tell(solved.plan)
    plan = replace(solved.plan, unplaced=explained(solved, started + seconds))
    return replace(plan, seconds=round(time.monotonic() - started, 3))


def explained(solved: Solved, deadline: float) -> tuple[Unplaced, ...]:
    """Explain every household without a room, the first in the queue first while time lasts."""
    picture = pictured(solved, deadline)
    problem = solved.model.table.problem
    left_out = [problem.household_by_id[entry.household] for entry in solved.plan.unplaced]
    found = []
    for household in sorted(left_out, key=lambda h: (turn(h), h.id)):
        verdicts = verdicts_of(problem, household)
        reasons = reasons_for(picture, verdicts)
        found.append(Unplaced(household.id, reasons, unlocks_for(picture, verdicts)))
    return tuple(sorted(found, key=lambda entry: entry.household))


def pictured(solved: Solved, deadline: float) -> Picture:
    """Return the picture of a plan that was just made."""
    proven = [figure.level for figure in solved.plan.objective if figure.value == figure.bound]
    places = {p.household: (p.refuge, p.room) for p in solved.plan.placements}
    return picture_of(solved.model, places, proven, deadline)


def climb(
    face: Face,
    levels: Mapping[str, Ints],
    start: Ints | None,
    deadline: float,
    better: Callable[[Ints, Sequence[Step]], None] = lambda *_: None,
) -> tuple[Ints | None, dict[str, int], Search]:
    """Return the best plan, never worse than the start, the bound of each level, and the search.

    The plan is None where no plan is allowed. ``better`` is given every better plan on the way,
    with the steps until then. Bounds are proven and signed so that more is better: no plan that
    does as well on every level before can be worth more. Levels after the first unproven one have
    a trivial bound that holds for every plan.

    Raises:
        OutOfTime: no start was given, and no plan was found in time.
    """
    search = Search(face, list(levels.values()), start, deadline, better)
    try:
        chosen = search.best if search.climb() else None
    except OutOfTime:  # the best plan so far is returned, with the bounds proven so far
        if search.best is None:
            raise
        chosen = search.best
    return chosen, _bounds(face.model, chosen, search.steps), search


def _bounds(model: Model, chosen: Ints | None, steps: Sequence[Step]) -> dict[str, int]:
    levels = model.table.problem.levels
    bounds = {name: _trivial_bound(model, gains(model.table, name)) for name in levels}
    for name, step in zip(levels, steps, strict=False):
        bounds[name] = min(bounds[name], step.bound)
        if chosen is None or int(step.gain[chosen].sum()) < bounds[name]:
            break
    return bounds


def _trivial_bound(model: Model, gain: Ints) -> int:
    best = np.zeros(len(model.table.households), dtype=np.int64)
    np.maximum.at(best, model.table.who, gain)
    return int(best.sum())


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


def first_plan(model: Model) -> Ints:
    """Return an allowed plan: the accepted offers with their groups, then the queue in order.

    Raises:
        ProblemError: the accepted offers leave no room for the rest of a group, or none was found
            in time.
    """
    fixed = {i for i, h in enumerate(model.table.households) if h.is_fixed}
    tied = set(fixed)
    for _ in model.table.together:  # groups may overlap, so a tie may lead on to the next
        tied |= {i for group in model.table.together if tied & set(group) for i in group}
    columns = np.flatnonzero(np.isin(model.table.who, sorted(tied)))
    base = columns[:0]
    if fixed:
        nothing = np.zeros(model.columns, dtype=np.int64)
        deadline = time.monotonic() + _FIXED_SECONDS
        found = best_of(Face.of(model), nothing, columns, None, deadline)
        if found.chosen is None:
            wanted = "accepted offers leave no room for the rest of a group; settle them first"
            if not found.is_settled:
                wanted = "no way to keep groups with accepted offers whole was found in time"
            raise ProblemError("together", wanted)
        base = found.chosen
    return greedy(model, base)


def plan_of(
    model: Model,
    chosen: Ints,
    bounds: Mapping[str, int],
    seconds: float,
    kept: Sequence[Placement] = (),
) -> Plan:
    """Return the plan of these columns, once the specification has nothing to say against it.

    Raises:
        UnsoundPlan: it breaks a rule, or beats what was proven possible.
    """
    problem, placements = model.table.problem, placements_of(model, chosen, kept)
    broken = violations(problem, placements)
    if broken:
        raise UnsoundPlan("; ".join(str(violation) for violation in broken))
    figures = _figures(problem, placements, bounds)
    placed = {p.household for p in placements}
    names = sorted(h.id for h in problem.households)
    return Plan(
        problem_sha256=problem_sha256(problem),
        status=OPTIMAL if all(f.value == f.bound for f in figures) else FEASIBLE,
        placements=placements,
        unplaced=tuple(Unplaced(name) for name in names if name not in placed),
        objective=figures,
        seconds=round(seconds, 3),
    )


def placements_of(
    model: Model, chosen: Ints, kept: Sequence[Placement] = ()
) -> tuple[Placement, ...]:
    """Return the chosen columns as placements, by household id.

    Rooms of one kind are handed out in the order of the lottery, except that whoever stays in her
    kind stays in the room she has in ``kept``.
    """
    table = model.table
    room_of = {p.household: (p.refuge, p.room) for p in kept}
    inside: dict[int, list[str]] = defaultdict(list)
    for j in np.sort(chosen).tolist():
        inside[int(table.where[j])].append(table.households[int(table.who[j])].id)
    placements = []
    for k, names in inside.items():
        kind = table.kinds[k]
        refuge = table.refuges[kind.refuge].id
        stays = {
            name: room_of[name][1]
            for name in names
            if name in room_of and table.kind_of_room[room_of[name]] == k
        }
        others = [name for name in kind.ids if name not in stays.values()]
        # Only a model without C2 would hand out a private room twice, and then be refused.
        rooms = chain(others, repeat(kind.ids[0]))
        placements += [Placement(n, refuge, stays.get(n) or next(rooms)) for n in names]
    return tuple(sorted(placements, key=lambda p: p.household))


def _figures(
    problem: Problem, placements: Sequence[Placement], bounds: Mapping[str, int]
) -> tuple[Figure, ...]:
    actual = score(problem, placements)
    signs = {level: 1 if level in MAXIMISED else -1 for level in problem.levels}
    for level, sign in signs.items():
        if sign * actual[level] > bounds[level]:
            raise UnsoundPlan(f"{level} is {actual[level]}, beyond what was proven possible")
    return tuple(
        Figure(level, actual[level], signs[level] * bounds[level]) for level in problem.levels
    )
