"""The charity manager's figures: the network's demand beside one charity's beds and money.

What each figure means, to the night and the minute, is written in ``docs/figures.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Invalid, NotAllowed
from app.events import Fact
from app.models.accounts import Organisation
from app.models.beds import Refuge, Room
from app.models.events import Event
from app.policy import visible_rooms
from app.services import report_rows as rows_of
from app.services.report_figures import Area, Figures, Nights, Part, Places, Reason, Requests
from app.services.report_money import FundShare, shares
from app.services.report_period import PERIODS, Period, period_until
from app.services.report_shown import ShownFigures, shown
from app.services.report_words import GROUPS, SIDES, SUPPORT, region_group
from app.services.small_counts import small_count_rule
from app.services.why_words import why

Keep = Callable[[Row[Any]], bool]


def figures(days: int, *, by: Actor) -> ShownFigures:
    """The last ``days`` days as a charity's manager is shown them: no small count of people.

    Raises as ``exact_figures`` does.
    """
    found = exact_figures(days, by=by)
    with transaction(by=by) as now:
        rule = small_count_rule(now)
    return shown(found, rule)


def exact_figures(days: int, *, by: Actor) -> Figures:
    """Count the last ``days`` days. Safety: no page and no file may be made of this one.

    Raises:
        NotAllowed: somebody else than a charity's manager asks.
        Invalid: ``days`` is not one of PERIODS.
    """
    if by.role is not Role.CHARITY_MANAGER or by.organisation_id is None:
        raise NotAllowed("Only a charity's manager may see its figures.")
    if days not in PERIODS:
        raise Invalid("Choose the last 7, 28 or 90 days.", field="days")
    charity, opened = _own_house(by)
    with transaction(by=by, as_report=True) as now:
        period = period_until(now, days)
        return _assemble(charity, period, _count(by.organisation_id, period, opened))


def _own_house(by: Actor) -> tuple[str, dict[int, datetime]]:
    """The charity's name and since when each of its rooms has been there; no view holds either."""
    with transaction(by=by):
        name = db.session.scalar(
            select(Organisation.name).where(Organisation.id == by.organisation_id)
        )
        began = func.coalesce(func.min(Event.at), Refuge.created_at).label("began")
        opened = db.session.execute(
            visible_rooms(by)
            .join(Refuge, Refuge.id == Room.refuge_id)
            .outerjoin(Event, (Event.room_id == Room.id) & (Event.kind == Fact.ROOM_OPENED.value))
            .with_only_columns(Room.id, began)
            .group_by(Room.id, Refuge.created_at)
        ).all()
        return name or "", {each.id: each.began for each in opened}


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """The database's counts, not yet added up."""

    requests: rows_of.Rows
    open_now: rows_of.Rows
    places: rows_of.Rows
    nights: rows_of.Rows
    waited: rows_of.Rows
    pace: rows_of.Rows
    hand_ons: rows_of.Rows
    no_room: rows_of.Rows
    said_no: rows_of.Rows
    ended: rows_of.Rows
    support: rows_of.Rows
    funds: rows_of.Rows


def _count(organisation_id: int, period: Period, opened: dict[int, datetime]) -> _Counted:
    nights = list(period.nights.values())
    lasted = {"since": period.since, "now": period.until}
    own = {"organisation_id": organisation_id}
    return _Counted(
        requests=rows_of.read(rows_of.REQUESTS, **lasted, **own),
        open_now=rows_of.read(rows_of.OPEN_NOW),
        places=rows_of.read(rows_of.PLACES_NOW, now=period.until, **own),
        nights=rows_of.place_nights(organisation_id, nights, opened),
        waited=rows_of.read(rows_of.NIGHTS_WAITED, nights=nights),
        pace=rows_of.read(rows_of.PACE, **lasted),
        hand_ons=rows_of.read(rows_of.HAND_ONS, **lasted),
        no_room=rows_of.read(rows_of.NO_ROOM, **lasted),
        said_no=rows_of.read(rows_of.SAID_NO, **lasted),
        ended=rows_of.read(rows_of.ENDED, **lasted),
        support=rows_of.read(rows_of.SUPPORT, **own),
        funds=rows_of.read(rows_of.FUNDS, **own),
    )


