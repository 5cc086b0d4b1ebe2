"""What leaves the desk's list by itself: somebody has answered it, or it matters no more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.actors import SYSTEM, Actor
from app.db import as_waymark, db, transaction
from app.events import Fact, record_stay
from app.models.messages import Task, TaskKind
from app.models.placements import OPEN, Placement
from app.services.tasks import finish

# They ask of an offer, and nothing once it has been answered or has ended.
OF_AN_OPEN_OFFER = (TaskKind.RING_HOUSE, TaskKind.QUESTION)


def settle(kind: TaskKind, placement: Placement, *, by: Actor, now: datetime) -> None:
    """Take the question off the list, if it stands there; a step of the caller's transaction."""
    asked = select(Task).where(
        Task.placement_id == placement.id, Task.kind == kind, Task.done_at.is_(None)
    )
    with as_waymark():  # the list is the desk's: who acts does not read it
        for task in db.session.scalars(asked).all():
            task.done_at, task.done_by_id = now, by.user_id
            record_stay(Fact.TASK_DONE, placement, by=by, task=task.kind, task_id=task.id)


def settle_ended_offers() -> int:
    """Take what asks of an offer off the list once that offer is open no more; how many."""
    with transaction(by=SYSTEM):
        over = db.session.scalars(
            select(Task)
            .join(Placement, Placement.id == Task.placement_id)
            .where(Task.kind.in_(OF_AN_OPEN_OFFER), Task.done_at.is_(None))
            .where(Placement.state.not_in(OPEN))
            .with_for_update(of=Task, skip_locked=True)
        ).all()
        for task in over:
            finish(task, by=SYSTEM)
        return len(over)
