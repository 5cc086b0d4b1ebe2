"""What one writes with CP-SAT in an afternoon: a bool a pair, every rule, one weighted sum.

With the settings found best on these problems: one worker, full linearisation, AddAtMostOne.
"""

from __future__ import annotations

import time

import numpy as np
from ortools.sat.python import cp_model

from allocation import Problem
from bench.eligibility import Ints, arcs
from bench.peers.answer import Answer, Standing
from bench.peers.levels import coefficients, placements_of
from bench.peers.rows import NO_LIMIT, Rows, rows

# The usual weights: a level is worth more than what the next one commonly adds up to, but not more
# than it ever could; strict weights overflow 64 bits on a middle-sized night.
WEIGHTS = {
    "placed_priority_1": 8_000_000,
    "placed_priority_2": 4_000_000,
    "placed_priority_3": 2_000_000,
    "placed_priority_4": 1_000_000,
    "waiting_minutes": 10,
    "standing_kept": 10_000,
    "unmet_desirable": 1_000,
    "scarcity": 10,
    "travel_minutes": 1,
}


def plain_cp_sat(problem: Problem, seconds: float) -> Answer:
    """The plan with the largest weighted sum found in time."""
    deadline = time.monotonic() + seconds
    found = arcs(problem)
    gains = coefficients(problem, found)
    total = sum((WEIGHTS[level] * gain for level, gain in gains.items()), start=0 * found.room)
    model = cp_model.CpModel()
    x = [model.new_bool_var("") for _ in range(len(found.room))]
    _add_rows(model, x, rows(problem, found))
    model.maximize(cp_model.LinearExpr.weighted_sum(x, total.tolist()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.max_time_in_seconds = max(0.01, deadline - time.monotonic())
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(standing=Standing.NOTHING, placements=None)
    chosen = [j for j, var in enumerate(x) if solver.boolean_value(var)]
    return Answer(
        standing=Standing.WEIGHTED if status == cp_model.OPTIMAL else Standing.FOUND,
        placements=placements_of(problem, found, chosen),
    )


def _add_rows(model: cp_model.CpModel, x: list[cp_model.IntVar], limits: Rows) -> None:
    starts = limits.matrix.indptr.tolist()
    for i, (low, high) in enumerate(zip(limits.low.tolist(), limits.high.tolist(), strict=True)):
        columns = limits.matrix.indices[starts[i] : starts[i + 1]].tolist()
        weights: Ints = limits.matrix.data[starts[i] : starts[i + 1]]
        if high == NO_LIMIT or (not columns and low <= 0):
            continue
        literals = [x[j] for j in columns]
        if high == 1 and np.all(weights == 1):
            (model.add_exactly_one if low == 1 else model.add_at_most_one)(literals)
        else:
            expression = cp_model.LinearExpr.weighted_sum(literals, weights.tolist())
            model.add_linear_constraint(expression, low, high)
