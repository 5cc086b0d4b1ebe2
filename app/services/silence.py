"""Houses that answer nobody: the plan leaves them alone until somebody hears of them.

Each offer to a silent house costs a woman the time to answer. What is offered by hand still is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select

from app.db import db
from app.models.beds import Refuge
from app.models.messages import Contact, SmsInbox
from app.models.placements import OwnReason, Placement, PlacementState
from app.services.supply import policy_at


def silent_houses(now: datetime) -> set[int]:
    """Houses that let so many offers in a row lapse, with no word since: a step of a transaction.

    A word is any answer, by whatever way and of whomever it came, any text, and a count confirmed.
    An offer that lapsed while the house's own question waited is nobody's silence.
    """
    answered = (
        select(func.max(Placement.answered_at))
        .where(Placement.refuge_id == Refuge.id)
        .correlate(Refuge)
        .scalar_subquery()
    )
    wrote = (
        select(func.max(SmsInbox.received_at))
        .join(Contact, Contact.id == SmsInbox.contact_id)
        .where(Contact.refuge_id == Refuge.id)
        .correlate(Refuge)
        .scalar_subquery()
    )
    last_word = func.greatest(Refuge.beds_confirmed_at, answered, wrote)  # nulls count for nothing
    lapsed = (
        select(Placement.refuge_id)
        .join(Refuge, Refuge.id == Placement.refuge_id)
        .where(
            Placement.state == PlacementState.LAPSED,
            Placement.reason_code == OwnReason.NO_REPLY_HOUSE,
            or_(last_word.is_(None), Placement.offered_at > last_word),
        )
        .group_by(Placement.refuge_id)
        .having(func.count() >= policy_at(now).silent_after_lapses)
    )
    return set(db.session.scalars(lapsed))
