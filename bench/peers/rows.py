"""C1..C6 as a sparse matrix over the eligible pairs, written from docs/allocation.md alone.

Independent of ``allocation/model.py`` on purpose: two models that agree say more than one.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from allocation import Household, Problem, Refuge
from bench.eligibility import Arcs, Ints
from bench.peers.queues import units

NO_LIMIT = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Rows:
    """``low <= matrix @ x <= high`` for x of 0 and 1, one column for each arc."""

    matrix: sparse.csr_array
    low: Ints
    high: Ints


class _Builder:
    """Collects rows of whole-number coefficients."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._parts: list[tuple[Ints, Ints, Ints]] = []
        self._low: list[int] = []
        self._high: list[int] = []

    def add(self, columns: Ints, weights: Ints, low: int, high: int) -> None:
        """One row."""
        row = np.full(len(columns), len(self._low), np.int64)
        self._parts.append((row, columns, weights))
        self._low.append(low)
        self._high.append(high)

    def add_all(self, of_column: Ints, weights: Ints, low: Ints, high: Ints) -> None:
        """A row for each entry of ``high``; ``of_column`` says in which each column stands."""
        columns = np.flatnonzero(weights)
        self._parts.append((len(self._low) + of_column[columns], columns, weights[columns]))
        self._low += low.tolist()
        self._high += high.tolist()

    def done(self) -> Rows:
        """All rows as one matrix."""
        row, column, weight = (
            np.concatenate([part[i] for part in self._parts] or [np.zeros(0, np.int64)])
            for i in range(3)
        )
        shape = (len(self._low), self._columns)
        matrix = sparse.csr_array(sparse.coo_array((weight, (row, column)), shape=shape))
        return Rows(matrix, np.array(self._low, np.int64), np.array(self._high, np.int64))


def rows(problem: Problem, found: Arcs) -> Rows:
    """Return every rule of the plan as rows."""
    built = _Builder(len(found.room))
    _one_room_each(built, problem, found)
    _rooms_hold(built, problem, found)
    _houses_hold(built, problem, found, lambda h: len(h.children), lambda f: f.spare_children)
    _houses_hold(
        built, problem, found, lambda h: int(h.high_support), lambda f: f.spare_high_support
    )
    _apart(built, problem, found)
    _together(built, problem, found)
    return built.done()


def _per_arc(problem: Problem, found: Arcs, of: Callable[[Household], int]) -> Ints:
    return np.array([of(h) for h in problem.households], np.int64)[found.household]


def _one_room_each(built: _Builder, problem: Problem, found: Arcs) -> None:
    fixed = np.array([int(h.is_fixed) for h in problem.households], np.int64)
    built.add_all(found.household, np.ones(len(found.room), np.int64), fixed, np.ones_like(fixed))


def _rooms_hold(built: _Builder, problem: Problem, found: Arcs) -> None:
    """One household where private; where shared, beds for sleepers, beds and cots for all."""
    shared = np.array([room.shared for _, room in found.rooms], bool)
    beds = np.array([room.bed_spaces for _, room in found.rooms], np.int64)
    cots = np.array([room.cots for _, room in found.rooms], np.int64)
    in_shared = shared[found.room]
    sleepers = _per_arc(problem, found, lambda h: h.sleepers)
    infants = _per_arc(problem, found, lambda h: h.infants)
    nothing = np.zeros(len(found.rooms), np.int64)
    built.add_all(found.room, np.where(in_shared, sleepers, 1), nothing, np.where(shared, beds, 1))
    built.add_all(
        found.room,
        np.where(in_shared, sleepers + infants, 0),
        nothing,
        np.where(shared, beds + cots, NO_LIMIT),
    )


def _houses_hold(
    built: _Builder,
    problem: Problem,
    found: Arcs,
    load: Callable[[Household], int],
    limit: Callable[[Refuge], int | None],
) -> None:
    limits = [limit(refuge) for refuge in problem.refuges]
    high = np.array([NO_LIMIT if most is None else most for most in limits], np.int64)
    house = found.refuge_of_room[found.room]
    built.add_all(house, _per_arc(problem, found, load), np.zeros_like(high), high)


def _apart(built: _Builder, problem: Problem, found: Arcs) -> None:
    number = {h.id: i for i, h in enumerate(problem.households)}
    for a, b in sorted(problem.apart_pairs):
        one, other = _by_house(found, number[a]), _by_house(found, number[b])
        for house in sorted(one.keys() & other.keys()):
            columns = np.concatenate([one[house], other[house]])
            built.add(columns, np.ones_like(columns), 0, 1)


def _together(built: _Builder, problem: Problem, found: Arcs) -> None:
    number = {h.id: i for i, h in enumerate(problem.households)}
    for unit in units(problem):
        for first, second in itertools.pairwise(unit):
            one, other = _by_house(found, number[first.id]), _by_house(found, number[second.id])
            for house in sorted(one.keys() | other.keys()):
                plus, minus = one[house], other[house]
                weights = np.repeat(np.array([1, -1]), [len(plus), len(minus)])
                built.add(np.concatenate([plus, minus]), weights, 0, 0)


def _by_house(found: Arcs, household: int) -> Mapping[int, Ints]:
    """The columns of one household in each refuge; none where she can have no room."""
    mine = found.of(household)
    columns = np.arange(mine.start, mine.stop)
    houses = found.refuge_of_room[found.room[mine]]
    nowhere = np.zeros(0, np.int64)
    return defaultdict(lambda: nowhere, {int(f): columns[houses == f] for f in np.unique(houses)})
