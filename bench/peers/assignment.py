"""scipy's assignment solver: rooms only, no rule between households. A bound, not a plan."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from allocation import Problem
from allocation.problem import PRIORITIES, PRIORITY_LEVELS
from bench.eligibility import Arcs, Ints, arcs
from bench.peers.answer import Answer, Standing

WAITING = "waiting_minutes"


def assignment_bound(problem: Problem, seconds: float) -> Answer:
    """What no plan can beat on the priorities and on waiting, read in this order.

    C1 and C2 alone make an assignment problem; a shared room counts as one room a bed. Who can
    be placed at once is then a matroid, so falling weights find the best of the first level,
    then of the second, and so on: no strict weights are needed.
    """
    found = arcs(problem)
    households = len(problem.households)
    seats = _Seats(found)
    own_place = sparse.eye_array(households, format="csr", dtype=np.float64)
    gains, most = _gains(problem)
    costs = sparse.coo_array(
        (
            (most + 1 - gains[found.household])[seats.arc].astype(float),
            (found.household[seats.arc], seats.column),
        ),
        shape=(households, seats.count),
    )
    costs = sparse.csr_array(sparse.hstack([costs, own_place * float(most + 1)]))
    placed, columns = min_weight_full_bipartite_matching(costs)
    housed = [problem.households[i] for i in placed[columns < seats.count].tolist()]
    bounds = {
        level: sum(h.priority == p for h in housed)
        for p, level in zip(PRIORITIES, PRIORITY_LEVELS, strict=True)
    }
    bounds[WAITING] = sum(h.waiting_minutes for h in housed)
    return Answer(standing=Standing.BOUND, placements=None, bounds=bounds)


def _gains(problem: Problem) -> tuple[Ints, int]:
    """What placing each household is worth, and the most that any is worth.

    A step between priorities is more than everybody's waiting together.
    """
    step = 1 + sum(h.waiting_minutes for h in problem.households)
    gains = [(5 - h.priority) * step + h.waiting_minutes for h in problem.households]
    return np.array(gains, np.int64), max(gains, default=0)


class _Seats:
    """A column for each private room and for each bed of a shared one; an arc stands in each."""

    def __init__(self, found: Arcs) -> None:
        copies = [room.bed_spaces if room.shared else 1 for _, room in found.rooms]
        each = np.array(copies, np.int64)
        first = np.concatenate([[0], np.cumsum(each)]).astype(np.int64)
        self.count = int(first[-1])
        repeats = each[found.room]
        self.arc = np.repeat(np.arange(len(found.room)), repeats)
        begin = np.repeat(np.cumsum(repeats) - repeats, repeats)
        self.column = first[found.room[self.arc]] + np.arange(len(self.arc)) - begin
