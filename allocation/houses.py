"""The rooms of a country and who lives in them, with what each could still take."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from allocation.arrivals import Arrival
from allocation.problem import Household, Refuge, Room
from allocation.world import World

_NO_LIMIT = 10**9


class Houses:
    """Bed spaces, cots and places still free; a private room is free whole or not at all."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._known: dict[tuple[object, ...], Refuge] = {}
        rooms = [room for _, room in world.rooms]
        self.beds = np.array([room.bed_spaces for room in rooms])
        self.cots = np.array([room.cots for room in rooms])
        self.children = np.array([_limit(f.spare_children) for f in world.refuges])
        self.support = np.array([_limit(f.spare_high_support) for f in world.refuges])

    def copy(self) -> "Houses":
        """Return an independent draft of the same houses."""
        draft = copy.copy(self)
        draft.beds, draft.cots = self.beds.copy(), self.cots.copy()
        draft.children, draft.support = self.children.copy(), self.support.copy()
        return draft

    def kind(self, arrival: Arrival) -> Household:
        """Return her needs, under the id of their kind."""
        return self.world.kinds[self.world.row(arrival.type, arrival.town)]

    def eligible(self, arrival: Arrival) -> npt.NDArray[np.bool_]:
        """Return for every room whether the rules allow it to her when it stands empty."""
        row: npt.NDArray[np.bool_] = self.world.eligible[self.world.row(arrival.type, arrival.town)]
        return row

    def open_to(self, arrival: Arrival) -> npt.NDArray[np.int64]:
        """Return the rooms, ascending, that she could be given now."""
        household = self.kind(arrival)
        free = self.eligible(arrival) & (self.beds > 0)
        beds = household.sleepers + np.maximum(0, household.infants - self.cots)
        free &= beds <= self.beds
        if household.children:
            free &= (self.children >= len(household.children))[self.world.refuge_of]
        if household.high_support:
            free &= (self.support > 0)[self.world.refuge_of]
        return np.flatnonzero(free)

    def move_in(self, arrival: Arrival, room: int) -> tuple[int, int]:
        """Give her the room; return the (bed spaces, cots) to hand back when she leaves."""
        household = self.kind(arrival)
        cots = min(household.infants, int(self.cots[room]))
        beds = household.sleepers + household.infants - cots
        if not self.world.rooms[room][1].shared:
            beds, cots = int(self.beds[room]), int(self.cots[room])
        self._change(arrival, room, (-beds, -cots), -1)
        return beds, cots

    def move_out(self, arrival: Arrival, room: int, taken: tuple[int, int]) -> None:
        """Give back what she took."""
        self._change(arrival, room, taken, 1)

    def _change(self, arrival: Arrival, room: int, taken: tuple[int, int], sign: int) -> None:
        household = self.kind(arrival)
        house = self.world.refuge_of[room]
        self.beds[room] += taken[0]
        self.cots[room] += taken[1]
        self.children[house] += sign * len(household.children)
        self.support[house] += sign * household.high_support

    def refuges(self) -> tuple[Refuge, ...]:
        """Return the houses with the rooms that have a bed space free, as the engine is told."""
        free: dict[int, list[int]] = {}
        for j in np.flatnonzero(self.beds).tolist():
            free.setdefault(int(self.world.refuge_of[j]), []).append(j)
        return tuple(self._told(i, rooms) for i, rooms in free.items())

    def _told(self, i: int, rooms: list[int]) -> Refuge:
        """Return the house as it stands tonight; most stand as they did some night before."""
        left = (int(self.children[i]), int(self.support[i]))
        state = (i, *left, *((j, int(self.beds[j]), int(self.cots[j])) for j in rooms))
        if state not in self._known:
            self._known[state] = self._refuge(i, [self._room(j) for j in rooms])
        return self._known[state]

    def _room(self, j: int) -> Room:
        room = self.world.rooms[j][1]
        if not room.shared:
            return room
        return replace(room, bed_spaces=int(self.beds[j]), cots=int(self.cots[j]))

    def _refuge(self, i: int, rooms: Sequence[Room]) -> Refuge:
        refuge = self.world.refuges[i]
        children = None if refuge.spare_children is None else int(self.children[i])
        support = None if refuge.spare_high_support is None else int(self.support[i])
        return replace(
            refuge, rooms=tuple(rooms), spare_children=children, spare_high_support=support
        )


def _limit(places: int | None) -> int:
    return _NO_LIMIT if places is None else places
