"""Other plans to choose from: the best that are clearly different, and what each one costs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from allocation.face import Face, Goal
from allocation.kept import KeptPlan
from allocation.model import FREE
from allocation.plan import plan_to_json
from allocation.relaxation import OutOfTime
from allocation.solver import climb, plan_of
from allocation.vectors import Ints
from allocation.words import describe

# Plans are clearly different when so large a share of those placed (and at least two of them,
# where two are placed) would go to another house or go without.
DIFFERENT = 0.1


def alternatives(kept: KeptPlan, *, count: int = 3, seconds: float = 10.0) -> list[dict[str, Any]]:
    """Return up to ``count`` other plans, the best first, each clearly different from all before.

    Each holds ``plan`` (without reasons), ``loss`` for each level (more is worse), ``decisive``
    (the first level that loses), ``differs`` (the ids of those who would live elsewhere), ``text``.
    Fewer come back where there are no more, or where the time runs out.
    """
    deadline = time.monotonic() + seconds
    face = Face.of(kept.model)
    found: list[dict[str, Any]] = []
    face.goals.append(_apart_from(kept, kept.solved.chosen))
    while len(found) < count and time.monotonic() < deadline:
        try:
            chosen, bounds, _ = climb(face, kept.solved.levels, None, deadline)
        except OutOfTime:
            break
        if chosen is None:
            break
        found.append(_told(kept, chosen, bounds))
        face.goals.append(_apart_from(kept, chosen))
    return found


def _apart_from(kept: KeptPlan, chosen: Ints) -> Goal:
    """Return the row that keeps clear of a plan: enough of its households live elsewhere."""
    table = kept.table
    home = np.full(len(table.households), -1, dtype=np.int64)
    home[table.who[chosen]] = table.at[chosen]
    same = (home[table.who] == table.at).astype(np.int64)
    fixed = sum(h.is_fixed for h in table.households)
    different = max(min(2, len(chosen) - fixed), round(DIFFERENT * len(chosen)), 1)
    return Goal(same, -FREE, len(chosen) - different)


def _told(kept: KeptPlan, chosen: Ints, bounds: dict[str, int]) -> dict[str, Any]:
    plan = plan_of(kept.model, chosen, bounds, 0.0, kept.solved.plan.placements)
    placed = {p.household: p.refuge for p in plan.placements}
    before = {p.household: p.refuge for p in kept.solved.plan.placements}
    loss = kept.loss(chosen)
    decisive = next((level for level, lost in loss.items() if lost), None)
    counts = {
        "loses": sum(name not in placed for name in before),
        "gains": sum(name not in before for name in placed),
        "moves": sum(name in placed and placed[name] != home for name, home in before.items()),
    }
    said = {"decisive": decisive, "loss": loss[decisive] if decisive else 0}
    return {
        "plan": plan_to_json(plan),
        "loss": loss,
        "decisive": decisive,
        "differs": [
            name for name in sorted(before | placed) if before.get(name) != placed.get(name)
        ],
        "text": describe("forced", counts | said),
    }
