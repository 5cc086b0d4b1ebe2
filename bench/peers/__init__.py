"""What a user would otherwise take, beside the engine: all on the same nights, in one run.

Methods are known by where they stand and imported when asked for, so that a process that runs one
does not hold the solvers of the others.
"""

from __future__ import annotations

from pkgutil import resolve_name

from bench.peers.answer import Answer, Method, Standing

OURS = "Waymark"
METHODS = {
    OURS: "bench.peers.engine:engine",
    "first come first served": "bench.peers.queues:first_come_first_served",
    "priority list": "bench.peers.queues:priority_list",
    "greedy best fit": "bench.peers.queues:best_fit",
    "least capable room": "bench.peers.queues:least_capable",
    "plain CP-SAT": "bench.peers.plain_cp_sat:plain_cp_sat",
    "level-by-level MIP": "bench.peers.mip:level_by_level",
    "assignment bound": "bench.peers.assignment:assignment_bound",
}


def method(name: str) -> Method:
    """Import and return one of ``METHODS``."""
    found: Method = resolve_name(METHODS[name])
    return found


__all__ = ["METHODS", "OURS", "Answer", "Method", "Standing", "method"]
