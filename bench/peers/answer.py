"""What a method answers, and how far it vouches for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from allocation import Placement, Problem


class Standing(StrEnum):
    """How far an answer is proven."""

    OPTIMAL = "optimal"  # every level proven
    WEIGHTED = "own weights"  # proven, but for one sum of weighted levels
    FOUND = "best found"  # the time was over first
    RULE = "rule"  # a rule of thumb, which proves nothing
    BOUND = "bound"  # no plan: nothing allowed can be better
    NOTHING = "no plan"  # the time was over before any plan


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A plan (none where there is none), or with ``BOUND`` the levels no plan can beat."""

    standing: Standing
    placements: tuple[Placement, ...] | None
    bounds: Mapping[str, int] | None = None


Method = Callable[[Problem, float], Answer]
"""From a problem and a limit in seconds to an answer."""
