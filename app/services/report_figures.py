"""What the figures are: counts that add up, each with whose it is; see ``docs/figures.md``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from app.services.report_money import FundShare
from app.services.report_period import Period


def percent(part: int, whole: int) -> Decimal | None:
    """To one decimal, halves upwards; None of nothing."""
    if not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)


@dataclass(frozen=True, kw_only=True)
class Requests:
    """What has by now become of the requests of the period; ``arrived`` are part of ``placed``."""

    placed: int
    arrived: int
    waiting: int
    withdrawn: int
    unmet: int
    not_arrived: int
    placed_inside: int
    placed_outside: int
    placed_with_us: int

    @property
    def received(self) -> int:
        return self.placed + self.waiting + self.withdrawn + self.unmet + self.not_arrived

    @property
    def placed_percent(self) -> Decimal | None:
        return percent(self.placed, self.received)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Our places this moment; a place is what one household takes."""

    occupied: int
    held: int
    free: int
    void: int

    @property
    def open(self) -> int:
        return self.occupied + self.held + self.free


@dataclass(frozen=True, kw_only=True)
class Nights:
    """Our place-nights, and the nights that requests of the whole network ``waited`` for a bed."""

    occupied: int
    open: int
    void: int
    waited: int

    @property
    def occupancy(self) -> Decimal | None:
        return percent(self.occupied, self.open)


@dataclass(frozen=True, kw_only=True)
class Area:
    """One line of a table: the requests that came from an area, and our places there."""

    name: str
    requests: Requests
    waiting_now: int
    on_the_way: int
    places: Places
    nights: Nights


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why, and how often. ``side`` says whose decision it was; sides are never added up.

    ``is_unmet`` says that the reason counts as a need that was not met.
    """

    side: str
    text: str
    count: int
    is_unmet: bool = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of the period: bed-nights our money pays for, slept in here, and waited for."""

    first_night: date
    last_night: date
    funded: int
    occupied: int
    waited: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything on the manager's page. ``pace`` is (median, 90th percentile) in whole minutes."""

    charity: str
    period: Period
    everywhere: Area
    inside: Area
    outside: Area
    regions: tuple[Area, ...]
    pace: tuple[int, int] | None
    hand_ons: Mapping[str, int]
    no_room: tuple[Reason, ...]
    said_no: tuple[Reason, ...]
    ended: tuple[Reason, ...]
    support: tuple[Reason, ...]
    funds: tuple[FundShare, ...]
    parts: tuple[Part, ...]

    @property
    def funded(self) -> int:
        return sum(fund.nights_in_period for fund in self.funds)

    @property
    def needed(self) -> int:
        return self.everywhere.nights.occupied + self.everywhere.nights.waited
