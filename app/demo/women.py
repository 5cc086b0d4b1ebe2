"""Draws the women of the synthetic world: raids, households, needs, dangers, stays."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Any

from app.demo.places import Spot, draw_spot, spots, spots_of_force
from app.demo.plans import (
    ChildPlan,
    RefugePlan,
    ResidentPlan,
    RoomPlan,
    WomanPlan,
    ZonePlan,
)
from app.services.forecasting import NEED_FEATURES
from app.services.reference import calibration, read_rows

DAY_MINUTES = 24 * 60
CHILD_AGES = {"<1": (0, 0), "1-4": (1, 4), "5-10": (5, 10), "11-15": (11, 15), "16-17": (16, 17)}
ZONE_COUNT = {"none": 0, "one": 1, "two": 2, "three_plus": 3}
SURGE_LINKS = {1: "together", 2: "together", 3: "apart", 6: "apart"}  # to the first woman
HER_NO = ("wants_home", "not_now", "fears_officials", "too_far", "stay_near", "shared_rooms")
PLAIN_DEPARTURES = ("planned_move", "council_home", "own_home", "family_or_friends")


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One address entered: who, where, when, and how many people were found."""

    key: str
    minute: int
    force: str
    spot: Spot
    people: int
    is_raid: bool


def draw_incidents(
    rng: random.Random,
    *,
    people: int,
    days: int,
    forces: list[str],
    first_weekday: int,
    single_share: float,
    of_2007: bool,
) -> list[Incident]:
    """Incidents with exactly ``people`` people in all; every force has at least one.

    ``first_weekday`` is 0 for a Monday. A raid finds one woman or more (geometric, mean from the
    calibration, cut at the largest raid seen); other requests, the first of each force among them,
    are for one woman: with raids for all, too few people would be left to follow the weights.
    """
    weights = _force_weights(of_2007)
    incidents: list[Incident] = []
    left = people
    while left:
        first_round = len(incidents) < len(forces)
        alone = first_round or rng.random() < single_share
        force = (
            forces[len(incidents)]
            if first_round
            else rng.choices(forces, [weights[code] for code in forces])[0]
        )
        found = 1 if alone else min(left, _people_found(rng))
        incidents.append(
            Incident(
                key=f"i{len(incidents) + 1:03d}",
                minute=_minute(rng, days, first_weekday, is_raid=not alone),
                force=force,
                spot=draw_spot(rng, list(spots_of_force(force, of_2007=of_2007))),
                people=found,
                is_raid=not alone,
            )
        )
        left -= found
    return sorted(incidents, key=lambda incident: (incident.minute, incident.key))


def _force_weights(of_2007: bool) -> dict[str, float]:
    column = "arrival_weight_2007" if of_2007 else "arrival_weight"
    return {row["id"]: float(row[column]) for row in read_rows("forces.csv")}


def _people_found(rng: random.Random) -> int:
    mean = calibration()["arrivals"]["victims_per_positive_premises_mean"]
    largest: int = calibration()["arrivals"]["largest_single_raid"]
    found = 1
    while rng.random() < 1 - 1 / mean:
        found += 1
    return min(found, largest)


def _minute(rng: random.Random, days: int, first_weekday: int, *, is_raid: bool) -> int:
    """When the request is made: minutes from midnight of the first day."""
    arrivals = calibration()["arrivals"]
    by_weekday = arrivals["weekday_weights_mon_sun"]
    day_weights = [by_weekday[(first_weekday + day) % 7] for day in range(days)]
    day = rng.choices(range(days), day_weights)[0]
    if not is_raid:
        hour = rng.choices(range(24), arrivals["hour_weights"])[0]
        return day * DAY_MINUTES + hour * 60 + rng.randrange(60)
    at_dawn = rng.random() < arrivals["operation_start_hour"]["05-08"]
    entered = rng.uniform(5, 8) if at_dawn else rng.uniform(18, 23)
    asked = entered + _lognormal(rng, arrivals["hours_from_entry_to_request"])
    return min(day * DAY_MINUTES + round(asked * 60), days * DAY_MINUTES - 1)


