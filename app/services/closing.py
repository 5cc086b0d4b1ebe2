"""The desk's last words on a request: no place was found, or it goes back into the queue."""

from __future__ import annotations

from sqlalchemy import select

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Conflict
from app.events import Fact, record
from app.models.messages import Task, TaskKind
from app.models.reference import ReasonKind
from app.models.referrals import Referral, ReferralState
from app.policy import only_for
from app.queue import Job, defer
from app.services.choices import check_reason
from app.services.referrals import lock_referral
from app.services.tasks import finish


def reopen(ref: str, *, by: Actor) -> None:
    """Put a woman who did not arrive, or for whom no place was found, back into the plan.

    She keeps her place in the queue: her wait is still counted from her first request.

    Raises:
        NotFound: no such request.
        Conflict: the request is open, or ended in a way that stays ended.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        referral = lock_referral(ref, by)
        was = referral.state
        if was not in (ReferralState.NOT_ARRIVED, ReferralState.UNMET):
            # One who is promised a room may go back too, but by taking that room back.
            raise Conflict("This request has moved on in the meantime. Look at it again.")
        referral.move(ReferralState.READY, at=now)
        referral.closed_at = referral.closed_reason = referral.confirmed_at = None
        record(Fact.REFERRAL_REOPENED, by=by, referral_id=referral.id, detail={"was": was})
        _look_no_further(referral, by)
        defer(Job.PLAN)


def close_unmet(ref: str, reason: str, *, by: Actor) -> None:
    """Write down that she needed a place and got none, and why; it is counted as unmet.

    Raises:
        NotFound: no such request.
        Invalid: no such reason.
        Conflict: she has been offered a room, or the request has ended.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.UNMET)
        referral = lock_referral(ref, by)
        if referral.transfer_of_id is not None:
            raise Conflict("She has her bed while she waits to move. Cancel the move instead.")
        referral.move(ReferralState.UNMET, at=now)
        referral.closed_at, referral.closed_reason = now, reason
        record(Fact.REFERRAL_UNMET, by=by, referral_id=referral.id, detail={"reason": reason})
        _look_no_further(referral, by)
        defer(Job.PLAN)


def _look_no_further(referral: Referral, by: Actor) -> None:
    """Somebody has looked into why she did not arrive: this decision is the answer."""
    for task in db.session.scalars(
        select(Task)
        .where(
            Task.referral_id == referral.id,
            Task.kind == TaskKind.NOT_ARRIVED,
            Task.done_at.is_(None),
        )
        .with_for_update()
    ):
        finish(task, by=by)
