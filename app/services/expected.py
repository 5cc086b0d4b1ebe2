"""When somebody is expected to move on: said by her house, for the calendar. It ends no stay."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import select

from app.actors import REFUGE, Actor
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.models.placements import Placement, PlacementState
from app.policy import visible_placements
from app.services.supply import london_day
from app.services.voids import LONGEST


def expect_departure(stay: UUID, day: date | None, *, by: Actor) -> None:
    """Say, change or take back (None) the date on which she is expected to move on.

    Raises:
        NotFound: no such stay of the house.
        Invalid: a day that has passed, or over a year away.
        Conflict: she has not arrived, or has left.
    """
    if by.role not in REFUGE:
        raise NotAllowed("Only the house may say when somebody is expected to move on.")
    with transaction(by=by) as now:
        found = db.session.scalar(
            visible_placements(by)
            .where(Placement.public_id == stay)
            .with_only_columns(Placement.id)
        )
        if found is None:
            raise NotFound("We cannot find that stay.")
        placement = db.session.scalars(
            select(Placement).where(Placement.id == found).with_for_update()
        ).one()
        if placement.state != PlacementState.ARRIVED:
            raise Conflict("A date can be given while she lives here.")
        today = london_day(now)
        if day is not None and not today <= day <= today + LONGEST:
            raise Invalid("Choose a day from today on, within a year.", field="leaves_on")
        placement.expected_departure_on = day
        record(
            Fact.DEPARTURE_EXPECTED,
            by=by,
            referral_id=placement.referral_id,
            placement_id=placement.id,
            refuge_id=placement.refuge_id,
            room_id=placement.room_id,
            detail={"on": day.isoformat() if day else None},
        )
