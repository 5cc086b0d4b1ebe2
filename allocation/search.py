"""The exact search: best value level by level, each proven before the next. OR-Tools lives here."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from allocation.model import LOTTERY, Model, Row, gains

# Levels are solved together while one whole-number objective can still hold them apart.
MAX_WEIGHT = 2**20
_FAR = 2**61


@dataclass(frozen=True)
class Level:
    """One level of the objective over the columns: more is better, and how good it can get."""

    name: str
    gains: tuple[int, ...]
    least: int
    most: int


@dataclass(frozen=True)
class Outcome:
    """The columns chosen and, for each level, the value reached and the proven bound (signed)."""

    chosen: frozenset[int]
    values: dict[str, int]
    bounds: dict[str, int]

    @property
    def is_proven(self) -> bool:
        """Whether no plan is better on any level."""
        return self.values == self.bounds


@dataclass(frozen=True)
class _Answer:
    chosen: frozenset[int] | None
    value: int
    bound: int
    is_impossible: bool = False


class OutOfTime(Exception):
    """The time ran out before the search found any plan."""


def levels_of(model: Model, names: Sequence[str]) -> list[Level]:
    """Return the named levels with trivial limits that hold for every plan."""
    return [_level(model, name) for name in names]


def _level(model: Model, name: str) -> Level:
    values = tuple(gains(model, name))
    best: dict[str, int] = {}
    worst: dict[str, int] = {}
    for pair, value in zip(model.pairs, values, strict=True):
        key = pair.household.id
        best[key] = max(best.get(key, 0), value)
        worst[key] = min(worst.get(key, 0), value)
    return Level(name, values, sum(worst.values()), sum(best.values()))


def lexicographic(
    model: Model, names: Sequence[str], start: frozenset[int], deadline: float
) -> Outcome:
    """Return the best plan level by level, starting from the allowed plan ``start``.

    ``deadline`` is on the clock of ``time.monotonic``. Once it has passed, the plan so far is
    returned with the bounds proven so far; levels never reached keep their trivial bound.
    """
    levels = levels_of(model, names)
    chosen, rows = start, list(model.rows)
    bounds = {level.name: level.most for level in levels}
    for group in grouped(levels):
        combined = _combined(group)
        answer = _settled(combined, chosen) or _maximise(
            replace(model, rows=tuple(rows)), combined, chosen, deadline
        )
        if answer.chosen is not None:
            chosen = answer.chosen
        if answer.value < answer.bound:
            first = group[0]
            bounds[first.name] = min(first.most, _first_bound(group, answer.bound))
            break
        reached = {level.name: _value(level, chosen) for level in group}
        bounds.update(reached)
        rows.append(_held(combined, answer.value))
    values = {level.name: _value(level, chosen) for level in levels}
    return Outcome(chosen, values, bounds)


def grouped(levels: Sequence[Level]) -> list[list[Level]]:
    """Split the levels into runs whose combined objective stays below MAX_WEIGHT."""
    groups: list[list[Level]] = []
    size = MAX_WEIGHT
    for level in levels:
        span = level.most - level.least + 1
        lottery_starts = level.name == LOTTERY[0]
        if size * span >= MAX_WEIGHT or lottery_starts:
            groups.append([])
            size = 1
        groups[-1].append(level)
        size *= span
    return groups


def _combined(group: Sequence[Level]) -> Level:
    total = group[-1]
    span = total.most - total.least + 1
    for level in reversed(group[:-1]):
        mixed = tuple(span * a + b for a, b in zip(level.gains, total.gains, strict=True))
        least, most = span * level.least + total.least, span * level.most + total.most
        total = Level(level.name, mixed, least, most)
        span *= level.most - level.least + 1
    return total


def _first_bound(group: Sequence[Level], bound: int) -> int:
    """Return the bound on the group's first level that a bound on the combination implies."""
    if len(group) == 1:
        return bound
    rest = _combined(group[1:])
    span = 1
    for level in group[1:]:
        span *= level.most - level.least + 1
    return (bound - rest.least) // span


def _settled(level: Level, chosen: frozenset[int]) -> _Answer | None:
    """Return an answer without a search where the plan at hand cannot be beaten."""
    value = _value(level, chosen)
    return _Answer(chosen, value, value) if value == level.most else None


def _value(level: Level, chosen: frozenset[int]) -> int:
    return sum(level.gains[j] for j in chosen)


def _held(level: Level, value: int) -> Row:
    terms = tuple((j, gain) for j, gain in enumerate(level.gains) if gain)
    return Row("O", terms, value, value)


def any_plan(model: Model, deadline: float) -> frozenset[int] | None:
    """Return some allowed plan, or None when there is provably none.

    Raises:
        OutOfTime: neither was settled by the deadline.
    """
    nothing = Level("none", (0,) * len(model.pairs), 0, 0)
    answer = _maximise(model, nothing, None, deadline)
    if answer.chosen is None and not answer.is_impossible:
        raise OutOfTime
    return answer.chosen


def _maximise(model: Model, level: Level, hint: frozenset[int] | None, deadline: float) -> _Answer:
    """Return the best columns for one objective; deterministic unless the time runs out."""
    left = deadline - time.monotonic()
    value = _value(level, hint) if hint is not None else level.least
    if left <= 0:
        return _Answer(hint, value, level.most)
    cp, columns = _cp_model(model)
    cp.maximize(cp_model.LinearExpr.weighted_sum(columns, level.gains))
    for j, column in enumerate(columns if hint is not None else ()):
        cp.add_hint(column, j in (hint or ()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1  # one answer on any number of cores; also the fastest here
    solver.parameters.linearization_level = 2
    solver.parameters.random_seed = 0
    solver.parameters.max_time_in_seconds = left
    status = solver.solve(cp)
    if status == cp_model.INFEASIBLE:
        return _Answer(None, level.least, level.least, is_impossible=True)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return _Answer(hint, value, level.most)
    chosen = frozenset(j for j, column in enumerate(columns) if solver.boolean_value(column))
    value = _value(level, chosen)
    bound = value if status == cp_model.OPTIMAL else int(solver.best_objective_bound + 0.5)
    return _Answer(chosen, value, max(value, min(level.most, bound)))


def _cp_model(model: Model) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    cp = cp_model.CpModel()
    columns = [cp.new_bool_var("") for _ in model.pairs]
    for row in model.rows:
        mine = [columns[j] for j, _ in row.terms]
        weights = [weight for _, weight in row.terms]
        if row.low is None and row.high == 1 and set(weights) == {1}:
            cp.add_at_most_one(mine)
        elif row.low == row.high == 1 and set(weights) == {1}:
            cp.add_exactly_one(mine)
        else:
            total = cp_model.LinearExpr.weighted_sum(mine, weights)
            low = -_FAR if row.low is None else row.low
            cp.add_linear_constraint(total, low, _FAR if row.high is None else row.high)
    return cp, columns
