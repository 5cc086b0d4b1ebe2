"""Nights to measure on: seeded problems of any size with every rule and every level in play.

``night("M", seed=0)`` is the same problem everywhere. Nobody and no house in it is real.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from allocation import Problem, Refuge
from bench.nights.houses import draw_refuges
from bench.nights.offers import with_offers
from bench.nights.women import Mode, Zones, draw_households

AS_OF = datetime(2026, 11, 22, 18, tzinfo=UTC)
ROOMS_PER_REFUGE = 4.6  # free rooms a house, as in the named sizes
SPARE_BED_PRICE = 2  # what the application charges for each bed space left empty


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many wait, and how many free rooms there are in how many houses."""

    households: int
    rooms: int
    refuges: int

    @classmethod
    def of(cls, households: int, rooms: int) -> Size:
        """A size of one's own, with the usual number of rooms a house."""
        return cls(
            households=households, rooms=rooms, refuges=max(1, round(rooms / ROOMS_PER_REFUGE))
        )


SIZES = {
    "S": Size(households=30, rooms=40, refuges=9),
    "M": Size(households=300, rooms=500, refuges=109),
    "L": Size(households=1500, rooms=2000, refuges=426),
    "XL": Size(households=5000, rooms=5000, refuges=1088),
}
SizeName = Literal["S", "M", "L", "XL"]


def night(
    size: SizeName | Size, seed: int, *, mode: Mode = "steady", zones: Zones = "low"
) -> Problem:
    """Return one valid night; ``mode`` raid sends many from few doors, ``zones`` high adds danger.

    Each part has its own stream of chance, so that one can change alone.
    """
    wanted = size if isinstance(size, Size) else SIZES[size]
    name = f"{wanted.households}x{wanted.rooms}x{wanted.refuges}/{mode}/{zones}/{seed}"
    refuges = draw_refuges(_stream(name, "houses"), wanted.rooms, wanted.refuges, AS_OF)
    women = draw_households(
        _stream(name, "women"), wanted.households, refuges, mode=mode, zones=zones, as_of=AS_OF
    )
    problem = Problem(
        as_of=AS_OF,
        households=women.households,
        refuges=refuges,
        together=women.together,
        prices=prices(refuges),
        spare_bed_price=SPARE_BED_PRICE,
    )
    return with_offers(_stream(name, "offers"), problem)


def prices(refuges: Sequence[Refuge]) -> dict[str, int]:
    """A feature's price is how rare it is: all rooms for each room that has it, as the
    application tells the engine; languages cost nothing."""
    having = Counter(
        feature
        for refuge in refuges
        for room in refuge.rooms
        for feature in room.features | refuge.features
        if not feature.startswith("lang:")
    )
    rooms = sum(len(refuge.rooms) for refuge in refuges)
    return {feature: rooms // count for feature, count in sorted(having.items())}


def _stream(night_name: str, purpose: str) -> random.Random:
    return random.Random(f"waymark-night/1/{night_name}/{purpose}")
