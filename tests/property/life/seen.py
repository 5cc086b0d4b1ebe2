"""What stands in the tables of a life, read with Waymark's own sight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.beds import BedUse, Refuge, Void
from app.models.beds import Room as RoomRow
from app.models.enquiries import HouseQuestion
from app.models.messages import SmsInbox
from app.models.placements import Placement
from app.models.plans import PlanLine
from app.models.pre_alerts import PreAlert
from app.models.referrals import Referral
from app.services.void_steps import TURNAROUND


@dataclass(frozen=True)
class Seen:
    """What stands in the tables: states by reference and id, the beds that a stay keeps as (room,
    how many), until when a promise is kept, closures by people, rooms that are made ready."""

    women: dict[str, str]
    stays: dict[UUID, str]
    holds: dict[UUID, Any]
    beds: dict[UUID, tuple[UUID, int]]
    alerts: dict[UUID, str]
    closed: set[UUID]
    made_ready: set[UUID]


def room_keys() -> dict[tuple[str, str], UUID]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Refuge.alias, RoomRow.code, RoomRow.public_id).join(
                RoomRow, RoomRow.refuge_id == Refuge.id
            )
        )
        return {(alias, code): public_id for alias, code, public_id in rows}


def lines_of(run_id: UUID) -> list[tuple[str, UUID]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Referral.ref, RoomRow.public_id)
            .join(PlanLine, PlanLine.referral_id == Referral.id)
            .join(RoomRow, RoomRow.id == PlanLine.room_id)
            .where(PlanLine.run_id == run_id)
        )
        return [(ref, room) for ref, room in rows]


def listed_in(run_id: UUID) -> dict[str, set[UUID]]:
    """The other rooms that the plan lists for each woman as allowed."""
    with transaction(by=SYSTEM):
        rooms = {row.id: row.public_id for row in db.session.scalars(select(RoomRow))}
        rows = db.session.execute(
            select(Referral.ref, PlanLine.alternatives)
            .join(PlanLine, PlanLine.referral_id == Referral.id)
            .where(PlanLine.run_id == run_id)
        )
        return {
            ref: {rooms[entry["room_id"]] for entry in given or [] if entry["allowed"]}
            for ref, given in rows
        }


def newest_at(ref: str, house: str) -> Placement:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(Placement)
            .join(Referral, Referral.id == Placement.referral_id)
            .join(Refuge, Refuge.id == Placement.refuge_id)
            .where(Referral.ref == ref, Refuge.alias == house)
            .order_by(Placement.id.desc())
            .limit(1)
        ).one()


def question_of(stay: UUID) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(HouseQuestion.public_id)
            .join(Placement, Placement.id == HouseQuestion.placement_id)
            .where(Placement.public_id == stay)
        ).one()


def seen_now() -> Seen:
    with transaction(by=SYSTEM):
        placements = db.session.execute(
            select(Placement.public_id, Placement.state, Placement.hold_until)
        ).all()
        uses = db.session.execute(
            select(Placement.public_id, RoomRow.public_id, func.count(BedUse.id))
            .join(BedUse, BedUse.placement_id == Placement.id)
            .join(RoomRow, RoomRow.id == Placement.room_id)
            .where(BedUse.live)
            .group_by(Placement.public_id, RoomRow.public_id)
        )
        alerts = db.session.execute(select(PreAlert.public_id, PreAlert.ended_how))
        live = select(Void.public_id, RoomRow.public_id, Void.reason_code).where(Void.live)
        voids_now = db.session.execute(live.join(RoomRow, RoomRow.id == Void.room_id)).all()
        return Seen(
            women={r: str(s) for r, s in db.session.execute(select(Referral.ref, Referral.state))},
            stays={stay: str(state) for stay, state, _ in placements},
            holds={stay: until for stay, _, until in placements},
            beds={stay: (room, count) for stay, room, count in uses},
            alerts={key: str(how) if how else "open" for key, how in alerts},
            closed={void for void, _, reason in voids_now if reason != TURNAROUND},
            made_ready={room for _, room, reason in voids_now if reason == TURNAROUND},
        )


def hold_until(stay: UUID) -> Any:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(Placement.hold_until).where(Placement.public_id == stay))


def outcome_of(sid: str) -> str | None:
    with transaction(by=SYSTEM):
        return db.session.get_one(SmsInbox, sid).outcome
