"""The exact search: the best value of one level after another, each proven before the next.

For each level the linear relaxation gives prices, and the prices an exact bound in whole numbers.
Where its solution is whole and meets the bound, nothing is left to search; otherwise CP-SAT
searches the columns that could still do better. Columns and slack that no best plan can use are
then taken away, which keeps the later levels small.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from allocation.model import Model, Row
from allocation.relaxation import SCALE, Prices, Relaxation, exact_prices

_FAR = 2**61
# Above so many columns, the most promising few of each household are searched first.
MAX_COLUMNS = 3000
CORE_COLUMNS = 8


@dataclass(frozen=True)
class Outcome:
    """The columns chosen and, for each level, the value reached and the proven bound (signed).

    ``chosen`` is None when no plan is allowed at all. Levels after the first unproven one keep a
    trivial bound that holds for every plan.
    """

    chosen: frozenset[int] | None
    values: dict[str, int]
    bounds: dict[str, int]

    @property
    def is_proven(self) -> bool:
        """Whether no plan is better on any level."""
        return self.values == self.bounds


class OutOfTime(Exception):
    """The time ran out before the search found any plan."""


def lexicographic(
    model: Model,
    levels: Mapping[str, Sequence[int]],
    start: frozenset[int] | None,
    deadline: float,
    *,
    target: Sequence[int] | None = None,
    by_prices: bool = True,
) -> Outcome:
    """Return the best plan level by level; ``start`` is an allowed plan where one is known.

    ``levels`` holds, most important first, what each column adds to each level. ``deadline`` is
    on the clock of ``time.monotonic``. With ``target`` the search stops at the first level whose
    best value differs from the target's. Small questions are settled faster without prices.

    Raises:
        OutOfTime: no start was given, and no plan was found in time.
    """
    search = Search(model, start, deadline, by_prices=by_prices)
    bounds = {name: _trivial_bound(model, level) for name, level in levels.items()}
    for i, (name, level) in enumerate(levels.items()):
        bound = search.climb(level)
        if search.chosen is None:
            return Outcome(None, {}, {})
        bounds[name] = min(bound, bounds[name])
        value = _value(level, search.chosen)
        if value < bounds[name] or (target is not None and value != target[i]):
            break
    chosen = search.chosen or frozenset()
    values = {name: _value(level, chosen) for name, level in levels.items()}
    return Outcome(search.chosen, values, bounds)


def any_plan(model: Model, deadline: float) -> frozenset[int] | None:
    """Return some allowed plan, or None when there is provably none.

    Raises:
        OutOfTime: neither was settled by the deadline.
    """
    search = Search(model, None, deadline, by_prices=False)
    search.climb([0] * len(model.pairs))
    return search.chosen


def _trivial_bound(model: Model, level: Sequence[int]) -> int:
    best: dict[str, int] = {}
    for pair, value in zip(model.pairs, level, strict=True):
        best[pair.household.id] = max(best.get(pair.household.id, 0), value)
    return sum(best.values())


def _value(level: Sequence[int], chosen: frozenset[int]) -> int:
    return sum(level[j] for j in chosen)


class Search:
    """The plans that are still best on every level climbed so far."""

    def __init__(
        self, model: Model, start: frozenset[int] | None, deadline: float, *, by_prices: bool
    ) -> None:
        self.chosen = start
        self._deadline = deadline
        self._relaxation = Relaxation(model) if by_prices else None
        self._rows = list(model.rows)
        self._used: frozenset[int] = frozenset()
        self._fixed: dict[int, int] = {}
        self._pairs = model.pairs
        self._columns = len(model.pairs)

    def climb(self, level: Sequence[int]) -> int:
        """Move to the best plan on this level, keep only its equals, and return the bound."""
        if self.chosen is not None and not any(
            gain for j, gain in enumerate(level) if j not in self._fixed
        ):
            return _value(level, self.chosen)
        prices = self._prices(level)
        bound = self._search(level, prices)
        if self.chosen is not None and _value(level, self.chosen) == bound:
            self._keep_equals(level, bound, prices)
        return bound

    def _prices(self, level: Sequence[int]) -> Prices | None:
        left = self._deadline - time.monotonic()
        if self._relaxation is None or left <= 0:
            return None
        relaxed = self._relaxation.solve(level, left)
        if relaxed is None:
            return None
        if relaxed.is_whole and self._allows(relaxed.used):
            self._improve(relaxed.used, level)
        self._used = relaxed.used
        return exact_prices(self._rows, relaxed.prices, level, self._fixed)

    def _allows(self, chosen: frozenset[int]) -> bool:
        """Check the rows in whole numbers: floating point is never taken at its word."""
        for row in self._rows:
            total = sum(weight for j, weight in row.terms if j in chosen)
            if (row.low is not None and total < row.low) or (
                row.high is not None and total > row.high
            ):
                return False
        return all((j in chosen) == bool(value) for j, value in self._fixed.items())

    def _improve(self, candidate: frozenset[int], level: Sequence[int]) -> None:
        if self.chosen is None or _value(level, candidate) > _value(level, self.chosen):
            self.chosen = candidate

    def _search(self, level: Sequence[int], prices: Prices | None) -> int:
        """Return the proven bound, after searching for better wherever it lies above the plan."""
        bound = _FAR if prices is None else prices.bound // SCALE
        if self.chosen is not None and _value(level, self.chosen) == bound:
            return bound
        left = self._deadline - time.monotonic()
        if left <= 0:
            if self.chosen is None:
                raise OutOfTime
            return bound
        core = self._core(prices)
        if core is not None:
            self._search_columns(level, prices, core)
            if self.chosen is not None and _value(level, self.chosen) == bound:
                return bound
        return min(bound, self._search_columns(level, prices, None))

    def _core(self, prices: Prices | None) -> frozenset[int] | None:
        """Return a few promising columns of each household, where there are too many in all."""
        if prices is None or self._columns - len(self._fixed) <= MAX_COLUMNS:
            return None
        cheapest: dict[str, list[tuple[int, int]]] = {}
        for j, pair in enumerate(self._pairs):
            if j not in self._fixed:
                cheapest.setdefault(pair.household.id, []).append((-prices.reduced[j], j))
        best = (j for mine in cheapest.values() for _, j in sorted(mine)[:CORE_COLUMNS])
        return frozenset((*best, *self._used, *(self.chosen or ())))

    def _search_columns(
        self, level: Sequence[int], prices: Prices | None, core: frozenset[int] | None
    ) -> int:
        """Search for better among the core, or among all; the bound holds only for all."""
        goal = None if self.chosen is None else _value(level, self.chosen) + 1
        left = self._deadline - time.monotonic()
        if left <= 0:
            return _FAR
        cp, columns = self._cp_model(level, prices, goal, core)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1  # one answer on any number of cores; also the fastest
        solver.parameters.linearization_level = 2
        solver.parameters.random_seed = 0
        solver.parameters.max_time_in_seconds = left
        status = solver.solve(cp)
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            taken = {j for j, column in columns.items() if solver.boolean_value(column)}
            self.chosen = frozenset(taken | {j for j, value in self._fixed.items() if value})
            value = _value(level, self.chosen)
            return value if status == cp_model.OPTIMAL else max(value, _bound_of(solver))
        if status == cp_model.INFEASIBLE:
            return -_FAR if self.chosen is None else _value(level, self.chosen)
        if self.chosen is None:
            raise OutOfTime
        return _FAR

    def _cp_model(
        self,
        level: Sequence[int],
        prices: Prices | None,
        goal: int | None,
        core: frozenset[int] | None,
    ) -> tuple[cp_model.CpModel, dict[int, cp_model.IntVar]]:
        """Build the rows over the columns that a plan worth ``goal`` could use."""
        cp = cp_model.CpModel()
        columns = {
            j: cp.new_bool_var("")
            for j in range(self._columns)
            if j not in self._fixed
            and (core is None or j in core)
            and not _too_dear(prices, j, goal)
        }
        worth = Row("O", tuple(enumerate(level)), goal, None)
        for row in (*self._rows, *([] if goal is None else [worth])):
            self._add_row(cp, columns, row)
        base = sum(level[j] for j, value in self._fixed.items() if value)
        mine = [level[j] for j in columns]
        cp.maximize(cp_model.LinearExpr.weighted_sum(list(columns.values()), mine) + base)
        return cp, columns

    def _add_row(self, cp: cp_model.CpModel, columns: dict[int, cp_model.IntVar], row: Row) -> None:
        mine = [(columns[j], weight) for j, weight in row.terms if j in columns]
        done = sum(weight for j, weight in row.terms if self._fixed.get(j) == 1)
        low = -_FAR if row.low is None else row.low - done
        high = _FAR if row.high is None else row.high - done
        if high == 1 and low <= 0 and all(weight == 1 for _, weight in mine):
            cp.add_at_most_one([column for column, _ in mine])
            return
        total = cp_model.LinearExpr.weighted_sum([c for c, _ in mine], [w for _, w in mine])
        cp.add_linear_constraint(total, low, high)

    def _keep_equals(self, level: Sequence[int], best: int, prices: Prices | None) -> None:
        """Take away what no plan worth ``best`` can use; add a row where that is not enough."""
        chosen = self.chosen or frozenset()
        left_over = _FAR
        if prices is not None:
            spare = prices.bound - best * SCALE
            left_over = self._fix_columns(prices, spare, chosen)
            left_over += self._tighten_rows(prices, spare, chosen)
            left_over -= spare
        # What is left could cost less than one unit in all, so every remaining plan is worth best.
        if left_over >= SCALE:
            terms = tuple((j, gain) for j, gain in enumerate(level) if gain)
            row = Row("O", terms, best, best)
            self._rows.append(row)
            if self._relaxation is not None:
                self._relaxation.add(row)

    def _fix_columns(self, prices: Prices, spare: int, chosen: frozenset[int]) -> int:
        left_over = 0
        for j, figure in enumerate(prices.reduced):
            if j in self._fixed:
                continue
            if abs(figure) > spare:
                self._fixed[j] = int(j in chosen)
                if self._relaxation is not None:
                    self._relaxation.fix(j, self._fixed[j])
            else:
                left_over += abs(figure)
        return left_over

    def _tighten_rows(self, prices: Prices, spare: int, chosen: frozenset[int]) -> int:
        left_over = 0
        for i, (price, row) in enumerate(zip(prices.rows, self._rows, strict=True)):
            if not price or row.low == row.high:
                continue
            if abs(price) > spare:
                limit = row.high if price > 0 else row.low
                self._rows[i] = replace(row, low=limit, high=limit)
                if self._relaxation is not None:
                    self._relaxation.tighten(i, self._rows[i])
            else:
                left_over += abs(price) * _widest_slack(row, up=price > 0)
        return left_over


def _bound_of(solver: cp_model.CpSolver) -> int:
    return int(solver.best_objective_bound + 0.5)


def _too_dear(prices: Prices | None, j: int, goal: int | None) -> bool:
    if prices is None or goal is None:
        return False
    return prices.reduced[j] < 0 and prices.bound + prices.reduced[j] < goal * SCALE


def _widest_slack(row: Row, *, up: bool) -> int:
    """Return the most by which a row can stay away from its upper (or lower) limit."""
    if up:
        least = sum(min(0, weight) for _, weight in row.terms)
        return (row.high or 0) - (least if row.low is None else max(least, row.low))
    most = sum(max(0, weight) for _, weight in row.terms)
    return (most if row.high is None else min(most, row.high)) - (row.low or 0)