def _lognormal(rng: random.Random, shape: dict[str, Any]) -> float:
    return float(rng.lognormvariate(math.log(shape["median"]), shape["sigma"]))


def draw_women(
    rng: random.Random, incidents: list[Incident], *, under_18: int, last_minute: int
) -> tuple[WomanPlan, ...]:
    """One plan for each person found; ``under_18`` of them, drawn by lot, are children."""
    women: list[WomanPlan] = []
    for incident in incidents:
        mix = _incident_languages(rng)
        for index in range(incident.people):
            minute = min(incident.minute + index * rng.randint(1, 2), last_minute)
            key = f"w{len(women) + 1:03d}"
            women.append(_woman(rng, key, incident, minute, mix, is_first=index == 0))
    for index in rng.sample(range(len(women)), under_18):
        women[index] = replace(women[index], under_18=True, children=(), link="")
    return tuple(sorted(women, key=lambda woman: (woman.arrives_minute, woman.key)))


def draw_residents(
    rng: random.Random,
    refuges: tuple[RefugePlan, ...],
    forces: list[str],
    *,
    occupied: float,
    of_2007: bool,
    stay: dict[str, Any],
) -> tuple[ResidentPlan, ...]:
    """Women who moved in before the scenario began, into ``occupied`` of the private rooms.

    Whoever is found in a house on a given day is likelier to be on a long stay, so stays are drawn
    length-biased (lognormal with its logarithm's mean raised by sigma squared) and are part over.
    """
    weights = _force_weights(of_2007)
    biased = {"median": stay["median"] * math.exp(stay["sigma"] ** 2), "sigma": stay["sigma"]}
    homes = [
        (refuge, room)
        for refuge in refuges
        for room in refuge.rooms
        if refuge.opens_on_day == 0 and not room.is_shared
    ]
    taken = rng.sample(homes, round(len(homes) * occupied))
    residents = []
    for number, (refuge, room) in enumerate(taken, start=1):
        force = rng.choices(forces, [weights[code] for code in forces])[0]
        days = min(_lognormal(rng, biased), stay["cap"])
        minutes_ago = max(round(rng.random() * days * DAY_MINUTES), DAY_MINUTES)
        incident = Incident(
            key=f"r{number:03d}",
            minute=-minutes_ago - rng.randrange(DAY_MINUTES),
            force=force,
            spot=draw_spot(rng, list(spots_of_force(force, of_2007=of_2007))),
            people=1,
            is_raid=False,
        )
        mix = _incident_languages(rng)
        woman = _woman(rng, incident.key, incident, incident.minute, mix, is_first=True)
        woman = replace(
            woman,
            children=_children_who_fit(woman, refuge, room),
            stay_days=max(round(days), 2),
            essential=(),
            urgency="planned",
        )
        residents.append(ResidentPlan(woman=woman, refuge=refuge.alias, room=room.code))
    return tuple(sorted(residents, key=lambda one: (one.woman.arrives_minute, one.woman.key)))


def _children_who_fit(
    woman: WomanPlan, refuge: RefugePlan, room: RoomPlan
) -> tuple[ChildPlan, ...]:
    welcome = [
        child for child in woman.children if child.sex == "f" or child.age <= refuge.boys_to_age
    ]
    return tuple(welcome[: room.bed_spaces - 1])


def draw_surge(rng: random.Random, force: str, *, people: int) -> tuple[WomanPlan, ...]:
    """A raid at one address: three languages; some women stay together, some must be kept apart."""
    incident = Incident(
        key="surge",
        minute=0,
        force=force,
        spot=draw_spot(rng, list(spots_of_force(force, of_2007=False))),
        people=people,
        is_raid=True,
    )
    mix = list(dict.fromkeys(_incident_languages(rng, at_least=3)))[:3]
    return tuple(
        replace(
            _woman(rng, f"s{index + 1:03d}", incident, index, mix, is_first=index == 0),
            language=mix[index % len(mix)],
            urgency="emergency",
            link=SURGE_LINKS.get(index, ""),
            zones=(ZonePlan(district=incident.spot.code, radius_km=16),),
        )
        for index in range(people)
    )


