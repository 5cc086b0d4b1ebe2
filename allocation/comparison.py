"""Policies side by side on the same seeds: means, and paired differences with their doubt."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from allocation.policies import FIRST_COME, policies
from allocation.scenario import Scenario
from allocation.simulation import Report, simulate
from allocation.world import World

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """A mean difference with its 95 % confidence interval; one pair alone has none."""

    mean: float
    low: float | None
    high: float | None


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Return how much more ``ours`` are than ``theirs``, seed by seed (paired t interval)."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    mean = fmean(differences)
    if len(differences) < 2:
        return Difference(mean, None, None)
    error = stdev(differences) / math.sqrt(len(differences))
    half = t_quantile(len(differences) - 1) * error
    return Difference(mean, mean - half, mean + half)


def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """Return t with ``P(|T| <= t) = confidence`` for a whole number of degrees of freedom."""
    low, high = 0.0, 1.0
    while _t_within(high, freedom) < confidence:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_within(middle, freedom) < confidence else (low, middle)
    return high


def _t_within(t: float, freedom: int) -> float:
    """Return ``P(|T| <= t)``. Source: Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine**2 * (k - 1) / k
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def compare(scenario: Scenario, seeds: Sequence[int]) -> dict[str, Any]:
    """Play every policy on every seed and return what each reached, beside first come first."""
    world = World(scenario.refuges, scenario.scaled_demand())
    reports = {
        name: [simulate(scenario, policy, seed, world) for seed in seeds]
        for name, policy in policies(world).items()
    }
    return {
        "days": scenario.days,
        "load": scenario.load,
        "drift": scenario.drift,
        "seeds": list(seeds),
        "policies": {name: _row(mine, reports[FIRST_COME]) for name, mine in reports.items()},
    }


def _row(mine: Sequence[Report], first_come: Sequence[Report]) -> dict[str, Any]:
    beside = paired([r.weighted_share for r in mine], [r.weighted_share for r in first_come])
    needs = _means([report.by_need for report in mine])
    worst = min(needs, key=lambda name: (needs[name], name), default=None)
    return {
        "weighted_share": round(fmean(r.weighted_share for r in mine), 4),
        "beside_first_come": {
            "mean": _rounded(beside.mean),
            "low": _rounded(beside.low),
            "high": _rounded(beside.high),
        },
        "share": round(fmean(r.share for r in mine), 4),
        "by_priority": _means([r.by_priority for r in mine]),
        "by_need": needs,
        "worst_need": worst,
        "mean_wait_hours": round(fmean(r.mean_wait_hours for r in mine), 1),
        "longest_tenth_wait_hours": round(fmean(r.longest_tenth_wait_hours for r in mine), 1),
        "passed_over": sum(r.passed_over for r in mine),
        "unneeded_feature_nights": round(
            fmean(sum(r.unneeded_feature_nights.values()) for r in mine)
        ),
    }


def _means(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = sorted(set().union(*tables))
    return {
        name: round(fmean(table[name] for table in tables if name in table), 4) for name in names
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
