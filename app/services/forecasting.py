"""Whom to expect: our own requests of the last 90 days, and a prior where there are few of them.

The prior is the calibration's woman (``data/calibration.json``, every share with its basis), worth
``forecast.prior_days`` of requests and ``forecast.prior_stays`` departures: a new service starts
with it alone, and after a season of its own requests hardly feels it. Pre-alerts stay out of the
forecast, because the figures behind prices are read by charities; they have a reserve of their own.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.db import db
from app.models.placements import Placement, PlacementState
from app.models.reference import District, Region
from app.models.referrals import Needs, Referral, Safety
from app.services.reference import calibration, read_rows
from app.services.referrals import HIGH_SUPPORT, MAX_TRAVEL_MINUTES

FORMAT = "waymark.forecast/1"
LOOKS_BACK = timedelta(days=90)
DAY = timedelta(days=1)
NOT_A_WOMAN_MORE = ("duplicate", "entered_in_error")
STAY = "crisis"
PRIOR_DRAWS, PRIOR_SEED = 150, 20071003
CHILD_AGE = 6
# What calibration.json calls a need, and the feature an officer ticks for it.
NEED_FEATURES = {
    "wheelchair": "wheelchair",
    "mobility_limited": "step_free",
    "self_contained_needed": "self_contained",
    "needs_female_staff_only": "women_only_staff",
    "night_staff_24h": "staff_24h",
    "suicide_risk_high": "mental_health_support",
    "substance_support": "substance_support",
    "late_pregnancy_3rd_trimester": "late_pregnancy",
}


@dataclass(frozen=True)
class _Kind:
    """What of a woman's request decides which rooms could be hers, and nothing else of her."""

    adults: int = 1
    children: int = 0
    essential: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    london: str = "either"
    may_share: bool = False
    danger_km: int | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A forecast document, and in plain figures what it stands on."""

    document: dict[str, Any]
    basis: dict[str, int]


def forecast(now: datetime) -> Expected:
    """Read the last 90 days inside the caller's transaction, at the database's time ``now``."""
    since = now - LOOKS_BACK
    seen, regions = _seen(since)
    days = _days_of_history(since, now)
    prior = calibration()["forecast"]
    rate_before = _prior_rate()
    prior_women = rate_before * prior["prior_days"]
    kinds = _mixed(seen, _prior_kinds(), prior_women)
    bed_days, departures = _stays(since, now)
    mean = (bed_days + calibration()["stay"]["crisis_bed_days"]["mean"] * prior["prior_stays"]) / (
        departures + prior["prior_stays"]
    )
    women = regions.total()
    document = {
        "format": FORMAT,
        "arrivals_per_day": round((women + prior_women) / (days + prior["prior_days"]), 4),
        "towns": _towns(regions, prior_women),
        "stays": {STAY: {"mean_days": round(mean, 2), "dispersion": _dispersion()}},
        "types": [_household_type(n, kind, kinds[kind]) for n, kind in enumerate(sorted_of(kinds))],
        "weekdays": calibration()["arrivals"]["weekday_weights_mon_sun"],
    }
    basis = {
        "women_seen": women,
        "days_seen": round(days),
        "prior_women": round(prior_women),
        "mean_stay_days": round(mean),
        "departures_seen": departures,
    }
    return Expected(document=document, basis=basis)


def sorted_of(kinds: dict[_Kind, float]) -> list[_Kind]:
    """The kinds in an order that depends on nothing but what they are."""
    return sorted(kinds, key=repr)


def _seen(since: datetime) -> tuple[dict[_Kind, float], Counter[str]]:
    """How many of each kind asked since then, and in which region they stood.

    Those whose record was purged are counted by region; what they needed is taken to have been as
    the others' was.
    """
    region = func.coalesce(District.region_code, Referral.region_code)
    rows = db.session.execute(
        select(Needs, Safety.danger_zones, region, Referral.purged_at)
        .select_from(Referral)
        .outerjoin(Needs, Needs.id == Referral.needs_id)
        .outerjoin(Safety, Safety.id == Referral.safety_id)
        .outerjoin(District, District.code == Needs.district_code)
        .where(
            Referral.submitted_at >= since,
            Referral.transfer_of_id.is_(None),
            func.coalesce(Referral.closed_reason, "").not_in(NOT_A_WOMAN_MORE),
        )
    ).all()
    kinds = Counter(_kind(needs, zones) for needs, zones, _, purged_at in rows if purged_at is None)
    each = len(rows) / kinds.total() if kinds else 0.0
    regions = Counter(row[2] for row in rows)
    return {kind: count * each for kind, count in kinds.items()}, regions


def _kind(needs: Needs, zones: list[dict[str, Any]]) -> _Kind:
    return _Kind(
        adults=needs.adults,
        children=len(needs.children),
        essential=tuple(sorted(needs.essential)),
        excludes=tuple(sorted(needs.excludes)),
        london=needs.london,
        may_share=needs.may_share,
        danger_km=max((zone["radius_km"] for zone in zones), default=None),
    )


def _days_of_history(since: datetime, now: datetime) -> float:
    """How many days of our own there are; a service younger than 90 days has fewer."""
    first = db.session.scalar(select(func.min(Referral.submitted_at)))
    return 0.0 if first is None else (now - max(first, since)) / DAY


def _prior_rate() -> float:
    """Requests a day: Pentameter 2's people over its weeks."""
    pentameter = calibration()["pentameter"]
    return float(pentameter["victims"] / (pentameter["weeks"] * 7))


