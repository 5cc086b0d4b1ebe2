"""How long one question about a plan takes: why not there, where tonight, what else, what more."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from allocation import (
    Household,
    Problem,
    Room,
    Standing,
    alternatives,
    explain,
    forced_cost,
    keep,
    value_of_one_more,
)
from allocation.explanation import explain_kept
from allocation.kept import KeptPlan
from allocation.model import Model, build
from allocation.problem import Refuge
from allocation.solver import Solved, first_plan, levels_of, place, plan_of
from bench.nights import night
from bench.tables import markdown

T = TypeVar("T")
SEEDS = 3
ASKED = 20  # households explained on each night, as many with a room as without where there are
URGENT = 200
VALUE_SECONDS = 30.0


@dataclass
class Row:
    """One kind of question: seconds of each answer, and how many of its claims are proven."""

    seconds: list[float] = field(default_factory=list)
    proven: int = 0
    claims: int = 0

    def timed(self, ask: Callable[..., T], *about: Any, **more: Any) -> T:
        """Ask, and note how long the answer took."""
        started = time.perf_counter()
        answer = ask(*about, **more)
        self.seconds.append(time.perf_counter() - started)
        return answer


Rows = dict[str, Row]


def run(*, seeds: int = SEEDS) -> int:
    """Print the table."""
    rows: Rows = {}
    for seed in range(seeds):
        problem = night("M", seed)
        kept = _row(rows, "M: place, from nothing").timed(keep, problem)
        _explained(rows, problem, kept, random.Random(seed))
        _planned_again(rows, problem, kept)
        _others(rows, problem, kept)
        _urgent(rows, seed)
    print(report(rows), end="\n\n")
    return 0


def report(rows: Rows) -> str:
    """Return the table as Markdown; times in ms."""
    head = ["question", "asked", "median ms", "99 % ms", "worst ms", "proven"]
    return markdown([head, *([name, *_cells(row)] for name, row in rows.items())])


def _cells(row: Row) -> Sequence[str]:
    seconds = row.seconds
    figures = statistics.median(seconds), float(np.quantile(seconds, 0.99)), max(seconds)
    share = f"{row.proven} of {row.claims}" if row.claims else "-"
    return [str(len(seconds)), *(f"{1000 * figure:.1f}" for figure in figures), share]


def _row(rows: Rows, name: str) -> Row:
    return rows.setdefault(name, Row())


def _explained(rows: Rows, problem: Problem, kept: KeptPlan, rng: random.Random) -> None:
    plan = kept.solved.plan
    placed = rng.sample([p.household for p in plan.placements], ASKED // 2)
    without = [entry.household for entry in plan.unplaced]
    without = rng.sample(without, min(len(without), ASKED // 2))
    for kind, names in (("placed", placed), ("without a room", without)):
        for name in names:
            row = _row(rows, f"M: explain, {kind}, kept in memory")
            _count(row, row.timed(explain_kept, kept, name))
            row = _row(rows, f"M: explain, {kind}, plan told")
            _count(row, row.timed(explain, problem, plan, name))
    for name in (*placed[:3], *without[:3]):
        _forced(_row(rows, "M: forced_cost"), problem, kept, name, rng)


def _count(row: Row, answer: dict[str, Any]) -> None:
    costs = [entry["cost"] for entry in answer["refuges"] if entry["cost"]]
    row.claims += len(costs)
    row.proven += sum(cost["proven"] for cost in costs)


def _forced(row: Row, problem: Problem, kept: KeptPlan, name: str, rng: random.Random) -> None:
    columns = kept.table.columns_of(kept.row_of(name)).tolist()
    if not columns:
        return
    kind = kept.table.kinds[int(kept.table.where[rng.choice(columns)])]
    refuge = kept.table.refuges[kind.refuge].id
    cost = row.timed(forced_cost, problem, kept.solved.plan, name, refuge, kind.ids[0])
    row.claims += 1
    row.proven += cost["proven"]


def _planned_again(rows: Rows, problem: Problem, kept: KeptPlan) -> None:
    """One referral more, one offer accepted, one room gone: planned again from nothing."""
    first = kept.solved.plan.placements[0]
    changes = {
        "one more referral": _one_more(problem),
        "one offer accepted": _accepted(problem, first.household, first.refuge, first.room),
        "one bed fewer": _without(problem, first.refuge, first.room),
    }
    for name, changed in changes.items():
        row = _row(rows, f"M: place again, {name}")
        solved = row.timed(place, changed)
        row.claims += 1
        row.proven += solved.plan.status == "optimal"


def _one_more(problem: Problem) -> Problem:
    her = replace(problem.households[0], id="another", standing=None, apart_from=frozenset())
    return replace(problem, households=(*problem.households, her))


def _accepted(problem: Problem, name: str, refuge: str, room: str) -> Problem:
    def told(h: Household) -> Household:
        return replace(h, standing=Standing(refuge, room, fixed=True)) if h.id == name else h

    return replace(problem, households=tuple(told(h) for h in problem.households))


def _without(problem: Problem, refuge: str, room: str) -> Problem:
    def told(f: Refuge) -> Refuge:
        rooms: tuple[Room, ...] = tuple(r for r in f.rooms if r.id != room)
        return replace(f, rooms=rooms) if f.id == refuge else f

    households = tuple(
        replace(h, standing=None)
        if h.standing and (h.standing.refuge, h.standing.room) == (refuge, room)
        else h
        for h in problem.households
    )
    refuges = tuple(told(f) for f in problem.refuges)
    return replace(problem, households=households, refuges=refuges)


def _others(rows: Rows, problem: Problem, kept: KeptPlan) -> None:
    row = _row(rows, "M: alternatives, three")
    found = row.timed(alternatives, problem, kept.solved.plan)
    row.claims += 3
    row.proven += sum(entry["plan"]["status"] == "optimal" for entry in found)
    row = _row(rows, f"M: value, {VALUE_SECONDS:g} s")
    answer = row.timed(value_of_one_more, problem, seconds=VALUE_SECONDS)
    told = [*answer["one_more_room"], *answer["one_fewer_room"]]
    row.claims += len(told)
    row.proven += sum(entry["proven"] for entry in told)


def _urgent(rows: Rows, seed: int) -> None:
    """Ask for women of another night, with the first plan of a night of the largest size."""
    model = build(night("XL", seed))
    kept = KeptPlan(_at_once(model))
    women = [replace(h, id=f"urgent {h.id}", standing=None) for h in night("M", seed).households]
    _row(rows, "XL: urgent, the first").timed(kept.urgent, women[0])
    row = _row(rows, "XL: urgent")
    for her in women[1 : URGENT + 1]:
        row.timed(kept.urgent, her)


def _at_once(model: Model) -> Solved:
    chosen = first_plan(model)
    bounds = {x: int(np.maximum(0, gain).sum()) for x, gain in levels_of(model).items()}
    return Solved(model, chosen, None, plan_of(model, chosen, bounds, 0.0))
