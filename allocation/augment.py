"""More households placed, nobody unplaced: one makes way for the next until a place is free.

The chains are the augmenting paths of bipartite matching, except that a household makes way only
where all that she uses up (a room, places for children, staff) is what the other lacks. Every
chain is carried out from its free end, and only where it breaks no rule.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from allocation.model import Model
from allocation.start import Draft, placed_whole, queue_of
from allocation.vectors import Flags, Ints

_WIDEST = 3  # free columns tried for each household that a chain could end with


def augmented(model: Model, chosen: Ints, deadline: float) -> Ints:
    """Return a plan that places everybody whom ``chosen`` places, and more where chains allow.

    Those left out are tried in the order of the queue. Members of groups, and those who have
    accepted an offer, neither move nor join. ``deadline`` is on the clock of ``time.monotonic``.
    """
    chains = _Chains(model, chosen)
    while chains.phase(deadline):
        pass
    return np.sort(chains.now[chains.now >= 0])


class _Chains:
    """``now`` is the column of each household, -1 where she is left out."""

    def __init__(self, model: Model, chosen: Ints) -> None:
        self._model, self._table = model, model.table
        self._draft = Draft(model, chosen)
        self.now = np.full(len(self._table.households), -1, dtype=np.int64)
        self.now[self._table.who[chosen]] = chosen
        self._movable = ~placed_whole(self._table)
        self._inside: list[set[int]] = [set() for _ in self._table.refuges]
        for i in self._table.who[chosen].tolist():
            self._inside[self._table.at[self.now[i]]].add(i)
        self._seen: Flags = np.zeros(len(self.now), dtype=bool)

    def phase(self, deadline: float) -> bool:
        """Try everybody left out once; whether somebody was placed."""
        # Whoever a failed search has seen leads nowhere: later searches pass her by.
        self._seen[:] = False
        more = False
        for i in queue_of(self._table):
            if self.now[i] < 0 and self._movable[i] and time.monotonic() < deadline:
                before = self._seen.copy()
                if self._search(i):
                    self._seen = before
                    more = True
        return more

    def _search(self, first: int) -> bool:
        """Look for a chain that begins with this household, the shortest first."""
        parent: dict[int, tuple[int, int]] = {}
        waiting = deque([first])
        self._seen[first] = True
        while waiting:
            i = waiting.popleft()
            columns = self._table.columns_of(i)
            columns = columns[columns != self.now[i]]
            with self._away(i):
                free = self._draft.fitting(columns)
                ways = [] if len(free) else list(self._in_the_way(columns))
            for j in free[:_WIDEST].tolist():
                if self._carried_out(i, j, parent):
                    return True
            for other, j in ways:
                if not self._seen[other]:
                    self._seen[other] = True
                    parent[other] = i, j
                    waiting.append(other)
        return False

    @contextmanager
    def _away(self, i: int) -> Iterator[None]:
        """Look at the plan as if she had left her room."""
        old = int(self.now[i])
        if old >= 0:
            self._draft.take(old, sign=-1)
        yield
        if old >= 0:
            self._draft.take(old)

    def _in_the_way(self, columns: Ints) -> Iterator[tuple[int, int]]:
        """Yield who could make way alone, each with the column that this frees."""
        for refuge, j in zip(self._table.at[columns].tolist(), columns.tolist(), strict=True):
            open_to = [i for i in self._inside[refuge] if not self._seen[i] and self._movable[i]]
            if not open_to:
                continue
            over = self._draft.over(j)
            for other in open_to:
                hers = self._weights(int(self.now[other]))
                if all(hers.get(row, 0) >= excess for row, excess in over.items()):
                    yield other, j

    def _weights(self, column: int) -> dict[int, int]:
        entries = slice(self._model.start[column], self._model.start[column + 1])
        row, weight = self._model.row[entries], self._model.weight[entries]
        return dict(zip(row.tolist(), weight.tolist(), strict=True))

    def _carried_out(self, last: int, column: int, parent: dict[int, tuple[int, int]]) -> bool:
        """Move everybody on the chain, the last first; undo it all where a rule would break."""
        done: list[tuple[int, int]] = []
        mover, target = last, column
        while True:
            old = int(self.now[mover])
            self._move(mover, -1)
            if not len(self._draft.fitting(np.array([target]))):
                self._move(mover, old)
                for other, before in reversed(done):
                    self._move(other, -1)
                    self._move(other, before)
                return False
            self._move(mover, target)
            done.append((mover, old))
            if mover not in parent:
                return True
            mover, target = parent[mover]

    def _move(self, i: int, column: int) -> None:
        old = int(self.now[i])
        if old >= 0:
            self._draft.take(old, sign=-1)
            self._inside[self._table.at[old]].discard(i)
        self.now[i] = column
        if column >= 0:
            self._draft.take(column)
            self._inside[self._table.at[column]].add(i)
