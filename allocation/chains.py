"""Whom it would move when she takes another room: the cheapest chain of moves, found at once.

One household makes way for the next until somebody reaches a free place, or is left without one.
Chains look at rooms only; whether the plan that comes out keeps every rule is asked of the model
afterwards. So a chain is a true price that one can pay, and may not be the lowest.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from allocation.model import Model
from allocation.problem import PRIORITY_LEVELS
from allocation.start import turn
from allocation.vectors import Flags, Ints

_ROUNDS = 6  # the longest chain that is looked for
_WIDEST = 2**12  # how many units of one level the next is at most told apart from
_LEFT_OUT = 2**50  # leaving one household out weighs more than any moves of others
_NO_WAY = 2**62
_FREE, _OUT = -1, -2


class Chains:
    """The cheapest way to make room in every kind, for one household of a plan.

    ``chosen`` are the plan's columns and ``her`` the index of the household that moves.
    """

    def __init__(self, model: Model, levels: Mapping[str, Ints], chosen: Ints, her: int) -> None:
        self._model, self._chosen, self._her = model, chosen, her
        table = model.table
        self._price = _packed(levels)
        self._now = np.full(len(table.households), -1, dtype=np.int64)
        self._now[table.who[chosen]] = chosen
        self._free = self._free_places()
        self._movable = self._who_may_move()
        self._cost, self._next = self._cheapest()

    def plans(self, columns: Ints, most: int = 3) -> Ints | None:
        """Return the columns of a plan with her in one of these columns; None where none is found.

        The cheapest few chains are tried until one keeps every rule.
        """
        cost = self._price[columns] + self._cost[self._model.table.where[columns]]
        for j in columns[np.argsort(cost, kind="stable")][:most].tolist():
            moved = self._followed(j)
            if moved is not None and self._model.allows(moved):
                return moved
        return None

    def _free_places(self) -> Flags:
        table = self._model.table
        used = np.bincount(table.where[self._chosen], minlength=len(table.kinds))
        free: Flags = np.array(
            [kind.room.shared or used[k] < kind.places for k, kind in enumerate(table.kinds)],
            dtype=bool,
        )
        if self._now[self._her] >= 0:
            free[table.where[self._now[self._her]]] = True
        return free

    def _who_may_move(self) -> Flags:
        """Those placed who have not accepted an offer and belong to no group."""
        table = self._model.table
        movable: Flags = self._now >= 0
        movable &= ~np.array([h.is_fixed for h in table.households], dtype=bool)
        movable[[i for group in table.together for i in group]] = False
        movable[self._her] = False
        return movable

    def _cheapest(self) -> tuple[Ints, Ints]:
        """Return, for each kind, the price of making room and the column that the first move takes.

        Shortest paths from every kind to a free place or to being left out (Bellman and Ford).
        """
        table = self._model.table
        cost = np.where(self._free, 0, _NO_WAY)
        step = np.full(len(table.kinds), _FREE, dtype=np.int64)
        queue = sorted(range(len(table.households)), key=lambda i: turn(table.households[i]))
        for place, i in enumerate(queue):
            kind = table.where[self._now[i]]
            price = (len(queue) - place) * _LEFT_OUT if len(queue) < 4000 else _NO_WAY - 1
            if self._movable[i] and price < cost[kind]:
                cost[kind], step[kind] = price, _OUT - i
        mover = np.flatnonzero(
            self._movable[table.who] & (self._now[table.who] != np.arange(len(table.who)))
        )
        source = table.where[self._now[table.who[mover]]]
        delta = self._price[mover] - self._price[self._now[table.who[mover]]]
        for _ in range(_ROUNDS):
            onward = cost[table.where[mover]]
            through = np.where(onward < _NO_WAY, delta + onward, _NO_WAY)
            best = cost.copy()
            np.minimum.at(best, source, through)
            better = np.flatnonzero((through == best[source]) & (best[source] < cost[source]))
            if not len(better):
                break
            step[source[better]] = mover[better]
            cost = best
        return cost, step

    def _followed(self, column: int) -> Ints | None:
        """Return the plan's columns after the chain that begins with her in this column."""
        table = self._model.table
        chosen = set(self._chosen.tolist()) - {int(self._now[self._her])} | {column}
        kind = int(table.where[column])
        for _ in range(_ROUNDS + 2):
            move = int(self._next[kind])
            if self._free[kind]:
                return np.array(sorted(chosen), dtype=np.int64)
            if move == _FREE:
                return None
            who = _OUT - move if move <= _OUT else int(table.who[move])
            if int(self._now[who]) not in chosen:
                return None  # the chain came back to somebody who has moved already
            chosen.remove(int(self._now[who]))
            if move <= _OUT:
                return np.array(sorted(chosen), dtype=np.int64)
            chosen.add(move)
            kind = int(table.where[move])
        return None


def _packed(levels: Mapping[str, Ints]) -> Ints:
    """Return one price for each column: the levels of where she lives, each above the next."""
    packed = np.zeros(len(next(iter(levels.values()))), dtype=np.int64)
    for level, gain in levels.items():
        if level in PRIORITY_LEVELS or level == "waiting_minutes":
            continue
        reach = min(_WIDEST, 1 + 2 * _ROUNDS * int(np.abs(gain).max(initial=0)))
        packed = packed * reach - gain
    return packed
