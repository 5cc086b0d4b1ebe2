"""Fake requests: whom the desk rings back before a house is told of, and what it was told.

Nobody is refused a bed because an officer is busy: a request over a limit is taken, planned and
offered like any other. What waits is how to reach the house, for the officer, and the officer's
number, for the house.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from app.actors import POLICE, SYSTEM, Actor, Role
from app.db import as_waymark, db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.models.abuse import CallBack, CallBackOutcome, CallBackReason, ControlRoom
from app.models.accounts import Organisation, OrganisationKind, User
from app.models.messages import Task, TaskKind
from app.models.placements import Placement, PlacementState
from app.models.referrals import Referral, ReferralState
from app.outbox import open_task
from app.policy import visible_referrals
from app.services.limits import limit_of, one_at_a_time

WHY = {
    CallBackReason.FIRST_REQUEST: "It is this officer's first request.",
    CallBackReason.MANY_OPEN: "This officer has many requests open at once.",
    CallBackReason.MANY_TODAY: "This officer has made many requests within a day.",
    CallBackReason.ABANDONED_BEFORE: "A room that was promised to this officer was not used.",
}
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
NOT_GENUINE = CallBack.outcome.is_distinct_from(CallBackOutcome.GENUINE)


@dataclass(frozen=True, kw_only=True)
class CallBackShown:
    """What the desk needs to ring: never the number that came with the request.

    ``control_room`` is empty where the operator has not looked the number up. ``refs`` are all
    requests of this officer that one call settles.
    """

    officer: str
    control_room: str
    reasons: list[str]
    refs: list[str]
    was_not_confirmed: bool


# Steps of one transaction


def ask_if_needed(referral: Referral, *, by: Actor, now: datetime) -> None:
    """After a request was written: have the force rung back where a rule says so."""
    if by.user_id is None:
        return
    one_at_a_time(by.user_id)
    if _is_confirmed(CallBack.referral_id.in_(_of_incident(referral))):
        return
    reasons = [reason.value for reason in _reasons(by.user_id, now)]
    if not reasons:
        return
    db.session.add(CallBack(officer_id=by.user_id, referral_id=referral.id, reasons=reasons))
    db.session.flush()
    record(Fact.CALL_BACK_ASKED, by=by, referral_id=referral.id, detail={"reasons": list(reasons)})
    open_task(TaskKind.CALL_BACK, user_id=by.user_id)


def _reasons(officer_id: int, now: datetime) -> Iterator[CallBackReason]:
    confirmed_at = db.session.scalar(
        select(func.max(CallBack.decided_at)).where(
            CallBack.officer_id == officer_id, CallBack.outcome == CallBackOutcome.GENUINE
        )
    )
    if confirmed_at is None:
        yield CallBackReason.FIRST_REQUEST
    for code, reason, which in (
        ("open_requests", CallBackReason.MANY_OPEN, Referral.closed_at.is_(None)),
        ("day_requests", CallBackReason.MANY_TODAY, Referral.id.is_not(None)),
    ):
        limit = limit_of(code, now)
        if limit and _count(officer_id, _since(limit.window, now, confirmed_at), which) > (
            limit.at_most
        ):
            yield reason
    limit = limit_of("abandoned_call_back", now)
    if limit:
        since = _since(limit.window, now, confirmed_at)
        if _count_abandoned(officer_id, since) >= limit.at_most:
            yield CallBackReason.ABANDONED_BEFORE


def _since(window: timedelta, now: datetime, confirmed_at: datetime | None) -> datetime:
    """What the force has vouched for is not counted again."""
    return max(now - window, confirmed_at) if confirmed_at else now - window


def _count(officer_id: int, since: datetime, which: ColumnElement[bool]) -> int:
    return (
        db.session.scalar(
            select(func.count(Referral.id)).where(
                Referral.officer_id == officer_id, Referral.submitted_at > since, which
            )
        )
        or 0
    )


def _count_abandoned(officer_id: int, since: datetime) -> int:
    """Rooms that a house had promised and that the officer withdrew from or nobody came to."""
    withdrawn = and_(
        Placement.state == PlacementState.WITHDRAWN, Referral.state == ReferralState.WITHDRAWN
    )
    return (
        db.session.scalar(
            select(func.count(Placement.id))
            .join(Referral, Referral.id == Placement.referral_id)
            .where(
                Referral.officer_id == officer_id,
                Placement.answered_at.is_not(None),
                Placement.ended_at > since,
                or_(Placement.state == PlacementState.NOT_ARRIVED, withdrawn),
            )
        )
        or 0
    )


def note_abandoned(referral: Referral, *, now: datetime) -> None:
    """After a promised room came to nothing: put the officer before the desk when it is often."""
    db.session.flush()
    if referral.transfer_of_id is not None:
        return  # no officer asked for it
    limit = limit_of("abandoned_alarm", now)
    if limit and _count_abandoned(referral.officer_id, now - limit.window) >= limit.at_most:
        open_task(TaskKind.ABANDONED, user_id=referral.officer_id)


def waits_for_call_back(referral_id: int) -> bool:
    """Whether this request is one that the force has not vouched for yet.

    Safety: with Waymark's own sight, because a row that the reader may not see would read as no.
    """
    with as_waymark():
        open_ones = exists().where(CallBack.referral_id == referral_id, NOT_GENUINE)
        return bool(db.session.scalar(select(open_ones)))


def waiting_of(officer_id: int) -> list[str]:
    """The references of this officer's requests that one call settles."""
    return list(
        db.session.scalars(
            select(Referral.ref)
            .join(CallBack, CallBack.referral_id == Referral.id)
            .where(CallBack.officer_id == officer_id, NOT_GENUINE)
            .order_by(Referral.id)
        )
    )


