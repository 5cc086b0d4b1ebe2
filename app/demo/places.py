"""Where things happen in the synthetic world: districts, drawn by force or by region."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache

from app.services.reference import read_rows

KM_PER_DEGREE = 111.195
LONDON = "E12000007"


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A postcode district or Irish routing key. ``weight`` is 0 where nobody counted postcodes."""

    code: str
    place: str
    lat: float
    lon: float
    region_code: str
    island: str
    force_code: str
    force_2007_code: str
    weight: int


@cache
def spots() -> tuple[Spot, ...]:
    """Every ordinary district; those of bulk-mail customers are nowhere a person can be."""
    island = {row["code"]: row["island"] for row in read_rows("regions.csv")}
    british = [
        Spot(
            code=row["outcode"],
            place=row["place"],
            lat=float(row["lat"]),
            lon=float(row["lon"]),
            region_code=row["region_code"],
            island=island[row["region_code"]],
            force_code=row["force"],
            force_2007_code=row["force_2007"],
            weight=int(row["weight"]),
        )
        for row in read_rows("outcodes.csv")
        if row["special"] == "0"
    ]
    irish = [
        Spot(
            code=row["code"],
            place=row["place"],
            lat=float(row["lat"]),
            lon=float(row["lon"]),
            region_code=row["region_code"],
            island="IE",
            force_code=row["force"],
            force_2007_code=row["force"],
            weight=0,
        )
        for row in read_rows("eircode_routing_keys.csv")
        if row["code"] == row["routing_key"]  # W12 would be read as the London one
    ]
    return tuple(british + irish)


def draw_spot(rng: random.Random, among: list[Spot]) -> Spot:
    """One district, by number of postcodes (at least one each, for places that count none)."""
    return rng.choices(among, weights=[max(spot.weight, 1) for spot in among])[0]


@cache
def spots_of_force(code: str, *, of_2007: bool) -> tuple[Spot, ...]:
    """The districts a force polices; a force without an area of its own works everywhere."""
    own = tuple(
        spot for spot in spots() if code == (spot.force_2007_code if of_2007 else spot.force_code)
    )
    return own or tuple(spot for spot in spots() if spot.island == "GB")


@cache
def spots_of_region(code: str) -> tuple[Spot, ...]:
    return tuple(spot for spot in spots() if spot.region_code == code)


def moved(rng: random.Random, spot: Spot, *, up_to_km: float) -> tuple[float, float]:
    """A point near the district's own, so that no cell gives a district away."""
    bearing, distance = rng.uniform(0, 2 * math.pi), up_to_km * math.sqrt(rng.random())
    lat = spot.lat + distance * math.cos(bearing) / KM_PER_DEGREE
    lon = spot.lon + distance * math.sin(bearing) / (
        KM_PER_DEGREE * math.cos(math.radians(spot.lat))
    )
    return round(lat, 2), round(lon, 2)
