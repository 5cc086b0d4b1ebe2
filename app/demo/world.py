"""A synthetic world drawn from ``data/calibration.json`` with a fixed seed; it knows no database.

The same seed gives the same world everywhere. Nobody and no house in it is real.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from app.demo.houses import draw_refuges, half_year_sites, week_sites
from app.demo.plans import ForcePlan, RefugePlan, WomanPlan
from app.demo.women import draw_incidents, draw_residents, draw_surge, draw_women
from app.services.reference import calibration, read_rows

WEDNESDAY = 2  # Pentameter 2 began on Wednesday 3 October 2007
DEMO_FORCE = "metropolitan"


class Scenario(StrEnum):
    """WEEK is the demonstration, HALF_YEAR the replay of Pentameter 2."""

    WEEK = "week"
    HALF_YEAR = "half_year"


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything a scenario needs. ``women`` and ``residents`` are in order of arrival."""

    seed: int
    scenario: Scenario
    days: int
    forces: tuple[ForcePlan, ...]
    refuges: tuple[RefugePlan, ...]
    residents: tuple[WomanPlan, ...]
    women: tuple[WomanPlan, ...]

    @classmethod
    def generate(cls, seed: int, scenario: Scenario) -> World:
        """Draw the world; each part has its own stream, so that one can change alone."""
        return _week(seed) if scenario is Scenario.WEEK else _half_year(seed)

    @property
    def charities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(refuge.charity for refuge in self.refuges))

    @property
    def places(self) -> int:
        """How many rooms the houses have that are open from the start."""
        return sum(len(refuge.rooms) for refuge in self.refuges if refuge.opens_on_day == 0)

    @property
    def places_at_the_end(self) -> int:
        return sum(len(refuge.rooms) for refuge in self.refuges)


def surge(seed: int, *, people: int, force: str = DEMO_FORCE) -> tuple[WomanPlan, ...]:
    """The women of one raid in the demonstration."""
    return draw_surge(_stream(seed, "surge"), force, people=people)


def _stream(seed: int, purpose: str) -> random.Random:
    return random.Random(f"waymark/{seed}/{purpose}")


def _week(seed: int) -> World:
    figures = calibration()["pentameter"]
    forces = _drawn_forces(seed, figures["week_forces"])
    codes = [force.code for force in forces]
    rng = _stream(seed, "women")
    incidents = draw_incidents(
        rng,
        people=figures["week_women"],
        days=7,
        forces=codes,
        first_weekday=WEDNESDAY,
        single_share=figures["single_share"],
        of_2007=False,
    )
    under_18 = round(figures["week_women"] * figures["under_18"] / figures["victims"])
    houses = _stream(seed, "houses")
    refuges = draw_refuges(houses, week_sites(houses))
    rooms = sum(len(refuge.rooms) for refuge in refuges)
    return World(
        seed=seed,
        scenario=Scenario.WEEK,
        days=7,
        forces=forces,
        refuges=refuges,
        residents=draw_residents(
            _stream(seed, "residents"),
            codes,
            count=round(rooms * figures["week_occupied_at_start"]),
            of_2007=False,
            stay=calibration()["stay"]["crisis_bed_days"],
        ),
        women=draw_women(rng, incidents, under_18=under_18, last_minute=7 * 1440 - 1),
    )


def _half_year(seed: int) -> World:
    figures = calibration()["pentameter"]
    days = figures["weeks"] * 7
    forces = tuple(
        ForcePlan(code=row["id"], name=row["name"])
        for row in read_rows("forces.csv")
        if row["counted_2007"] == "1"
    )
    codes = [force.code for force in forces]
    rng = _stream(seed, "women")
    incidents = draw_incidents(
        rng,
        people=figures["victims"],
        days=days,
        forces=codes,
        first_weekday=WEDNESDAY,
        single_share=figures["single_share"],
        of_2007=True,
    )
    return World(
        seed=seed,
        scenario=Scenario.HALF_YEAR,
        days=days,
        forces=forces,
        refuges=draw_refuges(_stream(seed, "houses"), half_year_sites(grows_on_day=days // 2)),
        residents=draw_residents(
            _stream(seed, "residents"),
            codes,
            count=round(figures["places"] * figures["occupied_at_start"]),
            of_2007=True,
            stay=figures["stay_days"],
        ),
        women=draw_women(rng, incidents, under_18=figures["under_18"], last_minute=days * 1440 - 1),
    )


def _drawn_forces(seed: int, count: int) -> tuple[ForcePlan, ...]:
    """Forces of today, by weight, each once; first the one that the demonstration signs in to."""
    rng = _stream(seed, "forces")
    rows = {
        row["id"]: row
        for row in read_rows("forces.csv")
        if not row["active_to"] and float(row["arrival_weight"]) > 0
    }
    chosen = [DEMO_FORCE]
    while len(chosen) < count:
        rest = [code for code in rows if code not in chosen]
        chosen += rng.choices(rest, [float(rows[code]["arrival_weight"]) for code in rest])
    return tuple(ForcePlan(code=code, name=rows[code]["name"]) for code in chosen)
