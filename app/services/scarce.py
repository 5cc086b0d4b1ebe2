"""What is scarce, in words: how often a thing is asked for against how often it comes free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import NotAllowed
from app.services.small_counts import Count, small_count_rule

READERS = (Role.COORDINATOR, Role.CHARITY_MANAGER)
SEVERAL = 1.05  # below this a ratio is said as "as often as"


@dataclass(frozen=True, kw_only=True)
class Scarce:
    """One thing that women must have. ``price`` is what a room that has it costs, on average."""

    what: str
    said: str
    price: int | None
    ratio: float | None

    @property
    def is_short(self) -> bool:
        return self.ratio is None or self.ratio >= SEVERAL


@dataclass(frozen=True, kw_only=True)
class ScarcePage:
    """The newest prices, the scarcest first, and what they stand on.

    ``women_seen`` is None where a charity may not be told so small a number.
    """

    made_at: datetime
    things: list[Scarce]
    women_seen: Count
    days_seen: int
    prior_women: int
    mean_stay_days: int


def read_scarce(*, by: Actor) -> ScarcePage | None:
    """The newest prices in words; None before the first are made. Counts only, of the network."""
    if by.role not in READERS:
        raise NotAllowed("Only the desk and charities read what is scarce.")
    with transaction(by=by, as_report=True) as now:
        rule = small_count_rule(now)
        row = db.session.execute(text("SELECT made_at, figures, basis FROM report_price")).first()
    if row is None:
        return None
    things = [_thing(figure) for figure in row.figures]
    basis = row.basis
    return ScarcePage(
        made_at=row.made_at,
        things=sorted(things, key=_scarcest_first),
        women_seen=(
            basis["women_seen"] if by.role is Role.COORDINATOR else rule.shown(basis["women_seen"])
        ),
        days_seen=basis["days_seen"],
        prior_women=basis["prior_women"],
        mean_stay_days=basis["mean_stay_days"],
    )


def _scarcest_first(thing: Scarce) -> tuple[float, str]:
    return (-float("inf") if thing.ratio is None else -thing.ratio), thing.what


def _thing(figure: dict[str, Any]) -> Scarce:
    demand, supply = float(figure["demand"]), int(figure["supply"])
    ratio = demand / supply if supply else None
    return Scarce(
        what=figure["text"], said=_said(demand, ratio), price=figure["price"], ratio=ratio
    )


def _said(demand: float, ratio: float | None) -> str:
    """Women at a time over places is requests over places that come free: both stay as long."""
    if ratio is None:
        return "asked for, and no room has it" if demand else "no room has it"
    if ratio >= SEVERAL:
        return f"asked for {ratio:.1f} times as often as they come free"
    if ratio * SEVERAL > 1:
        return "asked for as often as they come free"
    if ratio < 0.01:
        return "hardly ever asked for"
    return f"come free {1 / ratio:.1f} times as often as they are asked for"
