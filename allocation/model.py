"""The problem as whole-number columns and rows: one function per constraint and per level."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from allocation.problem import Problem
from allocation.table import Table
from allocation.vectors import Ints, SmallInts, whole

FREE = 2**60  # a row's limit where it has none on that side
# Dividing a row by 2, 3, ... and rounding down keeps every whole plan and cuts off broken ones.
_DIVISORS = (2, 3, 4, 5)


@dataclass(frozen=True)
class Rows:
    """Rows of one constraint: ``low[i] <= sum of weight x column over entries at i <= high[i]``."""

    constraint: str
    at: Ints
    column: Ints
    weight: Ints
    low: Ints
    high: Ints


Constraint = Callable[[Table], Iterator[Rows]]
Level = Callable[[Table], Ints]


@dataclass(frozen=True)
class Model:
    """Columns that are 0 or 1 (one for each pair of the table), and the rows they must satisfy.

    The entries of column ``j`` stand at ``start[j]:start[j + 1]`` in ``row`` and ``weight``.
    """

    table: Table
    names: Sequence[str]
    low: Ints
    high: Ints
    start: Ints
    row: SmallInts
    weight: SmallInts

    @property
    def columns(self) -> int:
        """The number of columns."""
        return len(self.table.who)

    def totals(self, chosen: Ints) -> Ints:
        """Return what the chosen columns (their numbers) add up to in each row."""
        total = np.zeros(len(self.low), dtype=np.int64)
        entries = self.entries_of(chosen)
        np.add.at(total, self.row[entries], self.weight[entries])
        return total

    def allows(self, chosen: Ints) -> bool:
        """Whether the chosen columns (their numbers) satisfy every row."""
        total = self.totals(chosen)
        return bool(np.all((self.low <= total) & (total <= self.high)))

    def with_rows(self, blocks: Sequence[Rows]) -> Model:
        """Return the model with more rows after its own."""
        at, row, weight = _by_column(blocks, self.columns)
        start = self.start + at
        old = np.arange(len(self.row)) + np.repeat(at[:-1], np.diff(self.start))
        new = np.arange(len(row)) + np.repeat(self.start[1:], np.diff(at))
        both = np.empty((2, start[-1]), dtype=np.int32)
        both[:, old] = self.row, self.weight
        both[:, new] = row + len(self.low), weight
        return replace(
            self,
            names=[*self.names, *_names(blocks)],
            low=_joined([self.low, *(rows.low for rows in blocks)]),
            high=_joined([self.high, *(rows.high for rows in blocks)]),
            start=start,
            row=both[0],
            weight=both[1],
        )

    def entries_of(self, columns: Ints) -> Ints:
        """Return where the entries of these columns stand, column after column."""
        length = self.start[columns + 1] - self.start[columns]
        offset = np.repeat(self.start[columns] - np.cumsum(length) + length, length)
        entries: Ints = np.arange(length.sum(), dtype=np.int64) + offset
        return entries


def build(problem: Problem, constraints: Sequence[Constraint] | None = None) -> Model:
    """Return the model; columns stand in the order of the lottery, never in that of the input."""
    return model_of(Table(problem), constraints)


def model_of(table: Table, constraints: Sequence[Constraint] | None = None) -> Model:
    """Return the model over a table's pairs."""
    chosen = CONSTRAINTS if constraints is None else constraints
    blocks = [rows for constraint in chosen for rows in constraint(table) if len(rows.low)]
    start, row, weight = _by_column(blocks, len(table.who))
    return Model(
        table=table,
        names=_names(blocks),
        low=_joined([rows.low for rows in blocks]),
        high=_joined([rows.high for rows in blocks]),
        start=start,
        row=row,
        weight=weight,
    )


def _names(blocks: Sequence[Rows]) -> list[str]:
    return [rows.constraint for rows in blocks for _ in rows.low]


def _by_column(blocks: Sequence[Rows], columns: int) -> tuple[Ints, SmallInts, SmallInts]:
    """Return where each column's entries begin, and the row and weight of each entry.

    No sorting: a block holds a column at most once, so its entries have their places at once.
    """
    count = np.zeros(columns, dtype=np.int64)
    for rows in blocks:
        count[rows.column] += 1
    start = np.concatenate([[0], np.cumsum(count)])
    row, weight = np.empty(start[-1], dtype=np.int32), np.empty(start[-1], dtype=np.int32)
    vacant, first = start[:-1].copy(), 0
    for rows in blocks:
        entry = vacant[rows.column]
        row[entry], weight[entry] = rows.at + first, rows.weight
        vacant[rows.column] += 1
        first += len(rows.low)
    return start, row, weight


