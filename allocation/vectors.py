"""The rules and figures of rules.py and check.py for many households at once, as arrays.

Wherever a distance or a journey comes within rounding of a limit, the scalar rule itself decides,
so that the arrays never disagree with the specification.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from allocation.geography import (
    EARTH_RADIUS_KM,
    LEGS,
    ROAD_PER_GREAT_CIRCLE,
    SEA_CROSSING_MINUTES,
    travel_minutes,
)
from allocation.problem import DangerZone, Household, Place, Problem, Refuge, Room
from allocation.rules import free_at, in_danger

Ints = npt.NDArray[np.int64]
SmallInts = npt.NDArray[np.int32]  # half the memory, where nothing is multiplied
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_CLOSE = 1e-6  # km or minutes: far above the rounding of either side, far below a real margin


class Houses:
    """What the rules ask of refuges: arrays are household x refuge, in the order told."""

    def __init__(self, problem: Problem, refuges: Sequence[Refuge]) -> None:
        self._problem = problem
        self.refuges = refuges
        self._centres = _radians(f.location for f in refuges)
        self._cells = np.array([f.cell_radius_km for f in refuges])
        self._in_london = np.array([f.in_london for f in refuges], dtype=bool)
        self._in_gb = np.array([f.island == "GB" for f in refuges], dtype=bool)
        self._boys_to = np.array([f.boys_to_age for f in refuges], dtype=np.int64)
        self._index = {f.id: i for i, f in enumerate(refuges)}

    def minutes(self, women: Sequence[Household]) -> Ints:
        """Travel in whole minutes, told or estimated."""
        road = ROAD_PER_GREAT_CIRCLE * _km(_radians(h.location for h in women), self._centres)
        exact, done = np.full_like(road, 0.5), 0.0
        for end, speed in LEGS:
            exact += np.clip(np.minimum(road, end) - done, 0.0, None) * (60 / speed)
            done = end
        in_gb = np.array([h.island == "GB" for h in women], dtype=bool)
        crosses = in_gb[:, None] != self._in_gb[None, :]
        minutes = np.floor(exact).astype(np.int64) + SEA_CROSSING_MINUTES * crosses
        for i, f in np.argwhere(np.abs(exact - np.rint(exact)) < _CLOSE).tolist():
            minutes[i, f] = travel_minutes(self._problem, women[i], self.refuges[f])
        for i, h in enumerate(women):
            for name, told in self._problem.travel_minutes.get(h.id, {}).items():
                if name in self._index:
                    minutes[i, self._index[name]] = told
        told_or_estimated: Ints = minutes
        return told_or_estimated

    def allowed(self, women: Sequence[Household], minutes: Ints) -> Flags:
        """H4 to H8, H10 and H11."""
        wanted = {"inside_only": self._in_london, "outside_only": ~self._in_london}
        anywhere = np.ones_like(self._in_london)
        sides = [wanted.get(h.london, anywhere) for h in women]
        longest = np.array([_or_far(h.max_travel_minutes) for h in women], dtype=np.int64)
        oldest = np.array([_oldest_boy(h) for h in women], dtype=np.int64)
        good = np.array(sides, dtype=bool).reshape(minutes.shape)
        good &= minutes <= longest[:, None]
        good &= oldest[:, None] <= self._boys_to[None, :]
        self._refuse_danger(good, women)
        for i, h in enumerate(women):
            for refused in self._refused(h):
                good[i, refused] = False
        return good

    def wrong_side(self, women: Sequence[Household]) -> Ints:
        """1 where the refuge lies on the side of London she would rather not live."""
        wanted = {"prefers_inside": ~self._in_london, "prefers_outside": self._in_london}
        nowhere = np.zeros_like(self._in_london)
        rows = [wanted.get(h.london, nowhere) for h in women]
        return np.array(rows, dtype=np.int64).reshape(len(women), len(self.refuges))

    def _refuse_danger(self, good: Flags, women: Sequence[Household]) -> None:
        owner = [i for i, h in enumerate(women) for _ in h.danger_zones]
        zones = [zone for h in women for zone in h.danger_zones]
        if not zones:
            return
        radius = np.array([zone.radius_km for zone in zones])
        margin = _km(_radians(zones), self._centres) - radius[:, None] - self._cells[None, :]
        near = margin <= 0
        for z, f in np.argwhere(np.abs(margin) < _CLOSE).tolist():
            near[z, f] = in_danger(zones[z], self.refuges[f])
        for z, i in enumerate(owner):
            good[i] &= ~near[z]

    @cached_property
    def _by_word(self) -> Mapping[tuple[str, str], list[int]]:
        """The refuges that have a given id, region, network or resident."""
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for i, f in enumerate(self.refuges):
            words = {"id": (f.id,), "region": (f.region,)}
            more = {"network": f.networks, "resident": f.residents}
            for what, names in {**words, **more}.items():
                for name in names:
                    found[what, name].append(i)
        return found

    def _refused(self, h: Household) -> Iterable[list[int]]:
        """H6, H10 and H11: the refuges ruled out by a word."""
        words = (
            ("id", h.vetoed_refuges),
            ("region", h.vetoed_regions),
            ("network", h.networks),
            ("resident", h.apart_from),
        )
        for what, names in words:
            for name in names:
                yield self._by_word.get((what, name), [])


class Rooms:
    """What the rules ask of rooms: arrays are household x room, in the order told."""

    def __init__(self, problem: Problem, rooms: Sequence[tuple[Refuge, Room]]) -> None:
        self._problem = problem
        self._beds = np.array([r.bed_spaces for _, r in rooms], dtype=np.int64)
        self._cots = np.array([r.cots for _, r in rooms], dtype=np.int64)
        self._shared = np.array([r.shared for _, r in rooms], dtype=bool)
        self._free = np.array([free_at(problem, r).timestamp() for _, r in rooms])
        self._having = [r.features | f.features for f, r in rooms]
        names = sorted(set().union(*self._having))
        self._column = {name: u for u, name in enumerate(names)}
        self._has = self._matrix(self._having)
        self._price = np.array([problem.prices.get(n, 0) for n in names], dtype=np.float64)

    def _matrix(self, sets: Sequence[Iterable[str]]) -> Floats:
        """Features as 0 and 1: whole numbers, so products below are exact."""
        found = np.zeros((len(sets), len(self._column)))
        for i, names in enumerate(sets):
            found[i, [self._column[n] for n in names if n in self._column]] = 1.0
        return found

    def allowed(self, women: Sequence[Household]) -> Flags:
        """H1, H2, H3, H9 and H12."""
        good = self._fits(women)
        essential = np.array([len(h.essential) for h in women])
        good &= self._matrix([h.essential for h in women]) @ self._has.T == essential[:, None]
        good &= self._matrix([h.excludes for h in women]) @ self._has.T == 0
        latest = [np.inf if h.needed_by is None else h.needed_by.timestamp() for h in women]
        good &= self._free[None, :] <= np.array(latest)[:, None]
        shares = np.array([h.may_share for h in women], dtype=bool)
        allowed: Flags = good & (shares[:, None] | ~self._shared[None, :])
        return allowed

    def _fits(self, women: Sequence[Household]) -> Flags:
        """H1, looked up for each make-up of a household, of which there are few."""
        sizes = [(h.sleepers, h.infants) for h in women]
        number = {size: i for i, size in enumerate(dict.fromkeys(sizes))}
        sleepers, infants = np.array(list(number), dtype=np.int64).reshape(-1, 2).T
        used = _used(sleepers[:, None], infants[:, None], self._cots[None, :])
        fits: Flags = (used <= self._beds[None, :])[[number[size] for size in sizes]]
        return fits

    def missing(self, women: Sequence[Household], who: Ints, where: Ints) -> Ints:
        """Wished-for features that the room lacks, for each pair of a household and a room."""
        wished = np.array([len(h.desirable) for h in women], dtype=np.int64)
        met = self._matrix([h.desirable for h in women]) @ self._has.T
        missing: Ints = wished[who] - met[who, where].astype(np.int64)
        return missing

    def scarcity(self, women: Sequence[Household], who: Ints, where: Ints) -> Ints:
        """Prices of what she does not need, and of bed spaces left empty in a private room.

        One figure for each pair of a household and a room.
        """
        needed = self._matrix([h.essential | h.desirable for h in women]) * self._price
        unused = (self._has @ self._price)[where] - (needed @ self._has.T)[who, where]
        sleepers = np.array([h.sleepers for h in women], dtype=np.int64)[who]
        infants = np.array([h.infants for h in women], dtype=np.int64)[who]
        used = _used(sleepers, infants, self._cots[where])
        empty = np.maximum(0, self._beds[where] - used) * ~self._shared[where]
        scarcity: Ints = unused.astype(np.int64) + self._problem.spare_bed_price * empty
        return scarcity


def _used(sleepers: Ints, infants: Ints, cots: Ints) -> Ints:
    """Bed spaces that households take in rooms with the cots to themselves."""
    used: Ints = sleepers + np.maximum(0, infants - cots)
    return used


def whole(values: Iterable[int]) -> Ints:
    """Return whole numbers as an array."""
    return np.array([int(value) for value in values], dtype=np.int64)


def _or_far(minutes: int | None) -> int:
    return np.iinfo(np.int64).max if minutes is None else minutes


def _oldest_boy(h: Household) -> int:
    return max((c.age for c in h.children if c.sex == "m"), default=0)


def _radians(places: Iterable[Place | DangerZone]) -> Floats:
    """Latitude and longitude, one row a place."""
    radians: Floats = np.radians(np.array([(p.lat, p.lon) for p in places]).reshape(-1, 2))
    return radians


def _km(a: Floats, b: Floats) -> Floats:
    """Great-circle distances between every place of ``a`` and every place of ``b``."""
    lat_a, lat_b = a[:, None, 0], b[None, :, 0]
    half_lat = np.sin((lat_b - lat_a) / 2)
    half_lon = np.sin((b[None, :, 1] - a[:, None, 1]) / 2)
    square = half_lat**2 + np.cos(lat_a) * np.cos(lat_b) * half_lon**2
    distance: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, square)))
    return distance
