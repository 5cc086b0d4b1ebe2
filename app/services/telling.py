"""Texts that are owed because something happened: written with the event, sent by the worker."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select

from app.db import as_waymark, db
from app.london import LONDON
from app.models.messages import Contact, TaskKind
from app.models.placements import Placement
from app.notices import Template
from app.outbox import open_task, owe

# How long "it is withdrawn" is still worth saying.
WITHDRAWN_STAYS_NEWS = timedelta(hours=2)


def owe_offer(placement: Placement) -> None:
    """Ask the refuge on every phone it has; nothing in the text says whom it is about.

    A house that no text can reach is put before a person, who rings it.
    """
    expires = placement.offer_expires_at
    assert expires is not None  # noqa: S101 - a CHECK of the table: an offer always expires
    reply_by = clock_text(expires)
    contacts = reachable(placement.refuge_id, placement.offered_at)
    if not contacts:
        open_task(
            TaskKind.TEXT_FAILED, placement_id=placement.id, referral_id=placement.referral_id
        )
    for contact in contacts:
        owe(
            Template.OFFER,
            {"code": placement.offer_code, "reply_by": reply_by},
            contact_id=contact.id,
            dedupe_key=f"offer:{placement.id}:{contact.id}",
            not_after=expires,
            placement_id=placement.id,
        )


def clock_text(at: datetime) -> str:
    """London's time of day, as texts say it."""
    return f"{at.astimezone(LONDON):%H:%M}"


def owe_offer_withdrawn(placement: Placement, now: datetime) -> None:
    """Tell the refuge to stop looking at it."""
    for contact in reachable(placement.refuge_id, now):
        owe(
            Template.OFFER_WITHDRAWN,
            {"code": placement.offer_code},
            contact_id=contact.id,
            dedupe_key=f"withdrawn:{placement.id}:{contact.id}",
            not_after=now + WITHDRAWN_STAYS_NEWS,
            placement_id=placement.id,
        )


def owe_answer(placement: Placement) -> None:
    """Tell the house that its question has an answer; what it says is for who signs in."""
    expires = placement.offer_expires_at
    assert expires is not None  # noqa: S101 - a CHECK of the table: an offer always expires
    for contact in reachable(placement.refuge_id, placement.offered_at):
        owe(
            Template.QUESTION_ANSWERED,
            {"code": placement.offer_code},
            contact_id=contact.id,
            dedupe_key=f"answer:{placement.id}:{contact.id}",
            not_after=expires,
            placement_id=placement.id,
        )


def in_use(now: datetime) -> ColumnElement[bool]:
    """Whether the Contact of the query is a number that the house still has."""
    return or_(Contact.ends_at.is_(None), Contact.ends_at > now)


def reachable(refuge_id: int, now: datetime) -> list[Contact]:
    """The phones of a house that texts can reach, in its order: a step inside a transaction."""
    found = select(Contact).where(
        Contact.refuge_id == refuge_id,
        Contact.verified_at.is_not(None),
        Contact.stopped_at.is_(None),
        in_use(now),
    )
    with as_waymark():  # an officer who withdraws must not read the phones that are told of it
        return list(db.session.scalars(found.order_by(Contact.position, Contact.id)))
