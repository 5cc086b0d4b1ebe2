"""Which refuge to ask first: the one whose answer would change the plan most.

A bed said to be free may have gone without a word. An answer is worth what the plan would lose by
it, times the chance of that (doubt.py). Of a refuge with several rooms in doubt the worst is taken:
all of them gone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from allocation.check import rank, score
from allocation.doubt import Doubt
from allocation.kept import KeptPlan
from allocation.problem import Problem
from allocation.solver import place


@dataclass(frozen=True)
class Question:
    """A refuge to ask after ``rooms``: those in doubt that the plan counts on.

    ``loss`` is what the plan is expected to lose there, level by level, more being worse: what it
    loses without these rooms, times ``chance_gone``.
    """

    refuge: str
    rooms: tuple[str, ...]
    chance_gone: float
    loss: tuple[float, ...]


def questions(kept: KeptPlan, doubts: Sequence[Doubt], *, seconds: float) -> list[Question]:
    """Return the refuges whose answer would change the plan, the one that matters most first.

    Refuges that ``seconds`` did not reach, and those the plan can do without, are left out.
    """
    deadline = time.monotonic() + seconds
    by_refuge: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        if _is_counted_on(kept, doubt):
            by_refuge.setdefault(doubt.refuge, []).append(doubt)
    found = []
    # The least sure first, so that what time does not reach is what would hardly change.
    for refuge, of_it in sorted(by_refuge.items(), key=lambda item: (_sureness(item[1]), item[0])):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        question = _question(kept, refuge, of_it, left)
        if question.loss > (0.0,) * len(question.loss):
            found.append(question)
    return sorted(found, key=lambda q: ([-amount for amount in q.loss], q.refuge))


def _is_counted_on(kept: KeptPlan, doubt: Doubt) -> bool:
    """Whether the plan uses the room, and has not offered it: then its answer is on the way."""
    room = (doubt.refuge, doubt.room)
    standing = (h.standing for h in kept.problem.households if h.standing is not None)
    return (
        doubt.chance < 1
        and any((p.refuge, p.room) == room for p in kept.plan.placements)
        and all((offer.refuge, offer.room) != room for offer in standing)
    )


def _sureness(doubts: Sequence[Doubt]) -> float:
    return math.prod(doubt.chance for doubt in doubts)


def _question(kept: KeptPlan, refuge: str, doubts: Sequence[Doubt], seconds: float) -> Question:
    rooms = {doubt.room for doubt in doubts}
    fewer = _without(kept.problem, refuge, rooms)
    now = rank(kept.problem, score(kept.problem, kept.plan.placements))
    then = rank(fewer, score(fewer, place(fewer, seconds=seconds).plan.placements))
    gone = 1 - _sureness(doubts)
    loss = tuple(gone * (a - b) for a, b in zip(now, then, strict=True))
    return Question(refuge, tuple(sorted(rooms)), gone, loss)


def _without(problem: Problem, refuge: str, rooms: set[str]) -> Problem:
    houses = (
        replace(each, rooms=tuple(room for room in each.rooms if room.id not in rooms))
        if each.id == refuge
        else each
        for each in problem.refuges
    )
    return replace(problem, refuges=tuple(houses))
