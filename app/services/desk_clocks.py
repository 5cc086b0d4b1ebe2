"""The clock that the desk reads beside each request, and the order in which they run out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from app.db import db
from app.models.placements import LIVE, OPEN, Placement
from app.models.reference import ClockPolicy
from app.models.referrals import Referral
from app.services.claims import is_taken
from app.services.clocks import Facts, clocks_of, next_of, told_of

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ClockShown:
    """The clock to look at, late or the next to run out, and which manager has been told.

    ``at`` is None where no clock runs, ``told_at`` where no manager has been told.
    """

    clock: str
    at: datetime | None
    told: str
    told_at: datetime | None

    @property
    def turn(self) -> datetime:
        """Whoever's clock runs out first is first; where none runs, last."""
        return self.at or NEVER


def clocks_shown(referrals: Sequence[Referral]) -> dict[int, ClockShown]:
    """Each request's clock by its id: a step inside a transaction."""
    ids = [referral.id for referral in referrals]
    now: datetime = db.session.execute(select(func.waymark_now())).scalar_one()
    policies = {policy.id: policy for policy in db.session.scalars(select(ClockPolicy))}
    live = {
        each.referral_id: each
        for each in db.session.scalars(
            select(Placement)
            .where(Placement.referral_id.in_(ids), Placement.state.in_((*LIVE, *OPEN)))
            .order_by(Placement.offer_expires_at.desc())  # of several houses, the first to answer
        )
    }
    taken = set(db.session.scalars(select(Referral.id).where(Referral.id.in_(ids), is_taken())))
    facts = [
        _facts(each, policies[each.clock_policy_id], live.get(each.id), has_taker=each.id in taken)
        for each in referrals
    ]
    return {each.referral.id: _shown(each, now) for each in facts}


def _facts(
    referral: Referral, policy: ClockPolicy, live: Placement | None, *, has_taker: bool
) -> Facts:
    return Facts(
        referral=referral,
        policy=policy,
        is_taken=has_taker,
        offered_at=live.offered_at if live else None,
        reply_by=live.offer_expires_at if live else None,
        promised_at=live.answered_at if live else None,
        hold_until=live.hold_until if live else None,
    )


def _shown(facts: Facts, now: datetime) -> ClockShown:
    clocks = clocks_of(facts)
    running, told = next_of(clocks, now), told_of(clocks, now)
    return ClockShown(
        clock=running.clock if running else "",
        at=running.at if running else None,
        told=told.clock if told else "",
        told_at=told.at if told else None,
    )
