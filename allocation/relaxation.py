"""The linear relaxation, solved by HiGHS with column generation and cuts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property

import highspy
import numpy as np

from allocation.cuts import Cuts
from allocation.face import Bits, Face, Goal, Prices, exact_prices
from allocation.model import FREE, Model
from allocation.vectors import Floats, Ints

_NEAR = 1e-6
_DUAL, _PRIMAL = 1, 4  # HiGHS's numbers for its two simplex methods
_NEWCOMERS = 30  # columns of each household that one round of pricing adds at most
_ROUNDS = 20  # of cuts, at most


@dataclass(frozen=True)
class Relaxed:
    """The best point of a face: the columns above 0, whether each is at 1, and the bound.

    ``face`` is the face with the rows that ``prices`` speak of: cuts were added on the way.
    """

    face: Face
    used: Ints
    is_whole: bool
    value: float
    prices: Prices


class OutOfTime(Exception):
    """The time ran out (or a solver gave up) before an answer was found."""


def quiet_solver() -> highspy.Highs:
    """Return a HiGHS that prints nothing and gives one answer on any number of cores."""
    solver = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 0)):
        solver.setOptionValue(option, value)
    return solver


def floats(limits: Ints) -> Floats:
    """Return row limits as HiGHS wants them: infinite where there is none."""
    found = limits.astype(np.float64)
    found[limits >= FREE] = highspy.kHighsInf
    found[limits <= -FREE] = -highspy.kHighsInf
    return found


class Relaxation:
    """Columns between 0 and 1; keeps its basis and its columns from one solve to the next.

    Only columns that could matter are handed to the solver: it begins with ``starters``, and after
    each solve those that the prices call worth taking join. Rows that whole plans keep and the
    point found breaks join as well, and stay in ``model``.
    """

    def __init__(self, model: Model, starters: Ints) -> None:
        self.model = model
        self._plain = model
        self._goals: list[Goal] = []
        self._row_at = np.arange(len(model.low))  # where the solver has each row of the model
        self._goal_at: list[int] = []
        self._columns = np.zeros(0, dtype=np.int64)
        self._inside = np.zeros(model.columns, dtype=bool)
        self._bounds: tuple[Bits, Bits] = np.zeros(0, dtype=np.int8), np.zeros(0, dtype=np.int8)
        self._solver = quiet_solver()
        self._solver.setOptionValue("presolve", "off")  # it would hide the ray of no point
        rows, nothing = len(model.low), np.zeros(0, dtype=np.int32)
        begin = np.zeros(rows, dtype=np.int32)
        self._limits = floats(model.low), floats(model.high)
        self._solver.addRows(rows, *self._limits, 0, begin, nothing, np.zeros(0))
        self._solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
        self._add(starters)

    def solve(
        self, face: Face, gain: Ints, deadline: float, enough: int | None = None
    ) -> Relaxed | None:
        """Return the best point of the face, or None when it has none.

        No cuts are looked for once the bound is as low as ``enough``.

        Raises:
            OutOfTime: the deadline (on the clock of ``time.monotonic``) came first.
        """
        relaxed = self._solved(face.grown(self.model), gain, deadline)
        for _ in range(_ROUNDS):
            if relaxed is None or (enough is not None and relaxed.prices.best <= enough):
                break
            if relaxed.is_whole or not self._cut():
                break
            relaxed = self._solved(face.grown(self.model), gain, deadline)
        return relaxed

    @cached_property
    def _cuts(self) -> Cuts:
        return Cuts(self._plain)

    def _cut(self) -> bool:
        """Add rows that the last point breaks; whether there are any."""
        value = np.zeros(self.model.columns)
        value[self._columns] = self._solver.getSolution().col_value
        broken = list(self._cuts.broken(value))
        if not broken:
            return False
        self.model = self.model.with_rows(broken)
        place = np.full(self.model.columns, -1)
        place[self._columns] = np.arange(len(self._columns))
        for rows in broken:
            inside = np.flatnonzero(place[rows.column] >= 0)
            self._row_at = np.append(self._row_at, len(self._limits[0]))
            self._add_row(
                rows.low[0], rows.high[0], place[rows.column[inside]], rows.weight[inside]
            )
        return True

    def _solved(self, face: Face, gain: Ints, deadline: float) -> Relaxed | None:
        self._enter(face)
        self._solver.setOptionValue("simplex_strategy", _DUAL)
        while True:
            has_point = self._run(face, gain, deadline)
            if has_point:
                prices = self._priced(face, gain, np.array(self._solver.getSolution().row_dual))
            else:
                prices = self._ray(face)
                if prices.bound < 0:
                    return None  # proven in whole numbers, for columns outside as well
            newcomers = self._newcomers(face, prices)
            if has_point and not len(newcomers):
                return self._relaxed(face, prices)
            if not len(newcomers):
                newcomers = np.flatnonzero((face.upper > 0) & ~self._inside)
            if not len(newcomers):
                return None
            self._add(newcomers)
            # The last point still stands, and only the primal method can go on from there.
            self._solver.setOptionValue("simplex_strategy", _PRIMAL)

    def _priced(self, face: Face, gain: Ints, duals: Floats) -> Prices:
        goals = duals[[self._goal_at[self._goals.index(goal)] for goal in face.goals]]
        return exact_prices(face, gain, duals[self._row_at], goals)

    def _ray(self, face: Face) -> Prices:
        """Return prices that show why the columns inside hold no point: all are worth below 0.

        The columns outside that these prices call worth taking are those that could make one.
        """
        _, is_there, ray = self._solver.getDualRay()
        duals = np.array(ray) if is_there else np.zeros(len(self._limits[0]))
        nothing = np.zeros(self.model.columns, dtype=np.int64)
        both = [self._priced(face, nothing, sign * duals) for sign in (1, -1)]
        outside = ~self._inside & (face.upper > 0)
        return min(both, key=lambda p: p.bound - int(np.maximum(0, p.reduced[outside]).sum()))

    def _enter(self, face: Face) -> None:
        """Set the limits of rows and goals, and take in the columns that must be taken."""
        for goal in face.goals:
            if goal not in self._goals:
                self._add_goal(goal)
        known = set(map(id, face.goals))
        low = [goal.low if id(goal) in known else -FREE for goal in self._goals]
        high = [goal.high if id(goal) in known else FREE for goal in self._goals]
        lows, highs = (limits.copy() for limits in self._limits)
        lows[self._row_at], highs[self._row_at] = floats(face.low), floats(face.high)
        lows[self._goal_at] = floats(np.array(low, dtype=np.int64))
        highs[self._goal_at] = floats(np.array(high, dtype=np.int64))
        changed = np.flatnonzero((lows != self._limits[0]) | (highs != self._limits[1]))
        for i in changed.tolist():
            self._solver.changeRowBounds(i, lows[i], highs[i])
        self._limits = lows, highs
        self._add(np.flatnonzero((face.lower > 0) & ~self._inside))

    def _run(self, face: Face, gain: Ints, deadline: float) -> bool:
        """Solve over the columns inside; whether there is a point at all."""
        solver, columns = self._solver, self._columns
        count, index = len(columns), np.arange(len(columns), dtype=np.int32)
        solver.changeColsCost(count, index, gain[columns].astype(np.float64))
        self._set_bounds(face)
        for afresh in (False, True):
            if afresh:  # the basis it came from was of no use
                solver.clearSolver()
            left = deadline - time.monotonic()
            if left <= 0:
                raise OutOfTime
            solver.setOptionValue("time_limit", solver.getRunTime() + left)
            solver.run()
            status = solver.getModelStatus()
            if status == highspy.HighsModelStatus.kOptimal:
                return True
            if status == highspy.HighsModelStatus.kInfeasible:
                return False
        raise OutOfTime

    def _set_bounds(self, face: Face) -> None:
        """Hand over the columns' limits where they have changed: telling HiGHS is slow."""
        lower, upper = face.lower[self._columns], face.upper[self._columns]
        index = np.flatnonzero((lower != self._bounds[0]) | (upper != self._bounds[1]))
        low, high = lower[index].astype(np.float64), upper[index].astype(np.float64)
        self._solver.changeColsBounds(len(index), index.astype(np.int32), low, high)
        self._bounds = lower, upper

    def _newcomers(self, face: Face, prices: Prices) -> Ints:
        """Return the columns outside that are worth taking, the best few of each household."""
        worth = (prices.reduced > prices.scale * _NEAR) & (face.upper > 0) & ~self._inside
        found = np.flatnonzero(worth)
        who = self.model.table.who[found]
        found = found[np.lexsort((found, -prices.reduced[found], who))]
        return np.sort(found[_rank_within(self.model.table.who[found]) < _NEWCOMERS])

    def _relaxed(self, face: Face, prices: Prices) -> Relaxed:
        value = np.array(self._solver.getSolution().col_value)
        used = np.flatnonzero(value > _NEAR)
        whole = bool(np.all(value[used] > 1 - _NEAR))
        best = self._solver.getInfo().objective_function_value
        return Relaxed(face, np.sort(self._columns[used]), whole, best, prices)

    def _add(self, columns: Ints) -> None:
        if not len(columns):
            return
        model, count = self.model, len(columns)
        entries = model.entries_of(columns)
        length = model.start[columns + 1] - model.start[columns]
        begin = (np.cumsum(length) - length).astype(np.int32)
        row = self._row_at[model.row[entries]].astype(np.int32)
        weight = model.weight[entries].astype(np.float64)
        zeros, ones = np.zeros(count), np.ones(count)
        self._solver.addCols(count, zeros, zeros, ones, len(row), begin, row, weight)
        first = len(self._columns)
        for i, goal in zip(self._goal_at, self._goals, strict=True):
            for j in np.flatnonzero(goal.gain[columns]).tolist():
                worth = float(goal.gain[columns[j]])
                self._solver.changeCoeff(i, first + j, worth)
        self._columns = np.concatenate([self._columns, columns])
        lower, upper = self._bounds
        self._bounds = (
            np.concatenate([lower, np.zeros(count, dtype=np.int8)]),
            np.concatenate([upper, np.ones(count, dtype=np.int8)]),
        )
        self._inside[columns] = True

    def _add_goal(self, goal: Goal) -> None:
        self._goals.append(goal)
        self._goal_at.append(len(self._limits[0]))
        worth = goal.gain[self._columns]
        index = np.flatnonzero(worth)
        self._add_row(goal.low, goal.high, index, worth[index])

    def _add_row(self, low: int, high: int, index: Ints, weight: Ints) -> None:
        limits = floats(np.array([low])), floats(np.array([high]))
        entries = index.astype(np.int32), weight.astype(np.float64)
        self._solver.addRow(limits[0][0], limits[1][0], len(index), *entries)
        self._limits = np.append(self._limits[0], limits[0]), np.append(self._limits[1], limits[1])


def _rank_within(sorted_groups: Ints) -> Ints:
    """Return each entry's place within its group: 0, 1, ..."""
    if not len(sorted_groups):
        return sorted_groups
    begins = np.flatnonzero(np.diff(sorted_groups, prepend=sorted_groups[0] - 1))
    return np.arange(len(sorted_groups)) - np.repeat(
        begins, np.diff(np.append(begins, len(sorted_groups)))
    )


def starters(model: Model, cost: Ints, per_household: int, per_kind: int) -> Ints:
    """Return the cheapest columns of each household and of each kind."""
    chosen = np.zeros(model.columns, dtype=bool)
    for group, most in ((model.table.who, per_household), (model.table.where, per_kind)):
        order = np.lexsort((cost, group))
        chosen[order[_rank_within(group[order]) < most]] = True
    return np.flatnonzero(chosen)