def _incident_languages(rng: random.Random, *, at_least: int = 1) -> list[str]:
    """The languages spoken at one address: seldom more than two."""
    rows = [row for row in read_rows("languages.csv") if float(row["share_2007"]) > 0]
    codes, shares = [row["code"] for row in rows], [float(row["share_2007"]) for row in rows]
    wanted = max(at_least, rng.choice((1, 1, 2)))
    spoken: list[str] = []
    while len(set(spoken)) < wanted:
        spoken += rng.choices(codes, shares)
    return spoken


def _woman(
    rng: random.Random,
    key: str,
    incident: Incident,
    minute: int,
    languages: list[str],
    *,
    is_first: bool,
) -> WomanPlan:
    person, stay = calibration()["person"], calibration()["pentameter"]["stay_days"]
    zones = _zones(rng, incident.spot, ZONE_COUNT[_drawn(rng, person["danger_regions"])])
    return WomanPlan(
        key=key,
        incident=incident.key,
        arrives_minute=minute,
        force=incident.force,
        district=incident.spot.code,
        urgency=_drawn(rng, person["urgency"]),
        under_18=False,
        children=_children(rng, is_raid=incident.is_raid),
        language=rng.choice(languages),
        essential=_essential(rng, zones),
        zones=zones,
        london=_drawn(rng, person["london_wish"]),
        may_share=rng.random() < calibration()["needs"]["may_share"],
        link="" if is_first else _link(rng),
        says_no=_says_no(rng),
        stay_days=max(1, min(round(_lognormal(rng, stay)), stay["cap"])),
        will_arrive=rng.random() >= calibration()["answers"]["not_arrived"],
        leaves_because=_leaves_because(rng),
    )


def _drawn(rng: random.Random, shares: dict[str, float]) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]


def _link(rng: random.Random) -> str:
    needs = calibration()["needs"]
    lot = rng.random()
    if lot < needs["wants_to_stay_with_co_victims"]:
        return "together"
    apart = needs["wants_to_stay_with_co_victims"] + needs["must_be_away_from_co_victims"]
    return "apart" if lot < apart else ""


def _children(rng: random.Random, *, is_raid: bool) -> tuple[ChildPlan, ...]:
    person = calibration()["person"]
    shares = person["children_with_her_raid" if is_raid else "children_with_her_all"]
    children = []
    for _ in range(int(_drawn(rng, shares))):
        youngest, oldest = CHILD_AGES[_drawn(rng, person["child_age_bands"])]
        children.append(ChildPlan(age=rng.randint(youngest, oldest), sex=rng.choice("fm")))
    return tuple(sorted(children, key=lambda child: (child.age, child.sex)))


def _essential(rng: random.Random, zones: tuple[ZonePlan, ...]) -> tuple[str, ...]:
    needs = calibration()["needs"]
    ticked = [name for need, name in NEED_FEATURES.items() if rng.random() < needs[need]]
    if len(zones) > 1:
        ticked.append("secure_entry")
    if "wheelchair" in ticked and "step_free" in ticked:
        ticked.remove("step_free")  # a room for a wheelchair has no steps
    return tuple(sorted(ticked))


def _zones(rng: random.Random, here: Spot, count: int) -> tuple[ZonePlan, ...]:
    """Places she must not be near; the first is mostly where she was found."""
    person = calibration()["person"]
    zones = []
    for number in range(count):
        is_here = number == 0 and rng.random() < person["exploited_here"]
        spot = here if is_here else draw_spot(rng, list(spots()))
        radius = rng.choices(person["danger_radius_km"], person["danger_radius_weights"])[0]
        zones.append(ZonePlan(district=spot.code, radius_km=radius))
    return tuple(zones)


def _says_no(rng: random.Random) -> str:
    if rng.random() >= calibration()["answers"]["woman_says_no"]:
        return ""
    return rng.choice(HER_NO)


def _leaves_because(rng: random.Random) -> str:
    stay = calibration()["stay"]
    lot = rng.random()
    if lot < stay["leaves_without_notice"]:
        return "left_without_word"
    if lot < stay["leaves_without_notice"] + stay["returns_home_voluntarily"]:
        return "went_home"
    return rng.choice(PLAIN_DEPARTURES)
