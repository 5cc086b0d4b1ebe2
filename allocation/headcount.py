"""How many of each priority any plan can place, for nights too large to climb level by level.

The relaxation here asks who is placed and not where, leaves out C3, and takes few columns. Its
prices are only a hint: the bound is worked out from them in whole numbers over every column of the
model, so it holds whatever the solver does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import highspy
import numpy as np

from allocation.face import Face, exact_prices, running
from allocation.model import FREE, Model, gains
from allocation.problem import PRIORITY_LEVELS
from allocation.relaxation import floats, quiet_solver
from allocation.start import placed_whole
from allocation.vectors import Flags, Floats, Ints

_PER_GROUP = 12  # columns of each household and of each kind
_SPARE = 2.0**-20  # far above the rounding of a price, far below a household


def headcount_bounds(model: Model, chosen: Ints, deadline: float) -> Mapping[str, int]:
    """Return a bound for each priority: no plan places more of it and no fewer of those before.

    "Those before" are counted as in the plan ``chosen``: where T bounds how many of the first k
    priorities can be placed together, and a plan places P of the first k - 1, at most T - P of
    priority k are placed. ``deadline`` is on the clock of ``time.monotonic``.
    """
    face = Face.of(model)
    face.upper[~_usable(model)] = 0
    relaxed = _Headcount(face, _some(model))
    total = np.zeros(model.columns, dtype=np.int64)
    prices = np.zeros(len(model.low))
    bounds, before = {}, 0
    for level in PRIORITY_LEVELS:
        gain = gains(model.table, level)
        total = total + gain
        # Where the time is over, the prices of those before are still a better hint than none.
        found = relaxed.prices(total, deadline, is_last=level == PRIORITY_LEVELS[-1])
        prices = prices if found is None else found
        alone = len(np.unique(model.table.who[(gain > 0) & (face.upper > 0)]))
        bounds[level] = min(relaxed.proven(total, prices) - before, alone)
        before += int(gain[chosen].sum())
    return bounds


@dataclass(frozen=True)
class _Headcount:
    """The relaxation: ``some`` are the columns it may take."""

    face: Face
    some: Flags

    def proven(self, gain: Ints, prices: Floats) -> int:
        """Return the bound that prices prove, once C1's are set to what the others ask for."""
        face, model, who = self.face, self.face.model, self.face.model.table.who
        prices = prices.copy()
        prices[(prices > 0) & (face.high >= FREE)] = 0
        prices[(prices < 0) & (face.low <= -FREE)] = 0
        first = len(model.table.households)
        prices[:first] = 0
        left = np.where(face.upper > 0, gain - np.diff(running(prices, model)[model.start]), 0)
        best = np.full(first, -np.inf)
        np.maximum.at(best, who, left)
        # Whoever must have a room may be charged less than nothing for it.
        must = (face.low[:first] > 0) & np.isfinite(best)
        prices[:first] = np.where(must | (best > 0), best + _SPARE, 0)
        del left  # as large as the model; more of that kind follows
        return exact_prices(face, gain, prices, np.zeros(0)).best

    def prices(self, gain: Ints, deadline: float, *, is_last: bool) -> Floats | None:
        """Return the relaxation's price of every row, None where the time is over."""
        wanted = np.array([name != "C3" for name in self.face.model.names], dtype=bool)
        program = self._program(gain, wanted)
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        solver = quiet_solver()
        if is_last:  # so degenerate that simplex stalls; unpresolved, prices need no vertex
            for option, value in (("solver", "ipm"), ("run_crossover", "off"), ("presolve", "off")):
                solver.setOptionValue(option, value)
        solver.setOptionValue("time_limit", left)
        solver.passModel(program)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        prices = np.zeros(len(wanted))
        prices[wanted] = np.array(solver.getSolution().row_dual)
        return prices

    def _program(self, gain: Ints, wanted: Flags) -> highspy.HighsLp:
        face, model = self.face, self.face.model
        counts = (gain > 0) | placed_whole(model.table)[model.table.who]
        column = np.flatnonzero(self.some & counts & (face.upper > 0))
        entries = model.entries_of(column)
        owner = np.repeat(np.arange(len(column)), model.start[column + 1] - model.start[column])
        kept = wanted[model.row[entries]]
        row = (np.cumsum(wanted) - 1)[model.row[entries]][kept]
        begin = np.searchsorted(owner[kept], np.arange(len(column) + 1))
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(column), int(wanted.sum())
        program.sense_ = highspy.ObjSense.kMaximize
        program.col_cost_ = gain[column].astype(np.float64)
        program.col_lower_ = np.zeros(len(column))
        program.col_upper_ = np.full(len(column), highspy.kHighsInf)  # C1 keeps them at 1
        program.row_lower_, program.row_upper_ = floats(face.low)[wanted], floats(face.high)[wanted]
        program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        program.a_matrix_.start_ = begin.astype(np.int32)
        program.a_matrix_.index_ = row.astype(np.int32)
        program.a_matrix_.value_ = model.weight[entries][kept].astype(np.float64)
        return program


def _some(model: Model) -> Flags:
    """Columns spread evenly over those of each household and of each kind; all of groups'."""
    table = model.table
    some = placed_whole(table)[table.who]
    by_kind = np.argsort(table.where, kind="stable")
    some[_spread(table.who)] = True
    some[by_kind[_spread(table.where[by_kind])]] = True
    return some


def _spread(sorted_groups: Ints) -> Flags:
    """Return which entries to take for ``_PER_GROUP`` of each group, evenly spaced."""
    size = np.bincount(sorted_groups)
    rank = np.arange(len(sorted_groups)) - (np.cumsum(size) - size)[sorted_groups]
    of = size[sorted_groups]
    taken: Flags = (rank * _PER_GROUP) // of != ((rank - 1) * _PER_GROUP) // of
    return taken


def _usable(model: Model) -> Flags:
    """Which columns C4 leaves to members of groups: those where every other member has one."""
    tied = np.array([name == "C4" for name in model.names], dtype=bool)
    entry = np.flatnonzero(tied[model.row])
    column = np.searchsorted(model.start, entry, side="right") - 1
    row, sign = model.row[entry], model.weight[entry]
    usable = np.ones(model.columns, dtype=bool)
    while True:
        live = usable[column]
        plus = np.bincount(row[live & (sign > 0)], minlength=len(model.low)) > 0
        minus = np.bincount(row[live & (sign < 0)], minlength=len(model.low)) > 0
        alone = live & ~(plus[row] & minus[row])
        if not alone.any():
            return usable
        usable[column[alone]] = False
