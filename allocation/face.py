"""The plans still in question: limits of columns and rows, tightened level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from allocation.model import FREE, Model
from allocation.vectors import Floats, Ints

_SCALE_BITS = 24
Bits = npt.NDArray[np.int8]  # 0 or 1
Numbers = TypeVar("Numbers", Ints, Floats)


@dataclass(frozen=True, eq=False)
class Goal:
    """An extra row: the columns' gains add up to at least ``low`` and at most ``high``."""

    gain: Ints
    low: int
    high: int

    @classmethod
    def exactly(cls, gain: Ints, value: int) -> Goal:
        """Return the row of plans that are worth just so much."""
        return cls(gain, value, value)


@dataclass
class Face:
    """Columns may be taken up to ``upper`` and must be from ``lower``; rows as in the model."""

    model: Model
    lower: Bits
    upper: Bits
    low: Ints
    high: Ints
    goals: list[Goal] = field(default_factory=list)

    @classmethod
    def of(cls, model: Model) -> Face:
        """Return the face of all plans."""
        lower = np.zeros(model.columns, dtype=np.int8)
        upper = np.ones(model.columns, dtype=np.int8)
        return cls(model, lower, upper, model.low.copy(), model.high.copy())

    def copy(self) -> Face:
        """Return a face of its own with the same limits."""
        columns, rows = (self.lower.copy(), self.upper.copy()), (self.low.copy(), self.high.copy())
        return Face(self.model, *columns, *rows, list(self.goals))

    def grown(self, model: Model) -> Face:
        """Return the same plans over a model that has more rows after those of this one."""
        known = len(self.low)
        low = np.concatenate([self.low, model.low[known:]])
        high = np.concatenate([self.high, model.high[known:]])
        return replace(self, model=model, low=low, high=high, goals=list(self.goals))

    def allows(self, chosen: Ints) -> bool:
        """Whether the chosen columns (their numbers) keep every limit, in whole numbers."""
        taken = np.zeros(self.model.columns, dtype=np.int8)
        taken[chosen] = 1
        total = self.model.totals(chosen)
        return bool(
            np.all((self.lower <= taken) & (taken <= self.upper))
            and np.all((self.low <= total) & (total <= self.high))
            and all(goal.low <= int(goal.gain[chosen].sum()) <= goal.high for goal in self.goals)
        )


@dataclass(frozen=True)
class Prices:
    """What prices of rows prove about a level, in whole numbers multiplied by ``scale``.

    Every plan of the face is worth exactly ``bound`` less a non-negative charge: ``-reduced[j]``
    for taking a column with a negative figure, ``reduced[j]`` for leaving one with a positive
    figure, and ``|rows[i]|`` (or ``|goals[i]|``) for each unit by which a row is not used up. This
    holds for any prices, right or wrong, so no rounding of a solver can make the bound false.
    """

    scale: int
    bound: int
    reduced: Ints
    rows: Ints
    goals: tuple[int, ...]
    has_loose_goal: bool = False  # whether a goal that need not be used up has a price

    @property
    def best(self) -> int:
        """The bound in units of the level: no plan of the face is worth more."""
        return self.bound // self.scale


def exact_prices(face: Face, gain: Ints, rows: Floats, goals: Floats) -> Prices:
    """Round a solver's prices and work out, in whole numbers, the bound they prove."""
    model = face.model
    scale = _scale(face, gain, rows, goals)
    price = np.rint(rows * scale).astype(np.int64)
    price[((price > 0) & (face.high >= FREE)) | ((price < 0) & (face.low <= -FREE))] = 0
    goal_prices = tuple(
        0 if (goal.high >= FREE if y > 0 else goal.low <= -FREE) else round(float(y) * scale)
        for goal, y in zip(face.goals, goals, strict=True)
    )
    # A running sum may wrap around, but differences of it are still exact.
    reduced = gain * scale
    reduced -= np.diff(running(price, model)[model.start])
    limit = np.where(price > 0, face.high, np.where(price < 0, face.low, 0))
    bound = _total(price, limit)
    for goal, y in zip(face.goals, goal_prices, strict=True):
        reduced -= y * goal.gain
        bound += y * (goal.high if y > 0 else goal.low)
    bound += _total(reduced, np.where(reduced > 0, face.upper, face.lower))
    priced = zip(face.goals, goal_prices, strict=True)
    loose = any(y and goal.low != goal.high for goal, y in priced)
    return Prices(scale, bound, reduced, price, goal_prices, loose)


