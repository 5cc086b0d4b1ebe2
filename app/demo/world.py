"""A synthetic world drawn from ``data/calibration.json`` with a fixed seed; it knows no database.

The same seed gives the same world everywhere. Nobody and no house in it is real.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum

from app.demo.houses import draw_refuges, half_year_sites, week_sites
from app.demo.places import draw_spot, spots_of_force
from app.demo.plans import ForcePlan, RefugePlan, ResidentPlan, WomanPlan
from app.demo.women import draw_incidents, draw_residents, draw_surge, draw_women
from app.services.reference import calibration, read_rows

WEDNESDAY = 2  # Pentameter 2 began on Wednesday 3 October 2007
DEMO_FORCE = "metropolitan"
QUIET_MINUTES = 120  # nobody but those of TONIGHT asks so late in the week
DEMO_HOUSES = ("Rowan House", "Cedar House")  # where the tour's two refuge workers are


@dataclass(frozen=True, kw_only=True)
class Late:
    """A request of the week's last hours. ``is_plain`` ones come from the demonstration's officer
    and ask for nothing special, so that most houses can take them."""

    minutes_ago: int
    urgency: str
    is_plain: bool
    with_previous: bool = False


# What a newcomer finds going on: three asked about already, three still to be decided.
TONIGHT = (
    Late(minutes_ago=78, urgency="urgent", is_plain=True),
    Late(minutes_ago=75, urgency="urgent", is_plain=True),
    Late(minutes_ago=23, urgency="emergency", is_plain=False),
    Late(minutes_ago=8, urgency="emergency", is_plain=True),
    Late(minutes_ago=6, urgency="emergency", is_plain=True, with_previous=True),
    Late(minutes_ago=4, urgency="urgent", is_plain=False),
)
STAGED = 2  # the first of them are offered to the demonstration's houses


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
    residents: tuple[ResidentPlan, ...]
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
    return World(
        seed=seed,
        scenario=Scenario.WEEK,
        days=7,
        forces=forces,
        refuges=refuges,
        residents=draw_residents(
            _stream(seed, "residents"),
            refuges,
            codes,
            occupied=figures["week_occupied_at_start"],
            of_2007=False,
            stay=calibration()["stay"]["crisis_bed_days"],
        ),
        women=_tonight(
            seed,
            draw_women(rng, incidents, under_18=under_18, last_minute=7 * 1440 - QUIET_MINUTES),
        ),
    )


def _tonight(seed: int, women: tuple[WomanPlan, ...]) -> tuple[WomanPlan, ...]:
    """Move the week's last adults into its last hours: what a newcomer finds going on."""
    adults = [woman for woman in women if not woman.under_18][-len(TONIGHT) :]
    rng = _stream(seed, "tonight")
    moved: list[WomanPlan] = []
    for woman, late in zip(adults, TONIGHT, strict=True):
        at = 7 * 1440 - late.minutes_ago
        woman = replace(woman, arrives_minute=at, urgency=late.urgency, says_no="", link="")
        woman = replace(woman, key=f"t{len(moved) + 1}", incident=f"t{len(moved) + 1}")
        if late.is_plain:
            woman = _plain(rng, woman)
        if late.with_previous:
            before = moved[-1]
            woman = replace(
                woman, incident=before.incident, district=before.district, link="together"
            )
        moved.append(woman)
    return tuple([woman for woman in women if woman not in adults] + moved)


def _plain(rng: random.Random, woman: WomanPlan) -> WomanPlan:
    spot = draw_spot(rng, list(spots_of_force(DEMO_FORCE, of_2007=False)))
    return replace(
        woman,
        force=DEMO_FORCE,
        district=spot.code,
        children=(),
        essential=(),
        zones=(),
        london="either",
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
    refuges = draw_refuges(_stream(seed, "houses"), half_year_sites(grows_on_day=days // 2))
    return World(
        seed=seed,
        scenario=Scenario.HALF_YEAR,
        days=days,
        forces=forces,
        refuges=refuges,
        residents=draw_residents(
            _stream(seed, "residents"),
            refuges,
            codes,
            occupied=figures["occupied_at_start"],
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
