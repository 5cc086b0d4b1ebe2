"""How long women stay: a Kaplan-Meier curve of all houses' stays, read as lengths alone.

Source: Kaplan and Meier (1958). A stay that goes on still counts up to today, so that a house full
of long stays is not read as one of short ones. Where there are few stays of our own the
calibration's lognormal counts as ``forecast.prior_stays`` of them (Susarla and Van Ryzin, 1976).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist

from app.actors import SYSTEM
from app.db import transaction
from app.services import report_rows
from app.services.reference import calibration

LOOKS_BACK = timedelta(days=1096)
PRIOR_POINTS = 100
NOT_SURE_BELOW = 1e-9
LENGTHS = """
    SELECT floor(extract(epoch FROM coalesce(ended_at, :now) - arrived_at) / 86400)::int AS days,
           state = 'departed' AS has_ended, count(*) AS stays
      FROM report_stay
     WHERE state IN ('arrived', 'departed') AND arrived_at > :since
       AND reason_code IS DISTINCT FROM 'departure_mistake'
     GROUP BY 1, 2"""

Length = tuple[float, bool, float]  # days, whether it has ended, how many stays it stands for


@dataclass(frozen=True)
class Curve:
    """The share of women still there (``still``) once each of these ``days`` is over."""

    days: tuple[float, ...]
    still: tuple[float, ...]

    def after(self, days: float) -> float:
        """The share still there after so many days, 1 at first."""
        known = [share for day, share in zip(self.days, self.still, strict=True) if day <= days]
        return known[-1] if known else 1.0

    def when(self, share: float) -> float | None:
        """The first day after which no more than ``share`` are still there; None: never seen."""
        reached = (day for day, still in zip(self.days, self.still, strict=True) if still <= share)
        return next(reached, None)

    def left(self, stayed: float) -> tuple[int, int, int] | None:
        """How many days after ``stayed`` one in ten, half, and nine in ten will have left.

        None where too few have ever stayed that long to say.
        """
        here = self.after(stayed)
        if here < NOT_SURE_BELOW:
            return None
        ends = [self.when(here * share) for share in (0.9, 0.5, 0.1)]
        early, middle, late = ends
        if early is None or middle is None or late is None:
            return None
        return tuple(max(math.ceil(end - stayed), 0) for end in (early, middle, late))  # type: ignore[return-value]


def estimate(lengths: Iterable[Length]) -> Curve:
    """Kaplan-Meier over weighted stays; those that ended on a day count as there that day."""
    ended: dict[float, float] = defaultdict(float)
    seen: dict[float, float] = defaultdict(float)
    for days, has_ended, stays in lengths:
        seen[days] += stays
        ended[days] += stays if has_ended else 0
    at_risk = sum(seen.values())
    share = 1.0
    curve = []
    for day in sorted(seen):
        if ended[day]:
            share *= max(1 - ended[day] / at_risk, 0)
            share = share if share > NOT_SURE_BELOW else 0.0
            curve.append((day, share))
        at_risk -= seen[day]
    return Curve(tuple(day for day, _ in curve), tuple(share for _, share in curve))


def prior() -> list[Length]:
    """The published length of a stay, as so many stays of our own."""
    stay = calibration()["stay"]["crisis_bed_days"]
    weight = calibration()["forecast"]["prior_stays"] / PRIOR_POINTS
    normal = NormalDist(math.log(stay["median"]), stay["sigma"])
    points = ((number + 0.5) / PRIOR_POINTS for number in range(PRIOR_POINTS))
    return [(min(math.exp(normal.inv_cdf(p)), stay["cap"]), True, weight) for p in points]


def read_curve() -> Curve:
    """The curve of today: lengths and counts, of nobody in particular and of no house."""
    with transaction(by=SYSTEM, as_report=True) as now:
        rows = report_rows.read(LENGTHS, now=now, since=now - LOOKS_BACK)
    own: list[Length] = [(row.days, row.has_ended, row.stays) for row in rows]
    return estimate([*own, *prior()])