def running(price: Numbers, model: Model) -> Numbers:
    """Return the running sum, from 0 on, of what the rows charge for the entries of the model."""
    sums = np.zeros(len(model.row) + 1, dtype=price.dtype)
    np.take(price, model.row, out=sums[1:])
    sums[1:] *= model.weight
    np.cumsum(sums, out=sums)  # in place, and nothing else of this size: a national night is large
    return sums


def _scale(face: Face, gain: Ints, rows: Floats, goals: Floats) -> int:
    """Return a power of two that keeps every product below 2^61."""
    weight = float(np.abs(face.model.weight).max(initial=1))
    largest = float(np.abs(gain).max(initial=1)) + 8 * weight * float(np.abs(rows).max(initial=1))
    for goal, y in zip(face.goals, goals, strict=True):
        largest += abs(float(y)) * float(np.abs(goal.gain).max(initial=1))
    return int(2 ** max(0, min(_SCALE_BITS, 60 - int(np.ceil(np.log2(largest + 1))))))


def _total(a: Ints, b: Ints) -> int:
    """Return the sum of products as a whole number of any size."""
    some = np.flatnonzero((a != 0) & (b != 0))
    if np.all(b[some] == 1):
        low, high = a[some] & 0xFFFFFFFF, a[some] >> 32
        return (int(high.sum()) << 32) + int(low.sum())
    return sum(x * y for x, y in zip(a[some].tolist(), b[some].tolist(), strict=True))


def narrow(face: Face, prices: Prices, least: int, goals: Sequence[Goal]) -> Face:
    """Return the face of the plans that keep the goals, all of them worth at least ``least``.

    Columns and slack that such a plan cannot afford are taken away; the goals become rows unless
    that alone makes sure of a single one.
    """
    kept = face.copy()
    spare = prices.bound - least * prices.scale
    free = face.lower < face.upper
    size = np.abs(prices.reduced)
    dear = free & (size > spare)
    kept.upper[dear & (prices.reduced < 0)] = 0
    kept.lower[dear & (prices.reduced > 0)] = 1
    left_over = int(size[free & ~dear].sum(dtype=np.float64)) + _tighten(kept, prices, spare)
    # Where what is left could cost less than one unit in all, every plan left is worth the bound.
    # Slack in a goal is not counted above, so where a goal with slack has a price the row is kept.
    if len(goals) > 1 or prices.has_loose_goal or left_over - spare >= prices.scale:
        kept.goals += goals
    return kept


def _tighten(face: Face, prices: Prices, spare: int) -> int:
    """Make equations of the rows that must be used up; return what the others could still cost."""
    loose = (prices.rows != 0) & (face.low != face.high)
    dear = loose & (np.abs(prices.rows) > spare)
    used_up = np.where(prices.rows > 0, face.high, face.low)
    face.low[dear] = face.high[dear] = used_up[dear]
    rest = np.flatnonzero(loose & ~dear)
    if not len(rest):
        return 0
    return int((np.abs(prices.rows[rest]).astype(np.float64) * _slack(face, rest)).sum()) + 1


def _slack(face: Face, rows: Ints) -> Floats:
    """Return a figure that the slack of each row cannot exceed."""
    model = face.model
    reach = np.bincount(model.row, np.abs(model.weight), minlength=len(face.low))
    limit = np.minimum(np.abs(face.high[rows]), np.abs(face.low[rows]))
    slack: Floats = reach[rows].astype(np.float64) + limit
    return slack
