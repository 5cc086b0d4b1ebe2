"""A first allowed plan, found at once: the queue in order, each to her best room still open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from allocation.model import Model
from allocation.problem import Household
from allocation.table import Table
from allocation.vectors import Flags, Ints


class Draft:
    """Columns taken so far, and how full that makes every row."""

    def __init__(self, model: Model, taken: Ints) -> None:
        self._model = model
        # Groups are placed whole, so the rows that keep them whole would only stand in the way.
        whole = np.array([name == "C4" for name in model.names], dtype=bool)
        self._left = np.where(whole, np.iinfo(np.int64).max // 2, model.high)
        self._left -= np.where(whole, 0, model.totals(taken))
        self.taken = set(taken.tolist())

    def fitting(self, columns: Ints) -> Ints:
        """Return those of the columns that would overfill no row, each taken alone."""
        entries = self._model.entries_of(columns)
        owner = np.repeat(
            np.arange(len(columns)), self._model.start[columns + 1] - self._model.start[columns]
        )
        over = self._model.weight[entries] > self._left[self._model.row[entries]]
        fitting: Ints = columns[np.bincount(owner[over], minlength=len(columns)) == 0]
        return fitting

    def over(self, column: int) -> dict[int, int]:
        """Return the rows that the column would overfill, and by how much."""
        entries = slice(self._model.start[column], self._model.start[column + 1])
        row = self._model.row[entries]
        excess = self._model.weight[entries] - self._left[row]
        return {int(i): int(e) for i, e in zip(row, excess, strict=True) if e > 0}

    def take(self, column: int, sign: int = 1) -> None:
        """Take a column, or give it back with sign -1."""
        (self.taken.add if sign > 0 else self.taken.discard)(column)
        entries = slice(self._model.start[column], self._model.start[column + 1])
        self._left[self._model.row[entries]] -= sign * self._model.weight[entries]


def greedy(model: Model, base: Ints) -> Ints:
    """Return an allowed plan that holds ``base`` and adds households in the order of the queue.

    Each gets the column that leaves the fewest wishes unmet, then the least scarce, then the
    nearest.
    """
    table, pairs = model.table, model.table.pairs
    cost = pairs.unmet * 10**12 + pairs.scarce * 10**6 + pairs.minutes
    draft = Draft(model, base)
    done = set(table.who[base].tolist())
    for unit in _units(model):
        if done.isdisjoint(unit):
            _place(draft, model, [table.columns_of(i) for i in unit], cost)
    return np.array(sorted(draft.taken), dtype=np.int64)


def _units(model: Model) -> Iterator[list[int]]:
    """Yield the households (by index) placed together, by the first of them in the queue."""
    table = model.table
    unit_of = {i: {i} for i in range(len(table.households))}
    for group in table.together:
        merged = set().union(*(unit_of[i] for i in group))
        for i in merged:
            unit_of[i] = merged
    queue = queue_of(table)
    place = {i: at for at, i in enumerate(queue)}
    seen: set[int] = set()
    for i in queue:
        if i not in seen:
            seen |= unit_of[i]
            yield sorted(unit_of[i], key=place.__getitem__)


def queue_of(table: Table) -> list[int]:
    """Return every household, by index, in the order of the queue."""
    return sorted(range(len(table.households)), key=lambda i: (*turn(table.households[i]), i))


def placed_whole(table: Table) -> Flags:
    """Return who may not be moved alone: members of groups, and accepted offers."""
    bound = np.array([h.is_fixed for h in table.households], dtype=bool)
    bound[[i for group in table.together for i in group]] = True
    return bound


def turn(household: Household) -> tuple[int, int]:
    """Return her place in the queue: smaller stands before, equal stands level."""
    return household.priority, -household.waiting_minutes


def _place(draft: Draft, model: Model, columns: Sequence[Ints], cost: Ints) -> None:
    if len(columns) == 1:
        _take_best(draft, columns[0], cost)
        return
    for refuge in np.unique(model.table.at[columns[0]]).tolist():
        added: list[int] = []
        for mine in columns:
            best = _take_best(draft, mine[model.table.at[mine] == refuge], cost)
            if best is None:
                break
            added.append(best)
        if len(added) == len(columns):
            return
        for column in added:
            draft.take(column, sign=-1)


def _take_best(draft: Draft, columns: Ints, cost: Ints) -> int | None:
    fitting = draft.fitting(columns)
    if not len(fitting):
        return None
    best = int(fitting[np.argmin(cost[fitting])])
    draft.take(best)
    return best
