"""Sending what is owed: claim and commit, check the fence, send with no transaction open, keep."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import aliased

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.messages import Contact, Message, MessageState, TaskKind
from app.models.placements import OPEN, Placement, PlacementState
from app.notices import Template
from app.outbox.claims import (
    PATIENCE,
    Claim,
    Patience,
    as_claim,
    locked,
    real_now,
    take_word,
    tell,
    with_recipients,
)
from app.outbox.owing import open_task
from app.sms import OPTED_OUT, NotSent, OutcomeUnknown, Sent, SmsGateway

TELL_AFTER_ATTEMPTS = 3
TO_A_MANAGER = Message.escalation_contact_id.is_not(None)
GIVE_UP_ROUND_AFTER = 3  # refusals or silences in a row: the provider is down, the rest waits


def send_due(
    gateway: SmsGateway, *, public_url: str, limit: int = 100, patience: Patience = PATIENCE
) -> int:
    """Send what is owed and due, one after the other; safe in many workers at once.

    Returns:
        How many texts the provider took in this round.
    """
    expire_unsent()
    sent = troubles = 0
    for _ in range(limit):
        if troubles >= GIVE_UP_ROUND_AFTER or (claim := _claim_next(patience)) is None:
            break
        begin_by = time.monotonic() + patience.spare_seconds
        if not _still_ours(claim, patience):
            continue
        if _attempt(gateway, claim, public_url, patience, begin_by):
            sent += 1
            troubles = 0
        else:
            troubles += 1
    return sent


def expire_unsent() -> int:
    """Give up what may no longer be sent: its time has passed, or the offer has moved on."""
    with transaction(by=SYSTEM) as now:
        rows = db.session.execute(
            select(Message, Placement.state)
            .outerjoin(Placement, Placement.id == Message.placement_id)
            .where(Message.state == MessageState.NEW)
            .where(or_(Message.not_after <= now, _is_superseded()))
            .order_by(Message.id)
            .limit(200)
            .with_for_update(of=Message, skip_locked=True)
        ).all()
        for message, placement_state in rows:
            message.state = MessageState.EXPIRED
            if _matters(message, placement_state):
                tell(message, TaskKind.TEXT_FAILED)
        return len(rows)


def _claim_next(patience: Patience) -> Claim | None:
    """Take one due text for this attempt and commit, so that a crash leaves a mark."""
    while True:
        with transaction(by=SYSTEM) as now:
            row = db.session.execute(
                with_recipients()
                .where(Message.state == MessageState.NEW)
                .where(Message.due_at <= now, Message.not_after > now)
                .where(or_(Contact.verified_at.is_not(None), TO_A_MANAGER), ~_is_superseded())
                .order_by(Message.due_at, Message.id)
                .limit(1)
                .with_for_update(of=Message, skip_locked=True)
            ).first()
            if row is None:
                return None
            message, contact, manager = row
            started_at = real_now()
            message.state = MessageState.INFLIGHT
            message.attempt += 1
            message.lease_until = started_at + timedelta(seconds=patience.lease_seconds)
            message.first_attempt_at = message.first_attempt_at or started_at
            message.absent_since = None
            claim = as_claim(message, contact or manager, now)
        if claim is not None:  # one text that cannot be written stops no other
            return claim


def _still_ours(claim: Claim, patience: Patience) -> bool:
    """The fence: a worker that was frozen after its claim must not send when it wakes."""
    with transaction(by=SYSTEM) as now:
        spare = real_now() + timedelta(seconds=patience.spare_seconds)
        return bool(
            db.session.scalar(
                select(
                    exists().where(
                        Message.id == claim.message_id,
                        Message.attempt == claim.attempt,
                        Message.state == MessageState.INFLIGHT,
                        Message.lease_until > spare,
                        Message.not_after > now,
                    )
                )
            )
        )


def _attempt(
    gateway: SmsGateway, claim: Claim, public_url: str, patience: Patience, begin_by: float
) -> bool:
    """Hand one text over, with no transaction open, and keep what came of it.

    ``begin_by``: a worker frozen between the fence and the line must not send either.
    """
    callback = f"{public_url}/hooks/twilio/status/{claim.message_id}/{claim.attempt}"
    try:
        sent = gateway.send(
            claim.to,
            claim.body,
            status_callback=callback,
            validity_seconds=claim.validity_seconds,
            begin_by=begin_by,
        )
    except NotSent as refusal:
        _keep_refusal(claim, refusal, patience)
        return refusal.permanent  # the provider answered, so it is not down
    except OutcomeUnknown:
        _keep_doubt(claim)
        return False
    _keep_sent(claim, sent)
    return True


def _keep_sent(claim: Claim, sent: Sent) -> None:
    with transaction(by=SYSTEM):
        message = locked(claim.message_id)
        if message is not None:
            take_word(message, sent.sid, sent.status, "")


def _keep_refusal(claim: Claim, refusal: NotSent, patience: Patience) -> None:
    with transaction(by=SYSTEM) as now:
        message = locked(claim.message_id, claim.attempt, MessageState.INFLIGHT)
        if message is None:
            return
        message.error_code = refusal.code
        message.lease_until = None
        if refusal.permanent:
            message.state = MessageState.FAILED
            _tell_of_refusal(message, refusal, now)
            return
        wait = refusal.retry_after_seconds or min(
            patience.first_wait_seconds * 2 ** (message.attempt - 1), patience.longest_wait_seconds
        )
        message.state = MessageState.NEW
        message.due_at = now + timedelta(seconds=wait)
        if message.attempt >= TELL_AFTER_ATTEMPTS:
            tell(message, TaskKind.TEXT_FAILED)


def _tell_of_refusal(message: Message, refusal: NotSent, now: datetime) -> None:
    if refusal.code != OPTED_OUT or message.contact_id is None:
        tell(message, TaskKind.TEXT_FAILED)
        return
    contact = db.session.get_one(Contact, message.contact_id)
    if contact.stopped_at is None:
        contact.stopped_at = now
        detail: dict[str, object] = {"contact_id": contact.id}
        record(Fact.CONTACT_STOPPED, by=SYSTEM, refuge_id=contact.refuge_id, detail=detail)
    open_task(TaskKind.PHONE_STOPPED, contact_id=contact.id)


def _keep_doubt(claim: Claim) -> None:
    """The lease stays: the provider may still be busy with it, or its callback on the way."""
    with transaction(by=SYSTEM):
        message = locked(claim.message_id, claim.attempt, MessageState.INFLIGHT)
        if message is not None:
            message.state = MessageState.UNKNOWN


def _matters(message: Message, placement_state: PlacementState | None) -> bool:
    """An offer that nobody was told of is a bed lost, a manager not told is a woman alone."""
    is_open = placement_state in (*OPEN, PlacementState.LAPSED)
    return (
        message.template == Template.OFFER and is_open
    ) or message.template == Template.ESCALATED


def _is_superseded() -> ColumnElement[bool]:
    """An offer that was answered or withdrawn in another way is not announced any more."""
    behind = aliased(Placement)
    return and_(
        Message.template == Template.OFFER.value,
        exists().where(behind.id == Message.placement_id, behind.state.not_in(OPEN)),
    )
