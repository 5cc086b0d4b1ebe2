"""What one more room of each size and region would change, by solving again each time."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from allocation.check import MAXIMISED, score
from allocation.model import Model, build, gains
from allocation.problem import Problem, Refuge, Room
from allocation.search import lexicographic
from allocation.solver import first_plan, placements_of


@dataclass(frozen=True)
class Extra:
    """One more room in one refuge."""

    refuge: Refuge
    bed_spaces: int
    cots: int

    def added_to(self, problem: Problem) -> Problem:
        """Return the problem with this room in it."""
        taken = {room.id for room in self.refuge.rooms}
        name = next(n for i in range(len(taken) + 1) if (n := f"new{i}") not in taken)
        room = Room(id=name, bed_spaces=self.bed_spaces, cots=self.cots)
        larger = replace(self.refuge, rooms=(*self.refuge.rooms, room))
        others = [larger if f.id == self.refuge.id else f for f in problem.refuges]
        return replace(problem, refuges=tuple(others))


def value_of_one_more(problem: Problem, *, seconds: float) -> dict[str, Any]:
    """Return, for each size of room and each region, the best that one more would bring.

    Sizes are those that somebody left without a room needs. ``gain`` counts per level, more is
    better; ``proven`` is false where the time ran out first, and rooms never tried are left out.
    """
    deadline = time.monotonic() + seconds
    model = build(problem)
    now, placed, proven = _best(model, deadline)
    rows: dict[tuple[str, int, int], dict[str, Any]] = {}
    for extra in _extras(problem, placed):
        if time.monotonic() >= deadline:
            proven = False
            break
        then, _, sure = _best(build(extra.added_to(problem)), deadline)
        gain = _gain(problem, now, then)
        key = (extra.refuge.region, extra.bed_spaces, extra.cots)
        row = {
            "region": extra.refuge.region,
            "bed_spaces": extra.bed_spaces,
            "cots": extra.cots,
            "refuge": extra.refuge.id,
            "gain": gain,
            "proven": sure,
        }
        if key not in rows or tuple(gain.values()) > tuple(rows[key]["gain"].values()):
            rows[key] = row
    ranked = sorted(rows.values(), key=lambda row: [-x for x in row["gain"].values()])
    return {"objective": dict(now), "proven": proven, "one_more_room": ranked}


def _best(model: Model, deadline: float) -> tuple[Mapping[str, int], frozenset[str], bool]:
    levels = {name: gains(model, name) for name in model.problem.levels}
    outcome = lexicographic(model, levels, first_plan(model), deadline)
    placements = placements_of(model, outcome.chosen or frozenset())
    placed = frozenset(p.household for p in placements)
    return score(model.problem, placements), placed, outcome.is_proven


def _extras(problem: Problem, placed: frozenset[str]) -> Iterator[Extra]:
    left_out = [h for h in problem.households if h.id not in placed]
    for sleepers, infants in sorted({(h.sleepers, h.infants) for h in left_out}):
        for refuge in sorted(problem.refuges, key=lambda refuge: (refuge.region, refuge.id)):
            yield Extra(refuge, sleepers, infants)


def _gain(problem: Problem, now: Mapping[str, int], then: Mapping[str, int]) -> dict[str, int]:
    return {
        level: then[level] - now[level] if level in MAXIMISED else now[level] - then[level]
        for level in problem.levels
    }
