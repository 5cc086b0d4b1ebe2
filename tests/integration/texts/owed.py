"""Texts that are owed, and what became of them: what the tests of sending share."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app import outbox
from app.actors import SYSTEM
from app.db import db, transaction
from app.fields import PHONE, any_of, seal
from app.models.events import Event
from app.models.messages import Contact, Message, Task
from app.notices import Template
from app.outbox import Patience

ROWAN = "+447700900101"
SHORT = Patience(
    lease_seconds=1.0,
    spare_seconds=0.5,
    absent_seconds=0.3,
    first_wait_seconds=0.0,
    longest_wait_seconds=0.0,
)
Settle = Callable[..., None]


def owe_text(
    code: str = "7KQ4M2", *, phone: str = ROWAN, seconds: float = 1200, key: str = ""
) -> UUID:
    """A text that needs no offer behind it."""
    dedupe_key = key or f"test:{code}"
    with transaction(by=SYSTEM) as now:
        contact = db.session.scalars(
            select(Contact).where(any_of(Contact.phone_index, PHONE, phone))
        ).one()
        outbox.owe(
            Template.OFFER_WITHDRAWN,
            {"code": code},
            contact_id=contact.id,
            not_after=now + timedelta(seconds=seconds),
            dedupe_key=dedupe_key,
        )
        return db.session.scalars(select(Message.id).where(Message.dedupe_key == dedupe_key)).one()


def message(message_id: UUID) -> Message:
    with transaction(by=SYSTEM):
        return db.session.get_one(Message, message_id)


def tasks() -> list[tuple[str, bool]]:
    """(kind, is open) of everything a person was told."""
    with transaction(by=SYSTEM):
        return [
            (task.kind, task.done_at is None)
            for task in db.session.scalars(select(Task).order_by(Task.id))
        ]


def task_subjects() -> list[tuple[int | None, int | None]]:
    """(request, placement) of everything a person was told."""
    with transaction(by=SYSTEM):
        found = db.session.scalars(select(Task).order_by(Task.id))
        return [(task.referral_id, task.placement_id) for task in found]


def events(kind: str) -> list[tuple[int | None, int | None]]:
    """(house, phone that acted) of every event of one kind."""
    with transaction(by=SYSTEM):
        found = db.session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id))
        return [(event.refuge_id, event.actor_contact_id) for event in found]


def change_contact(*, phone: str = "", **changes: Any) -> None:
    with transaction(by=SYSTEM):
        contact = db.session.scalars(
            select(Contact).where(any_of(Contact.phone_index, PHONE, ROWAN))
        ).one()
        if phone:
            seal(contact, phone=phone)
        for name, value in changes.items():
            setattr(contact, name, value)


def wait_until(is_true: Callable[[], bool], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.05)
