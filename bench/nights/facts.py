"""What ``data/`` says that the nights are drawn from: shares, regions, districts, languages."""

from __future__ import annotations

import csv
import itertools
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from allocation import Place

DATA = Path(__file__).resolve().parents[2] / "data"
LONDON = "E12000007"
T = TypeVar("T")


class Lot(Generic[T]):
    """Draws among the same options again and again, by weight."""

    def __init__(self, options: Iterable[T], weights: Iterable[float]) -> None:
        self._options: Sequence[T] = list(options)
        self._sums = list(itertools.accumulate(weights))

    @classmethod
    def of(cls, shares: Mapping[T, float]) -> Lot[T]:
        """A lot from option -> share."""
        return cls(shares, shares.values())

    def draw(self, rng: random.Random) -> T:
        """One option."""
        return rng.choices(self._options, cum_weights=self._sums)[0]


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A postcode district: about where it lies, its region and land mass."""

    place: Place
    region: str
    island: str
    in_london: bool


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of one table of ``data/``."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def calibration(part: str) -> dict[str, Any]:
    """One part of ``data/calibration.json``, values only; each one's basis stands in the file."""
    told = json.loads((DATA / "calibration.json").read_text("utf-8"))[part]
    return {name: entry["value"] for name, entry in told.items()}


@cache
def regions(share: str) -> Lot[str]:
    """Region codes by one of the share columns of ``regions.csv``."""
    return Lot.of({row["code"]: float(row[share]) for row in rows("regions.csv")})


@cache
def spots(region: str) -> Lot[Spot]:
    """The districts of a region by how many postcodes they have, at least one each."""
    about = {row["code"]: row for row in rows("regions.csv")}[region]
    british = [row for row in rows("outcodes.csv") if row["special"] == "0"]
    irish = [row | {"weight": "0"} for row in rows("eircode_routing_keys.csv")]
    mine = [row for row in british + irish if row["region_code"] == region]
    return Lot(
        (
            Spot(
                place=Place(float(row["lat"]), float(row["lon"])),
                region=region,
                island=about["island"],
                in_london=about["in_london"] == "1",
            )
            for row in mine
        ),
        (max(1, int(row["weight"])) for row in mine),
    )


@cache
def languages() -> Lot[str]:
    """Language codes by ``share_2024``."""
    return Lot.of({row["code"]: float(row["share_2024"]) for row in rows("languages.csv")})
