"""Planned days of moving on: put off with a reason, and asked after once they have passed.

A day that has passed is a question about the plan, never about her right to stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date, cast, exists, func, select

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.errors import Invalid
from app.events import Fact, record_stay
from app.london import LONDON, london_day
from app.models.care import StayExtension
from app.models.messages import Task, TaskKind
from app.models.placements import Placement, PlacementState
from app.models.reference import Reason, ReasonKind
from app.outbox import open_task
from app.services.choices import check_reason


@dataclass(frozen=True, kw_only=True)
class Extension:
    """A planned day that was put off to a later one."""

    from_day: date
    to_day: date
    reason: str


def ask_after_passed_days() -> int:
    """Put before a person every stay whose planned day has gone by, once a planned day; how many.

    A day is over when it is over in London.
    """
    with transaction(by=SYSTEM) as now:
        opened_on = cast(func.timezone(LONDON.key, Task.opened_at), Date)
        asked = exists().where(
            Task.placement_id == Placement.id,
            Task.kind == TaskKind.PLAN_PASSED,
            opened_on > Placement.expected_departure_on,
        )
        rows = db.session.execute(
            select(Placement.id, Placement.referral_id).where(
                Placement.state == PlacementState.ARRIVED,
                Placement.expected_departure_on < london_day(now),
                ~asked,
            )
        ).all()
        for placement_id, referral_id in rows:
            open_task(TaskKind.PLAN_PASSED, placement_id=placement_id, referral_id=referral_id)
        return len(rows)


# Steps that other use cases share; each runs inside the caller's transaction.


def extend(placement: Placement, to_day: date, because: str, *, by: Actor) -> None:
    """Write down that the planned day is put off to ``to_day``, and why.

    Raises:
        Invalid: no such reason.
    """
    try:
        check_reason(because, ReasonKind.EXTENSION)
    except Invalid:
        message = "Say why the day is later than the one that was planned."
        raise Invalid(message, field="later_because") from None
    db.session.add(
        StayExtension(
            placement_id=placement.id,
            refuge_id=placement.refuge_id,
            from_day=placement.expected_departure_on,
            to_day=to_day,
            reason_code=because,
            recorded_by_id=by.user_id,
        )
    )
    record_stay(Fact.STAY_EXTENDED, placement, by=by, reason=because)


def extensions_of(placement: Placement) -> list[Extension]:
    """Each time her planned day was put off, the newest first."""
    rows = db.session.execute(
        select(StayExtension.from_day, StayExtension.to_day, Reason.text)
        .join(Reason, Reason.code == StayExtension.reason_code)
        .where(StayExtension.placement_id == placement.id)
        .order_by(StayExtension.recorded_at.desc(), StayExtension.to_day.desc())
    )
    return [Extension(from_day=since, to_day=to, reason=text) for since, to, text in rows]
