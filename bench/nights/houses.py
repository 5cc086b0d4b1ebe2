"""Draws the refuges of a night: cells, free rooms, features, limits. No address exists."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

from allocation import Place, Refuge, Room
from bench.nights.facts import Lot, calibration, languages, regions, spots

CELL_KM = 10.0  # a refuge is known by its grid square only
CELL_RADIUS_KM = 7.0  # half the diagonal of that square, rounded, as in the application
KM_PER_DEGREE = 111.195
# Assumption: most free rooms are in the domestic-abuse network.
SPECIALIST_SHARE = 0.25
# Singles in the network: as app/demo/houses.py draws them; specialists: calibration unit_kinds.
NETWORK_SINGLE_SHARE = 0.4
FAMILY_BEDS = Lot((2, 3, 4, 5, 6), (4, 3, 2, 0.7, 0.3))
# Assumption: crisis beds are mostly private (calibration needs.may_share, note).
SHARED_SHARE = 0.07
SHARED_BEDS = Lot((2, 3, 4), (5, 3, 2))
# Assumption: a room told of before it is free, after a move or a repair.
LATER_SHARE = 0.15
LATER_HOURS = (2, 96)
# Features that calibration.json gives no share for; assumptions.
MORE_HOUSE_FEATURES = {"faith_kitchen": 0.12, "hearing_or_sight": 0.04}
MORE_ROOM_FEATURES = {"hearing_or_sight": 0.02}
NETWORK_KEYS_PER_REFUGE = 0.5
LINKED_SHARE = 0.08  # assumption: houses with a known link to some exploiter
NO_CHILD_LIMIT, NO_SUPPORT_LIMIT = 0.15, 0.3  # assumption: houses without such a limit


def draw_refuges(
    rng: random.Random, rooms: int, refuges: int, as_of: datetime
) -> tuple[Refuge, ...]:
    """Draw the houses with ``rooms`` free rooms in all, at least one in each.

    Raises:
        ValueError: there are fewer rooms than houses.
    """
    if not 0 < refuges <= rooms:
        raise ValueError(f"{refuges} refuges need at least a room each, told {rooms}")
    counts = [1] * refuges
    for _ in range(rooms - refuges):
        counts[rng.randrange(refuges)] += 1
    keys = network_keys(refuges)
    return tuple(_refuge(rng, i, count, keys, as_of) for i, count in enumerate(counts))


def network_keys(refuges: int) -> tuple[str, ...]:
    """The opaque names of the exploiters of a night."""
    return tuple(f"net{i:04d}" for i in range(max(3, int(refuges * NETWORK_KEYS_PER_REFUGE))))


def _refuge(
    rng: random.Random, number: int, count: int, keys: tuple[str, ...], as_of: datetime
) -> Refuge:
    spot = spots(regions("bed_share_2024").draw(rng)).draw(rng)
    specialist = rng.random() < SPECIALIST_SHARE
    rooms = tuple(_room(rng, i, specialist, as_of) for i in range(count))
    places = sum(room.bed_spaces - 1 + room.cots for room in rooms)
    return Refuge(
        id=f"f{number:04d}",
        region=spot.region,
        in_london=spot.in_london,
        location=_cell(spot.place),
        cell_radius_km=CELL_RADIUS_KM,
        island=spot.island,
        features=_house_features(rng, specialist),
        networks=frozenset([rng.choice(keys)] if rng.random() < LINKED_SHARE else []),
        residents=frozenset(f"res{number:04d}-{i}" for i in range(rng.randint(0, 6))),
        boys_to_age=_boys_to_age(rng),
        # The application's limits are max(3, places) and max(2, rooms / 2), less who is in.
        spare_children=None if rng.random() < NO_CHILD_LIMIT else rng.randint(0, max(3, places)),
        spare_high_support=(
            None if rng.random() < NO_SUPPORT_LIMIT else rng.randint(0, max(2, count // 2))
        ),
        rooms=rooms,
    )


def _cell(place: Place) -> Place:
    """The centre of the grid square a place lies in."""
    lat_step = CELL_KM / KM_PER_DEGREE
    lat = (math.floor(place.lat / lat_step) + 0.5) * lat_step
    lon_step = lat_step / math.cos(math.radians(lat))
    lon = (math.floor(place.lon / lon_step) + 0.5) * lon_step
    return Place(round(lat, 5), round(lon, 5))


def _boys_to_age(rng: random.Random) -> int:
    takes_older = rng.random() < calibration("refuges")["takes_boys_over_12"]
    return rng.choice((14, 16, 18)) if takes_older else 12


def _house_features(rng: random.Random, specialist: bool) -> frozenset[str]:
    kind = "specialist_features" if specialist else "network_features"
    shares = calibration("refuges")[kind] | MORE_HOUSE_FEATURES
    own = {feature for feature, share in shares.items() if rng.random() < share}
    return frozenset(own | {f"lang:{code}" for code in _staff_languages(rng)})


def _staff_languages(rng: random.Random) -> set[str]:
    bounds = calibration("refuges")["staff_languages_per_refuge"]
    more = bounds["max"] - bounds["min"]
    each = (bounds["mean"] - bounds["min"]) / more
    wanted = bounds["min"] + sum(rng.random() < each for _ in range(more))
    spoken = {"en"}
    while len(spoken) < wanted:
        spoken.add(languages().draw(rng))
    return spoken


def _room(rng: random.Random, number: int, specialist: bool, as_of: datetime) -> Room:
    shared = rng.random() < SHARED_SHARE
    single_share = (
        calibration("refuges")["unit_kinds"]["single"] if specialist else NETWORK_SINGLE_SHARE
    )
    beds = 1 if rng.random() < single_share else FAMILY_BEDS.draw(rng)
    shares = calibration("refuges")["room_features"] | MORE_ROOM_FEATURES
    has = {feature for feature, share in shares.items() if rng.random() < share}
    if "wheelchair" in has:
        has |= {"step_free", "ground_floor"}
    if "self_contained" in has:
        has.add("ensuite")
    later = timedelta(hours=rng.randint(*LATER_HOURS)) if rng.random() < LATER_SHARE else None
    return Room(
        id=f"r{number}",
        bed_spaces=SHARED_BEDS.draw(rng) if shared else beds,
        cots=int("cot" in has),
        shared=shared,
        features=frozenset(has - {"cot"} - ({"self_contained"} if shared else set())),
        free_from=None if later is None else as_of + later,
    )
