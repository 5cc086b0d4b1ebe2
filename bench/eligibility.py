"""Every eligible pair of a night with what it is worth, by numpy: for peers and for counting.

Says the same as ``allocation.rules`` and ``allocation.check`` and is tested against them. The
engine does not use it: a peer that shared the engine's own columns would prove nothing about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from allocation import Household, Place, Problem, Refuge, Room
from allocation.geography import (
    EARTH_RADIUS_KM,
    LEGS,
    ROAD_PER_GREAT_CIRCLE,
    SEA_CROSSING_MINUTES,
    great_circle_km,
    road_minutes,
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
# numpy and math may differ in the last bits; nearer than this to a limit, math decides.
CLOSE_KM = CLOSE_MINUTES = 1e-6


@dataclass(frozen=True)
class Arcs:
    """Eligible pairs, by household and then room; ``household`` and ``room`` are positions.

    ``unmet``, ``scarcity`` and ``travel`` are what the pair adds to those levels.
    """

    rooms: tuple[tuple[Refuge, Room], ...]
    refuge_of_room: Ints
    household: Ints
    room: Ints
    unmet: Ints
    scarcity: Ints
    travel: Ints
    starts: Ints

    def of(self, household: int) -> slice:
        """The arcs of one household."""
        return slice(int(self.starts[household]), int(self.starts[household + 1]))


def arcs(problem: Problem) -> Arcs:
    """Return every pair that rules H1..H13 allow, with its worth."""
    supply = _Supply(problem)
    found = [supply.rooms_for(household) for household in problem.households]
    counts = [len(columns[0]) for columns in found]
    room, unmet, scarcity, travel = (
        np.concatenate([columns[i] for columns in found] or [np.zeros(0, np.int64)])
        for i in range(4)
    )
    return Arcs(
        rooms=supply.rooms,
        refuge_of_room=supply.refuge_of_room,
        household=np.repeat(np.arange(len(counts)), counts),
        room=room,
        unmet=unmet,
        scarcity=scarcity,
        travel=travel,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


class _Supply:
    """Refuges and rooms as columns of numbers."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._refuges = problem.refuges
        self.rooms = tuple(problem.room_by_key.values())
        self._place = {key: i for i, key in enumerate(problem.room_by_key)}
        number = {refuge.id: i for i, refuge in enumerate(problem.refuges)}
        self.refuge_of_room = _ints(number[refuge.id] for refuge, _ in self.rooms)
        self._house_columns()
        self._room_columns()

    def _house_columns(self) -> None:
        self._lat = np.radians([f.location.lat for f in self._refuges])
        self._lon = np.radians([f.location.lon for f in self._refuges])
        self._cell = np.array([f.cell_radius_km for f in self._refuges])
        self._in_london = np.array([f.in_london for f in self._refuges], bool)
        self._boys_to_age = _ints(f.boys_to_age for f in self._refuges)
        self._island = np.array([f.island for f in self._refuges])
        self._region = np.array([f.region for f in self._refuges])
        self._by_id = _positions([f.id] for f in self._refuges)
        self._by_network = _positions(f.networks for f in self._refuges)
        self._by_resident = _positions(f.residents for f in self._refuges)

    def _room_columns(self) -> None:
        problem, rooms = self._problem, self.rooms
        self._beds = _ints(room.bed_spaces for _, room in rooms)
        self._cots = _ints(room.cots for _, room in rooms)
        self._shared = np.array([room.shared for _, room in rooms], bool)
        self._free = _ints(_microseconds(room.free_from or problem.as_of) for _, room in rooms)
        self._nobody = np.zeros(len(rooms), bool)
        self._has: dict[str, Bools] = defaultdict(lambda: self._nobody)
        for feature, where in _positions(r.features | f.features for f, r in rooms).items():
            self._has[feature] = self._nobody.copy()
            self._has[feature][where] = True
        self._all_prices = np.zeros(len(rooms), np.int64)
        for feature, price in problem.prices.items():
            self._all_prices += price * self._has[feature]

    def rooms_for(self, household: Household) -> tuple[Ints, Ints, Ints, Ints]:
        """Positions of the rooms she could have, and unmet wishes, scarcity, travel in each."""
        minutes = self._minutes(household)
        there = np.flatnonzero(self._houses(household, minutes)[self.refuge_of_room])
        rooms = there[self._suitable(household, there)]
        return (
            rooms,
            self._unmet(household, rooms),
            self._scarcity(household, rooms),
            minutes[self.refuge_of_room[rooms]],
        )

    def _houses(self, household: Household, minutes: Ints) -> Bools:
        """H4, H5, H6, H7, H8, H10, H11."""
        good = np.ones(len(self._refuges), bool)
        for zone in household.danger_zones:
            here = Place(zone.lat, zone.lon)
            limit = zone.radius_km + self._cell
            distance = self._kilometres(here, limit)
            good &= distance > limit
        oldest = max((c.age for c in household.children if c.sex == "m"), default=0)
        good &= oldest <= self._boys_to_age
        if household.vetoed_regions:
            good &= ~np.isin(self._region, sorted(household.vetoed_regions))
        if household.london.endswith("_only"):
            good &= self._in_london == (household.london == "inside_only")
        if household.max_travel_minutes is not None:
            good &= minutes <= household.max_travel_minutes
        for names, where in (
            (household.vetoed_refuges, self._by_id),
            (household.networks, self._by_network),
            (household.apart_from, self._by_resident),
        ):
            for name in names:
                good[where.get(name, [])] = False
        return good

    def _suitable(self, household: Household, rooms: Ints) -> Bools:
        """H1, H2, H3, H9, H12, H13."""
        good = self._beds_used(household, rooms) <= self._beds[rooms]
        for feature in household.essential:
            good &= self._has[feature][rooms]
        for feature in household.excludes:
            good &= ~self._has[feature][rooms]
        if household.needed_by is not None:
            good &= self._free[rooms] <= _microseconds(household.needed_by)
        if not household.may_share:
            good &= ~self._shared[rooms]
        if household.standing is not None and household.standing.fixed:
            offer = household.standing
            good &= rooms == self._place[offer.refuge, offer.room]
        return good

    def _beds_used(self, household: Household, rooms: Ints) -> Ints:
        return household.sleepers + np.maximum(0, household.infants - self._cots[rooms])

    def _unmet(self, household: Household, rooms: Ints) -> Ints:
        missing = np.zeros(len(rooms), np.int64)
        for feature in household.desirable:
            missing += ~self._has[feature][rooms]
        wanted = {"prefers_inside": True, "prefers_outside": False}.get(household.london)
        if wanted is not None:
            missing += self._in_london[self.refuge_of_room[rooms]] != wanted
        return missing

    def _scarcity(self, household: Household, rooms: Ints) -> Ints:
        cost = self._all_prices[rooms].copy()
        for feature in household.essential | household.desirable:
            cost -= self._problem.prices.get(feature, 0) * self._has[feature][rooms]
        empty = np.maximum(0, self._beds[rooms] - self._beds_used(household, rooms))
        return cost + np.where(self._shared[rooms], 0, self._problem.spare_bed_price * empty)

    def _minutes(self, household: Household) -> Ints:
        road = ROAD_PER_GREAT_CIRCLE * self._kilometres(household.location)
        exact, start = np.zeros(len(road)), 0.0
        for end, speed in LEGS:
            exact += np.maximum(0.0, np.minimum(road, end) - start) * 60 / speed
            start = end
        minutes = np.floor(exact + 0.5).astype(np.int64)
        for i in np.flatnonzero(np.abs(exact + 0.5 - np.rint(exact + 0.5)) < CLOSE_MINUTES):
            distance = great_circle_km(household.location, self._refuges[i].location)
            minutes[i] = road_minutes(distance, crosses_sea=False)
        minutes += SEA_CROSSING_MINUTES * (self._island != household.island)
        for name, given in self._problem.travel_minutes.get(household.id, {}).items():
            minutes[self._by_id[name]] = given
        return minutes

    def _kilometres(self, here: Place, limit: Floats | None = None) -> Floats:
        lat, lon = np.radians(here.lat), np.radians(here.lon)
        square = (
            np.sin((self._lat - lat) / 2) ** 2
            + np.cos(lat) * np.cos(self._lat) * np.sin((self._lon - lon) / 2) ** 2
        )
        distance: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, square)))
        if limit is not None:
            for i in np.flatnonzero(np.abs(distance - limit) < CLOSE_KM):
                distance[i] = great_circle_km(here, self._refuges[i].location)
        return distance


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int64)


def _positions(names: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for i, mine in enumerate(names):
        for name in mine:
            found[name].append(i)
    return dict(found)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
