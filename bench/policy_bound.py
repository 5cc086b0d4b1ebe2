"""An upper bound: what somebody who knew every arrival and every stay in advance could place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from allocation.arrivals import DAY_MINUTES, Arrival, draw
from allocation.scenario import Scenario
from allocation.simulation import WEIGHTS
from allocation.world import World


def hindsight_share(scenario: Scenario, world: World, seed: int) -> float:
    """Return the bound on the weighted placed share, by linear programming (HiGHS).

    It is an upper bound: rooms may be split, the places of a house for children and high support
    are not counted, and a household takes its room only from the last moment it could move in
    to the first moment it could leave.
    """
    arrivals = [a for a in draw(scenario, seed) if _row(world, a).any()]
    first, last = scenario.warm_up_days * DAY_MINUTES, scenario.all_days * DAY_MINUTES
    weights = [WEIGHTS[a.priority] if first <= a.minute < last else 0 for a in arrivals]
    value: list[tuple[int, float]] = []
    columns: list[int] = []
    rows: list[tuple[int, int]] = []
    entries: list[int] = []
    for arrival, weight in zip(arrivals, weights, strict=True):
        steps = _steps(scenario, arrival)
        household = world.kinds[world.row(arrival.type, arrival.town)]
        for room in np.flatnonzero(_row(world, arrival)):
            used = household.sleepers if world.rooms[room][1].shared else 1
            for step in steps:
                rows.append((int(room), step))
                columns.append(len(value))
                entries.append(used)
            value.append((arrival.number, float(weight)))
    return _solved(world, value, columns, rows, entries) / (sum(weights) or 1)


def _row(world: World, arrival: Arrival) -> npt.NDArray[np.bool_]:
    row: npt.NDArray[np.bool_] = world.eligible[world.row(arrival.type, arrival.town)]
    return row


def _steps(scenario: Scenario, arrival: Arrival) -> range:
    """Return the decisions at which she lives there whenever she moved in, if at all."""
    step = DAY_MINUTES // scenario.decisions_per_day
    limit = round(scenario.waiting_limit_days * DAY_MINUTES)
    soonest = -(-arrival.minute // step)
    latest = (arrival.minute + limit) // step
    return range(latest, -(-(soonest * step + arrival.stay_minutes) // step))


def _solved(
    world: World,
    value: list[tuple[int, float]],
    columns: list[int],
    rows: list[tuple[int, int]],
    entries: list[int],
) -> float:
    place = {key: i for i, key in enumerate(dict.fromkeys(rows))}
    women = {number: len(place) + i for i, number in enumerate(dict.fromkeys(n for n, _ in value))}
    row_ids = [place[key] for key in rows] + [women[number] for number, _ in value]
    column_ids = columns + list(range(len(value)))
    matrix = coo_matrix(
        ([*entries, *[1] * len(value)], (row_ids, column_ids)),
        shape=(len(place) + len(women), len(value)),
    )
    limits = [_places(world, room) for room, _ in place] + [1] * len(women)
    found = linprog([-v for _, v in value], A_ub=matrix.tocsr(), b_ub=limits, method="highs")
    if found.status != 0:
        raise RuntimeError(found.message)
    return -float(found.fun)


def _places(world: World, room: int) -> int:
    there = world.rooms[room][1]
    return there.bed_spaces if there.shared else 1
