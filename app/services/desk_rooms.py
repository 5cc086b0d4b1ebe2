"""Rooms as the desk names them. Safety: a region, never a cell or a distance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from app.actors import Actor
from app.db import db
from app.models.beds import Bed, BedKind, BedUse, Refuge, Room
from app.models.reference import (
    Region,
)
from app.policy import visible_rooms
from app.services.supply import in_use, may_be_offered


@dataclass(frozen=True, kw_only=True)
class RoomShown:
    """A room as the desk names it. Safety: a region, never a cell or a distance."""

    public_id: UUID
    refuge_id: int
    alias: str
    code: str
    region: str
    in_london: bool
    duty_line: str
    is_free: bool

    @property
    def name(self) -> str:
        return f"{self.alias}, room {self.code}"


def rooms_shown(by: Actor, now: datetime) -> dict[int, RoomShown]:
    """Every room by its id, with whether a household could be put there this moment."""
    used = dict(
        db.session.execute(
            select(Bed.room_id, func.count().filter(Bed.kind == BedKind.BED))
            .join(BedUse, BedUse.bed_id == Bed.id)
            .where(in_use(now))
            .group_by(Bed.room_id)
        ).all()
    )
    rows = db.session.execute(
        visible_rooms(by)
        .join(Refuge, Refuge.id == Room.refuge_id)
        .join(Region, Region.code == Refuge.region_code)
        .with_only_columns(Room, Refuge, Region.name, may_be_offered(now))
        .order_by(Refuge.alias, Room.code)
    ).all()
    return {
        room.id: RoomShown(
            public_id=room.public_id,
            refuge_id=refuge.id,
            alias=refuge.alias,
            code=room.code,
            region=region,
            in_london=refuge.in_london,
            duty_line=refuge.duty_line,
            is_free=may_offer and _has_space(room, used.get(room.id)),
        )
        for room, refuge, region, may_offer in rows
    }


def _has_space(room: Room, beds_used: int | None) -> bool:
    """A private room is free whole or not at all; a shared one while a bed is left."""
    return beds_used is None or (room.is_shared and beds_used < room.bed_spaces)
