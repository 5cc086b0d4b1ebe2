"""The engine itself, called as a user calls it."""

from __future__ import annotations

import allocation
from allocation import Problem
from bench.peers.answer import Answer, Standing


def engine(problem: Problem, seconds: float) -> Answer:
    """The plan of ``allocation``, proven level by level or with its gap."""
    plan = allocation.place(problem, seconds=seconds)
    proven = Standing.OPTIMAL if plan.status == "optimal" else Standing.FOUND
    return Answer(standing=proven, placements=plan.placements)
