"""The made-up country in which policies are compared: 150 rooms, needs that do not nest."""

from __future__ import annotations

import random
from typing import Any

from allocation.forecast import Forecast, HouseholdType, Operation, Stay, Town
from allocation.problem import Child, Place, Refuge, Room
from allocation.scenario import Scenario

ROOMS = 150
# Name, latitude, longitude, share of the women found there, share of the refuges.
TOWNS = (
    ("london", 51.5, -0.1, 30, 24),
    ("south-east", 51.3, 0.5, 8, 12),
    ("south-west", 51.0, -2.9, 6, 10),
    ("east", 52.3, 0.7, 7, 10),
    ("midlands", 52.5, -1.9, 16, 14),
    ("north-west", 53.5, -2.4, 13, 12),
    ("yorkshire", 53.8, -1.5, 9, 9),
    ("north-east", 55.0, -1.6, 4, 5),
    ("wales", 51.6, -3.4, 4, 6),
    ("scotland", 55.9, -3.8, 6, 7),
)
# What a house, or one room of it, has, and how often.
OF_HOUSE = {
    "women_only_staff": 0.55,
    "staff_24h": 0.35,
    "mental_health_support": 0.35,
    "substance_support": 0.15,
    "late_pregnancy": 0.25,
    "secure_entry": 0.3,
    "lang:ro": 0.25,
    "lang:vi": 0.2,
    "lang:sq": 0.2,
}
OF_ROOM = {"wheelchair": 0.07, "step_free": 0.2, "self_contained": 0.3, "ensuite": 0.3}
BEDS = {1: 0.42, 2: 0.3, 3: 0.17, 4: 0.11}

USUALLY = {"1": 12, "2": 28, "3": 35, "4": 25}
URGENT = {"1": 25, "2": 35, "3": 25, "4": 15}


def _type(name: str, weight: float, *essential: str, **told: Any) -> HouseholdType:
    default = {"stay": "usual", "priorities": USUALLY, "danger_km": 40, "max_travel_minutes": 300}
    return HouseholdType(
        id=name, weight=weight, essential=frozenset(essential), **{**default, **told}
    )


def _types() -> tuple[HouseholdType, ...]:
    child = Child
    wishes = frozenset({"ensuite"})
    return (
        _type("alone", 18, desirable=wishes),
        _type("alone, shares", 8, stay="short", may_share=True),
        _type("alone, london", 4, london="inside_only", danger_km=2),
        _type("alone, far away", 6, danger_km=90, max_travel_minutes=None, priorities=URGENT),
        _type("women only", 9, "women_only_staff", desirable=wishes),
        _type("mental health", 9, "mental_health_support", stay="long"),
        _type("day and night", 4, "mental_health_support", "staff_24h",
              stay="long", high_support=True, priorities=URGENT),
        _type("secure", 5, "secure_entry", priorities=URGENT, danger_km=70),
        _type("secure, women only", 3, "secure_entry", "women_only_staff", priorities=URGENT),
        _type("drink or drugs", 4, "substance_support", high_support=True),
        _type("pregnant", 4, "late_pregnancy", priorities=URGENT),
        _type("wheelchair", 3, "wheelchair", stay="long"),
        _type("step-free", 3, "step_free"),
        _type("romanian", 4, "lang:ro"),
        _type("vietnamese", 5, "lang:vi", "women_only_staff", stay="short"),
        _type("albanian", 4, "lang:sq", priorities=URGENT),
        _type("two sisters", 2, adults=2, may_share=True),
        _type("with a baby", 6, "late_pregnancy", children=(child(0, "f"),), stay="long"),
        _type("with one child", 6, children=(child(5, "m"),)),
        _type("with two children", 5, children=(child(4, "f"), child(9, "m")),
              desirable=frozenset({"self_contained"}), stay="long"),
        _type("with three children", 3, children=(child(3, "f"), child(8, "f"), child(13, "m")),
              stay="long"),
    )  # fmt: skip


def country(stock_seed: int, **told: Any) -> Scenario:
    """Return the scenario with houses drawn from ``stock_seed``; ``told`` replaces any field."""
    rng = random.Random(stock_seed)
    towns = tuple(Town(name, Place(lat, lon), share) for name, lat, lon, share, _ in TOWNS)
    demand = Forecast(
        arrivals_per_day=4.4,
        weekdays=(14, 18, 18, 17, 15, 10, 8),
        towns=towns,
        stays={"short": Stay(14, 0.75), "usual": Stay(28, 0.75), "long": Stay(45, 0.75)},
        types=_types(),
        operations=(Operation(smallest=3, largest=8, per_day=0.1),),
    )
    given = {"starts": "2026-09-07T00:00:00Z", "refuges": _refuges(rng), "demand": demand}
    return Scenario(**{**given, **told})


def _refuges(rng: random.Random) -> tuple[Refuge, ...]:
    refuges: list[Refuge] = []
    left = ROOMS
    while left:
        size = min(left, rng.choice((2, 3, 3, 4, 4, 5, 6)))
        refuges.append(_refuge(rng, f"f{len(refuges):02}", size))
        left -= size
    return tuple(refuges)


def _refuge(rng: random.Random, name: str, size: int) -> Refuge:
    town = rng.choices(TOWNS, [town[4] for town in TOWNS])[0]
    return Refuge(
        id=name,
        region=town[0],
        in_london=town[0] == "london",
        location=Place(town[1] + rng.uniform(-0.4, 0.4), town[2] + rng.uniform(-0.5, 0.5)),
        cell_radius_km=7,
        features=_some(rng, OF_HOUSE),
        boys_to_age=rng.choice((11, 14, 16, 18)),
        spare_children=rng.choice((None, 4, 6, 8)),
        spare_high_support=rng.choice((None, 2, 3)),
        rooms=tuple(_room(rng, f"r{i}") for i in range(size)),
    )


def _room(rng: random.Random, name: str) -> Room:
    beds = rng.choices(tuple(BEDS), tuple(BEDS.values()))[0]
    features = _some(rng, OF_ROOM)
    if "wheelchair" in features:
        features |= {"step_free"}
    shared = beds >= 3 and rng.random() < 0.15
    return Room(
        id=name, bed_spaces=beds, cots=rng.choice((0, 0, 1)), shared=shared, features=features
    )


def _some(rng: random.Random, chances: dict[str, float]) -> frozenset[str]:
    return frozenset(feature for feature, chance in chances.items() if rng.random() < chance)