def _assemble(charity: str, period: Period, counted: _Counted) -> Figures:
    pace = counted.pace[0]
    funds = shares(counted.funds, period.nights, PERIODS[period.days])
    return Figures(
        charity=charity,
        period=period,
        everywhere=_area("Everywhere", lambda row: True, counted),
        inside=_area("Inside London", lambda row: row.in_london, counted),
        outside=_area("Outside London", lambda row: not row.in_london, counted),
        regions=_regions(counted),
        pace=None if pace.median is None else (pace.median, pace.ninetieth),
        hand_ons={row.who: row.people for row in counted.hand_ons},
        no_room=_no_room(counted.no_room),
        said_no=_most_first(
            Reason(
                side=SIDES[row.kind],
                text=row.text or "No answer in time",
                count=row.offers,
                is_unmet=row.is_unmet,
            )
            for row in counted.said_no
        ),
        ended=_most_first(
            Reason(side=SIDES[row.kind], text=row.text, count=row.requests, is_unmet=row.is_unmet)
            for row in counted.ended
        ),
        support=tuple(
            Reason(side=SUPPORT[row.state], text=row.text, count=row.stays)
            for row in counted.support
        ),
        funds=funds,
        parts=_parts(period, counted, funds),
    )


def _area(name: str, keep: Keep, counted: _Counted) -> Area:
    now_is = _sum(counted.places, keep, "now_is", "places")
    open_now = _sum(counted.open_now, keep, "state", "requests")
    nights = [row for row in counted.nights if keep(row)]
    return Area(
        name=name,
        requests=_requests([row for row in counted.requests if keep(row)]),
        waiting_now=open_now["ready"] + open_now["offered"],
        on_the_way=open_now["confirmed"] + open_now["in_transit"],
        places=Places(**{state: now_is[state] for state in ("occupied", "held", "free", "void")}),
        nights=Nights(
            occupied=sum(row.occupied for row in nights),
            open=sum(row.open for row in nights),
            void=sum(row.void for row in nights),
            waited=sum(row.waited for row in counted.waited if keep(row)),
        ),
    )


def _requests(rows: list[Row[Any]]) -> Requests:
    now_is = _sum(rows, lambda row: True, "state", "requests")
    arrived = now_is["resident"] + now_is["moved_on"]
    placed = [row for row in rows if row.placed_in_london is not None]
    return Requests(
        placed=arrived + now_is["confirmed"] + now_is["in_transit"],
        arrived=arrived,
        waiting=now_is["ready"] + now_is["paused"] + now_is["offered"],
        withdrawn=now_is["withdrawn"],
        unmet=now_is["unmet"],
        not_arrived=now_is["not_arrived"],
        placed_inside=sum(row.requests for row in placed if row.placed_in_london),
        placed_outside=sum(row.requests for row in placed if not row.placed_in_london),
        placed_with_us=sum(row.requests for row in placed if row.is_with_us),
    )


def _sum(rows: Iterable[Row[Any]], keep: Keep, column: str, number: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        if keep(row):
            found[getattr(row, column)] += getattr(row, number)
    return found


def _regions(counted: _Counted) -> tuple[Area, ...]:
    """Every group of regions, asked for or not: that a line is there must tell nothing."""

    def of(group: str) -> Keep:
        return lambda row: region_group(row.region_code, row.in_london) == group

    return tuple(_area(group, of(group), counted) for group in GROUPS)


def _no_room(rows: rows_of.Rows) -> tuple[Reason, ...]:
    """By our own words for each rule: the plan's sentences hold a woman's particulars."""
    whose: dict[str, set[int]] = {}
    for row in rows:
        whose.setdefault(why(row.code), set()).add(row.referral_id)
    return _most_first(
        Reason(side="The plan", text=words, count=len(whom)) for words, whom in whose.items()
    )


def _most_first(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(reasons, key=lambda each: (-each.count, each.side, each.text)))


def _parts(period: Period, counted: _Counted, funds: tuple[FundShare, ...]) -> tuple[Part, ...]:
    size, nights = PERIODS[period.days], list(period.nights)
    occupied, waited = Counter[datetime](), Counter[datetime]()
    for row in counted.nights:
        occupied[row.at] += row.occupied
    for row in counted.waited:
        waited[row.at] += row.waited
    parts = []
    for number, first in enumerate(range(0, len(nights), size)):
        some = nights[first : first + size]
        parts.append(
            Part(
                first_night=some[0],
                last_night=some[-1],
                funded=sum(fund.nights_in_parts[number] for fund in funds),
                occupied=sum(occupied[period.nights[night]] for night in some),
                waited=sum(waited[period.nights[night]] for night in some),
            )
        )
    return tuple(parts)
