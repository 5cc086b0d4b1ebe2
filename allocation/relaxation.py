"""The linear relaxation, solved in floating point, and the exact bound its prices prove."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf

from ortools.math_opt.python import mathopt  # type: ignore[import-untyped]

from allocation.model import Model, Row

# Prices are rounded to multiples of 1/SCALE; every figure after that is a whole number.
SCALE = 2**24
_NEAR = 1e-6


@dataclass(frozen=True)
class Prices:
    """What the relaxation proves, in whole numbers scaled by SCALE.

    Every plan is worth exactly ``bound`` less a non-negative charge: ``-reduced[j]`` for taking
    a column with a negative figure, ``reduced[j]`` for leaving one with a positive figure, and
    ``|rows[i]|`` for each unit by which row i is not used up. This holds for any prices, right or
    wrong, so no rounding of the solver can make the bound false.
    """

    bound: int
    reduced: tuple[int, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Relaxed:
    """The columns above 0 at the best point, whether each is at 1, and the row prices."""

    used: frozenset[int]
    is_whole: bool
    prices: tuple[float, ...]


class Relaxation:
    """Columns between 0 and 1 under the model's rows; keeps its basis from solve to solve."""

    def __init__(self, model: Model) -> None:
        self._model = mathopt.Model()
        self._columns = [self._model.add_variable(lb=0.0, ub=1.0) for _ in model.pairs]
        self._limits: list[mathopt.LinearConstraint] = []
        for row in model.rows:
            self.add(row)
        self._solver = mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)

    def add(self, row: Row) -> None:
        """Add a row."""
        low = -inf if row.low is None else float(row.low)
        high = inf if row.high is None else float(row.high)
        limit = self._model.add_linear_constraint(lb=low, ub=high)
        for j, weight in row.terms:
            limit.set_coefficient(self._columns[j], float(weight))
        self._limits.append(limit)

    def tighten(self, i: int, row: Row) -> None:
        """Replace row i by one with the same terms and closer limits."""
        if row.low is not None:
            self._limits[i].lower_bound = float(row.low)
        if row.high is not None:
            self._limits[i].upper_bound = float(row.high)

    def fix(self, j: int, value: int) -> None:
        """Fix a column at 0 or 1."""
        self._columns[j].lower_bound = self._columns[j].upper_bound = float(value)

    def solve(self, gains: Sequence[int], seconds: float) -> Relaxed | None:
        """Return the best point, or None when there is none or the solver does not settle it."""
        terms = (gain * x for gain, x in zip(gains, self._columns, strict=True) if gain)
        self._model.maximize_linear_objective(mathopt.LinearSum(terms))
        limit = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds))
        result = self._solver.solve(params=limit)
        if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
            return None
        values = result.variable_values(self._columns)
        used = frozenset(j for j, v in enumerate(values) if v > _NEAR)
        whole = all(values[j] > 1 - _NEAR for j in used)
        return Relaxed(used, whole, tuple(result.dual_values(self._limits)))


def exact_prices(
    rows: Sequence[Row], prices: Sequence[float], gains: Sequence[int], fixed: dict[int, int]
) -> Prices:
    """Round the solver's prices and work out, in whole numbers, the bound they prove."""
    whole = tuple(_usable(row, round(y * SCALE)) for row, y in zip(rows, prices, strict=True))
    reduced = [gain * SCALE for gain in gains]
    bound = 0
    for row, price in zip(rows, whole, strict=True):
        if not price:
            continue
        bound += price * (row.high if price > 0 else row.low)  # type: ignore[operator]
        for j, weight in row.terms:
            reduced[j] -= price * weight
    for j, value in fixed.items():
        bound += reduced[j] * value
        reduced[j] = 0
    bound += sum(figure for figure in reduced if figure > 0)
    return Prices(bound, tuple(reduced), whole)


def _usable(row: Row, price: int) -> int:
    limit = row.high if price > 0 else row.low
    return 0 if limit is None else price
