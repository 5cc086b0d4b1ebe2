"""What of the figures a charity's manager is shown, after the rule for small counts.

Demand is of people whom she does not know: suppressed. Her own places, nights and money are hers,
to the digit. The page, its chart and its file are made of this and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.services.report_figures import Area, Figures, Places, Reason, Requests, percent
from app.services.report_money import FundShare
from app.services.report_period import Period
from app.services.small_counts import Count, Rule


@dataclass(frozen=True, kw_only=True)
class ShownRequests:
    """The network's requests of the period by what has become of them; None is not shown."""

    received: Count
    placed: Count
    arrived: Count
    waiting: Count
    withdrawn: Count
    unmet: Count
    not_arrived: Count
    placed_inside: Count
    placed_outside: Count
    placed_with_us: Count
    waiting_now: Count
    on_the_way: Count

    @property
    def placed_percent(self) -> Decimal | None:
        """Of the numbers that are shown, so that it says nothing more than they do."""
        if self.placed is None or self.received is None:
            return None
        return percent(self.placed, self.received)


@dataclass(frozen=True, kw_only=True)
class OwnNights:
    """Our place-nights of the period, to the night."""

    occupied: int
    open: int
    void: int

    @property
    def occupancy(self) -> Decimal | None:
        return percent(self.occupied, self.open)


@dataclass(frozen=True, kw_only=True)
class ShownArea:
    """One line of a table: demand from an area, and our places there."""

    name: str
    received: Count
    placed: Count
    waiting_now: Count
    waited: Count
    places: Places
    nights: OwnNights


@dataclass(frozen=True, kw_only=True)
class ShownPart:
    """A stretch of the period: bed-nights paid for, slept in here, and waited for."""

    first_night: date
    last_night: date
    funded: int
    occupied: int
    waited: Count


@dataclass(frozen=True, kw_only=True)
class ShownFigures:
    """Everything on the manager's page. ``pace`` is (median, 90th percentile) in minutes."""

    charity: str
    period: Period
    rule: Rule
    requests: ShownRequests
    everywhere: ShownArea
    inside: ShownArea
    outside: ShownArea
    regions: tuple[ShownArea, ...]
    pace: tuple[int, int] | None
    hand_ons: Mapping[str, Count]
    no_room: tuple[Reason, ...]
    said_no: tuple[Reason, ...]
    ended: tuple[Reason, ...]
    support: tuple[Reason, ...]
    funds: tuple[FundShare, ...]
    parts: tuple[ShownPart, ...]

    @property
    def funded(self) -> int:
        return sum(fund.nights_in_period for fund in self.funds)

    @property
    def needed(self) -> Count:
        """None where the nights that were waited for are not shown."""
        waited = self.everywhere.waited
        return None if waited is None else self.everywhere.nights.occupied + waited


def shown(figures: Figures, rule: Rule) -> ShownFigures:
    """The figures without a number that is small or would give a small one away."""
    requests = _requests(figures.everywhere, rule)
    everywhere, inside, outside, regions = _areas(figures, requests, rule)
    return ShownFigures(
        charity=figures.charity,
        period=figures.period,
        rule=rule,
        requests=requests,
        everywhere=everywhere,
        inside=inside,
        outside=outside,
        regions=regions,
        pace=_pace(figures.pace, requests, rule),
        hand_ons={who: rule.shown(people) for who, people in figures.hand_ons.items()},
        no_room=_reasons(figures.no_room, rule),
        said_no=_reasons(figures.said_no, rule),
        ended=_reasons(figures.ended, rule),
        support=_reasons(figures.support, rule),
        funds=figures.funds,
        parts=_parts(figures, everywhere.waited, rule),
    )


