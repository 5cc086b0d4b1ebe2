"""Questions on the desk's list that somebody has answered by what they did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.actors import Actor
from app.db import as_waymark, db
from app.events import Fact, record_stay
from app.models.messages import Task, TaskKind
from app.models.placements import Placement


def settle(kind: TaskKind, placement: Placement, *, by: Actor, now: datetime) -> None:
    """Take the question off the list, if it stands there; a step of the caller's transaction."""
    asked = select(Task).where(
        Task.placement_id == placement.id, Task.kind == kind, Task.done_at.is_(None)
    )
    with as_waymark():  # the list is the desk's: who acts does not read it
        for task in db.session.scalars(asked).all():
            task.done_at, task.done_by_id = now, by.user_id
            record_stay(Fact.TASK_DONE, placement, by=by, task=task.kind, task_id=task.id)
