"""Rehearsing: would the women of an expected operation find a room, beside those who wait?"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, select

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.pre_alerts import PreAlert, Rehearsal
from app.models.reference import Region
from app.queue import Job, defer
from app.services.matching import pricing, wording
from app.services.referrals import HIGH_SUPPORT, MAX_TRAVEL_MINUTES
from app.services.snapshot import take

log = structlog.get_logger()
REHEARSE_SECONDS = 5.0
REHEARSED_LATELY = timedelta(minutes=10)
# Behind everybody who waits: a rehearsal never takes a room from a woman who is here.
LAST = 4
CHILD = {"age": 6, "sex": "f"}


def rehearse() -> int:
    """Rehearse every open pre-alert in one night, so that they do not count on the same rooms.

    Returns how many were rehearsed. The worker's; nothing is decided and nobody is shown.
    """
    with transaction(by=SYSTEM) as now:
        alerts = _open_alerts(now)
        if not alerts:
            return 0
        night = pricing.look_ahead(take(now).problem, now, with_reserved=False)
        expected = {alert.id: _expected(alert, region) for alert, region in alerts}
        labels = wording.labels()
    households = [*night["households"], *(h for each in expected.values() for h in each)]
    problem = allocation.parse_problem({**night, "households": households})
    plan = allocation.solve(problem, seconds=REHEARSE_SECONDS)
    with transaction(by=SYSTEM) as later:
        still_open = {alert.id for alert, _ in _open_alerts(later)}
        found = [
            _found(alert_id, [h["id"] for h in women], plan, labels, now)
            for alert_id, women in expected.items()
            if alert_id in still_open
        ]
        for each in found:
            _keep(each)
    log.info("rehearsed", pre_alerts=len(found))
    return len(found)


def rehearse_if_due() -> bool:
    """Put in line what no plan has asked for lately; the sweep's safety net."""
    with transaction(by=SYSTEM) as now:
        lately = select(Rehearsal.pre_alert_id).where(Rehearsal.as_of > now - REHEARSED_LATELY)
        waiting = _open(now).where(PreAlert.id.not_in(lately)).with_only_columns(func.count())
        is_due = bool(db.session.scalar(waiting))
        if is_due:
            defer(Job.REHEARSE)
        return is_due


def defer_rehearsal(now: datetime) -> None:
    """After each plan the expected women are rehearsed again; a step of the plan's transaction."""
    if db.session.scalar(_open(now).with_only_columns(func.count())):
        defer(Job.REHEARSE)


def _open(now: datetime) -> Any:
    return select(PreAlert).where(PreAlert.ended_at.is_(None), PreAlert.expected_until > now)


def _open_alerts(now: datetime) -> list[tuple[PreAlert, Region]]:
    query = (
        _open(now)
        .join(Region, Region.code == PreAlert.region_code)
        .with_only_columns(PreAlert, Region)
        .order_by(PreAlert.id)
    )
    return [(alert, region) for alert, region in db.session.execute(query)]


def _expected(alert: PreAlert, region: Region) -> list[dict[str, Any]]:
    """As many households as may come, each with what they are likely to need; never requests."""
    spoken = [code for code in alert.languages if code != "en"] or [""]
    return [
        {
            "id": f"expected-{alert.id}-{number}",
            "priority": LAST,
            "children": [CHILD] if number < alert.with_children else [],
            "location": {"lat": region.lat, "lon": region.lon},
            "island": region.island,
            "essential": alert.needs,
            "desirable": [f"lang:{code}"] if (code := spoken[number % len(spoken)]) else [],
            "max_travel_minutes": MAX_TRAVEL_MINUTES,
            "high_support": bool(HIGH_SUPPORT & set(alert.needs)),
        }
        for number in range(alert.women_most)
    ]


def _found(
    alert_id: int, women: list[str], plan: allocation.Plan, labels: wording.Labels, now: datetime
) -> Rehearsal:
    rooms = {each.household: each.room for each in plan.placements}
    short = Counter(
        reason["text"]
        for each in plan.unplaced
        if each.household in women
        for reason in wording.unplaced(each, labels, wording.VetoedBy.HER)["reasons"]
    )
    return Rehearsal(
        pre_alert_id=alert_id,
        as_of=now,
        status=plan.status,
        women=len(women),
        placed=sum(name in rooms for name in women),
        shortages=[
            {"text": text, "women": count}
            for text, count in sorted(short.items(), key=lambda item: (-item[1], item[0]))
        ],
        room_ids=sorted({int(rooms[n].removeprefix("room-")) for n in women if n in rooms}),
    )


def _keep(found: Rehearsal) -> None:
    """Keep what was found; the first rehearsal's reserves are for a plan that stands already."""
    is_first = not db.session.scalar(
        select(func.count()).where(Rehearsal.pre_alert_id == found.pre_alert_id)
    )
    db.session.add(found)
    db.session.flush()
    record(
        Fact.PRE_ALERT_REHEARSED,
        by=SYSTEM,
        detail={
            "pre_alert_id": found.pre_alert_id,
            "women": found.women,
            "placed": found.placed,
            "rooms": len(found.room_ids),
        },
    )
    if is_first:
        defer(Job.PLAN)
