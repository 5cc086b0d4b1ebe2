"""Distances and travel times on the globe; every figure of allocation.md section 2."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allocation.problem import DangerZone, Household, Place, Problem, Refuge

EARTH_RADIUS_KM = 6371.0088
ROAD_PER_GREAT_CIRCLE = 1.3
SEA_CROSSING_MINUTES = 330
# (up to this many road km, speed in km/h); the last leg has no end.
LEGS: tuple[tuple[float, float], ...] = ((20.0, 38.0), (100.0, 62.0), (math.inf, 85.0))


def great_circle_km(a: Place | DangerZone, b: Place | DangerZone) -> float:
    """Return the shortest way over a sphere of radius 6371.0088 km."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat = math.sin((lat_b - lat_a) / 2)
    half_lon = math.sin(math.radians(b.lon - a.lon) / 2)
    square = half_lat**2 + math.cos(lat_a) * math.cos(lat_b) * half_lon**2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, square)))


def road_minutes(great_circle: float, *, crosses_sea: bool) -> int:
    """Return estimated minutes by road for a great-circle distance in km, rounded half up."""
    road_km = ROAD_PER_GREAT_CIRCLE * great_circle
    minutes, done = 0.0, 0.0
    for end, speed in LEGS:
        leg = max(0.0, min(road_km, end) - done)
        minutes += leg * 60 / speed
        done = min(road_km, end)
    return math.floor(minutes + 0.5) + (SEA_CROSSING_MINUTES if crosses_sea else 0)


def travel_minutes(problem: Problem, household: Household, refuge: Refuge) -> int:
    """Return the told road time, or the estimate where none is told."""
    given = problem.travel_minutes.get(household.id, {}).get(refuge.id)
    if given is not None:
        return given
    distance = great_circle_km(household.location, refuge.location)
    return road_minutes(distance, crosses_sea=household.island != refuge.island)
