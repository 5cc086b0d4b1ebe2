"""The figures as a spreadsheet file: counts only, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from app.services.report_figures import Reason
from app.services.report_shown import ShownArea, ShownFigures, ShownRequests
from app.services.small_counts import Count

Line = tuple[str, str, str, str]
HEAD: Line = ("about", "whose", "figure", "value")
NETWORK, OURS = "the whole network", "our charity"
NOT_SHOWN = "not shown"
# What a spreadsheet takes for the beginning of a formula. Source: OWASP, CSV Injection.
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_csv(figures: ShownFigures) -> str:
    """Every figure of the page, one a line, under a head."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows([escaped(cell) for cell in line] for line in (HEAD, *_lines(figures)))
    return out.getvalue()


def escaped(cell: str) -> str:
    """``cell`` with an apostrophe before it where a spreadsheet would calculate it."""
    return f"'{cell}" if cell.startswith(STARTS_A_FORMULA) else cell


def _lines(figures: ShownFigures) -> Iterator[Line]:
    period = figures.period
    yield "the period", figures.charity, "since", period.since.isoformat(timespec="minutes")
    yield "the period", figures.charity, "until", period.until.isoformat(timespec="minutes")
    yield "bed-nights", OURS, "funded", str(figures.funded)
    yield "bed-nights", "network and ours", "needed", _said(figures.needed)
    yield from _requests(figures.requests)
    for area in (figures.everywhere, figures.inside, figures.outside, *figures.regions):
        yield from _area(area)
    median, ninetieth = figures.pace or ("", "")
    yield "minutes to a promise", NETWORK, "median", str(median)
    yield "minutes to a promise", NETWORK, "90th percentile", str(ninetieth)
    for who, people in figures.hand_ons.items():
        yield "handed on", NETWORK, who, _said(people)
    for about, reasons in (
        ("no room fits", figures.no_room),
        ("an offer was not taken up", figures.said_no),
        ("ended without a place", figures.ended),
    ):
        yield from _reasons(about, NETWORK, reasons)
    yield from _reasons(f"support, {figures.rule.below} stays or more", OURS, figures.support)
    yield from _money(figures)


def _said(count: Count) -> str:
    return NOT_SHOWN if count is None else str(count)


def _requests(requests: ShownRequests) -> Iterator[Line]:
    for figure, value in (
        ("received", requests.received),
        ("placed", requests.placed),
        ("arrived", requests.arrived),
        ("waiting of these", requests.waiting),
        ("withdrawn", requests.withdrawn),
        ("unmet", requests.unmet),
        ("did not arrive", requests.not_arrived),
        ("placed inside London", requests.placed_inside),
        ("placed outside London", requests.placed_outside),
        ("placed with us", requests.placed_with_us),
        ("waiting now", requests.waiting_now),
        ("on the way now", requests.on_the_way),
    ):
        yield "requests", NETWORK, figure, _said(value)


def _area(area: ShownArea) -> Iterator[Line]:
    places, nights = area.places, area.nights
    for figure, count in (
        ("requests received", area.received),
        ("placed", area.placed),
        ("waiting now", area.waiting_now),
        ("nights without a bed", area.waited),
    ):
        yield area.name, NETWORK, figure, _said(count)
    for figure, value in (
        ("places open now", places.open),
        ("places occupied now", places.occupied),
        ("places held now", places.held),
        ("places free now", places.free),
        ("places out of use now", places.void),
        ("place-nights open", nights.open),
        ("place-nights occupied", nights.occupied),
        ("place-nights out of use", nights.void),
    ):
        yield area.name, OURS, figure, str(value)
    occupancy = "" if nights.occupancy is None else str(nights.occupancy)
    yield area.name, OURS, "occupancy in per cent", occupancy


def _reasons(about: str, whose: str, reasons: tuple[Reason, ...]) -> Iterator[Line]:
    for each in reasons:
        yield about, whose, f"{each.side}: {each.text}", str(each.count)
    for side in dict.fromkeys(each.side for each in reasons if each.is_unmet):
        unmet = sum(each.count for each in reasons if each.side == side and each.is_unmet)
        yield about, whose, f"{side}: of these unmet need", str(unmet)


def _money(figures: ShownFigures) -> Iterator[Line]:
    for fund in figures.funds:
        about = f"{fund.name} ({fund.source})"
        yield about, OURS, "amount in pence", str(fund.amount_pence)
        yield about, OURS, "price of a bed-night in pence", str(fund.bed_night_pence)
        yield about, OURS, "first day", fund.starts_on.isoformat()
        yield about, OURS, "last day", fund.ends_on.isoformat()
        yield about, OURS, "bed-nights in all", str(fund.nights)
        yield about, OURS, "years of one place", str(fund.years_of_a_place)
        yield about, OURS, "bed-nights in the period", str(fund.nights_in_period)
    for part in figures.parts:
        about = f"nights from {part.first_night} to {part.last_night}"
        yield about, OURS, "funded", str(part.funded)
        yield about, OURS, "occupied", str(part.occupied)
        yield about, NETWORK, "without a bed", _said(part.waited)
