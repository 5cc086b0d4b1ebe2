"""Texts from refuges: stored first, then read, acted on once, and answered in plain words."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Busy
from app.events import Fact, record
from app.fields import PHONE, any_of, open_field, seal
from app.models.messages import Contact, SmsInbox, TaskKind
from app.outbox import close_tasks, open_task, owe
from app.queue import Job, defer
from app.services.text_reply import read_reply
from app.services.text_senders import Outcome, Sender, Verdict, find_sender
from app.services.text_verdict import judge

log = structlog.get_logger()

MOST_WRONG_CODES = 5
WRONG_CODES_WITHIN = timedelta(minutes=15)
ANSWER_STAYS_NEWS = timedelta(minutes=30)
KEPT_CHARACTERS = 1600
GUESSES = (Outcome.WRONG_CODE, Outcome.WRONG_BED)


def receive_text(message_sid: str, from_: str, to: str, body: str) -> bool:
    """Keep a text and put its reading in line. False: a replay, which changes nothing."""
    sender = _keepable(from_)[:40]
    with transaction(by=SYSTEM):
        contact = db.session.scalar(
            select(Contact)
            .where(any_of(Contact.phone_index, PHONE, sender))
            .order_by(Contact.id.desc())  # whose number it is now, or was last
            .limit(1)
        )
        row = SmsInbox(message_sid=message_sid, to_phone=_keepable(to)[:40])
        row.contact_id = contact.id if contact else None
        if not _keep_once(row, sender, _keepable(body)):
            return False
        refuge_id = contact.refuge_id if contact else None
        record(Fact.TEXT_RECEIVED, by=SYSTEM, refuge_id=refuge_id, detail={"sid": message_sid})
        defer(Job.HANDLE_TEXTS)
        return True


def _keep_once(row: SmsInbox, sender: str, body: str) -> bool:
    """False: a text of this provider id is kept already, and nothing of this one stays."""
    with db.session.begin_nested() as point:
        seal(row, from_phone=sender, body=body)
        columns = [column.key for column in SmsInbox.__table__.columns]
        values = {name: getattr(row, name) for name in columns if name in row.__dict__}
        new = db.session.execute(
            insert(SmsInbox)
            .values(values)
            .on_conflict_do_nothing(index_elements=["message_sid"])
            .returning(SmsInbox.message_sid)
        ).scalar()
        if new is None:
            point.rollback()
        return new is not None


def handle_waiting() -> int:
    """Read every text that waits, oldest first; one that fails stops no other. How many were read.

    Raises:
        Exception: the first failure, once all the others are done.
    """
    with transaction(by=SYSTEM):
        waiting = db.session.scalars(
            select(SmsInbox.message_sid)
            .where(SmsInbox.handled_at.is_(None))
            .order_by(SmsInbox.received_at, SmsInbox.message_sid)
            .limit(200)
        ).all()
    failures: list[Exception] = []
    for message_sid in waiting:
        try:
            handle_inbound(message_sid)
        except Busy as error:
            failures.append(error)
            break
        except Exception as error:
            log.warning("text_not_handled", sid=message_sid, error=type(error).__name__)
            failures.append(error)
    if failures:
        raise failures[0]
    return len(waiting)


def handle_inbound(message_sid: str) -> Outcome | None:
    """Act on one stored text, once, however often it is called. None: not there, or done already.

    A crash between the act and its note is healed by the next call: the act is found done by this
    text, and is answered as such.
    """
    with transaction(by=SYSTEM) as now:
        row = db.session.get(SmsInbox, message_sid)
        if row is None or row.handled_at is not None:
            return None
        phone = open_field(row, "from_phone")
        sender = find_sender(phone, now)
        is_blocked = _wrong_codes(phone, now) >= MOST_WRONG_CODES
        reply = read_reply(open_field(row, "body"))
    verdict = judge(reply, sender, is_blocked=is_blocked, message_sid=message_sid)
    return _keep(message_sid, sender, verdict)


def _keep(message_sid: str, sender: Sender | None, verdict: Verdict) -> Outcome | None:
    """Note what came of a text and owe its answer, in one transaction, once."""
    with transaction(by=SYSTEM) as now:
        row = db.session.scalars(
            select(SmsInbox).where(SmsInbox.message_sid == message_sid).with_for_update()
        ).one()
        if row.handled_at is not None:
            return None
        row.handled_at = now
        row.outcome = verdict.outcome
        row.placement_id = verdict.placement_id
        if sender is None:
            return verdict.outcome
        if verdict.template is not None:
            owe(
                verdict.template,
                verdict.variables,
                contact_id=sender.contact_id,
                placement_id=verdict.placement_id,
                not_after=now + ANSWER_STAYS_NEWS,
                dedupe_key=f"answer:{message_sid}",
            )
        _settle_phone(row, sender, verdict.outcome, now)
        return verdict.outcome


def _settle_phone(row: SmsInbox, sender: Sender, outcome: Outcome, now: datetime) -> None:
    contact = db.session.get_one(Contact, sender.contact_id)
    if outcome is Outcome.STOPPED:
        contact.stopped_at = contact.stopped_at or now
        record(Fact.CONTACT_STOPPED, by=sender.actor, refuge_id=contact.refuge_id)
        open_task(TaskKind.PHONE_STOPPED, contact_id=contact.id)
    elif outcome is Outcome.STARTED:
        contact.stopped_at = None
        record(Fact.CONTACT_STARTED, by=sender.actor, refuge_id=contact.refuge_id)
        close_tasks(TaskKind.PHONE_STOPPED, contact_id=contact.id)
    elif outcome in GUESSES:
        db.session.flush()
        if _wrong_codes(open_field(row, "from_phone"), now) >= MOST_WRONG_CODES:
            open_task(TaskKind.WRONG_CODES, contact_id=contact.id)


def _wrong_codes(phone: str, now: datetime) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(
                any_of(SmsInbox.from_phone_index, PHONE, phone),
                SmsInbox.outcome.in_(GUESSES),
                SmsInbox.received_at > now - WRONG_CODES_WITHIN,
            )
        )
        or 0
    )


def _keepable(text: str) -> str:
    """What PostgreSQL can hold: no NUL, no half characters, not endless."""
    return text[:KEPT_CHARACTERS].encode("utf-8", "replace").decode().replace("\x00", "")
