"""What money pays for: a fund's bed-nights in all, and those of one stretch of days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Row

YEAR_NIGHTS = 365


@dataclass(frozen=True, kw_only=True)
class FundShare:
    """One fund. Nights are whole: nobody can sleep in a part of one, so parts are left out.

    ``nights_in_parts`` are those of each part of the period and add up to ``nights_in_period``.
    """

    name: str
    source: str
    amount_pence: int
    bed_night_pence: int
    starts_on: date
    ends_on: date
    nights_in_parts: tuple[int, ...]

    @property
    def nights(self) -> int:
        """What the whole amount buys."""
        return self.amount_pence // self.bed_night_pence

    @property
    def years_of_a_place(self) -> Decimal:
        """One place, paid for all year round, for so many years; one decimal."""
        return (Decimal(self.nights) / YEAR_NIGHTS).quantize(Decimal("0.1"), ROUND_HALF_UP)

    @property
    def nights_in_period(self) -> int:
        return sum(self.nights_in_parts)


def shares(
    funds: Sequence[Row[Any]], nights: Iterable[date], part_size: int
) -> tuple[FundShare, ...]:
    """Each fund's share of ``nights`` (dates in order), spread evenly over the fund's own days."""
    ordered = list(nights)
    parts = [ordered[at : at + part_size] for at in range(0, len(ordered), part_size)]
    return tuple(
        FundShare(
            name=fund.name,
            source=fund.source,
            amount_pence=fund.amount_pence,
            bed_night_pence=fund.bed_night_pence,
            starts_on=fund.starts_on,
            ends_on=fund.ends_on,
            nights_in_parts=_in_parts(fund, parts),
        )
        for fund in funds
    )


def _in_parts(fund: Row[Any], parts: list[list[date]]) -> tuple[int, ...]:
    """Bought up to the end of each part, less what was bought before: nothing is rounded twice."""
    days = (fund.ends_on - fund.starts_on).days + 1
    paid, bought, found = 0, 0, []
    for part in parts:
        paid += sum(fund.starts_on <= night <= fund.ends_on for night in part)
        so_far = fund.amount_pence * paid // (fund.bed_night_pence * days)
        found.append(so_far - bought)
        bought = so_far
    return tuple(found)
