"""The period that figures are for holds exactly its nights, whatever the hour and the season."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.services.report_period import PERIODS, days_of, period_until

LONDON = ZoneInfo("Europe/London")
# Any minute from 2007 on, over 28 years of changing clocks.
MOMENTS = st.integers(0, 28 * 365 * 24 * 60).map(
    lambda minutes: datetime(2007, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(now=MOMENTS, days=st.sampled_from(sorted(PERIODS)))
def test_so_many_days_are_so_many_nights(now: datetime, days: int) -> None:
    period = period_until(now, days)

    assert len(period.nights) == days
    for night, at in period.nights.items():
        assert period.since < at <= now
        assert at.astimezone(LONDON).hour == 3
        assert at.astimezone(LONDON).date() == night + timedelta(days=1)


@given(now=MOMENTS, days=st.sampled_from(sorted(PERIODS)))
def test_the_period_begins_at_the_same_time_of_day(now: datetime, days: int) -> None:
    since = period_until(now, days).since

    between = now.astimezone(LONDON).date() - since.astimezone(LONDON).date()
    assert between == timedelta(days=days)
    # An hour more or less when the clocks have changed in between, and no more.
    assert abs(now - since - timedelta(days=days)) <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("now", "last_night"),
    [
        (datetime(2026, 11, 22, 2, 59, 59, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC), date(2026, 11, 21)),
        (datetime(2026, 7, 15, 1, 59, 59, tzinfo=UTC), date(2026, 7, 13)),  # summer time
        (datetime(2026, 7, 15, 2, 0, 0, tzinfo=UTC), date(2026, 7, 14)),
    ],
)
def test_a_night_is_over_at_three_in_london(now: datetime, last_night: date) -> None:
    assert list(period_until(now, 7).nights)[-1] == last_night


def test_a_year_without_the_hour_still_has_a_start() -> None:
    # 01:30 on 29 March 2026 does not exist in London: the period begins just after the gap.
    now = datetime(2026, 4, 5, 0, 30, tzinfo=UTC)

    assert period_until(now, 7).since == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(("typed", "days"), [(None, 28), ("", 28), ("7", 7), ("90", 90)])
def test_the_period_is_chosen_by_its_days(typed: str | None, days: int) -> None:
    assert days_of(typed) == days


@pytest.mark.parametrize("typed", ["8", "-7", "7.0", "²8", "28 ", "x" * 9000, "\x00", "٢٨"])
def test_anything_else_is_refused_in_words(typed: str) -> None:
    with pytest.raises(Invalid, match="Choose the last 7, 28 or 90 days"):
        days_of(typed)
