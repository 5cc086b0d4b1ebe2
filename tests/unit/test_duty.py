"""A duty by the hands of London's clock: its edges, midnight, dates, and the two nights of DST."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from app.models.clocks import RotaSlot
from app.services.duty import covers


def slot(**changes: Any) -> RotaSlot:
    """Monday night, 22:00 to 06:00."""
    given: dict[str, Any] = {
        "days": ["mon"], "first_on": None, "last_on": None,
        "from_time": time(22), "until_time": time(6),
    }  # fmt: skip
    return RotaSlot(**(given | changes))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_covered"),
    [
        ("2026-11-23 21:59:59", False),
        ("2026-11-23 22:00", True),  # a Monday
        ("2026-11-24 00:00", True),
        ("2026-11-24 05:59:59", True),  # Tuesday morning is Monday's duty
        ("2026-11-24 06:00", False),
        ("2026-11-24 22:00", False),
        ("2026-11-23 05:00", False),  # Sunday's night is not Monday's duty
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, is_covered: bool) -> None:
    assert covers(slot(), at(moment)) is is_covered


@pytest.mark.parametrize(
    ("moment", "is_covered"),
    [("07:59", False), ("08:00", True), ("19:59", True), ("20:00", False)],
)
def test_a_day_ends_before_its_last_minute(moment: str, is_covered: bool) -> None:
    day = slot(from_time=time(8), until_time=time(20))

    assert covers(day, at(f"2026-11-23 {moment}")) is is_covered


def test_the_same_time_twice_is_the_whole_day_and_night() -> None:
    whole = slot(from_time=time(9), until_time=time(9))

    assert covers(whole, at("2026-11-23 09:00"))
    assert covers(whole, at("2026-11-24 08:59"))
    assert not covers(whole, at("2026-11-24 09:00"))
    assert not covers(whole, at("2026-11-23 08:59"))


@pytest.mark.parametrize(
    ("moment", "is_covered"),
    [
        ("2026-12-23 23:00", False),
        ("2026-12-24 23:00", True),
        ("2026-12-26 23:00", True),
        ("2026-12-27 05:00", True),  # the last night ends in the morning after
        ("2026-12-27 23:00", False),
    ],
)
def test_dates_are_both_included(moment: str, is_covered: bool) -> None:
    holiday = slot(days=[], first_on=date(2026, 12, 24), last_on=date(2026, 12, 26))

    assert covers(holiday, at(moment)) is is_covered


def test_days_and_dates_together_mean_both() -> None:
    mondays = slot(first_on=date(2026, 11, 30))

    assert not covers(mondays, at("2026-11-23 23:00"))
    assert covers(mondays, at("2026-11-30 23:00"))
    assert not covers(mondays, at("2026-12-01 23:00"))


def test_the_hour_that_comes_twice_is_covered_twice() -> None:
    early = slot(days=["sun"], from_time=time(1), until_time=time(2))

    # 25 October 2026: 01:00 to 02:00 in London is 00:00 to 02:00 UTC.
    covered = [covers(early, at(f"2026-10-25 {hour:02}:30")) for hour in range(4)]
    assert covered == [True, True, False, False]


def test_the_hour_that_is_left_out_is_nobodys_and_the_night_goes_on() -> None:
    gone = slot(days=["sun"], from_time=time(1), until_time=time(2))
    night = slot(days=["sat"])

    # 29 March 2026: at 01:00 UTC London's clock goes from 01:00 to 02:00.
    assert not any(covers(gone, at(f"2026-03-29 {hour:02}:30")) for hour in range(4))
    assert [covers(night, at(f"2026-03-29 {hour:02}:30")) for hour in (0, 1, 4, 5)] == [
        True, True, True, False,
    ]  # fmt: skip


def test_summer_goes_by_londons_clock() -> None:
    day = slot(from_time=time(8), until_time=time(20))

    assert covers(day, at("2026-06-01 07:00"))  # 08:00 in London, a Monday
    assert not covers(day, at("2026-06-01 19:00"))
