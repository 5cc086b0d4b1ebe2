"""The engine against a model written apart from it, on nights too large to try every plan.

``bench.peers.mip`` knows docs/allocation.md, numpy and scipy's HiGHS; the engine's model, search
and bounds are not in it. All nine levels must agree.
"""

from __future__ import annotations

import os

import pytest

from allocation import Problem, score, solve, verify, violations
from bench.nights import Size, night
from bench.peers import Standing
from bench.peers.mip import level_by_level

NIGHTS = int(os.environ.get("WAYMARK_MIP_NIGHTS", "5"))
SIZES = (Size.of(32, 60), Size.of(40, 120), Size.of(60, 120))


def middle_sized(seed: int) -> Problem:
    """Sizes, raids and danger in turn, so that the first twelve nights hold every combination."""
    return night(
        SIZES[seed % 3],
        seed,
        mode="raid" if seed % 2 else "steady",
        zones="high" if seed % 4 > 1 else "low",
    )


@pytest.mark.parametrize("seed", range(NIGHTS))
def test_the_engine_and_the_whole_number_programme_agree_on_every_level(seed: int) -> None:
    problem = middle_sized(seed)

    theirs = level_by_level(problem, 60.0)
    plan = solve(problem)

    assert theirs.placements is not None
    assert theirs.standing == Standing.OPTIMAL
    assert violations(problem, theirs.placements) == []
    assert verify(problem, plan) == []
    assert plan.status == "optimal"
    assert {f.level: f.value for f in plan.objective} == score(problem, theirs.placements)
    assert len(plan.placements) > 2
