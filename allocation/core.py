"""The exact core: the best whole plan among a few columns, by HiGHS's branch and bound."""

from __future__ import annotations

import time
from dataclasses import dataclass

import highspy
import numpy as np

from allocation.face import Face, Prices
from allocation.relaxation import floats, quiet_solver
from allocation.vectors import Ints

_CORE = 6  # columns for each household, on average, in the first core
_GROWTH = 4  # how much larger the next core is, where that one held no plan


@dataclass(frozen=True)
class Best:
    """The best plan found (None for none), and the value that no plan of these columns exceeds.

    ``is_settled`` is false where the time ran out first.
    """

    chosen: Ints | None
    bound: float
    is_settled: bool


def best_of(face: Face, gain: Ints, columns: Ints, start: Ints | None, deadline: float) -> Best:
    """Return the best plan of the face that takes only these columns (their numbers)."""
    left = deadline - time.monotonic()
    if left <= 0:
        return Best(None, np.inf, is_settled=False)
    solver = quiet_solver()
    for option, value in (("mip_rel_gap", 0.0), ("mip_abs_gap", 0.99), ("time_limit", left)):
        solver.setOptionValue(option, value)
    solver.passModel(_program(face, gain, columns))
    if start is not None:
        given = highspy.HighsSolution()
        given.col_value = np.isin(columns, start).astype(float).tolist()
        solver.setSolution(given)
    solver.run()
    return _answer(solver, face, columns)


def _answer(solver: highspy.Highs, face: Face, columns: Ints) -> Best:
    status, info = solver.getModelStatus(), solver.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        return Best(None, -np.inf, is_settled=True)
    chosen = None
    if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
        chosen = np.sort(columns[np.array(solver.getSolution().col_value) > 0.5])
        if not face.allows(chosen):
            chosen = None
    settled = status == highspy.HighsModelStatus.kOptimal and chosen is not None
    return Best(chosen, info.mip_dual_bound, settled)


def _program(face: Face, gain: Ints, columns: Ints) -> highspy.HighsLp:
    model = face.model
    entries = model.entries_of(columns)
    length = model.start[columns + 1] - model.start[columns]
    owner = np.repeat(np.arange(len(columns)), length)
    row, weight = model.row[entries], model.weight[entries]
    low, high = [face.low], [face.high]
    for i, goal in enumerate(face.goals):
        some = np.flatnonzero(goal.gain[columns])
        owner = np.concatenate([owner, some])
        row = np.concatenate([row, np.full(len(some), len(face.low) + i)])
        weight = np.concatenate([weight, goal.gain[columns[some]]])
        low.append(np.array([goal.low]))
        high.append(np.array([goal.high]))
    order = np.argsort(owner, kind="stable")
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(columns), len(face.low) + len(face.goals)
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_ = gain[columns].astype(np.float64)
    program.col_lower_ = face.lower[columns].astype(np.float64)
    program.col_upper_ = face.upper[columns].astype(np.float64)
    program.row_lower_ = floats(np.concatenate(low))
    program.row_upper_ = floats(np.concatenate(high))
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    begin = np.searchsorted(owner[order], np.arange(len(columns) + 1))
    program.a_matrix_.start_ = begin.astype(np.int32)
    program.a_matrix_.index_ = row[order].astype(np.int32)
    program.a_matrix_.value_ = weight[order].astype(np.float64)
    program.integrality_ = [highspy.HighsVarType.kInteger] * len(columns)
    return program


@dataclass(frozen=True)
class Hunt:
    """The search for the best plan of a face, first among few columns, then among all that count.

    ``prices`` are those of the gain on this face, or on one that holds every plan that can be
    better than what is known. Among columns that they charge alike, those with the least
    ``promise`` come first.
    """

    face: Face
    gain: Ints
    prices: Prices
    promise: Ints
    deadline: float

    def first(self, start: Ints | None) -> Best:
        """Return the best plan of the smallest core that holds one, which need not be the best."""
        most = _CORE * len(self.face.model.table.households)
        while True:
            columns = self._columns(start, most)
            found = best_of(self.face, self.gain, columns, start, self.deadline)
            if found.chosen is not None or not found.is_settled or len(columns) < most:
                return found
            most *= _GROWTH

    def best(self, start: Ints | None) -> Best:
        """Return the best plan, proven over every column that a better one could use."""
        if start is None:
            found = self.first(None)
            if found.chosen is None or not found.is_settled:
                return found
            start = found.chosen
        columns = self._columns(start, len(self.gain))
        if len(columns) == len(start):
            return Best(start, float(self.gain[start].sum()), is_settled=True)
        found = best_of(self.face, self.gain, columns, start, self.deadline)
        return found if found.chosen is not None else Best(start, found.bound, found.is_settled)

    def _columns(self, best: Ints | None, most: int) -> Ints:
        """Return at most so many of the columns worth trying, and those that must be there."""
        charge = np.maximum(0, -self.prices.reduced)
        live = self.face.upper > 0
        if best is not None:
            beyond = int(self.gain[best].sum()) + 1
            live &= charge <= self.prices.bound - beyond * self.prices.scale
        needed = np.flatnonzero(live)
        if len(needed) > most:
            needed = needed[np.lexsort((self.promise[needed], charge[needed]))[:most]]
        kept = [needed, np.flatnonzero(self.face.lower)] + ([] if best is None else [best])
        return np.unique(np.concatenate(kept))
