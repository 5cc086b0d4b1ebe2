"""Asking the houses whose answer matters most: what the newest plan would lose without them."""

from __future__ import annotations

from sqlalchemy import select

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.models.beds import Room
from app.services.matching.doubting import chances_free
from app.services.matching.planning import newest_run
from app.services.nudging import ask_what_matters as text_the_first
from app.services.snapshot_houses import refuge_key, room_key

# A larger night is asked about as far as this reaches; the least sure houses come first.
SECONDS = 5.0


def ask_what_matters() -> int:
    """Text the houses on whose word the newest plan hangs most; how many. The worker's job."""
    with transaction(by=SYSTEM) as now:
        run = newest_run()
        if run is None:
            return 0
        rooms = db.session.scalars(select(Room).where(Room.is_open)).all()
        chances = chances_free(rooms, now)
    doubts = [
        allocation.Doubt(refuge_key(room.refuge_id), room_key(room.id), chances[room.id])
        for room in rooms
    ]
    problem, plan = allocation.parse_problem(run.problem), allocation.parse_plan(run.plan)
    found = allocation.questions(allocation.keep(problem, plan), doubts, seconds=SECONDS)
    house_of = {refuge_key(room.refuge_id): room.refuge_id for room in rooms}
    return text_the_first([house_of[question.refuge] for question in found])
