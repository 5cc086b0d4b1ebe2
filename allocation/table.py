"""The night as arrays: who could live in which kind of room, and what that is worth.

Identical rooms of one refuge are one **kind** with so many places, which takes their symmetry out
of every search.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property

import numpy as np

from allocation.problem import Household, Problem, Refuge, Room
from allocation.rules import free_at
from allocation.vectors import Houses, Ints, Rooms, whole

_CHUNK = 256  # households looked at together: bounds the memory at national size


@dataclass(frozen=True)
class Kind:
    """Rooms of one refuge that differ in nothing but their id; ``refuge`` is its index."""

    refuge: int
    room: Room
    ids: tuple[str, ...]

    @property
    def places(self) -> int:
        """How many households they take: a shared room is a kind of its own."""
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Pairs:
    """One column each: the index of a household, that of a kind, and the pair's figures."""

    who: Ints
    where: Ints
    unmet: Ints
    scarce: Ints
    minutes: Ints

    @classmethod
    def joined(cls, parts: Sequence[Pairs]) -> Pairs:
        """Return all of them, sorted by household, then kind."""
        names = ("who", "where", "unmet", "scarce", "minutes")
        columns = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
        who, where = columns[:2]
        rises = (who[1:] > who[:-1]) | ((who[1:] == who[:-1]) & (where[1:] >= where[:-1]))
        if not rises.all():
            order = np.lexsort((where, who))
            columns = [column[order] for column in columns]
        return cls(*columns)

    def of(self, chosen: Ints) -> Pairs:
        """Return some of the pairs, by number or by flag."""
        figures = (self.who, self.where, self.unmet, self.scarce, self.minutes)
        return Pairs(*(figure[chosen] for figure in figures))


class Table:
    """Households, refuges and kinds in the order of the lottery; the pairs that pass H1 to H13.

    ``at`` is the refuge of each pair. ``children`` and ``high_support`` are what each household
    counts against the limits of a house; ``apart`` and ``together`` whom the plan must part or keep
    whole, as indices.
    """

    def __init__(self, problem: Problem) -> None:
        draw = lottery(problem)
        self.problem = problem
        self.households: Sequence[Household] = sorted(problem.households, key=lambda h: draw(h.id))
        self.refuges: Sequence[Refuge] = sorted(problem.refuges, key=lambda f: draw(f.id))
        self.kinds: list[Kind] = list(kinds_of(problem, self.refuges, draw))
        self.row_of: Mapping[str, int] = {h.id: i for i, h in enumerate(self.households)}
        self.apart = [tuple(self.row_of[name] for name in pair) for pair in problem.apart_pairs]
        self.together = [tuple(self.row_of[name] for name in group) for group in problem.together]
        self.children = whole(len(h.children) for h in self.households)
        self.high_support = whole(h.high_support for h in self.households)
        self._index(pairs_of(problem, self.households, self.refuges, self.kinds))

    def _index(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self.who, self.where = pairs.who, pairs.where
        self.home: Ints = whole(kind.refuge for kind in self.kinds)
        self.at: Ints = self.home[self.where]
        self._first = np.searchsorted(self.who, np.arange(len(self.households) + 1))

    def columns_of(self, i: int) -> Ints:
        """Return the numbers of the pairs of the household with index ``i``."""
        return np.arange(self._first[i], self._first[i + 1])

    @cached_property
    def kind_of_room(self) -> Mapping[tuple[str, str], int]:
        """The kind of every room, under (refuge id, room id)."""
        return {
            (self.refuges[kind.refuge].id, name): k
            for k, kind in enumerate(self.kinds)
            for name in kind.ids
        }

    @cached_property
    def kept(self) -> Ints:
        """1 for the pair of the offer already made to her, else 0."""
        offered = np.full(len(self.households), -1, dtype=np.int64)
        for i, h in enumerate(self.households):
            if h.standing is not None:
                offered[i] = self.kind_of_room.get((h.standing.refuge, h.standing.room), -1)
        kept: Ints = (offered[self.who] == self.where).astype(np.int64)
        return kept


def lottery(problem: Problem) -> Callable[..., bytes]:
    """Return a draw that puts ids in an order of chance, the same all through one UTC date.

    Whatever the order in which a solver meets equal choices, it meets them in this one: nothing
    that a person or a solver could steer decides who is favoured, and luck changes every night.
    """
    night = problem.as_of.astimezone(UTC).date().isoformat()
    begin = hashlib.sha256(f"waymark-lottery/2\n{night}".encode())

    def draw(*ids: str) -> bytes:
        drawn = begin.copy()
        drawn.update("".join(f"\n{name}" for name in ids).encode())
        return drawn.digest()

    return draw


def kinds_of(
    problem: Problem, refuges: Sequence[Refuge], draw: Callable[..., bytes]
) -> Iterator[Kind]:
    """Yield the kinds refuge by refuge; a shared or an offered room is a kind of its own."""
    offered = {
        (h.standing.refuge, h.standing.room) for h in problem.households if h.standing is not None
    }
    for f, refuge in enumerate(refuges):
        alike: dict[object, list[Room]] = defaultdict(list)
        for room in sorted(refuge.rooms, key=lambda room: draw(refuge.id, room.id)):
            alone = room.id if room.shared or (refuge.id, room.id) in offered else ""
            free = free_at(problem, room)
            alike[room.bed_spaces, room.cots, room.features, free, alone].append(room)
        for rooms in alike.values():
            yield Kind(f, rooms[0], tuple(room.id for room in rooms))


def pairs_of(
    problem: Problem,
    households: Sequence[Household],
    refuges: Sequence[Refuge],
    kinds: Sequence[Kind],
) -> Pairs:
    """Return the pairs that pass every rule H1 to H13."""
    houses = Houses(problem, refuges)
    home = whole(kind.refuge for kind in kinds)
    kind_of_room = {
        (refuges[kind.refuge].id, x): k for k, kind in enumerate(kinds) for x in kind.ids
    }
    rooms = Rooms(problem, [(refuges[kind.refuge], kind.room) for kind in kinds])
    parts = []
    for start in range(0, len(households) or 1, _CHUNK):
        women = households[start : start + _CHUNK]
        minutes = houses.minutes(women)
        good = houses.allowed(women, minutes)[:, home] & rooms.allowed(women)
        for i, h in enumerate(women):
            if h.is_fixed and h.standing is not None:  # H13
                room = kind_of_room.get((h.standing.refuge, h.standing.room))
                good[i, :room] = False
                good[i, len(kinds) if room is None else room + 1 :] = False
        who, where = np.nonzero(good)
        at = home[where]
        unmet = rooms.missing(women, who, where) + houses.wrong_side(women)[who, at]
        scarce = rooms.scarcity(women, who, where)
        parts.append(Pairs(who + start, where, unmet, scarce, minutes[who, at]))
    return Pairs.joined(parts)
