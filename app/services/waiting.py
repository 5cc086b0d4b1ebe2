"""The waiting list: everybody who has no promise yet, for how long, and what has been tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select

from app.actors import Actor, Role
from app.db import db, transaction
from app.events import Fact, record
from app.models.beds import Refuge
from app.models.placements import Placement
from app.models.plans import PlanLine
from app.models.reference import Reason, Region, Urgency
from app.models.referrals import WAITING, Referral
from app.policy import only_for, visible_placements
from app.services.desk_people import Person, people_shown


class Order(StrEnum):
    """In what order the list is read."""

    CLOCK = "clock"
    LONGEST = "longest"
    URGENCY = "urgency"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One offer for her and what came of it; ``at`` is when it ended, or was made."""

    alias: str
    state: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class WaitingRow:
    """One who waits. ``main_reason`` is what most plans said that had no room for her."""

    person: Person
    tried: list[Tried]
    plans_without_room: int
    main_reason: str


@dataclass(frozen=True, kw_only=True)
class WaitingPage:
    """The list as it was asked for; ``everybody`` is how many wait in all."""

    rows: list[WaitingRow]
    everybody: int
    regions: list[tuple[str, str]]


SORTS: dict[Order, Callable[[Person], object]] = {
    Order.CLOCK: lambda person: person.turn,
    Order.LONGEST: lambda person: person.submitted_at,
    Order.URGENCY: lambda person: (Urgency(person.urgency).priority, person.submitted_at),
}


def show_waiting(
    *, by: Actor, urgency: Urgency | None = None, region: str = "", order: Order = Order.CLOCK
) -> WaitingPage:
    """Everybody who waits, of one urgency or now in one region where told; the look is kept."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by):
        which: list[ColumnElement[bool]] = [Referral.state.in_(WAITING)]
        which += [Referral.urgency == urgency] if urgency else []
        which += [Region.code == region] if region else []
        persons = people_shown(by, *which)
        ids = list(persons)
        tried, without = _tried(ids, by), _without_room(ids)
        record(Fact.REFERRALS_LISTED, by=by, detail={"referral_ids": sorted(ids)})
        rows = [
            WaitingRow(
                person=person,
                tried=tried[referral_id],
                plans_without_room=sum(without[referral_id].values()),
                main_reason=_most(without[referral_id]),
            )
            for referral_id, person in persons.items()
        ]
        return WaitingPage(
            rows=sorted(rows, key=lambda row: SORTS[order](row.person)),  # type: ignore[arg-type, return-value]
            everybody=db.session.scalar(select(func.count()).where(Referral.state.in_(WAITING)))
            or 0,
            regions=[
                (code, name)
                for code, name in db.session.execute(
                    select(Region.code, Region.name).order_by(Region.name)
                )
            ],
        )


def _tried(ids: list[int], by: Actor) -> dict[int, list[Tried]]:
    """Every offer for each of these, the newest first."""
    rows = db.session.execute(
        visible_placements(by)
        .join(Refuge, Refuge.id == Placement.refuge_id)
        .outerjoin(Reason, Reason.code == Placement.reason_code)
        .with_only_columns(Placement, Refuge.alias, func.coalesce(Reason.text, ""))
        .where(Placement.referral_id.in_(ids))
        .order_by(Placement.id.desc())
    ).all()
    found: dict[int, list[Tried]] = defaultdict(list)
    for placement, alias, reason in rows:
        at = placement.answered_at or placement.ended_at or placement.offered_at
        found[placement.referral_id].append(
            Tried(alias=alias, state=placement.state, reason=reason, at=at)
        )
    return found


def _without_room(ids: list[int]) -> dict[int, dict[str, int]]:
    """How many plans had no room for each of these, by the first reason that they gave."""
    first = PlanLine.reasons[0]["text"].as_string()
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for referral_id, reason, plans in db.session.execute(
        select(PlanLine.referral_id, func.coalesce(first, ""), func.count())
        .where(PlanLine.referral_id.in_(ids), PlanLine.room_id.is_(None))
        .group_by(PlanLine.referral_id, first)
    ):
        found[referral_id][reason] = plans
    return found


def _most(reasons: dict[str, int]) -> str:
    said = {reason: plans for reason, plans in reasons.items() if reason}
    return max(said, key=lambda reason: (said[reason], reason), default="")
