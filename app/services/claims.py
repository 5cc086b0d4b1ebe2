"""Who at the desk is on a request or a task, so that two do not do one thing.

A claim tells; it never blocks. It ends by itself after the minutes of the request's own clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Conflict, NotFound
from app.events import Fact, record
from app.london import LONDON
from app.models.accounts import User
from app.models.clocks import Claim
from app.models.messages import Task
from app.models.reference import ClockPolicy, Urgency
from app.models.referrals import Referral
from app.policy import only_for, visible_referrals, visible_tasks
from app.services.dated import policy_of
from app.services.referrals import clock_policy_in_force, lock_referral


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Somebody is on it. ``what`` is the request's reference, empty for a task without one."""

    public_id: UUID
    what: str
    name: str
    since: datetime
    is_mine: bool


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """What is claimed, locked, and for how many minutes at most."""

    referral_id: int | None
    task_id: int | None
    about: int | None  # the request that the audit trail names
    minutes: int

    @property
    def which(self) -> ColumnElement[bool]:
        if self.task_id is not None:
            return Claim.task_id == self.task_id
        return Claim.referral_id == self.referral_id


def claim_request(ref: str, *, by: Actor, instead_of: UUID | None = None) -> None:
    """Say that one is on this request; ``instead_of`` is the claim of another that one takes over.

    Raises:
        NotFound: no such request.
        Conflict: another is on it; the words say who and since when.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        _claim(_request(ref, by), instead_of, by, now)


def claim_task(task: UUID, *, by: Actor, instead_of: UUID | None = None) -> None:
    """Say that one is on this task. Raises as ``claim_request``."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        _claim(_task(task, by, now), instead_of, by, now)


def let_go_of_request(ref: str, *, by: Actor) -> None:
    """One is not on it any more. Doing it twice is harmless. Raises NotFound."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        _let_go(_request(ref, by), by, now)


def let_go_of_task(task: UUID, *, by: Actor) -> None:
    """One is not on it any more. Doing it twice is harmless. Raises NotFound."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        _let_go(_task(task, by, now), by, now)


def in_the_way(
    refs: Sequence[str], task: UUID | None, told: Iterable[UUID], *, by: Actor
) -> list[Taken]:
    """The claims of others on what somebody is about to decide, unless they were ``told`` of all.

    Empty: go on. That somebody goes on although another is on it is written down.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        seen = visible_referrals(by).where(Referral.ref.in_(refs)).with_only_columns(Referral.id)
        which = [Claim.referral_id.in_(seen)]
        if task is not None:
            found = visible_tasks(by).where(Task.public_id == task)
            which.append(Claim.task_id.in_(found.with_only_columns(Task.id)))
        others = [
            (claim, shown) for claim, shown in _live(or_(*which), by, now) if not shown.is_mine
        ]
        if not {shown.public_id for _, shown in others} <= set(told):
            return [shown for _, shown in others]
        for claim, _ in others:
            _note(Fact.CLAIM_PASSED_OVER, claim, claim.referral_id, by)
        return []


# Steps of one transaction


def of_requests(ids: Sequence[int], by: Actor, now: datetime) -> dict[int, Taken]:
    """Who is on these requests, by the request's id."""
    found = _live(Claim.referral_id.in_(ids), by, now)
    return {claim.referral_id: shown for claim, shown in found if claim.referral_id}


def of_tasks(by: Actor, now: datetime) -> dict[int, Taken]:
    """Who is on the tasks of the desk's list, by the task's id."""
    found = _live(Claim.task_id.is_not(None), by, now)
    return {claim.task_id: shown for claim, shown in found if claim.task_id}


def is_taken() -> ColumnElement[bool]:
    """Whether somebody has been on the Referral of the query since it last came to the desk.

    One who let go of it again has not taken it.
    """
    return exists().where(
        Claim.referral_id == Referral.id,
        ~Claim.was_let_go,
        or_(
            Claim.claimed_at >= Referral.state_since,
            and_(Claim.ended_at.is_(None), Claim.expires_at > func.waymark_now()),
        ),
    )


def _live(which: ColumnElement[bool], by: Actor, now: datetime) -> list[tuple[Claim, Taken]]:
    rows = db.session.execute(
        select(Claim, User.name, func.coalesce(Referral.ref, ""))
        .join(User, User.id == Claim.user_id)
        .outerjoin(Referral, Referral.id == Claim.referral_id)
        .where(which, Claim.ended_at.is_(None), Claim.expires_at > now)
        .order_by(Claim.id)
    ).all()
    return [
        (
            claim,
            Taken(
                public_id=claim.public_id,
                what=ref,
                name=name,
                since=claim.claimed_at,
                is_mine=claim.user_id == by.user_id,
            ),
        )
        for claim, name, ref in rows
    ]


def _request(ref: str, by: Actor) -> _Subject:
    referral = lock_referral(ref, by)
    if referral.closed_at is not None:
        raise Conflict("This request has ended. There is nothing left to be on.")
    minutes = policy_of(referral).claim_minutes
    return _Subject(referral_id=referral.id, task_id=None, about=referral.id, minutes=minutes)


def _task(public_id: UUID, by: Actor, now: datetime) -> _Subject:
    task = db.session.scalar(
        visible_tasks(by)
        .where(Task.public_id == public_id, Task.done_at.is_(None))
        .with_for_update()
    )
    if task is None:
        raise NotFound("We cannot find that task, or somebody has done it.")
    hers = db.session.get_one(Referral, task.referral_id) if task.referral_id else None
    urgency = Urgency.EMERGENCY
    policy_id = hers.clock_policy_id if hers else clock_policy_in_force(urgency, now)
    minutes = db.session.get_one(ClockPolicy, policy_id).claim_minutes
    return _Subject(referral_id=None, task_id=task.id, about=task.referral_id, minutes=minutes)


def _claim(what: _Subject, instead_of: UUID | None, by: Actor, now: datetime) -> None:
    """The subject is locked: of two at once the second finds the first's claim."""
    assert by.user_id is not None  # noqa: S101 - a coordinator has an account
    until = now + timedelta(minutes=what.minutes)
    fact = Fact.CLAIMED
    for claim, taken in _live(what.which, by, now):
        if taken.is_mine:
            claim.expires_at = until
            return
        if taken.public_id != instead_of:
            raise Conflict(
                f"{taken.name} has been on it since {taken.since.astimezone(LONDON):%H:%M}."
                " Nothing was changed. Ask, or take it over."
            )
        fact = Fact.CLAIM_TAKEN_OVER
    for old in db.session.scalars(select(Claim).where(what.which, Claim.ended_at.is_(None))):
        old.ended_at = min(now, old.expires_at)
    db.session.flush()
    made = Claim(
        referral_id=what.referral_id, task_id=what.task_id, user_id=by.user_id, expires_at=until
    )
    db.session.add(made)
    db.session.flush()
    _note(fact, made, what.about, by)


def _let_go(what: _Subject, by: Actor, now: datetime) -> None:
    for claim, taken in _live(what.which, by, now):
        if taken.is_mine:
            claim.ended_at, claim.was_let_go = now, True
            _note(Fact.CLAIM_LET_GO, claim, what.about, by)


def _note(fact: Fact, claim: Claim, about: int | None, by: Actor) -> None:
    detail: dict[str, object] = {"claim_id": claim.id, "task_id": claim.task_id}
    record(fact, by=by, referral_id=about, detail=detail)
