"""The textbook way to a proven plan: one whole-number programme a level, by scipy's HiGHS."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from allocation import Problem
from bench.eligibility import Arcs, Ints, arcs
from bench.peers.answer import Answer, Standing
from bench.peers.levels import coefficients, placements_of
from bench.peers.rows import NO_LIMIT, Rows, rows

PROVEN, OUT_OF_TIME, INFEASIBLE = 0, 1, 2  # of scipy.optimize.milp


class Infeasible(ValueError):
    """Accepted offers leave no valid plan."""


@dataclass(frozen=True, kw_only=True)
class _Found:
    chosen: Ints | None
    proven: bool


def level_by_level(problem: Problem, seconds: float) -> Answer:
    """Maximise each level in turn; what is reached is a row for all that follow.

    Raises:
        Infeasible: no plan keeps every accepted offer.
    """
    deadline = time.monotonic() + seconds
    found = arcs(problem)
    best = _climb(problem, found, deadline)
    if best.chosen is None:
        return Answer(standing=Standing.NOTHING, placements=None)
    return Answer(
        standing=Standing.OPTIMAL if best.proven else Standing.FOUND,
        placements=placements_of(problem, found, best.chosen.tolist()),
    )


def _climb(problem: Problem, found: Arcs, deadline: float) -> _Found:
    limits, chosen = rows(problem, found), None
    if not len(found.room):
        return _nothing_to_choose(limits)
    for gain in coefficients(problem, found).values():
        result = _solve(gain, limits, deadline)
        if result.status == INFEASIBLE:
            raise Infeasible("accepted offers leave no valid plan")
        if result.x is not None:
            chosen = np.flatnonzero(result.x > 0.5)
        if result.status != PROVEN or chosen is None:
            return _Found(chosen=chosen, proven=False)
        limits = _with_row(limits, gain, int(gain[chosen].sum()))
    return _Found(chosen=chosen, proven=True)


def _nothing_to_choose(limits: Rows) -> _Found:
    if (limits.low > 0).any():
        raise Infeasible("an accepted offer breaks a rule")
    return _Found(chosen=np.zeros(0, np.int64), proven=True)


def _solve(gain: Ints, limits: Rows, deadline: float) -> OptimizeResult:
    left = max(0.01, deadline - time.monotonic())
    high = np.where(limits.high == NO_LIMIT, np.inf, limits.high.astype(float))
    return milp(
        -gain.astype(float),
        constraints=LinearConstraint(limits.matrix.astype(float), limits.low.astype(float), high),
        integrality=np.ones(len(gain)),
        bounds=Bounds(0, 1),
        options={"time_limit": left, "mip_rel_gap": 0.0},
    )


def _with_row(limits: Rows, gain: Ints, reached: int) -> Rows:
    row = sparse.csr_array(gain.reshape(1, -1))
    return Rows(
        sparse.csr_array(sparse.vstack([limits.matrix, row])),
        np.append(limits.low, reached),
        np.append(limits.high, NO_LIMIT),
    )
