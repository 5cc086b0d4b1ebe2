"""Several houses asked for one woman: how many, the first yes, and her way back into the plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import exists, select

from app.actors import SYSTEM
from app.db import as_waymark, db
from app.errors import Conflict
from app.events import Fact, record_stay
from app.models.enquiries import EnquiryPolicy
from app.models.placements import OPEN, OwnReason, Placement, PlacementState
from app.models.referrals import Referral, ReferralState
from app.queue import Job, defer
from app.services.dated import all_begun
from app.services.telling import owe_offer_withdrawn

TOO_LATE = "The time to answer this offer has passed."

# Steps of one transaction; the request is locked, so nobody else moves an offer of hers.


def policies_on(day: date) -> dict[str, EnquiryPolicy]:
    """The policy of each urgency on ``day``; an urgency without one has none."""
    return {policy.urgency: policy for policy in all_begun(EnquiryPolicy, day)}


def more_houses(day: date) -> dict[str, int]:
    """How many houses may be asked beside the first, by urgency; none without a policy."""
    return {urgency: each.houses_at_once - 1 for urgency, each in policies_on(day).items()}


def refuse_unless_open(placement: Placement, now: datetime) -> None:
    """Raises Conflict, in words that say what happened, unless it can still be answered."""
    placement.refuse_unless(*OPEN)
    if placement.offer_expires_at is None or placement.offer_expires_at <= now:
        raise Conflict(TOO_LATE)


def withdraw_the_others(placement: Placement, now: datetime) -> None:
    """This house has said yes first: no other is asked any more, and each is told."""
    with as_waymark():  # a house neither reads nor changes what other houses are asked
        others = db.session.scalars(
            select(Placement)
            .where(
                Placement.referral_id == placement.referral_id,
                Placement.id != placement.id,
                Placement.state.in_(OPEN),
            )
            .order_by(Placement.id)
            .with_for_update()
        ).all()
    end_by_itself(others, OwnReason.ANOTHER_HOUSE_FIRST)
    for other in others:
        owe_offer_withdrawn(other, now)


def end_by_itself(placements: Sequence[Placement], reason: OwnReason) -> None:
    """Waymark takes these back because something else came first; the trail says that it did."""
    with as_waymark():
        for placement in placements:
            placement.state, placement.reason_code = PlacementState.WITHDRAWN, reason.value
            record_stay(Fact.OFFER_WITHDRAWN, placement, by=SYSTEM, reason=reason.value)


def back_to_the_plan(referral: Referral, now: datetime) -> None:
    """She waits for the plan again once no house is asked for her; until then she is asked for."""
    asked = exists().where(Placement.referral_id == referral.id, Placement.state.in_(OPEN))
    with as_waymark():  # also by houses of which the one that acts knows nothing
        is_asked = db.session.scalar(select(asked))
    if not is_asked:
        referral.move(ReferralState.READY, at=now)
        defer(Job.PLAN)
