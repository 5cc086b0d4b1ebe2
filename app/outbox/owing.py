"""What is owed: texts to a refuge's phone, and things that need a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app import notices
from app.actors import SYSTEM
from app.db import as_waymark, db
from app.events import Fact, record
from app.models.messages import Message, Task, TaskKind
from app.notices import Template
from app.queue import Job, defer


def owe(
    template: Template,
    variables: Mapping[str, str],
    *,
    not_after: datetime,
    dedupe_key: str,
    contact_id: int | None = None,
    escalation_contact_id: int | None = None,
    placement_id: int | None = None,
    event_id: int | None = None,
) -> None:
    """Owe a text to a refuge's phone or a manager's, inside the caller's transaction.

    The same key owes it once.

    Raises:
        ValueError: the variables are not the template's.
    """
    notices.check(template, variables)
    owed = insert(Message).values(
        dedupe_key=dedupe_key,
        contact_id=contact_id,
        escalation_contact_id=escalation_contact_id,
        placement_id=placement_id,
        event_id=event_id,
        template=template.value,
        variables=dict(variables),
        not_after=not_after,
    )
    with as_waymark():
        db.session.execute(owed.on_conflict_do_nothing(index_elements=["dedupe_key"]))
    defer(Job.SEND_TEXTS)


def open_task(
    kind: TaskKind,
    *,
    contact_id: int | None = None,
    placement_id: int | None = None,
    referral_id: int | None = None,
    message_id: UUID | None = None,
    user_id: int | None = None,
) -> None:
    """Put something on the coordinator's list, inside the caller's transaction; once while open."""
    new = insert(Task).values(
        kind=kind,
        contact_id=contact_id,
        placement_id=placement_id,
        referral_id=referral_id,
        message_id=message_id,
        user_id=user_id,
    )
    with as_waymark():
        opened = db.session.scalar(new.on_conflict_do_nothing().returning(Task.id))
        if opened is not None:
            record(
                Fact.TASK_OPENED,
                by=SYSTEM,
                placement_id=placement_id,
                referral_id=referral_id,
                subject_user_id=user_id,
                detail={"task": kind.value, "task_id": opened},
            )


def close_tasks(
    kind: TaskKind, *, contact_id: int | None = None, message_id: UUID | None = None
) -> None:
    """Take off the list what has settled itself, inside the caller's transaction."""
    subject = Task.message_id == message_id if message_id else Task.contact_id == contact_id
    for task in db.session.scalars(
        select(Task).where(subject, Task.kind == kind, Task.done_at.is_(None))
    ):
        task.done_at = db.session.execute(select(func.waymark_now())).scalar_one()
        record(
            Fact.TASK_DONE,
            by=SYSTEM,
            placement_id=task.placement_id,
            referral_id=task.referral_id,
            detail={"task": kind.value, "task_id": task.id},
        )
