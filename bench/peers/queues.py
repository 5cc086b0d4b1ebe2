"""Rules of thumb: households one after the other, each to a room that is still open.

What most services do, by hand or by list. A group is served whole, at the turn of its first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from allocation import Household, Placement, Problem
from bench.eligibility import Arcs, Ints, arcs
from bench.ledger import Ledger
from bench.peers.answer import Answer, Standing

Turn = Callable[[Household], tuple[int, ...]]
Order = Callable[[slice], Ints]
"""From one household's arcs to their order, the first to be tried first."""
Choice = Callable[[Problem, Arcs], Order]


def first_come_first_served(problem: Problem, seconds: float) -> Answer:
    """Who has waited longest, into the first room on the list that she can have."""
    return _served(problem, lambda h: (-h.waiting_minutes,), _as_listed)


def priority_list(problem: Problem, seconds: float) -> Answer:
    """By score, then by waiting, into the first eligible room.

    Source: the engine of boston-cas (``app/models/matching``), restated, not copied.
    """
    return _served(problem, _by_priority, _as_listed)


def best_fit(problem: Problem, seconds: float) -> Answer:
    """By priority, then by waiting, each into the room that suits her best of those left."""
    return _served(problem, _by_priority, _best_for_her)


def least_capable(problem: Problem, seconds: float) -> Answer:
    """By priority, then by waiting, each into the plainest room that is enough for her."""
    return _served(problem, _by_priority, _plainest)


def _by_priority(household: Household) -> tuple[int, ...]:
    return household.priority, -household.waiting_minutes


def _as_listed(_: Problem, __: Arcs) -> Order:
    return lambda mine: np.arange(mine.start, mine.stop)


def _best_for_her(_: Problem, found: Arcs) -> Order:
    return lambda mine: _sorted(mine, found.unmet[mine], found.scarcity[mine], found.travel[mine])


def _plainest(problem: Problem, found: Arcs) -> Order:
    """Everything a room has is dear, whether she wishes for it or not."""
    has = [
        sum(problem.prices.get(feature, 0) for feature in room.features | refuge.features)
        + problem.spare_bed_price * room.bed_spaces
        for refuge, room in found.rooms
    ]
    capability = np.array(has, np.int64)
    return lambda mine: _sorted(mine, capability[found.room[mine]], found.travel[mine])


def _sorted(mine: slice, *keys: Ints) -> Ints:
    order: Ints = mine.start + np.lexsort(keys[::-1])
    return order


class _Queue:
    """A night being served."""

    def __init__(self, problem: Problem, choice: Choice) -> None:
        self._found = arcs(problem)
        self._order = choice(problem, self._found)
        self._number = {h.id: i for i, h in enumerate(problem.households)}
        self.ledger = Ledger(problem)

    def _options(self, household: Household) -> Iterator[int]:
        mine = self._found.of(self._number[household.id])
        for arc in self._order(mine).tolist():
            yield int(self._found.room[arc])

    def serve_one(self, household: Household) -> bool:
        """The first room of her order that is open to her."""
        return any(self._take(household, j) for j in self._options(household))

    def serve_group(self, group: Sequence[Household]) -> bool:
        """The first refuge of the first one's order that has rooms for them all."""
        homes = [self.ledger.home[h.id][0] for h in group if h.id in self.ledger.home]
        left = [h for h in group if h.id not in self.ledger.home]
        options = {h.id: list(self._options(h)) for h in left}
        houses = [self._found.rooms[j][0].id for j in options[left[0].id]] if left else []
        for house in homes[:1] or dict.fromkeys(houses):
            rooms = [
                [j for j in options[h.id] if self._found.rooms[j][0].id == house] for h in left
            ]
            if self._all_in(left, rooms):
                return True
        return not left

    def _all_in(self, group: Sequence[Household], rooms: Sequence[Sequence[int]]) -> bool:
        if not group:
            return True
        for j in rooms[0]:
            if self._take(group[0], j):
                if self._all_in(group[1:], rooms[1:]):
                    return True
                self.ledger.give_back(group[0])
        return False

    def _take(self, household: Household, j: int) -> bool:
        refuge, room = self._found.rooms[j]
        if not self.ledger.admits(household, refuge, room):
            return False
        self.ledger.take(household, refuge, room)
        return True


def _served(problem: Problem, turn: Turn, choice: Choice) -> Answer:
    """Accepted offers first, then those who belong to them, then the queue."""
    queue = _Queue(problem, choice)
    placements: tuple[Placement, ...] | None = None
    if _settle_accepted(problem, queue):
        for unit in sorted(units(problem), key=lambda u: min((*turn(h), h.id) for h in u)):
            inside = [h for h in unit if h.id in queue.ledger.home]
            if len(unit) == 1 and not inside:
                queue.serve_one(unit[0])
            elif len(unit) > 1 and not inside:
                queue.serve_group(sorted(unit, key=lambda h: (*turn(h), h.id)))
        placements = queue.ledger.placements()
    standing = Standing.RULE if placements is not None else Standing.NOTHING
    return Answer(standing=standing, placements=placements)


def _settle_accepted(problem: Problem, queue: _Queue) -> bool:
    """House everybody who has accepted, and the rest of her group with her; False if it fails."""
    if not all(queue.serve_one(h) for h in problem.households if h.is_fixed):
        return False
    joined = [u for u in units(problem) if len(u) > 1 and any(h.is_fixed for h in u)]
    return all(queue.serve_group(unit) for unit in joined)


def units(problem: Problem) -> list[list[Household]]:
    """Households that are placed together or not at all; most stand alone."""
    unit_of = {h.id: [h] for h in problem.households}
    for group in problem.together:
        merged = list({h.id: h for name in group for h in unit_of[name]}.values())
        for household in merged:
            unit_of[household.id] = merged
    return list({id(unit): unit for unit in unit_of.values()}.values())