def _requests(area: Area, rule: Rule) -> ShownRequests:
    """What has become of all, and of those placed: each cut hides by itself what it must."""
    asked = area.requests
    placed, waiting, withdrawn, unmet, not_arrived = rule.parts(asked.received, _fates(asked))
    arrived = placed_inside = placed_outside = with_us = None
    if placed is not None:
        arrived, _ = rule.parts(asked.placed, [asked.arrived, asked.placed - asked.arrived])
        placed_inside, placed_outside = rule.parts(
            asked.placed, [asked.placed_inside, asked.placed_outside]
        )
        with_us, _ = rule.parts(
            asked.placed, [asked.placed_with_us, asked.placed - asked.placed_with_us]
        )
    return ShownRequests(
        received=rule.shown(asked.received),
        placed=placed,
        arrived=arrived,
        waiting=waiting,
        withdrawn=withdrawn,
        unmet=unmet,
        not_arrived=not_arrived,
        placed_inside=placed_inside,
        placed_outside=placed_outside,
        placed_with_us=with_us,
        # Of long periods these are the same women as above: they are hidden together.
        waiting_now=None if waiting is None else rule.shown(area.waiting_now),
        on_the_way=None if arrived is None else rule.shown(area.on_the_way),
    )


def _fates(asked: Requests) -> list[int]:
    return [asked.placed, asked.waiting, asked.withdrawn, asked.unmet, asked.not_arrived]


Places4 = tuple[ShownArea, ShownArea, ShownArea, tuple[ShownArea, ...]]
By = list[Count]


def _areas(figures: Figures, requests: ShownRequests, rule: Rule) -> Places4:
    """Everywhere, inside and outside London, and the groups of regions, London the first."""
    areas = [figures.everywhere, figures.inside, figures.outside, *figures.regions]
    received = _column([area.requests.received for area in areas], rule)
    placed = _column([area.requests.placed for area in areas], rule, whole=requests.placed)
    waiting = _column([area.waiting_now for area in areas], rule, whole=requests.waiting_now)
    # Many nights may be one woman's: they are shown only where the women were many.
    waited = _column([area.nights.waited for area in areas], rule, only_where=received)
    lines = [
        ShownArea(
            name=area.name,
            received=received[at],
            placed=placed[at],
            waiting_now=waiting[at],
            waited=waited[at],
            places=area.places,
            nights=OwnNights(
                occupied=area.nights.occupied, open=area.nights.open, void=area.nights.void
            ),
        )
        for at, area in enumerate(areas)
    ]
    return lines[0], lines[1], lines[2], tuple(lines[3:])


def _column(
    numbers: Sequence[int], rule: Rule, *, whole: Count = 0, only_where: By | None = None
) -> By:
    """One number of every area, in the order everywhere, inside, outside, London, other groups.

    A ``whole`` of None is hidden already, and with it the column; ``only_where`` hides by itself.
    """
    everywhere, inside, outside, _, *others = numbers
    if whole is None or (only_where is not None and only_where[0] is None):
        return [None] * len(numbers)
    unseen = frozenset(at for at, other in enumerate((only_where or [])[4:]) if other is None)
    is_cut = only_where is None or None not in only_where[1:3]
    halves = rule.parts(everywhere, [inside, outside]) if is_cut else [None, None]
    if None in halves:
        both = frozenset({0, *(at + 1 for at in unseen)})
        _, *rest = rule.parts(everywhere, [inside, *others], both)
        return [rule.shown(everywhere), None, None, None, *rest]
    return [
        *(rule.shown(everywhere), halves[0], halves[1], halves[0]),
        *rule.parts(outside, others, unseen),
    ]


def _pace(
    pace: tuple[int, int] | None, requests: ShownRequests, rule: Rule
) -> tuple[int, int] | None:
    """The minutes are of real women: of many, and rounded."""
    if pace is None or requests.placed is None:
        return None
    return rule.rounded(pace[0]), rule.rounded(pace[1])


def _reasons(reasons: Sequence[Reason], rule: Rule) -> tuple[Reason, ...]:
    """Only what is frequent: a line that is not there may be none or a few."""
    found = [
        Reason(side=each.side, text=each.text, count=count, is_unmet=each.is_unmet)
        for each in reasons
        if (count := rule.shown(each.count))
    ]
    return tuple(sorted(found, key=lambda each: (-each.count, each.side, each.text)))


def _parts(figures: Figures, whole: Count, rule: Rule) -> tuple[ShownPart, ...]:
    waited: By = [None] * len(figures.parts)
    if whole is not None:
        total = figures.everywhere.nights.waited
        waited = rule.parts(total, [part.waited for part in figures.parts])
    return tuple(
        ShownPart(
            first_night=part.first_night,
            last_night=part.last_night,
            funded=part.funded,
            occupied=part.occupied,
            waited=waited[at],
        )
        for at, part in enumerate(figures.parts)
    )
