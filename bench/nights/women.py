"""Draws who waits in a night: by incident, with her needs, her dangers and her wishes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from allocation import Child, DangerZone, Household, Refuge
from bench.nights.facts import Lot, Spot, calibration, languages, regions, spots
from bench.nights.houses import network_keys

Mode = Literal["steady", "raid"]
Zones = Literal["low", "high"]

# Shares of the four priorities among those placed on the nights the sizes were measured on;
# after a raid most are emergencies (calibration person.urgency).
PRIORITIES: dict[Mode, Lot[int]] = {
    "steady": Lot((1, 2, 3, 4), (0.15, 0.22, 0.38, 0.25)),
    "raid": Lot((1, 2, 3, 4), (0.60, 0.25, 0.10, 0.05)),
}
# Median minutes waited by priority, lognormal; the spread is that of the hours from entry to
# request in calibration.json. Medians are assumptions.
WAITED_MEDIAN = {1: 120, 2: 480, 3: 2880, 4: 7200}
WAITED_SIGMA = 0.6
# Mean number found at one place: calibration arrivals; after a burst assumed three times that.
FOUND_MEAN: dict[Mode, float] = {"steady": 2.0, "raid": 6.0}
FOUND_MOST: dict[Mode, int] = {"steady": 8, "raid": 40}  # 25-40 is the stress of calibration.json
# (how many zones, radius): low is calibration.json, high is an assumed worse night.
ZONE_COUNT: dict[Zones, Lot[int]] = {
    "low": Lot((0, 1, 2, 3), (0.45, 0.40, 0.12, 0.03)),
    "high": Lot((0, 1, 2, 3, 4), (0.10, 0.40, 0.30, 0.15, 0.05)),
}
RADIUS_WEIGHTS: dict[Zones, tuple[float, ...]] = {
    "low": (0.4, 0.35, 0.17, 0.08),
    "high": (0.15, 0.30, 0.30, 0.25),
}
# Feature -> the share of calibration.json's needs that makes it essential.
ESSENTIAL_BY_NEED = {
    "women_only_staff": "needs_female_staff_only",
    "staff_24h": "night_staff_24h",
    "mental_health_support": "suicide_risk_high",
    "substance_support": "substance_support",
    "late_pregnancy": "late_pregnancy_3rd_trimester",
    "self_contained": "self_contained_needed",
    "step_free": "mobility_limited",
    "wheelchair": "wheelchair",
}
# Assumptions from here on: no published share was found.
LANGUAGE_ESSENTIAL, LANGUAGE_WISHED = 0.28, 0.34
SECURE_ESSENTIAL = 0.14
WISHES = {
    "women_only_staff": 0.8,  # calibration: as a wish it is nearer 0.9, with those who must
    "ensuite": 0.25,
    "secure_entry": 0.25,
    "ground_floor": 0.06,
    "prayer_space": 0.15,
    "faith_kitchen": 0.12,
    "mental_health_support": 0.25,
    "night_admission": 0.10,
}
EXCLUDES = {"substance_support": 0.06, "pets": 0.05, "prayer_space": 0.01}
TRAVEL = Lot((None, 45, 60, 90, 120, 180, 240), (0.22, 0.06, 0.12, 0.14, 0.15, 0.15, 0.16))
NEEDED_WITHIN_HOURS = {1: 12, 2: 24, 3: 72, 4: 168}
NEEDED_BY_SHARE = {1: 0.7, 2: 0.5, 3: 0.2, 4: 0.1}
SECOND_ADULT, HIGH_SUPPORT = 0.03, 0.18
VETO_REGION, VETO_REFUGE = 0.12, 0.06
NAMES_NETWORK, APART_FROM_RESIDENT = 0.35, 0.03
TOGETHER_SHARE = 0.04  # of the households; groups are pairs and triples of one incident
GROUP_SIZES = Lot((2, 3), (0.7, 0.3))
AGE_BANDS = {"<1": (0, 0), "1-4": (1, 4), "5-10": (5, 10), "11-15": (11, 15), "16-17": (16, 17)}


@dataclass(frozen=True, kw_only=True)
class Women:
    """Everybody who waits, and the groups that must not be parted."""

    households: tuple[Household, ...]
    together: tuple[tuple[str, ...], ...]


@dataclass(kw_only=True)
class _Incident:
    """What those found behind one door have in common."""

    spot: Spot
    languages: list[str]
    network: str
    members: list[int] = field(default_factory=list)


def draw_households(
    rng: random.Random,
    wanted: int,
    refuges: Sequence[Refuge],
    *,
    mode: Mode,
    zones: Zones,
    as_of: datetime,
) -> Women:
    """Draw exactly ``wanted`` households, incident by incident."""
    keys = network_keys(len(refuges))
    drawn: list[Household] = []
    incidents = []
    while len(drawn) < wanted:
        incident = _incident(rng, keys)
        for _ in range(min(_found(rng, mode), wanted - len(drawn))):
            incident.members.append(len(drawn))
            told = _needs(rng, incident) | _safety(rng, incident, refuges, zones)
            drawn.append(_household(rng, len(drawn), incident, mode, as_of, told))
        incidents.append(incident)
    together = list(_groups(rng, incidents, drawn, round(wanted * TOGETHER_SHARE)))
    _keep_apart(rng, incidents, drawn, together)
    return Women(households=tuple(drawn), together=tuple(together))


def _incident(rng: random.Random, keys: Sequence[str]) -> _Incident:
    spot = spots(regions("arrival_weight").draw(rng)).draw(rng)
    spoken = [languages().draw(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
    return _Incident(spot=spot, languages=spoken, network=rng.choice(keys))


def _found(rng: random.Random, mode: Mode) -> int:
    """How many are found at one place: geometric, with a limit."""
    stop = 1 / FOUND_MEAN[mode]
    return min(FOUND_MOST[mode], 1 + int(math.log(1 - rng.random()) / math.log(1 - stop)))


def _household(
    rng: random.Random,
    number: int,
    incident: _Incident,
    mode: Mode,
    as_of: datetime,
    told: dict[str, Any],
) -> Household:
    priority = PRIORITIES[mode].draw(rng)
    hours = NEEDED_WITHIN_HOURS[priority] * rng.uniform(0.5, 1.5)
    pressed = rng.random() < NEEDED_BY_SHARE[priority]
    return Household(
        id=f"h{number:05d}",
        priority=priority,
        waiting_minutes=round(WAITED_MEDIAN[priority] * rng.lognormvariate(0, WAITED_SIGMA)),
        adults=2 if rng.random() < SECOND_ADULT else 1,
        children=_children(rng, mode),
        location=incident.spot.place,
        island=incident.spot.island,
        london=Lot.of(calibration("person")["london_wish"]).draw(rng),
        max_travel_minutes=TRAVEL.draw(rng),
        needed_by=as_of + timedelta(hours=hours) if pressed else None,
        may_share=rng.random() < calibration("needs")["may_share"],
        high_support=rng.random() < HIGH_SUPPORT,
        **told,
    )


def _children(rng: random.Random, mode: Mode) -> tuple[Child, ...]:
    person = calibration("person")
    shares = person["children_with_her_raid" if mode == "raid" else "children_with_her_all"]
    bands = Lot.of(person["child_age_bands"])
    return tuple(
        Child(rng.randint(*AGE_BANDS[bands.draw(rng)]), rng.choice(("f", "m")))
        for _ in range(int(Lot.of(shares).draw(rng)))
    )


def _needs(rng: random.Random, incident: _Incident) -> dict[str, Any]:
    shares = calibration("needs")
    essential = {f for f, need in ESSENTIAL_BY_NEED.items() if rng.random() < shares[need]}
    if rng.random() < SECURE_ESSENTIAL:
        essential.add("secure_entry")
    desirable = {f for f, share in WISHES.items() if rng.random() < share}
    excludes = {f for f, share in EXCLUDES.items() if rng.random() < share}
    lot, spoken = rng.random(), f"lang:{rng.choice(incident.languages)}"
    if lot < LANGUAGE_ESSENTIAL:
        essential.add(spoken)
    elif lot < LANGUAGE_ESSENTIAL + LANGUAGE_WISHED:
        desirable.add(spoken)
    return {
        "essential": frozenset(essential),
        "desirable": frozenset(desirable - essential),
        "excludes": frozenset(excludes - essential - desirable),
    }


def _safety(
    rng: random.Random, incident: _Incident, refuges: Sequence[Refuge], zones: Zones
) -> dict[str, Any]:
    vetoed = rng.sample(refuges, min(len(refuges), rng.randint(1, 3)))
    resident = rng.choice(sorted(rng.choice(refuges).residents) or [""])
    meets = rng.random() < APART_FROM_RESIDENT and resident
    return {
        "danger_zones": _danger_zones(rng, incident.spot, zones),
        "vetoed_regions": frozenset(
            [regions("bed_share_2024").draw(rng)] if rng.random() < VETO_REGION else []
        ),
        "vetoed_refuges": frozenset(
            [refuge.id for refuge in vetoed] if rng.random() < VETO_REFUGE else []
        ),
        "networks": frozenset([incident.network] if rng.random() < NAMES_NETWORK else []),
        "apart_from": frozenset([resident] if meets else []),
    }


def _danger_zones(rng: random.Random, here: Spot, zones: Zones) -> tuple[DangerZone, ...]:
    person = calibration("person")
    radii = Lot(person["danger_radius_km"], RADIUS_WEIGHTS[zones])
    found = []
    for number in range(ZONE_COUNT[zones].draw(rng)):
        is_here = number == 0 and rng.random() < person["exploited_here"]
        spot = here if is_here else spots(regions("arrival_weight").draw(rng)).draw(rng)
        found.append(DangerZone(spot.place.lat, spot.place.lon, float(radii.draw(rng))))
    return tuple(found)


def _groups(
    rng: random.Random, incidents: Sequence[_Incident], drawn: Sequence[Household], wanted: int
) -> Iterator[tuple[str, ...]]:
    """Yield groups of one incident until about ``wanted`` households are in one."""
    grouped = 0
    for incident in rng.sample(incidents, len(incidents)):
        size = GROUP_SIZES.draw(rng)
        if grouped >= wanted:
            return
        if len(incident.members) >= size:
            yield tuple(drawn[i].id for i in sorted(rng.sample(incident.members, size)))
            grouped += size


def _keep_apart(
    rng: random.Random,
    incidents: Sequence[_Incident],
    drawn: list[Household],
    together: Sequence[tuple[str, ...]],
) -> None:
    """Some must be away from another of the same incident, never from one of their own group."""
    share = calibration("needs")["must_be_away_from_co_victims"]
    group_of = {name: set(group) for group in together for name in group}
    for incident in incidents:
        for i in incident.members:
            me = drawn[i]
            others = [drawn[j].id for j in incident.members if j != i]
            others = [name for name in others if name not in group_of.get(me.id, ())]
            if others and rng.random() < share:
                drawn[i] = replace(me, apart_from=me.apart_from | {rng.choice(others)})
