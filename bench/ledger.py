"""Who has been given which room so far, and whether one more household may join (C2, C3, C5, C6).

For anything that fills a night step by step; what it lets through, ``violations`` accepts.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from allocation import Household, Placement, Problem, Refuge, Room

RoomKey = tuple[str, str]


class Ledger:
    """Rooms taken so far. Whether a room suits her at all (H1..H13) is asked elsewhere."""

    def __init__(self, problem: Problem) -> None:
        self._apart: dict[str, set[str]] = defaultdict(set)
        for a, b in problem.apart_pairs:
            self._apart[a].add(b)
            self._apart[b].add(a)
        self._inside: dict[RoomKey, list[Household]] = defaultdict(list)
        self._children: Counter[str] = Counter()
        self._support: Counter[str] = Counter()
        self.home: dict[str, RoomKey] = {}

    def admits(self, household: Household, refuge: Refuge, room: Room) -> bool:
        """Whether she can join those who are there already."""
        return (
            self._has_bed(household, refuge, room)
            and _within(self._children[refuge.id], len(household.children), refuge.spare_children)
            and _within(
                self._support[refuge.id], int(household.high_support), refuge.spare_high_support
            )
            and not any(
                self.home.get(other, ("", ""))[0] == refuge.id
                for other in self._apart.get(household.id, ())
            )
        )

    def _has_bed(self, household: Household, refuge: Refuge, room: Room) -> bool:
        inside = self._inside.get((refuge.id, room.id), [])
        if not room.shared:
            return not inside
        everybody = [*inside, household]
        infants = sum(h.infants for h in everybody)
        return sum(h.sleepers for h in everybody) + max(0, infants - room.cots) <= room.bed_spaces

    def take(self, household: Household, refuge: Refuge, room: Room) -> None:
        """Give her the room."""
        self._inside[refuge.id, room.id].append(household)
        self._children[refuge.id] += len(household.children)
        self._support[refuge.id] += household.high_support
        self.home[household.id] = (refuge.id, room.id)

    def give_back(self, household: Household) -> None:
        """Take her room from her again."""
        refuge, room = self.home.pop(household.id)
        self._inside[refuge, room].remove(household)
        self._children[refuge] -= len(household.children)
        self._support[refuge] -= household.high_support

    def placements(self) -> tuple[Placement, ...]:
        """Everybody who has a room, by household id."""
        return tuple(Placement(name, *key) for name, key in sorted(self.home.items()))


def _within(taken: int, more: int, limit: int | None) -> bool:
    return not more or limit is None or taken + more <= limit