def _prior_kinds() -> Counter[_Kind]:
    """The calibration's woman, drawn many times with a fixed seed: always the same women."""
    rng = random.Random(PRIOR_SEED)  # noqa: S311 - a documented lot, not a secret
    person, needs = calibration()["person"], calibration()["needs"]

    def drawn(weights: dict[str, float]) -> str:
        return rng.choices(list(weights), list(weights.values()))[0]

    def one() -> _Kind:
        has_zone = drawn(person["danger_regions"]) != "none"
        return _Kind(
            children=int(drawn(person["children_with_her_all"])),
            essential=tuple(
                sorted(code for need, code in NEED_FEATURES.items() if rng.random() < needs[need])
            ),
            london=drawn(person["london_wish"]),
            may_share=rng.random() < needs["may_share"],
            danger_km=rng.choices(person["danger_radius_km"], person["danger_radius_weights"])[0]
            if has_zone
            else None,
        )

    return Counter(one() for _ in range(PRIOR_DRAWS))


def _mixed(
    seen: dict[_Kind, float], prior: Counter[_Kind], prior_women: float
) -> dict[_Kind, float]:
    """Each kind's weight in women: those seen, and the prior's share of its own."""
    each = prior_women / prior.total()
    return {kind: seen.get(kind, 0.0) + prior[kind] * each for kind in {*seen, *prior}}


def _towns(seen: Counter[str], prior_women: float) -> list[dict[str, Any]]:
    """The middle of each region, weighted by where women stood and by the forces' known shares."""
    known: Counter[str] = Counter()
    for row in read_rows("forces.csv"):
        if not row["active_to"] and row["region_code"]:
            known[row["region_code"]] += float(row["arrival_weight"] or 0)  # type: ignore[assignment]
    total = sum(known.values())
    regions = db.session.scalars(select(Region).order_by(Region.code)).all()
    return [
        {
            "id": region.code,
            "location": {"lat": region.lat, "lon": region.lon},
            "island": region.island,
            "weight": round(seen[region.code] + prior_women * known[region.code] / total, 4),
        }
        for region in regions
    ]


def _stays(since: datetime, now: datetime) -> tuple[float, int]:
    """Days slept in since then, and how many stays ended: a stay still going on counts as far.

    Days over departures is the mean stay even while most women are still there.
    """
    lived = (Placement.state == PlacementState.ARRIVED) | (
        (Placement.state == PlacementState.DEPARTED) & (Placement.ended_at >= since)
    )
    until = func.coalesce(Placement.ended_at, now)
    seconds = func.extract("epoch", until - func.greatest(Placement.arrived_at, since))
    row = db.session.execute(
        select(
            func.coalesce(func.sum(seconds), 0),
            func.count().filter(Placement.state == PlacementState.DEPARTED),
        ).where(lived)
    ).one()
    return float(row[0]) / DAY.total_seconds(), int(row[1])


def _dispersion() -> float:
    return float(calibration()["stay"]["crisis_bed_days"]["sigma"])


def _household_type(number: int, kind: _Kind, weight: float) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": f"kind-{number}",
        "stay": STAY,
        "weight": round(weight, 4),
        "adults": kind.adults,
        "children": [{"age": CHILD_AGE, "sex": "f"}] * kind.children,
        "essential": list(kind.essential),
        "excludes": list(kind.excludes),
        "london": kind.london,
        "max_travel_minutes": MAX_TRAVEL_MINUTES,
        "may_share": kind.may_share,
        "high_support": bool(HIGH_SUPPORT & set(kind.essential)),
    }
    return document if kind.danger_km is None else {**document, "danger_km": kind.danger_km}
