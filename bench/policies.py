"""Policies over 60 simulated days: four loads, fresh seeds, the forecast right and 30 % wrong.

Every seed draws its own houses, women, needs and stays; every policy meets the same ones. The
tables and the chart are written anew after each seed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from allocation.comparison import Difference, paired
from allocation.policies import (
    BEST_FIT,
    ENGINE,
    FIRST_COME,
    LEAST_CAPABLE,
    policies,
    rehearsals,
)
from allocation.simulation import Report, simulate
from allocation.world import World
from bench.policy_bound import hindsight_share
from bench.policy_chart import chart
from bench.policy_world import country

LOADS = (0.90, 0.95, 1.00, 1.05)
DRIFTS = (0.0, 0.3)
DAYS = 60
SEEDS = 20
# The price formula was chosen on seeds from 1000 on; those below had no part in it.
FIRST_SEED = 0
BOUND_SEEDS = 5
OUT = Path(__file__).parent / "out"
BOUND = "hindsight bound (nobody can reach it)"
Cell = tuple[float, float]  # drift, load


@dataclass
class Measured:
    """Reports by cell and policy, one for each seed, in the order of the seeds."""

    days: int
    reports: dict[Cell, dict[str, list[Report]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    bounds: dict[Cell, list[float]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[str, list[Report]] = field(default_factory=lambda: defaultdict(list))

    @property
    def broken(self) -> int:
        """How often somebody waited while a room that fits stayed free; must be 0."""
        rows = [mine for cell in self.reports.values() for mine in cell.values()]
        return sum(r.passed_over for mine in (*rows, *self.orders.values()) for r in mine)


def measure(seeds: int = SEEDS, days: int = DAYS) -> Iterator[Measured]:
    """Play everything, and yield what is known so far after each seed."""
    measured = Measured(days)
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        for load in LOADS:
            scenario = country(seed, load=load, days=days)
            world = World(scenario.refuges, scenario.scaled_demand())
            chosen = policies(world)
            for drift in DRIFTS:
                told = country(seed, load=load, days=days, drift=drift)
                for name, policy in chosen.items():
                    report = simulate(told, policy, seed, world)
                    measured.reports[drift, load][name].append(report)
            if seed < FIRST_SEED + BOUND_SEEDS:
                measured.bounds[0.0, load].append(hindsight_share(scenario, world, seed))
        yield measured


def measure_orders(seeds: int = SEEDS, days: int = DAYS) -> Iterator[Measured]:
    """Play the engine with each price source and order at load 1.00, yielding after each seed."""
    measured = Measured(days)
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        scenario = country(seed, load=1.0, days=days)
        world = World(scenario.refuges, scenario.scaled_demand())
        for name, policy in rehearsals(world).items():
            measured.orders[name].append(simulate(scenario, policy, seed, world))
        yield measured


def run(*, seeds: int, days: int, orders: bool) -> int:
    """Measure, print the tables, and exit 1 when somebody was passed over."""
    play = measure_orders if orders else measure
    name = "policy-orders" if orders else "policies"
    for measured in play(seeds, days):
        save(measured, name)
    print(report(measured))
    return 1 if measured.broken else 0


def report(measured: Measured) -> str:
    """Return the tables as Markdown."""
    parts = [_table(measured, drift, load) for drift, load in sorted(measured.reports)]
    if measured.orders:
        parts.append(_orders(measured.orders))
    parts.append(f"Left waiting while a room that fits stayed free: {measured.broken} times.")
    return "\n\n".join(parts)


def save(measured: Measured, name: str) -> None:
    """Write the tables, and the chart where there is one, to ``bench/out/``."""
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.md").write_text(report(measured) + "\n", encoding="utf-8")
    if measured.reports:
        shares = {cell: _shares(mine) for cell, mine in measured.reports.items()}
        (OUT / f"{name}.svg").write_text(chart(shares, FIRST_COME), encoding="utf-8")


def _shares(mine: Mapping[str, Sequence[Report]]) -> dict[str, list[float]]:
    return {name: [r.weighted_share for r in reports] for name, reports in mine.items()}


def _table(measured: Measured, drift: float, load: float) -> str:
    mine = measured.reports[drift, load]
    shares = _shares(mine)
    seeds = len(shares[FIRST_COME])
    what = "the forecast right" if not drift else f"the forecast {drift:.0%} wrong per type"
    lines = [
        f"**Load {load:.2f}, {what}; {measured.days} days, {seeds} seeds**",
        "",
        "| policy | placed, weighted | beside first come | beside best fit "
        "| beside least capable | placed | worst need | mean wait | wishes unmet |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(name, reports, shares) for name, reports in mine.items()),
    ]
    if measured.bounds.get((drift, load)):
        bounds = measured.bounds[drift, load]
        lines.append(f"| {BOUND}, {len(bounds)} seeds | {fmean(bounds):.3f} | | | | | | | |")
    return "\n".join(lines)


def _row(name: str, reports: Sequence[Report], shares: Mapping[str, Sequence[float]]) -> str:
    beside = (
        paired(shares[name], shares[other]) for other in (FIRST_COME, BEST_FIT, LEAST_CAPABLE)
    )
    need, share = _worst(reports)
    cells = [
        name,
        f"{fmean(shares[name]):.3f}",
        *(_points(difference) for difference in beside),
        f"{fmean(r.share for r in reports):.3f}",
        f"{need} {share:.3f}",
        f"{fmean(r.mean_wait_hours for r in reports):.1f} h",
        f"{fmean(r.unmet_wishes for r in reports):.3f}",
    ]
    return f"| {' | '.join(cells)} |"


def _worst(reports: Sequence[Report]) -> tuple[str, float]:
    needs = sorted(set().union(*(r.by_need for r in reports)))
    means = {n: fmean(r.by_need[n] for r in reports if n in r.by_need) for n in needs}
    worst = min(means, key=lambda need: means[need])
    return worst, means[worst]


def _points(difference: Difference) -> str:
    """Percentage points with their 95 % interval."""
    if difference.low is None or difference.high is None:
        return f"{100 * difference.mean:+.1f}"
    low, high = 100 * difference.low, 100 * difference.high
    return f"{100 * difference.mean:+.1f} [{low:+.1f}, {high:+.1f}]"


def _orders(orders: Mapping[str, Sequence[Report]]) -> str:
    shares = _shares(orders)
    lines = [
        f"**The engine at load 1.00, by prices and order; {len(shares[ENGINE])} seeds**",
        "",
        "| prices and order | placed, weighted | beside the default order | wishes unmet |",
        "|---|---|---|---|",
    ]
    for name, reports in orders.items():
        beside = _points(paired(shares[name], shares[ENGINE]))
        unmet = fmean(r.unmet_wishes for r in reports)
        lines.append(f"| {name} | {fmean(shares[name]):.3f} | {beside} | {unmet:.3f} |")
    return "\n".join(lines)
