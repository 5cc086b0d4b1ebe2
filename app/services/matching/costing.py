"""Costing: a person asks what a room nobody has priced would cost; the worker works it out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

import allocation
from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.errors import NotFound
from app.models.beds import Room
from app.models.plans import CostQuestion, PlanRun
from app.models.referrals import Referral, ReferralState
from app.policy import visible_referrals, visible_rooms
from app.queue import Job, defer
from app.services.matching import wording
from app.services.snapshot_houses import refuge_key, room_key

log = structlog.get_logger()
# A question is answered again for each newer plan while somebody may still be looking at it.
ASKED_LATELY = timedelta(minutes=15)


def ask_cost(ref: str, room: UUID, *, by: Actor) -> None:
    """Have the worker work out what this room would cost the others; asking twice is once.

    Raises:
        NotFound: no such request or room.
    """
    with transaction(by=by) as now:
        referral_id = db.session.scalar(
            visible_referrals(by).where(Referral.ref == ref).with_only_columns(Referral.id)
        )
        room_id = db.session.scalar(
            visible_rooms(by).where(Room.public_id == room).with_only_columns(Room.id)
        )
        if referral_id is None or room_id is None:
            raise NotFound("We cannot find that request or room.")
        asked = insert(CostQuestion).values(
            referral_id=referral_id, room_id=room_id, asked_at=now, asked_by_id=by.user_id
        )
        db.session.execute(
            asked.on_conflict_do_update(
                index_elements=["referral_id", "room_id"],
                set_={"asked_at": now, "asked_by_id": by.user_id},
            )
        )
        defer(Job.COST)


def answer_questions() -> int:
    """Answer what was asked lately and the newest plan has not answered; how many. The worker's."""
    with transaction(by=SYSTEM):
        kept = PlanRun.purged_at.is_(None)
        newest = select(PlanRun).where(kept).order_by(PlanRun.as_of.desc()).limit(1)
        run = db.session.scalar(newest)
        open_questions = _open_questions(run.id) if run else []
    if run is None or not open_questions:
        return 0
    problem, plan = allocation.parse_problem(run.problem), allocation.parse_plan(run.plan)
    answered = 0
    for question_id, ref, refuge_id, room_id in open_questions:
        try:
            answer = allocation.forced_cost(
                problem, plan, ref, refuge_key(refuge_id), room_key(room_id)
            )
        except allocation.ProblemError:
            log.info("cost_not_in_plan", question=question_id)  # the next plan will hold both
            continue
        answered += 1
        _keep(question_id, run.id, wording.cost(answer))
    return answered


def _open_questions(run_id: UUID) -> list[tuple[int, str, int, int]]:
    rows = db.session.execute(
        select(CostQuestion.id, Referral.ref, Room.refuge_id, Room.id)
        .join(Referral, Referral.id == CostQuestion.referral_id)
        .join(Room, Room.id == CostQuestion.room_id)
        .where(
            CostQuestion.asked_at > func.waymark_now() - ASKED_LATELY,
            CostQuestion.run_id.is_distinct_from(run_id),
            Referral.state == ReferralState.READY,
        )
        .order_by(CostQuestion.asked_at, CostQuestion.id)
    )
    return [(question, ref, refuge, room) for question, ref, refuge, room in rows]


def _keep(question_id: int, run_id: UUID, answer: dict[str, Any]) -> None:
    with transaction(by=SYSTEM):
        question = db.session.get_one(CostQuestion, question_id)
        question.run_id, question.answer = run_id, answer
