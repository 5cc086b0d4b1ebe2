"""London's clock: the days and hours that people and rules mean."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def london_day(at: datetime) -> date:
    """The date in London at an aware time."""
    return at.astimezone(LONDON).date()


def day_begins(day: date) -> datetime:
    """The first moment of a day in London."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON)
