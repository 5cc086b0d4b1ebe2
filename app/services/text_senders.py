"""Who wrote a text, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from app.actors import Actor, Role
from app.db import db
from app.fields import PHONE, any_of, open_field
from app.models.beds import Refuge
from app.models.messages import Contact
from app.notices import Template
from app.services.duty import in_use


class Outcome(StrEnum):
    """What came of a text; kept with it."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    ARRIVED = "arrived"
    ASKED_FIRST = "asked_first"
    TO_CONFIRM = "to_confirm"
    BEDS_KEPT = "beds_kept"
    TOLD = "told"
    NOT_CHANGED = "not_changed"
    ASKED_AGAIN = "asked_again"
    WRONG_CODE = "wrong_code"
    WRONG_BED = "wrong_bed"
    IGNORED = "ignored"
    STOPPED = "stopped"
    STARTED = "started"
    UNKNOWN_NUMBER = "unknown_number"


@dataclass(frozen=True)
class Sender:
    """A refuge's phone that wrote to us, as it acts."""

    contact_id: int
    is_stopped: bool
    is_new: bool
    actor: Actor


@dataclass(frozen=True)
class Verdict:
    """What to keep of a text and what to say to it; no template means silence."""

    outcome: Outcome
    template: Template | None = None
    variables: dict[str, str] = field(default_factory=dict)
    placement_id: int | None = None


def find_sender(phone: str, now: datetime) -> Sender | None:
    """The verified phone behind a text, acting for its refuge and nothing more."""
    found = db.session.execute(
        select(Contact, Refuge.organisation_id)
        .join(Refuge, Refuge.id == Contact.refuge_id)
        .where(
            any_of(Contact.phone_index, PHONE, phone), Contact.verified_at.is_not(None), in_use(now)
        )
    ).first()
    if found is None:
        return None
    contact, organisation_id = found
    actor = Actor(
        role=Role.REFUGE_WORKER,
        organisation_id=organisation_id,
        refuge_id=contact.refuge_id,
        contact_id=contact.id,
        name=open_field(contact, "label"),
    )
    is_new = contact.answers_from is not None and contact.answers_from > now
    return Sender(contact.id, contact.stopped_at is not None, is_new, actor)
