"""How sure we are that a bed said to be free is free still; learned for each refuge."""

from __future__ import annotations

import math
from dataclasses import dataclass

# How many losses of its own a refuge must have shown to count as much as all the others together.
SHRINKAGE = 2.0
# Before anybody has seen anything: one bed in a thousand hours goes without a word.
FIRST_LOSSES, FIRST_HOURS = 0.5, 500.0


@dataclass(frozen=True)
class Watch:
    """What was seen of free beds: bed-hours between two looks, and beds found gone at a look."""

    hours: float = 0.0
    gone: int = 0


@dataclass(frozen=True)
class Doubt:
    """One room said to be free, and the chance (0 to 1) that it is."""

    refuge: str
    room: str
    chance: float


def chance_still_free(watch: Watch, network: Watch, hours: float) -> float:
    """Return the chance that a bed seen free ``hours`` ago is free now; it falls with time.

    Losses come at a rate of the refuge's own, of which we believe what the whole network shows
    until its own looks say otherwise: a Gamma belief, so the chance is (b / (b + hours)) ** a.
    """
    rate = (network.gone + FIRST_LOSSES) / (network.hours + FIRST_HOURS)
    losses = SHRINKAGE + watch.gone
    seen = SHRINKAGE / rate + watch.hours
    return math.pow(seen / (seen + max(hours, 0.0)), losses)
