"""Which refuge to ask first: the one whose answer would change the plan most.

A bed said to be free may have gone without a word, and one said to be out of use may be back. An
answer is worth what the plan would lose, or gain, by it, times the chance of that (doubt.py). Of a
refuge with several rooms in doubt the worst is taken: all of them gone, or all of them back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from allocation.check import rank, score
from allocation.doubt import Doubt
from allocation.kept import KeptPlan
from allocation.problem import Problem, Refuge
from allocation.solver import place


@dataclass(frozen=True)
class Question:
    """A refuge to ask. ``change`` is what its answer is expected to change, level by level.

    ``rooms`` are those in doubt that bear on the plan; ``chance_of_change`` that the answer does.
    """

    refuge: str
    rooms: tuple[str, ...]
    chance_of_change: float
    change: tuple[float, ...]


def questions(
    kept: KeptPlan, doubts: Sequence[Doubt], back: Mapping[str, Refuge], *, seconds: float
) -> list[Question]:
    """Return the refuges whose answer would change the plan, the one that matters most first.

    ``back`` holds, by id, each refuge as it would be with its uncounted rooms back in use.
    Refuges that ``seconds`` did not reach, and those whose answer changes nothing, are left out.
    """
    deadline = time.monotonic() + seconds
    by_refuge: dict[str, list[Doubt]] = {}
    for doubt in doubts:
        if _bears_on(kept, doubt):
            by_refuge.setdefault(doubt.refuge, []).append(doubt)
    found = []
    # The least sure first, so that what time does not reach is what would hardly change.
    for refuge, of_it in sorted(by_refuge.items(), key=lambda item: (_sureness(item[1]), item[0])):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        question = _question(kept, refuge, of_it, back.get(refuge), left)
        if any(amount > 0 for amount in question.change):
            found.append(question)
    return sorted(found, key=lambda q: ([-amount for amount in q.change], q.refuge))


def _bears_on(kept: KeptPlan, doubt: Doubt) -> bool:
    """A room the plan leaves empty may go unseen; one it does not have matters if it is wanted.

    A room that is offered already is no longer in doubt: its answer is on the way.
    """
    if not doubt.counted:
        return doubt.chance > 0 and bool(kept.plan.unplaced)
    room = (doubt.refuge, doubt.room)
    standing = (h.standing for h in kept.problem.households if h.standing is not None)
    return (
        doubt.chance < 1
        and any((p.refuge, p.room) == room for p in kept.plan.placements)
        and all((offer.refuge, offer.room) != room for offer in standing)
    )


def _sureness(doubts: Sequence[Doubt]) -> float:
    return math.prod(d.chance if d.counted else 1 - d.chance for d in doubts)


def _question(
    kept: KeptPlan, refuge: str, doubts: Sequence[Doubt], restored: Refuge | None, seconds: float
) -> Question:
    counted = [d for d in doubts if d.counted]
    others = [d for d in doubts if not d.counted]
    gone = 1 - math.prod(d.chance for d in counted)
    found = 1 - math.prod(1 - d.chance for d in others)
    now = rank(kept.problem, score(kept.problem, kept.plan.placements))
    change = [0.0] * len(now)
    if counted:
        rooms = {d.room for d in counted}
        then = _outcome_with(kept.problem, _without(kept.problem, refuge, rooms), seconds / 2)
        change = [gone * (a - b) for a, b in zip(now, then, strict=True)]
    if others and restored is not None:
        then = _outcome_with(kept.problem, restored, seconds / 2)
        gain = [found * (b - a) for a, b in zip(now, then, strict=True)]
        change = [one + two for one, two in zip(change, gain, strict=True)]
    rooms_told = tuple(sorted(d.room for d in doubts))
    return Question(refuge, rooms_told, 1 - (1 - gone) * (1 - found), _first_that_counts(change))


def _first_that_counts(change: Sequence[float]) -> tuple[float, ...]:
    """Levels are strict: what is lost above is lost, whatever is won below; and the reverse."""
    first = next((amount for amount in change if abs(amount) > 1e-9), 0.0)
    return tuple(change) if first > 0 else (0.0,) * len(change)


def _outcome_with(problem: Problem, refuge: Refuge, seconds: float) -> tuple[int, ...]:
    """What the best plan is worth when this refuge is as told; at the limit the best one found."""
    others = (refuge if each.id == refuge.id else each for each in problem.refuges)
    changed = replace(problem, refuges=tuple(others))
    return rank(changed, score(changed, place(changed, seconds=seconds).plan.placements))


def _without(problem: Problem, refuge: str, rooms: set[str]) -> Refuge:
    whole = problem.refuge_by_id[refuge]
    return replace(whole, rooms=tuple(room for room in whole.rooms if room.id not in rooms))
