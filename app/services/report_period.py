"""The stretch of time that figures are for, and the moments at which its nights are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.errors import Invalid
from app.london import LONDON

# A bed counts for a night when somebody has it at this hour: it exists once on every date, also
# when the clocks change, and whoever came in the evening or the small hours is there by then.
COUNTED_AT = time(3)
# Days to choose from, and how many nights one bar of the chart holds.
PERIODS = {7: 1, 28: 7, 90: 10}
STANDARD_DAYS = 28


@dataclass(frozen=True, kw_only=True)
class Period:
    """The last ``days`` days up to now, from the same time of day; it holds exactly so many nights.

    ``nights`` maps each night, by the date on which it began, to the moment it is counted at.
    """

    days: int
    since: datetime
    until: datetime
    nights: Mapping[date, datetime]


def days_of(typed: str | None) -> int:
    """The period that was chosen. Raises Invalid for one that is not offered."""
    found = {str(days): days for days in PERIODS}.get(typed or str(STANDARD_DAYS))
    if found is None:
        raise Invalid("Choose the last 7, 28 or 90 days.", field="days")
    return found


def period_until(now: datetime, days: int) -> Period:
    """The ``days`` days up to ``now`` (aware)."""
    local = now.astimezone(LONDON)
    start = (local.replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=LONDON)
    since = start.astimezone(now.tzinfo)
    mornings = [local.date() - timedelta(days=back) for back in range(days, -1, -1)]
    counted = {
        morning - timedelta(days=1): datetime.combine(morning, COUNTED_AT, LONDON).astimezone(
            now.tzinfo
        )
        for morning in mornings
    }
    inside = {night: at for night, at in counted.items() if since < at <= now}
    return Period(days=days, since=since, until=now, nights=inside)