def call_back_of(referral: Referral) -> CallBackShown | None:
    """What the desk has to ring about; None when nothing waits."""
    mine = db.session.scalar(
        select(CallBack).where(CallBack.referral_id == referral.id, NOT_GENUINE)
    )
    if mine is None:
        return None
    number = db.session.scalar(
        select(ControlRoom.phone).where(ControlRoom.organisation_id == referral.force_id)
    )
    return CallBackShown(
        officer=db.session.get_one(User, referral.officer_id).name,
        control_room=number or "",
        reasons=[WHY[CallBackReason(reason)] for reason in mine.reasons],
        refs=waiting_of(referral.officer_id),
        was_not_confirmed=mine.outcome == CallBackOutcome.NOT_CONFIRMED,
    )


def _of_incident(referral: Referral) -> ColumnElement[int]:
    return select(Referral.id).where(Referral.incident_id == referral.incident_id).scalar_subquery()


def _is_confirmed(which: ColumnElement[bool]) -> bool:
    found = select(exists().where(which, CallBack.outcome == CallBackOutcome.GENUINE))
    return bool(db.session.scalar(found))


# Use cases


def record_call_back(ref: str, outcome: CallBackOutcome, *, by: Actor) -> list[str]:
    """What the control room said of this officer, for all of the officer's requests that wait.

    Returns their references.

    Raises:
        NotFound: no such request.
        Conflict: nothing of this officer waits for a call any more.
    """
    if by.role is not Role.COORDINATOR:
        raise NotAllowed("Only the duty coordinator rings a force back.")
    with transaction(by=by) as now:
        referral = db.session.scalar(visible_referrals(by).where(Referral.ref == ref))
        if referral is None:
            raise NotFound("We cannot find that request.")
        waiting = db.session.execute(
            select(CallBack, Referral.ref)
            .join(Referral, Referral.id == CallBack.referral_id)
            .where(CallBack.officer_id == referral.officer_id, NOT_GENUINE)
            .order_by(CallBack.id)
            .with_for_update(of=CallBack)
        ).all()
        if not waiting:
            raise Conflict("Somebody has rung already: nothing of this officer waits for a call.")
        for call, _ in waiting:
            call.outcome, call.decided_at, call.decided_by_id = outcome, now, by.user_id
            record(
                Fact.CALLED_BACK,
                by=by,
                referral_id=call.referral_id,
                subject_user_id=call.officer_id,
                detail={"outcome": outcome.value},
            )
        if outcome is CallBackOutcome.GENUINE:
            _finish_tasks(referral.officer_id, by, now)
        return [each for _, each in waiting]


def _finish_tasks(officer_id: int, by: Actor, now: datetime) -> None:
    tasks = db.session.scalars(
        select(Task).where(
            Task.kind == TaskKind.CALL_BACK, Task.user_id == officer_id, Task.done_at.is_(None)
        )
    ).all()
    for task in tasks:
        task.done_at, task.done_by_id = now, by.user_id
        record(Fact.TASK_DONE, by=by, detail={"task": task.kind, "task_id": task.id})


def set_control_room(force: str, phone: str) -> None:
    """Keep the number that the operator looked up for a force; runs with the owner's rights.

    Raises:
        NotFound: no force has this name.
        Invalid: ``phone`` is not a number in international form.
    """
    if not E164.fullmatch(phone):
        raise Invalid("Give the number in international form, like +442079460000.", field="phone")
    with transaction(by=SYSTEM):
        organisation_id = db.session.scalar(
            select(Organisation.id).where(
                Organisation.name == force, Organisation.kind == OrganisationKind.FORCE
            )
        )
        if organisation_id is None:
            raise NotFound("No police force has this name.")
        db.session.merge(ControlRoom(organisation_id=organisation_id, phone=phone))
        record(Fact.CONTROL_ROOM_SET, by=SYSTEM, detail={"organisation_id": organisation_id})


def vouch_for_officers() -> None:
    """Count every officer of today as vouched for: for the invented ones of the demonstration."""
    with transaction(by=SYSTEM) as now:
        officers = db.session.scalars(select(User.id).where(User.role.in_(POLICE))).all()
        for officer_id in officers:
            db.session.add(
                CallBack(officer_id=officer_id, outcome=CallBackOutcome.GENUINE, decided_at=now)
            )
