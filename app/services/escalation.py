"""Levels that a request reaches: recorded once, put on the desk's list, told to the manager."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.clocks import Escalation, Level
from app.models.messages import Task, TaskKind
from app.models.reference import ClockPolicy
from app.models.referrals import WAITING, Referral, ReferralState
from app.notices import Template
from app.outbox import open_task, owe
from app.services.claims import is_taken
from app.services.clocks import Facts, Running, clocks_of
from app.services.dated import policy_of
from app.services.managers import managers_now
from app.services.tasks import finish

TASK_OF = {
    Level.ACKNOWLEDGE: TaskKind.UNACKNOWLEDGED,
    Level.DUTY_MANAGER: TaskKind.DUTY_MANAGER,
    Level.REGIONAL_MANAGER: TaskKind.REGIONAL_MANAGER,
}
LEVELS = {level.value for level in Level}
SAID_AS = {Level.DUTY_MANAGER: "duty manager", Level.REGIONAL_MANAGER: "regional manager"}
# How long "you are needed" is still worth saying.
STAYS_NEWS = timedelta(hours=2)
AT_ONCE = 200


def escalate() -> int:
    """Record every level that a waiting request has reached, once, and tell who should act.

    Safe in many workers at once; by the database's clock. How many levels were new.
    """
    with transaction(by=SYSTEM) as now:
        due = db.session.scalars(_due(now)).all()
    return sum(_escalate(referral_id) for referral_id in due)


def _due(now: datetime) -> Select[int]:
    """Requests of which some clock has run out and is not recorded yet."""
    acknowledge, duty, regional = (
        func.make_interval(0, 0, 0, 0, 0, minutes)
        for minutes in (
            ClockPolicy.acknowledge_minutes,
            ClockPolicy.duty_manager_minutes,
            ClockPolicy.regional_manager_minutes,
        )
    )
    since = Referral.waits_since
    return (
        select(Referral.id)
        .join(ClockPolicy, ClockPolicy.id == Referral.clock_policy_id)
        .where(
            Referral.state.in_(WAITING),
            or_(
                and_(
                    Referral.state == ReferralState.READY,
                    Referral.state_since + acknowledge <= now,
                    ~_is_recorded(Level.ACKNOWLEDGE, Referral.state_since),
                    ~is_taken(),
                ),
                and_(since + duty <= now, ~_is_recorded(Level.DUTY_MANAGER, since)),
                and_(since + regional <= now, ~_is_recorded(Level.REGIONAL_MANAGER, since)),
            ),
        )
        .order_by(Referral.waits_since, Referral.id)
        .limit(AT_ONCE)
    )


def _is_recorded(level: Level, runs_from: object) -> ColumnElement[bool]:
    return exists().where(
        Escalation.referral_id == Referral.id,
        Escalation.level == level,
        Escalation.runs_from == runs_from,
    )


def _escalate(referral_id: int) -> int:
    """Look again under the lock: she may have been promised a room in the meantime."""
    with transaction(by=SYSTEM) as now:
        referral = db.session.scalars(
            select(Referral).where(Referral.id == referral_id).with_for_update()
        ).one()
        policy = policy_of(referral)
        taken = bool(db.session.scalar(select(is_taken()).where(Referral.id == referral_id)))
        reached = [
            each
            for each in clocks_of(Facts(referral=referral, policy=policy, is_taken=taken))
            if each.clock in LEVELS and each.has_passed(now)
        ]
        return sum(_reach(referral, each, now) for each in reached)


def _reach(referral: Referral, passed: Running, now: datetime) -> bool:
    level = Level(passed.clock)
    made = db.session.scalar(
        insert(Escalation)
        .values(referral_id=referral.id, level=level, runs_from=passed.runs_from, due_at=passed.at)
        .on_conflict_do_nothing()
        .returning(Escalation.id)
    )
    if made is None:
        return False
    detail: dict[str, object] = {"level": level.value, "escalation_id": made}
    event = record(Fact.ESCALATED, by=SYSTEM, referral_id=referral.id, detail=detail)
    open_task(TASK_OF[level], referral_id=referral.id)
    for manager in managers_now(level, now):
        owe(
            Template.ESCALATED,
            {"ref": referral.ref, "manager": SAID_AS[level]},
            escalation_contact_id=manager.id,
            dedupe_key=f"escalation:{made}:{manager.id}",
            not_after=now + STAYS_NEWS,
            event_id=event.id,
        )
    return True


def settle() -> int:
    """Take off the desk's list what has settled itself: somebody acted, or she waits no more."""
    with transaction(by=SYSTEM):
        is_over = or_(
            Referral.state.not_in(WAITING),
            and_(
                Task.kind == TaskKind.UNACKNOWLEDGED,
                or_(
                    Referral.state != ReferralState.READY,
                    Referral.state_since > Task.opened_at,
                    is_taken(),
                ),
            ),
        )
        over = db.session.scalars(
            select(Task)
            .join(Referral, Referral.id == Task.referral_id)
            .where(Task.kind.in_(TASK_OF.values()), Task.done_at.is_(None), is_over)
            .with_for_update(of=Task, skip_locked=True)
        ).all()
        for task in over:
            finish(task, by=SYSTEM)
        return len(over)