def one_room_each(table: Table) -> Iterator[Rows]:
    r"""C1. A household gets at most one room, and exactly its own once it has accepted it.

    .. math:: \sum_{r \in E_h} x_{hr} \le 1, \quad = 1 \text{ if the offer of } h \text{ is fixed}
    """
    low = [1 if h.is_fixed else -FREE for h in table.households]
    ones = np.ones(len(table.who), dtype=np.int64)
    limits = whole(low), np.ones(len(low), dtype=np.int64)
    yield Rows("C1", table.who, np.arange(len(table.who)), ones, *limits)


def rooms_are_not_overfilled(table: Table) -> Iterator[Rows]:
    r"""C2. A private room takes one household; in a shared room beds and cots suffice for all.

    .. math:: \sum_h x_{hk} \le n_k \ (k \text{ private}); \quad
        \sum_h s_h x_{hr} \le B_r, \ \sum_h (s_h + i_h) x_{hr} \le B_r + K_r \ (r \text{ shared})

    ``n`` private rooms of kind ``k``; ``s`` sleepers (adults and children of 2 or more), ``i``
    children under 2, ``B`` bed spaces, ``K`` cots. The two shared rows together say the same as
    s + max(0, i - K) <= B.
    """
    shared = np.array([kind.room.shared for kind in table.kinds], dtype=bool)
    rooms = [kind.room for kind in table.kinds]
    one = whole(1 for _ in table.households)
    sleepers = whole(h.sleepers for h in table.households)
    heads = sleepers + whole(h.infants for h in table.households)
    places = whole(kind.places for kind in table.kinds)
    beds = whole(room.bed_spaces for room in rooms)
    cots = whole(room.cots for room in rooms)
    yield _limit("C2", table, table.where, one, np.where(shared, FREE, places))
    for load, limit in ((sleepers, beds), (heads, beds + cots)):
        yield from _rounded("C2", table, table.where, load, np.where(shared, limit, FREE))


def some_are_kept_apart(table: Table) -> Iterator[Rows]:
    r"""C3. Households that must be kept apart never share a refuge.

    .. math:: \sum_{h \in K} \sum_{r \in f} x_{hr} \le 1
        \quad \forall f, \ K \text{ all apart from one another}

    The cliques ``K`` hold every pair; a row for a clique says more than the rows of its pairs.
    """
    for clique in _cliques(table.apart):
        column = np.concatenate([table.columns_of(i) for i in clique])
        who, at = table.who[column], table.at[column]
        met = np.unique(np.stack([at, who]), axis=1)[0]
        column = column[(np.bincount(met, minlength=len(table.refuges)) > 1)[at]]
        yield _by_refuge("C3", table, column, column[:0], (1, 1), (-FREE, 1))


def _cliques(pairs: Sequence[tuple[int, ...]]) -> Iterator[list[int]]:
    """Yield sets of households, each apart from all others of its set, that hold every pair."""
    apart: dict[int, set[int]] = defaultdict(set)
    for a, b in pairs:
        apart[a].add(b)
        apart[b].add(a)
    held: set[tuple[int, int]] = set()
    for pair in sorted(tuple(sorted(pair)) for pair in pairs):
        if pair in held:
            continue
        clique = list(pair)
        open_to = apart[pair[0]] & apart[pair[1]]
        while open_to:
            clique.append(min(open_to))
            open_to &= apart[clique[-1]]
        clique.sort()
        held |= set(itertools.combinations(clique, 2))
        yield clique


def groups_stay_together(table: Table) -> Iterator[Rows]:
    r"""C4. A group goes to one refuge whole, or nobody of it is placed.

    .. math:: \sum_{r \in f} x_{gr} = \sum_{r \in f} x_{hr} \quad \forall f, \ g, h \text{ together}
    """
    for group in sorted(tuple(sorted(group)) for group in table.together):
        for first, second in itertools.pairwise(group):
            a, b = table.columns_of(first), table.columns_of(second)
            yield _by_refuge("C4", table, a, b, (1, -1), (0, 0))


