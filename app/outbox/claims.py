"""One attempt at one text, and what every step of the protocol shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import Select, func, select

from app import notices
from app.db import db
from app.fields import open_field
from app.models.clocks import EscalationContact
from app.models.events import Event
from app.models.messages import Contact, Message, MessageState, TaskKind
from app.models.placements import Placement
from app.notices import Template
from app.outbox.owing import close_tasks, open_task

log = structlog.get_logger()

# Twilio gives no order for its callbacks, so the highest rank ever heard is the truth.
RANKS: Mapping[str, int] = {
    "accepted": 1,
    "scheduled": 2,
    "queued": 3,
    "sending": 4,
    "sent": 5,
    "canceled": 6,
    "failed": 7,
    "undelivered": 8,
    "delivered": 9,
    "read": 10,
}
FAILURES = frozenset({"canceled", "failed", "undelivered"})


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long each step may take, in seconds of real time, whatever the demo clock says.

    A lease must be longer than the gateway's time limit plus ``spare_seconds``; a send is not begun
    when less than that is left of it.
    """

    lease_seconds: float = 60
    spare_seconds: float = 15
    absent_seconds: float = 30
    first_wait_seconds: float = 5
    longest_wait_seconds: float = 60


PATIENCE = Patience()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One attempt at one text; nobody else may send it while the lease lasts."""

    message_id: UUID
    attempt: int
    to: str
    body: str
    validity_seconds: int
    since: datetime


def with_recipients() -> Select[Message, Contact | None, EscalationContact | None]:
    """Texts, each beside the phone of a house or of a manager that it goes to."""
    return (
        select(Message, Contact, EscalationContact)
        .outerjoin(Contact, Contact.id == Message.contact_id)
        .outerjoin(EscalationContact, EscalationContact.id == Message.escalation_contact_id)
    )


def as_claim(
    message: Message, to: Contact | EscalationContact | None, now: datetime
) -> Claim | None:
    """None, and failed, when the template changed after the text was owed."""
    try:
        body = notices.render(Template(message.template), message.variables)
    except ValueError:
        message.state = MessageState.FAILED
        message.error_code = "cannot_be_written"
        tell(message, TaskKind.TEXT_FAILED)
        return None
    return Claim(
        message_id=message.id,
        attempt=message.attempt,
        to=open_field(to, "phone"),
        body=body,
        validity_seconds=int((message.not_after - now).total_seconds()),
        since=message.first_attempt_at or now,
    )


def locked(
    message_id: UUID, attempt: int | None = None, state: MessageState | None = None
) -> Message | None:
    """The row, locked, if it still is what the caller took it for."""
    wanted = select(Message).where(Message.id == message_id).with_for_update()
    if attempt is not None:
        wanted = wanted.where(Message.attempt == attempt)
    if state is not None:
        wanted = wanted.where(Message.state == state)
    return db.session.scalars(wanted).first()


def take_word(message: Message, sid: str, status: str, error_code: str) -> None:
    """The provider has this text: keep its id and how far it has come, never going back."""
    if message.provider_sid not in (None, sid):
        log.warning("text_sent_twice", message=str(message.id), attempt=message.attempt)
        return
    message.provider_sid = sid
    message.lease_until = None
    message.absent_since = None
    rank = RANKS.get(status, 0)
    if rank > message.status_rank:
        message.status_rank = rank
        message.provider_status = status
        message.error_code = error_code[:40] or None
    if message.provider_status in FAILURES:
        message.state = MessageState.FAILED
        tell(message, TaskKind.TEXT_FAILED)
        return
    message.state = MessageState.ACCEPTED
    if message.status_rank >= RANKS["delivered"]:
        for kind in (TaskKind.TEXT_FAILED, TaskKind.MANAGER_UNREACHED):
            close_tasks(kind, message_id=message.id)


def tell(message: Message, kind: TaskKind) -> None:
    """Put a text in trouble on the desk's list; one to a manager as what that means."""
    if message.escalation_contact_id is not None:
        kind = TaskKind.MANAGER_UNREACHED
        about = select(Event.referral_id).where(Event.id == message.event_id)
    else:
        about = select(Placement.referral_id).where(Placement.id == message.placement_id)
    referral_id = db.session.scalar(about)
    open_task(
        kind,
        contact_id=message.contact_id,
        placement_id=message.placement_id,
        referral_id=referral_id,
        message_id=message.id,
    )


def real_now() -> datetime:
    """The database's own clock without the demo's shift: leases are about processes, not nights."""
    now: datetime = db.session.execute(select(func.clock_timestamp())).scalar_one()
    return now
