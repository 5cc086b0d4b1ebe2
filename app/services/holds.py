"""How long a promised room is kept for her: begun, renewed, and asked after. It never lapses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy import exists, select

from app.actors import POLICE, REFUGE, SYSTEM, Actor, Role
from app.db import db, patiently, transaction
from app.errors import Conflict, Invalid
from app.events import Fact, record_stay
from app.london import LONDON, london_day
from app.models.messages import Task, TaskKind
from app.models.placements import Placement, PlacementState
from app.models.referrals import Referral, ReferralState
from app.models.stays import HoldPolicy
from app.outbox import open_task
from app.policy import only_for
from app.services.dated import in_force, policy_of
from app.services.locks import lock_placement
from app.services.settling import settle

MAY_SAY = (*POLICE, *REFUGE, Role.COORDINATOR)
NO_MORE = (
    "This room has been kept longer as often as the house and the officer may ask. Ring the duty"
    " coordinator, who can keep it longer. It is not given away meanwhile."
)
SINCE = "Somebody has changed until when the room is kept. Look at it as it is now."


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Until when a promised room is kept. After ``until`` a person asks; the room stays hers.

    ``may_renew`` is whether the reader may still have it kept longer.
    """

    until: datetime
    is_over: bool
    may_renew: bool
    set_out_at: datetime | None
    expected_at: datetime | None


def renew(public_id: UUID, seen: datetime | None, *, by: Actor) -> datetime:
    """Keep a promised room longer, by the length it was kept first; until when it is kept now.

    ``seen`` is the end that the person had read, so that two taps are one renewal; None
    is never it.

    Raises:
        NotFound: no such promise to ``by``.
        Conflict: it is not promised any more, has been renewed since, or as often as is allowed.
    """
    only_for(by, *MAY_SAY)
    return patiently(lambda: _renew(public_id, seen, by))


def _renew(public_id: UUID, seen: datetime | None, by: Actor) -> datetime:
    with transaction(by=by) as now:
        placement, referral = lock_placement(by, public_id)
        placement.refuse_unless(PlacementState.ACCEPTED)
        until = placement.hold_until
        if until is None or until != seen:
            raise Conflict(SINCE)
        if not _may_renew(placement, by, now):
            raise Conflict(NO_MORE)
        longer = max(until, now) + length_of(referral)
        # Both in one statement: the database counts one renewal for each longer end.
        placement.hold_until = longer
        placement.hold_renewals += by.role is not Role.COORDINATOR
        settle(TaskKind.OVERDUE, placement, by=by, now=now)
        record_stay(
            Fact.HOLD_RENEWED,
            placement,
            by=by,
            until=longer.isoformat(),
            renewals=placement.hold_renewals,
        )
        return longer


def set_out(public_id: UUID, expected: time | None, *, by: Actor) -> None:
    """She is on her way; ``expected`` is the time in London at which she may be there, if known.

    Said again it is a newer expectation. Her room is kept until then and a margin longer.

    Raises:
        NotFound: no such promise to ``by``.
        Conflict: it is not promised any more.
        Invalid: nobody can say which moment within 24 hours is meant.
    """
    only_for(by, *MAY_SAY)
    patiently(lambda: _set_out(public_id, expected, by))


def _set_out(public_id: UUID, expected: time | None, by: Actor) -> None:
    with transaction(by=by) as now:
        placement, referral = lock_placement(by, public_id)
        placement.refuse_unless(PlacementState.ACCEPTED)
        until = placement.hold_until
        assert until is not None  # noqa: S101 - a CHECK of the table
        if placement.set_out_at is None:
            until = max(until, now + length_of(referral))
        if expected is not None:
            at = _next(expected, now)
            until = at + timedelta(minutes=policy_at(now).margin_minutes)
            placement.expected_at = at
        placement.hold_until, placement.set_out_at = until, placement.set_out_at or now
        if referral.state == ReferralState.CONFIRMED:
            referral.move(ReferralState.IN_TRANSIT, at=now)
        settle(TaskKind.OVERDUE, placement, by=by, now=now)
        record_stay(Fact.SET_OUT, placement, by=by, has_time=expected is not None)


def _next(at: time, now: datetime) -> datetime:
    """The next moment at which London's clocks show ``at``."""
    today = london_day(now)
    moments = (datetime.combine(today + timedelta(days=n), at, tzinfo=LONDON) for n in (0, 1))
    found = next((moment for moment in moments if moment > now), None)
    if found is None or found > now + timedelta(hours=24):
        raise Invalid("Type a time within the next 24 hours.", field="expected")
    return found


def ask_after_the_overdue() -> int:
    """Put before a person everyone whose hold is over and of whom nobody has said more; how many.

    Once for each hold: a renewed one is asked after anew. The bed stays hers meanwhile.
    """
    with transaction(by=SYSTEM) as now:
        asked = exists().where(
            Task.placement_id == Placement.id,
            Task.kind == TaskKind.OVERDUE,
            Task.opened_at >= Placement.hold_until,
        )
        rows = db.session.execute(
            select(Placement.id, Placement.referral_id).where(
                Placement.state == PlacementState.ACCEPTED, Placement.hold_until <= now, ~asked
            )
        ).all()
        for placement_id, referral_id in rows:
            open_task(TaskKind.OVERDUE, placement_id=placement_id, referral_id=referral_id)
        return len(rows)


# Steps that other use cases share; each runs inside the caller's transaction.


def length_of(referral: Referral) -> timedelta:
    """How long a room is kept for her at first, by the clocks that her request began under."""
    return timedelta(minutes=policy_of(referral).hold_minutes)


def hold_of(placement: Placement, by: Actor, now: datetime) -> Hold | None:
    """Until when her room is kept; None unless it is promised to her."""
    if placement.state != PlacementState.ACCEPTED or placement.hold_until is None:
        return None
    return Hold(
        until=placement.hold_until,
        is_over=placement.hold_until <= now,
        may_renew=_may_renew(placement, by, now),
        set_out_at=placement.set_out_at,
        expected_at=placement.expected_at,
    )


def policy_at(now: datetime) -> HoldPolicy:
    """The rules of holds that are in force."""
    policy = in_force(HoldPolicy, now)
    assert policy is not None  # noqa: S101 - reference data: there is one from the first day on
    return policy


def _may_renew(placement: Placement, by: Actor, now: datetime) -> bool:
    return by.role is Role.COORDINATOR or placement.hold_renewals < policy_at(now).renewals
