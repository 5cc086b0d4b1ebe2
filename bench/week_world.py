"""The made-up network of 54 beds and the women of one week, a raid of many in its middle."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from app.demo.houses import WALES, YORKSHIRE, Site, draw_refuges
from app.demo.places import LONDON
from app.demo.plans import ForcePlan, RefugePlan, RoomPlan, WomanPlan
from app.demo.women import draw_incidents, draw_residents, draw_surge, draw_women
from app.demo.world import DEMO_FORCE, Scenario, World
from app.services.reference import calibration, read_rows
from bench.personas import Persona

DAY_MINUTES = 24 * 60
MONDAY = 0
ASKED_A_MINUTE = 4  # of a raid, several officers at once
CHARITY = "Larkspur Trust (demonstration)"
FORCES = (DEMO_FORCE, "south-yorkshire", "south-wales", "greater-manchester", "kent")
RAIDING = "kent"  # so far from the houses that most of them are safe for its women
RAIDED_REGION = "E12000008"
# 40 beds in London, 9 in Yorkshire, 5 in Wales, as Poppy had in 2009 (F017): for each house its
# persona and the beds of its rooms.
HOUSES: tuple[tuple[str, Persona, tuple[int, ...]], ...] = (
    (LONDON, Persona.QUICK, (1, 1, 1, 1, 1, 3)),
    (LONDON, Persona.TWO_DOORS, (1, 1, 1, 2, 2)),
    (LONDON, Persona.DECLINER, (1, 1, 1, 1, 3)),
    (LONDON, Persona.NOISE, (1, 1, 1, 2, 2)),
    (LONDON, Persona.TWO_PHONES, (1, 1, 1, 1, 2)),
    (LONDON, Persona.SILENT, (1, 1, 1, 2)),
    (YORKSHIRE, Persona.LATE, (1, 1, 1, 2)),
    (YORKSHIRE, Persona.MIXED_CODES, (1, 1, 2)),
    (WALES, Persona.STOPS, (1, 2)),
    (WALES, Persona.DEAD_PHONE, (1, 1)),
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of a week is played: a raid of ``surge`` women on a day (from 0), at a minute.

    The desk is told ``warned_hours`` before it; ``occupied`` is the share of rooms lived in.
    """

    days: int = 7
    people: int = 30
    surge: int = 40
    surge_day: int = 3
    surge_minute: int = 6 * 60 + 40
    warned_hours: int = 24
    occupied: float = 0.4

    @property
    def surge_at(self) -> int:
        return self.surge_day * DAY_MINUTES + self.surge_minute


WEEK = Size()


def draw(seed: int, size: Size = WEEK) -> World:
    """The same seed and size are the same world everywhere; nobody in it is real."""
    rng = _stream(seed, "women")
    incidents = draw_incidents(
        rng,
        people=size.people,
        days=size.days,
        forces=list(FORCES),
        first_weekday=MONDAY,
        single_share=calibration()["pentameter"]["single_share"],
        of_2007=False,
    )
    women = draw_women(rng, incidents, under_18=1, last_minute=size.days * DAY_MINUTES - 1)
    refuges = _houses(seed)
    return World(
        seed=seed,
        scenario=Scenario.WEEK,
        days=size.days,
        forces=tuple(ForcePlan(code=code, name=_name(code)) for code in FORCES),
        refuges=refuges,
        residents=draw_residents(
            _stream(seed, "residents"),
            refuges,
            list(FORCES),
            occupied=size.occupied,
            of_2007=False,
            stay=calibration()["stay"]["crisis_bed_days"],
        ),
        women=tuple(
            sorted((*women, *_surge(seed, size)), key=lambda one: (one.arrives_minute, one.key))
        ),
    )


def personas(world: World) -> dict[str, Persona]:
    """Alias -> persona."""
    return {
        refuge.alias: persona for refuge, (_, persona, _) in zip(world.refuges, HOUSES, strict=True)
    }


def beds(world: World) -> int:
    """How many the houses have, cots not counted."""
    return sum(room.bed_spaces for refuge in world.refuges for room in refuge.rooms)


def _stream(seed: int, purpose: str) -> random.Random:
    return random.Random(f"waymark/{seed}/one week/{purpose}")


def _name(code: str) -> str:
    return next(row["name"] for row in read_rows("forces.csv") if row["id"] == code)


def _houses(seed: int) -> tuple[RefugePlan, ...]:
    sites = [
        Site(region_code=region, charity=CHARITY, households=len(rooms), is_specialist=True)
        for region, _, rooms in HOUSES
    ]
    drawn = draw_refuges(_stream(seed, "houses"), sites)
    return tuple(
        replace(
            refuge,
            rooms=tuple(_of_size(*pair) for pair in zip(refuge.rooms, rooms, strict=True)),
            max_children=max(3, sum(rooms) - len(rooms) + 2),
        )
        for refuge, (_, _, rooms) in zip(drawn, HOUSES, strict=True)
    )


def _of_size(room: RoomPlan, bed_spaces: int) -> RoomPlan:
    return replace(room, bed_spaces=bed_spaces, cots=1 if bed_spaces > 1 else room.cots)


def _surge(seed: int, size: Size) -> list[WomanPlan]:
    raid = draw_surge(_stream(seed, "surge"), RAIDING, people=size.surge)
    return [
        replace(woman, arrives_minute=size.surge_at + number // ASKED_A_MINUTE)
        for number, woman in enumerate(raid)
    ]
