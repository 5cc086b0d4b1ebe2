"""Texts that do not go out: seen by the desk itself, whether or not a worker is there to say so."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.db import db
from app.models.messages import Contact, Message, MessageState
from app.models.placements import OPEN, Placement
from app.notices import Template

# A text goes out within seconds; the board looks again every few, so trouble shows in a minute.
SHOWN_AFTER = timedelta(seconds=30)
UNSENT = (MessageState.NEW, MessageState.INFLIGHT, MessageState.UNKNOWN)


def stuck_texts(now: datetime) -> int:
    """Offers whose text the provider has not taken for half a minute: a step in a transaction.

    Offers alone: a late answer or question costs nobody a bed.
    """
    count = (
        select(func.count(Message.placement_id.distinct()))
        .join(Contact, Contact.id == Message.contact_id)
        .join(Placement, Placement.id == Message.placement_id)
        .where(
            Message.template == Template.OFFER.value,
            Message.state.in_(UNSENT),
            Message.created_at <= now - SHOWN_AFTER,
            Contact.verified_at.is_not(None),
            Placement.state.in_(OPEN),
        )
    )
    return db.session.scalar(count) or 0
