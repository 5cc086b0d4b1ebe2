"""Rows that every whole plan keeps and many a broken one does not.

**Covers**: where the households of a set need more of a place than there is, not all of them can be
there, ``sum over the cover of x <= its size - 1``. A household outside it that needs as much as the
``k`` greatest of the cover counts ``k`` times, because where she is, ``k`` of them are not. Source:
E. Balas, Facets of the knapsack polytope, Mathematical Programming 8 (1975).

**Groups**: a group in a refuge has at most the ``n`` rooms of a kind, and none where it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from allocation.model import FREE, Model, Rows
from allocation.vectors import Flags, Floats, Ints

_NEAR = 1e-6
_BROKEN_BY = 1e-4  # a row broken by less is not worth having
_LARGEST = 64  # places with more beds or children's places than this are left alone


class Cuts:
    """The cuts of one model, which hold for every whole plan of it."""

    def __init__(self, model: Model) -> None:
        self._model, self._table = model, model.table
        named = np.array([name in ("C2", "C5") for name in model.names], dtype=bool)
        self._is_of_refuge = np.array([name == "C5" for name in model.names], dtype=bool)
        heavy = np.zeros(len(model.low), dtype=bool)
        heavy[model.row[model.weight > 1]] = True
        self._has_covers: Flags = named & heavy & (model.high > 0) & (model.high <= _LARGEST)
        entry = np.flatnonzero(self._has_covers[model.row])
        entry = entry[np.argsort(model.row[entry], kind="stable")]
        self._column = np.searchsorted(model.start, entry, side="right") - 1
        self._weight = model.weight[entry].astype(np.int64)
        self._start = np.searchsorted(model.row[entry], np.arange(len(model.low) + 1))
        # Whoever must live in one refuge has one name here, that of the first of them.
        self._unit = np.arange(len(self._table.households))
        for _ in self._table.together:  # groups may overlap, so a tie may lead on to the next
            for group in self._table.together:
                self._unit[list(group)] = self._unit[list(group)].min(initial=len(self._unit))

    def broken(self, value: Floats) -> Iterator[Rows]:
        """Yield rows that these values of the columns break."""
        broken = np.flatnonzero((value > _NEAR) & (value < 1 - _NEAR))
        rows = np.unique(self._model.row[self._model.entries_of(broken)])
        for i in rows[self._has_covers[rows]].tolist():
            yield from self._cover(i, value)
        who = set(self._table.who[broken].tolist())
        for group in self._table.together:
            if not who.isdisjoint(group):
                yield from self._group(sorted(group), value)

    def _cover(self, i: int, value: Floats) -> Iterator[Rows]:
        """Yield the cover of a row that is most broken."""
        there = slice(self._start[i], self._start[i + 1])
        column, weight = self._column[there], self._weight[there]
        who = self._table.who[column]
        if self._is_of_refuge[i]:
            column, weight, who = self._merged(column, weight, who)
        limit = int(self._model.high[i])
        used = np.flatnonzero(value[column] > _NEAR)
        names, first, owner = np.unique(who[used], return_index=True, return_inverse=True)
        needs = weight[used[first]]
        share = np.minimum(1.0, np.bincount(owner, value[column[used]]))
        members = _most_broken(needs.tolist(), share.tolist(), limit)
        if not members:
            return
        counts = np.searchsorted(np.cumsum(np.sort(needs[members])[::-1]), weight, side="right")
        counts[np.isin(who, names[members])] = 1
        if float(counts @ value[column]) > len(members) - 1 + _BROKEN_BY:
            yield _row(column, counts, len(members) - 1)

    def _merged(self, column: Ints, weight: Ints, who: Ints) -> tuple[Ints, Ints, Ints]:
        """Weigh a group in the columns of its first member there: all come or none."""
        unit = self._unit[who]
        if np.array_equal(unit, who) and len(np.unique(unit)) == len(np.unique(who)):
            return column, weight, who
        members, at = np.unique(who, return_index=True)
        total = np.zeros(len(self._unit), dtype=np.int64)
        np.add.at(total, self._unit[members], weight[at])
        first = np.full(len(self._unit), len(self._unit))
        np.minimum.at(first, unit, who)
        kept = first[unit] == who
        return column[kept], total[unit[kept]], who[kept]

    def _group(self, group: Sequence[int], value: Floats) -> Iterator[Rows]:
        """Yield the kinds of which the group has more than the share of it that is there."""
        table = self._table
        columns = [table.columns_of(i) for i in group]
        every = np.concatenate(columns)
        every = every[value[every] > _NEAR]
        for kind in np.unique(table.where[every]).tolist():
            if table.kinds[kind].room.shared or table.kinds[kind].places >= len(group):
                continue
            first = columns[0][table.at[columns[0]] == table.home[kind]]
            inside = np.concatenate([mine[table.where[mine] == kind] for mine in columns])
            places = table.kinds[kind].places
            if value[inside].sum() > places * value[first].sum() + _BROKEN_BY:
                column, at = np.unique(np.concatenate([inside, first]), return_inverse=True)
                weight = np.bincount(at, np.repeat([1, -places], [len(inside), len(first)]))
                yield _row(column, weight.astype(np.int64), 0)


def _row(column: Ints, weight: Ints, most: int) -> Rows:
    some = np.flatnonzero(weight)
    limits = np.array([-FREE]), np.array([most])
    return Rows("cut", np.zeros_like(some), column[some], weight[some], *limits)


def _most_broken(needs: Sequence[int], share: Sequence[float], limit: int) -> list[int]:
    """Return a set that needs more than ``limit`` and of which the least is missing.

    Empty where every such set has a whole household or more missing.
    """
    none = (1.0, -1, -1)  # what is missing, the last member, what those before her need
    best = [[none] * (limit + 2)]
    best[0][0] = (0.0, -1, -1)
    for k, (need, there) in enumerate(zip(needs, share, strict=True)):
        before = best[-1]
        best.append(list(before))
        for total, (missing, _, _) in enumerate(before):
            more = min(limit + 1, total + need)
            if missing + (1 - there) < best[-1][more][0]:
                best[-1][more] = (missing + (1 - there), k, total)
    members, total = [], limit + 1
    for k in range(len(needs), 0, -1):
        _, last, rest = best[k][total]
        if last == k - 1:
            members.append(last)
            total = rest
    return members if total == 0 else []
