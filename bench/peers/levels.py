"""The nine levels as coefficients of the arcs, and arcs as placements."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from allocation import Placement, Problem
from allocation.check import MAXIMISED
from bench.eligibility import Arcs, Ints


def coefficients(problem: Problem, found: Arcs) -> dict[str, Ints]:
    """What each arc adds to each level, in the problem's order, signed so that more is better."""
    priority = np.array([h.priority for h in problem.households], np.int64)[found.household]
    waited = np.array([h.waiting_minutes for h in problem.households], np.int64)
    figures = {f"placed_priority_{p}": (priority == p).astype(np.int64) for p in (1, 2, 3, 4)}
    figures |= {
        "waiting_minutes": waited[found.household],
        "standing_kept": _kept(problem, found),
        "unmet_desirable": found.unmet,
        "scarcity": found.scarcity,
        "travel_minutes": found.travel,
    }
    return {x: figures[x] if x in MAXIMISED else -figures[x] for x in problem.levels}


def _kept(problem: Problem, found: Arcs) -> Ints:
    place = {(refuge.id, room.id): j for j, (refuge, room) in enumerate(found.rooms)}
    offered = [
        -1 if h.standing is None else place[h.standing.refuge, h.standing.room]
        for h in problem.households
    ]
    kept: Ints = (np.array(offered, np.int64)[found.household] == found.room).astype(np.int64)
    return kept


def placements_of(problem: Problem, found: Arcs, chosen: Iterable[int]) -> tuple[Placement, ...]:
    """The chosen arcs, as a plan says them."""
    return tuple(
        Placement(problem.households[found.household[j]].id, refuge.id, room.id)
        for j in chosen
        for refuge, room in [found.rooms[found.room[j]]]
    )
