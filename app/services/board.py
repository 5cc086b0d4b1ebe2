"""The duty coordinator's board: the newest plan beside everybody who waits, read in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.engine import Row

from app.actors import Actor, Role
from app.db import db, transaction
from app.events import Fact, record
from app.models.events import Event
from app.models.messages import Task
from app.models.plans import PlanLine, PlanRun
from app.models.referrals import PROMISED, WAITING, Referral, ReferralState
from app.policy import only_for, visible_tasks
from app.services.board_groups import in_groups
from app.services.decline_review import count_open
from app.services.desk import HousesAsked, Line, asked_shown, line_shown
from app.services.desk_people import Person, people_shown
from app.services.desk_rooms import RoomShown, rooms_shown
from app.services.enquiries import more_houses
from app.services.pauses import PauseShown, pauses_of
from app.services.pre_alerts import PreAlertShown, open_pre_alerts
from app.services.text_trouble import stuck_texts

RunRow = Row[UUID, datetime, str, int, bool, list[Any]]
ON_THE_BOARD = (*WAITING, ReferralState.PAUSED, *PROMISED)


@dataclass(frozen=True, kw_only=True)
class OtherPlan:
    """A clearly different plan: what it costs, and (reference, room or None) where it differs."""

    costs: list[str]
    differs: list[tuple[str, RoomShown | None]]


@dataclass(frozen=True, kw_only=True)
class PlanNote:
    """When and how the newest plan was made; ``made_at`` is the moment it looked at."""

    run_id: UUID
    made_at: datetime
    status: str
    solve_ms: int
    proposed: int
    left_out: int
    is_explained: bool
    others: list[OtherPlan]


@dataclass(frozen=True, kw_only=True)
class Paused:
    """Somebody who waits for a day or an hour, and is in no plan until then."""

    person: Person
    pause: PauseShown


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything on the desk now, each part in the order of its clock."""

    plan: PlanNote | None
    lines: list[Line]
    offers: list[HousesAsked]
    promised: list[HousesAsked]
    paused: list[Paused]
    free_rooms: int
    open_tasks: int
    texts_stuck: int
    declines: int
    expected: list[PreAlertShown]

    @property
    def proposed(self) -> list[Line]:
        return [line for line in self.lines if line.room is not None]

    @property
    def askable(self) -> list[Line]:
        """The lines that "ask all houses" means."""
        return [line for line in self.lines if line.may_ask]


def look(*, by: Actor, is_live: bool = False) -> Board:
    """The board of this moment.

    ``is_live`` marks a page that keeps itself fresh: such a look is written down when it shows a
    plan or a request that the page has not shown before, not every few seconds.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        run = _newest_run()
        rooms = rooms_shown(by, now)
        persons = people_shown(by, Referral.state.in_(ON_THE_BOARD))
        asked = asked_shown(by, persons, rooms, now)
        planned, more = _plan_lines(run, list(persons)), more_houses(now.date())
        lines = [
            line_shown(person, planned.get(referral_id), rooms, more)
            for referral_id, person in persons.items()
            if person.state == ReferralState.READY
        ]
        _note_look(run, sorted(persons), by=by, is_live=is_live)
        tasks = visible_tasks(by).where(Task.done_at.is_(None)).subquery()
        return Board(
            plan=_plan_note(run, rooms, {each.ref for each in persons.values()}),
            lines=in_groups(sorted(lines, key=lambda line: line.person.turn)),
            offers=_by_clock(asked, ReferralState.OFFERED),
            promised=_by_clock(asked, *PROMISED),
            paused=_paused(persons),
            expected=open_pre_alerts(by, now),
            free_rooms=sum(room.is_free for room in rooms.values()),
            texts_stuck=stuck_texts(now),
            declines=count_open(),
            open_tasks=db.session.scalar(select(func.count()).select_from(tasks)) or 0,
        )


def _paused(persons: dict[int, Person]) -> list[Paused]:
    found = pauses_of(list(persons))
    shown = [Paused(person=persons[each], pause=pause) for each, pause in found.items()]
    return sorted(shown, key=lambda each: each.pause.until)


def _newest_run() -> RunRow | None:
    """Without its problem and plan, which are long and which the lines already hold."""
    return db.session.execute(
        select(
            PlanRun.id,
            PlanRun.as_of,
            PlanRun.status,
            PlanRun.solve_ms,
            PlanRun.is_explained,
            PlanRun.other_plans,
        )
        .order_by(PlanRun.as_of.desc())
        .limit(1)
    ).first()


def _plan_lines(run: RunRow | None, ids: list[int]) -> dict[int, PlanLine]:
    """The newest plan's lines; a line older than her last change says nothing any more."""
    if run is None:
        return {}
    rows = db.session.scalars(
        select(PlanLine)
        .join(Referral, Referral.id == PlanLine.referral_id)
        .where(
            PlanLine.run_id == run.id,
            PlanLine.referral_id.in_(ids),
            Referral.state_since <= run.as_of,
        )
    )
    return {line.referral_id: line for line in rows}


def _plan_note(run: RunRow | None, rooms: dict[int, RoomShown], seen: set[str]) -> PlanNote | None:
    if run is None:
        return None
    proposed, total = db.session.execute(
        select(func.count(PlanLine.room_id), func.count()).where(PlanLine.run_id == run.id)
    ).one()
    return PlanNote(
        run_id=run.id,
        made_at=run.as_of,
        status=run.status,
        solve_ms=run.solve_ms,
        proposed=proposed,
        left_out=total - proposed,
        is_explained=run.is_explained,
        others=[_other_plan(each, rooms, seen) for each in run.other_plans],
    )


def _other_plan(kept: dict[str, Any], rooms: dict[int, RoomShown], seen: set[str]) -> OtherPlan:
    return OtherPlan(
        costs=kept["costs"],
        differs=[
            (each["ref"], rooms[each["room_id"]] if each["room_id"] else None)
            for each in kept["differs"]
            if each["ref"] in seen
        ],
    )


def _by_clock(asked: dict[int, HousesAsked], *states: ReferralState) -> list[HousesAsked]:
    found = [each for each in asked.values() if each.person.state in states]
    return sorted(found, key=lambda each: each.person.turn)


def _note_look(run: RunRow | None, ids: list[int], *, by: Actor, is_live: bool) -> None:
    if is_live and _has_seen(run.id if run else None, ids, by):
        return
    detail: dict[str, object] = {"referral_ids": ids, "live": is_live}
    record(Fact.PLAN_VIEWED, by=by, run_id=run.id if run else None, detail=detail)


def _has_seen(run_id: UUID | None, ids: list[int], by: Actor) -> bool:
    last = db.session.execute(
        select(Event.run_id, Event.detail)
        .where(Event.kind == Fact.PLAN_VIEWED.value, Event.actor_user_id == by.user_id)
        .order_by(Event.at.desc(), Event.id.desc())
        .limit(1)
    ).first()
    return (
        last is not None
        and last.run_id == run_id
        and set(ids) <= set(last.detail.get("referral_ids", []))
    )
