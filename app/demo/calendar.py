"""What the calendar of the tour's first house shows: a closure to come, a date, a surge place."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.demo.doors import ServiceDoors
from app.london import LONDON, london_day
from app.models.accounts import User
from app.models.beds import CostOwner, Refuge, Room, RoomKind
from app.models.placements import Placement, PlacementState
from app.services import beds, moving_on, voids
from app.services.asked import MovePlan
from app.services.void_steps import Terms

REPAIR_IN_DAYS, REPAIR_DAYS = 9, 3
LEAVES_IN_DAYS = 5


def dress(alias: str, doors: ServiceDoors) -> None:
    """Give ``alias`` a repair that is planned, a resident who is expected to move on, and a surge
    place that is closed until somebody opens it."""
    with transaction(by=SYSTEM) as now:
        house = db.session.scalars(select(Refuge).where(Refuge.alias == alias)).one()
        room = db.session.scalars(
            select(Room.public_id).where(Room.refuge_id == house.id).order_by(Room.number.desc())
        ).first()
        stay = db.session.scalars(
            select(Placement.public_id)
            .where(Placement.refuge_id == house.id, Placement.state == PlacementState.ARRIVED)
            .order_by(Placement.id)
        ).first()
        worker = db.session.scalars(
            select(User).where(User.refuge_id == house.id).order_by(User.id)
        ).first()
        today = london_day(now)
    by = doors.house(alias)
    starts_at = datetime.combine(today + timedelta(days=REPAIR_IN_DAYS), time(), tzinfo=LONDON)
    terms = Terms(
        starts_at=starts_at,
        until=starts_at + timedelta(days=REPAIR_DAYS),
        cost_owner=CostOwner.LANDLORD,
    )
    if room is not None:
        voids.start_void(room, "repair", by=by, terms=terms)
    if stay is not None and worker is not None:
        leaves_on = today + timedelta(days=LEAVES_IN_DAYS)
        moving_on.plan_move(stay, MovePlan(leaves_on=leaves_on), by=worker.as_actor())
    surge = beds.NewRoom(code="Surge", bed_spaces=2, kind=RoomKind.SURGE)
    beds.add_room(house.public_id, surge, by=SYSTEM)
