"""Texts that are owed because something happened: written with the event, sent by the worker."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.london import LONDON
from app.models.messages import Contact, TaskKind
from app.models.placements import Placement
from app.notices import Template
from app.outbox import open_task, owe
from app.services import duty
from app.services.duty import reachable

# How long "it is withdrawn" is still worth saying.
WITHDRAWN_STAYS_NEWS = timedelta(hours=2)


def owe_offer(placement: Placement) -> None:
    """Ask the refuge: whoever is first on duty, or every phone of a house without a rota.

    Nothing in the text says whom it is about. A house that no text may reach now is put before a
    person, who rings it.
    """
    turns = duty.turns(placement, placement.offered_at)
    for contact in turns.first:
        ask(placement, contact)
    if not turns.first:
        open_task(TaskKind.RING_HOUSE, placement_id=placement.id, referral_id=placement.referral_id)


def ask(placement: Placement, contact: Contact) -> None:
    """The offer's text to one phone of its house, once, whoever asks for it again."""
    expires = placement.offer_expires_at
    assert expires is not None  # noqa: S101 - a CHECK of the table: an offer always expires
    owe(
        Template.OFFER,
        {"code": placement.offer_code, "reply_by": clock_text(expires)},
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
