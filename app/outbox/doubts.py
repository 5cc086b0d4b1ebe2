"""Texts in doubt: what the provider tells us, and asking it before anything is sent again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.messages import Message, MessageState, TaskKind
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
from app.queue import Job, defer
from app.sms import Found, OutcomeUnknown, SmsGateway

log = structlog.get_logger()
IN_DOUBT = (MessageState.INFLIGHT, MessageState.UNKNOWN)
TELL_AFTER = timedelta(minutes=3)


def reconcile_unknown(
    gateway: SmsGateway, *, limit: int = 100, patience: Patience = PATIENCE
) -> int:
    """Settle texts whose lease ran out without an answer, by asking the provider for them.

    Found: accepted. Absent on two looks ``absent_seconds`` apart: owed again. Safe in many workers.

    Returns:
        How many texts were looked at.
    """
    looked = 0
    while looked < limit and (doubt := _doubt_next(patience)) is not None:
        looked += 1
        try:
            found = gateway.find(doubt.to, doubt.since)
        except OutcomeUnknown:
            log.warning("text_not_reconciled", message=str(doubt.message_id))
            break
        _settle(doubt, [text for text in found if text.body == doubt.body], patience)
    return looked


def record_status(
    message_id: UUID, attempt: int, sid: str, status: str, error_code: str = ""
) -> bool:
    """Take the provider's word on a text; any order and any number of times end the same.

    It may come before the send has returned, or instead of its answer. False: no such text.
    """
    with transaction(by=SYSTEM):
        message = locked(message_id)
        if message is None:
            return False
        if message.attempt != attempt:
            log.info("text_status_of_old_attempt", message=str(message_id), attempt=attempt)
        take_word(message, sid, status, error_code)
        return True


def _doubt_next(patience: Patience) -> Claim | None:
    """Take one text in doubt whose lease has run out, so that one worker asks about it."""
    while True:
        with transaction(by=SYSTEM) as now:
            moment = real_now()
            row = db.session.execute(
                with_recipients()
                .where(Message.state.in_(IN_DOUBT), Message.lease_until < moment)
                .order_by(Message.lease_until)
                .limit(1)
                .with_for_update(of=Message, skip_locked=True)
            ).first()
            if row is None:
                return None
            message, contact, manager = row
            message.state = MessageState.UNKNOWN
            message.lease_until = moment + timedelta(seconds=patience.absent_seconds)
            if message.first_attempt_at and moment - message.first_attempt_at > TELL_AFTER:
                tell(message, TaskKind.TEXT_FAILED)
            doubt = as_claim(message, contact or manager, now)
        if doubt is not None:
            return doubt


def _settle(doubt: Claim, same: Sequence[Found], patience: Patience) -> None:
    """Keep what the provider's list says of a text in doubt."""
    with transaction(by=SYSTEM) as now:
        message = locked(doubt.message_id, doubt.attempt, MessageState.UNKNOWN)
        if message is None:
            return  # its callback came in the meantime
        known = set(
            db.session.scalars(
                select(Message.provider_sid).where(
                    Message.provider_sid.in_([text.sid for text in same])
                )
            )
        )
        ours = [text for text in same if text.sid not in known]
        if ours:
            take_word(message, ours[-1].sid, ours[-1].status, "")
            return
        moment = real_now()
        absence = timedelta(seconds=patience.absent_seconds)
        if message.absent_since is None or moment < message.absent_since + absence:
            message.absent_since = message.absent_since or moment
            message.lease_until = message.absent_since + absence
            return
        message.state = MessageState.NEW
        message.due_at = now
        message.lease_until = None
        defer(Job.SEND_TEXTS)
