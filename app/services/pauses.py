"""Requests that wait until a day or an hour: out of the plan, their clocks standing still."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Interval, func, select, type_coerce

from app.actors import POLICE, SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Conflict, Invalid
from app.events import Fact, record
from app.models.reference import ReasonKind
from app.models.referrals import Referral, ReferralState
from app.models.stays import Pause
from app.policy import only_for
from app.queue import Job, defer
from app.services.asked import NewPause
from app.services.choices import check_reason, reason_text
from app.services.referrals import lock_referral

LONGEST = timedelta(days=31)  # the table says so too


@dataclass(frozen=True, kw_only=True)
class PauseShown:
    """Why a request waits, and until when; then it is in the plan again by itself."""

    reason: str
    until: datetime


def pause(ref: str, new: NewPause, *, by: Actor) -> None:
    """Take a waiting request out of the plan until a moment.

    Raises:
        NotFound: no such request, or not the officer's own.
        Invalid: no such reason, or a moment that is past or more than 31 days away.
        Conflict: a house has been asked meanwhile, or the request has ended.
    """
    only_for(by, *POLICE, Role.COORDINATOR)
    with transaction(by=by) as now:
        _check(new, now)
        referral = lock_referral(ref, by)
        referral.move(ReferralState.PAUSED, at=now)
        db.session.add(
            Pause(
                referral_id=referral.id,
                reason_code=new.reason,
                paused_at=now,
                until_at=new.until,
                paused_by_id=by.user_id,
            )
        )
        detail: dict[str, object] = {"reason": new.reason, "until": new.until.isoformat()}
        record(Fact.REFERRAL_PAUSED, by=by, referral_id=referral.id, detail=detail)
        defer(Job.PLAN)


def _check(new: NewPause, now: datetime) -> None:
    check_reason(new.reason, ReasonKind.PAUSED, field="pause_reason")
    if not now < new.until <= now + LONGEST:
        raise Invalid("Choose a moment in the next 31 days.", field="until_day")


def resume(ref: str, *, by: Actor) -> None:
    """Back into the plan before the time has come; her wait counts from her request.

    Raises:
        NotFound: no such request, or not the officer's own.
        Conflict: it is not paused any more.
    """
    only_for(by, *POLICE, Role.COORDINATOR)
    with transaction(by=by) as now:
        referral = lock_referral(ref, by)
        if referral.state != ReferralState.PAUSED:
            raise Conflict("This request is not paused any more. Look at it again.")
        _wake(referral, by, now)


def wake_the_due() -> int:
    """Put back into the plan whatever has waited long enough, by the database's clock; how many."""
    with transaction(by=SYSTEM) as now:
        due = db.session.scalars(
            select(Pause.referral_id)
            .where(Pause.ended_at.is_(None), Pause.until_at <= now)
            .order_by(Pause.referral_id)
        ).all()
    return sum(_wake_if_due(referral_id) for referral_id in due)


def _wake_if_due(referral_id: int) -> bool:
    """Look again under the lock: somebody may have paused it anew."""
    with transaction(by=SYSTEM) as now:
        referral = db.session.get_one(Referral, referral_id, with_for_update=True)
        due = select(Pause.id).where(
            Pause.referral_id == referral_id, Pause.ended_at.is_(None), Pause.until_at <= now
        )
        if db.session.scalar(due) is None:
            return False
        _wake(referral, SYSTEM, now)
        return True


def _wake(referral: Referral, by: Actor, now: datetime) -> None:
    referral.move(ReferralState.READY, at=now)
    record(Fact.REFERRAL_RESUMED, by=by, referral_id=referral.id)
    defer(Job.PLAN)


# Steps that other use cases share; each runs inside the caller's transaction.


def pauses_of(referral_ids: Sequence[int]) -> dict[int, PauseShown]:
    """The pause of each of these requests that is paused now."""
    rows = db.session.execute(
        select(Pause.referral_id, Pause.reason_code, Pause.until_at).where(
            Pause.referral_id.in_(referral_ids), Pause.ended_at.is_(None)
        )
    )
    return {
        referral_id: PauseShown(reason=reason_text(reason), until=until)
        for referral_id, reason, until in rows
    }


def time_paused(referral_ids: Sequence[int]) -> dict[int, timedelta]:
    """How long each of these requests has stood still in all; nothing is nought."""
    ended = func.coalesce(Pause.ended_at, func.waymark_now())
    found: dict[int, timedelta] = defaultdict(timedelta)
    for referral_id, length in db.session.execute(
        select(Pause.referral_id, func.sum(type_coerce(ended - Pause.paused_at, Interval())))
        .where(Pause.referral_id.in_(referral_ids))
        .group_by(Pause.referral_id)
    ):
        found[referral_id] = length
    return found