def children_have_places(table: Table) -> Iterator[Rows]:
    r"""C5. A refuge takes no more children than it has places for.

    .. math:: \sum_{h} \sum_{r \in f} c_h x_{hr} \le C_f \quad \forall f
    """
    spare = whole(_or_free(f.spare_children) for f in table.refuges)
    yield from _rounded("C5", table, table.at, table.children, spare)


def high_support_has_places(table: Table) -> Iterator[Rows]:
    r"""C6. A refuge takes no more women in need of high support than it has staff for.

    .. math:: \sum_{h \text{ high}} \sum_{r \in f} x_{hr} \le S_f \quad \forall f
    """
    spare = whole(_or_free(f.spare_high_support) for f in table.refuges)
    yield _limit("C6", table, table.at, table.high_support, spare)


CONSTRAINTS: tuple[Constraint, ...] = (
    one_room_each,
    rooms_are_not_overfilled,
    some_are_kept_apart,
    groups_stay_together,
    children_have_places,
    high_support_has_places,
)


def _limit(name: str, table: Table, place: Ints, load: Ints, limit: Ints) -> Rows:
    """Return one row for each place with a limit: the loads of those who live there.

    ``place`` is a number for each pair, ``load`` one for each household, ``limit`` for each place.
    """
    weight = load[table.who]
    column = np.flatnonzero((weight > 0) & (limit[place] < FREE))
    there = place[column]
    has_row = np.bincount(there, minlength=len(limit)) > 0
    where, at = np.flatnonzero(has_row), (np.cumsum(has_row) - 1)[there]
    low = np.full(len(where), -FREE, dtype=np.int64)
    return Rows(name, at, column, weight[column], low, limit[where])


def _rounded(name: str, table: Table, place: Ints, load: Ints, limit: Ints) -> Iterator[Rows]:
    r"""Yield the rows of a limit, and those that follow from it for whole plans.

    .. math:: \sum_h \lfloor c_h / d \rfloor x_h \le \lfloor C / d \rfloor, \quad d = 2, 3, \dots
    """
    yield _limit(name, table, place, load, limit)
    for divisor in _DIVISORS:
        if load.max(initial=0) >= divisor:
            lower = np.where(limit < FREE, limit // divisor, FREE)
            yield _limit(name, table, place, load // divisor, lower)


def _by_refuge(
    name: str, table: Table, a: Ints, b: Ints, weights: tuple[int, int], limits: tuple[int, int]
) -> Rows:
    """Return one row for each refuge of the columns ``a`` and ``b``, weighed differently."""
    column = np.concatenate([a, b])
    weight = np.repeat(np.array(weights, dtype=np.int64), [len(a), len(b)])
    where, at = np.unique(table.at[column], return_inverse=True)
    low, high = (np.full(len(where), limit, dtype=np.int64) for limit in limits)
    return Rows(name, at, column, weight, low, high)


def _or_free(limit: int | None) -> int:
    return FREE if limit is None else limit


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _placed(priority: int) -> Level:
    def o1_to_o4(table: Table) -> Ints:
        return whole(h.priority == priority for h in table.households)[table.who]

    return o1_to_o4


def o5_waiting(table: Table) -> Ints:
    """O5. Minutes she has waited (max)."""
    return whole(h.waiting_minutes for h in table.households)[table.who]


def o6_standing(table: Table) -> Ints:
    """O6. 1 where the offer already made is kept (max)."""
    return table.kept


def o7_unmet(table: Table) -> Ints:
    """O7. Wishes left unmet (min)."""
    return -table.pairs.unmet


def o8_scarcity(table: Table) -> Ints:
    """O8. What her living here costs the others (min)."""
    return -table.pairs.scarce


def o9_travel(table: Table) -> Ints:
    """O9. Minutes of travel (min)."""
    return -table.pairs.minutes


LEVELS: Mapping[str, Level] = {
    "placed_priority_1": _placed(1),
    "placed_priority_2": _placed(2),
    "placed_priority_3": _placed(3),
    "placed_priority_4": _placed(4),
    "waiting_minutes": o5_waiting,
    "standing_kept": o6_standing,
    "unmet_desirable": o7_unmet,
    "scarcity": o8_scarcity,
    "travel_minutes": o9_travel,
}


def gains(table: Table, level: str) -> Ints:
    """Return what each column adds to a level, signed so that more is better."""
    return LEVELS[level](table)
