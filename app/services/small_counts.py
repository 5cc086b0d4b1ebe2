"""The one rule for counts that leave for people who may see totals and nobody's record.

A number below the threshold is not shown, nought is none either, the rest is rounded, and enough
of its neighbours is hidden with it that no subtraction brings it back: ``docs/figures.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.errors import Invalid
from app.models.reference import SmallCountRule
from app.services.dated import in_force

Count = int | None  # None: not shown


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Numbers under ``below`` are hidden; the others are rounded to the nearest ``to_nearest``."""

    below: int
    to_nearest: int

    def shown(self, number: int) -> Count:
        """``number`` as it may be said by itself."""
        return None if number < self.below else self.rounded(number)

    def rounded(self, number: int) -> int:
        """Halves upwards."""
        return (2 * number + self.to_nearest) // (2 * self.to_nearest) * self.to_nearest

    def parts(
        self, whole: int, parts: Sequence[int], hidden: frozenset[int] = frozenset()
    ) -> list[Count]:
        """Numbers that add up to ``whole``, which is shown beside them.

        ``hidden`` are places that something else has hidden already. Where a part is hidden, others
        are hidden with it from the last one on, until what is missing can be split in many ways. An
        order by size would tell a reader who knows it which of two hidden numbers is greater.
        """
        out = set(hidden) | {at for at, part in enumerate(parts) if part < self.below}
        rest = [at for at in range(len(parts)) if at not in out]
        while rest and out and not self._is_safe(whole, parts, out):
            out.add(rest.pop())
        return [None if at in out else self.shown(part) for at, part in enumerate(parts)]

    def _is_safe(self, whole: int, parts: Sequence[int], out: set[int]) -> bool:
        """Whether every hidden part could still be any of ``to_nearest`` numbers and more.

        The reader is taken to know this code, and so that what is hidden first is small.
        """
        if len(out) < 2:
            return False
        shown = [part for at, part in enumerate(parts) if at not in out]
        least = self._least(whole) - sum(self._most(part) for part in shown)
        most = self._most(whole) - sum(self._least(part) for part in shown)
        small = self.below - 1
        are_all_small = all(parts[at] < self.below for at in out)
        lowest = max(0, least - small * (len(out) - 1)) if are_all_small else 0
        return min(small, most) - lowest >= self.to_nearest

    def _least(self, number: int) -> int:
        """The smallest number that is shown as ``number`` is."""
        shown = self.shown(number)
        return 0 if shown is None else max(self.below, shown - self.to_nearest // 2)

    def _most(self, number: int) -> int:
        """The greatest number that is shown as ``number`` is."""
        shown = self.shown(number)
        return self.below - 1 if shown is None else shown + (self.to_nearest - 1) // 2


def small_count_rule(now: datetime) -> Rule:
    """The newest rule that has begun; a step of the caller's transaction.

    Raises:
        Invalid: none is loaded. No count is shown without one.
    """
    row = in_force(SmallCountRule, now)
    if row is None:
        raise Invalid("The rule for small counts is missing: run script/flask load-reference.")
    return Rule(below=row.below, to_nearest=row.to_nearest)
