"""A plan for a problem that has changed a little: at once, where the old proof still holds.

A best plan stays best when others only lose options, and when a gain is added that no other plan
could add more of. So nothing has to be solved again when a room is lost that the plan leaves empty,
when a household leaves that it leaves out, when a household refuses a house she is not sent to, and
when an offer is made, or accepted, that is the plan's own. Every other change is solved again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from allocation.check import score, violations
from allocation.kept import KeptPlan
from allocation.plan import OPTIMAL, Figure, Plan, Unplaced
from allocation.problem import Household, Problem, Refuge, problem_sha256
from allocation.solver import DEFAULT_SECONDS, place


def place_again(kept: KeptPlan, problem: Problem, *, seconds: float = DEFAULT_SECONDS) -> Plan:
    """Return the best plan of ``problem``, without reasons; ``kept`` is that of a moment before.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    started = time.monotonic()
    if kept.plan.status != OPTIMAL or not proof_holds(kept, problem):
        return place(problem, seconds=seconds).plan
    values = score(problem, kept.plan.placements)
    placed = {p.household for p in kept.plan.placements}
    left_out = sorted(h.id for h in problem.households if h.id not in placed)
    return Plan(
        problem_sha256=problem_sha256(problem),
        status=OPTIMAL,
        placements=kept.plan.placements,
        unplaced=tuple(Unplaced(name) for name in left_out),
        objective=tuple(Figure(level, values[level], values[level]) for level in problem.levels),
        seconds=round(time.monotonic() - started, 3),
    )


def proof_holds(kept: KeptPlan, problem: Problem) -> bool:
    """Whether the kept plan, proven best, is as surely best for the problem as it is now."""
    before = kept.problem
    rooms = {p.household: (p.refuge, p.room) for p in kept.plan.placements}
    return (
        _same_frame(before, problem)
        and all(
            _only_narrower(before.household_by_id.get(h.id), h, rooms) for h in problem.households
        )
        and all(_only_fewer_rooms(before.refuge_by_id.get(f.id), f) for f in problem.refuges)
        and _nobody_tied_has_left(before, problem)
        and not violations(problem, kept.plan.placements)
    )


def _same_frame(before: Problem, now: Problem) -> bool:
    """Whether time, groups, prices, journeys and the order of the levels are as they were."""

    def frame(problem: Problem) -> tuple[object, ...]:
        groups = sorted(tuple(sorted(group)) for group in problem.together)
        prices = dict(problem.prices), problem.spare_bed_price
        return problem.as_of, groups, prices, problem.order, dict(problem.travel_minutes)

    return frame(before) == frame(now)


def _only_narrower(
    before: Household | None, now: Household, rooms: Mapping[str, tuple[str, str]]
) -> bool:
    """Whether she is as she was, but for houses she refuses and an offer of the plan's own room."""
    if before is None or not before.vetoed_refuges <= now.vetoed_refuges:
        return False
    offer = now.standing
    is_plans_own = offer is not None and rooms.get(now.id) == (offer.refuge, offer.room)
    if offer != before.standing and not is_plans_own:
        return False
    return replace(before, vetoed_refuges=now.vetoed_refuges, standing=offer) == now


def _only_fewer_rooms(before: Refuge | None, now: Refuge) -> bool:
    return (
        before is not None
        and set(now.rooms) <= set(before.rooms)
        and replace(before, rooms=now.rooms) == now
    )


def _nobody_tied_has_left(before: Problem, now: Problem) -> bool:
    """Whether whoever left was of no group: the rest of a group may have more options then."""
    tied = {name for group in before.together for name in group}
    left = before.household_by_id.keys() - now.household_by_id.keys()
    return tied.isdisjoint(left)
