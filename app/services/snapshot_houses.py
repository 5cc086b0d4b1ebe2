"""Houses, rooms and free beds as the engine is told of them: codes and cells, never a place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.db import db
from app.models.beds import Bed, BedKind, BedUse, Refuge, Room
from app.models.placements import Placement
from app.models.referrals import Needs, Referral
from app.services.supply import in_use, may_be_offered

FORMAT = "waymark.problem/1"


@dataclass(kw_only=True)
class Live:
    """One household that has a room already: offered, promised or living there."""

    placement: Placement
    referral: Referral
    needs: Needs


def refuge_key(refuge_id: int) -> str:
    return f"refuge-{refuge_id}"


def room_key(room_id: int) -> str:
    return f"room-{room_id}"


def rooms_and_free_beds(now: datetime) -> tuple[dict[int, Room], dict[int, list[Bed]]]:
    used = select(BedUse.bed_id).where(in_use(now))
    free: dict[int, list[Bed]] = defaultdict(list)
    for bed in db.session.scalars(
        select(Bed).where(Bed.id.not_in(used)).order_by(Bed.room_id, Bed.kind, Bed.number)
    ):
        free[bed.room_id].append(bed)
    return {room.id: room for room in _open_rooms(now)}, free


def refuges_told(
    rooms: dict[int, Room], free: dict[int, list[Bed]], live: dict[str, Live]
) -> list[dict[str, Any]]:
    of_refuge: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for room in rooms.values():
        entry = room_told(room, free[room.id])
        if entry is not None:
            of_refuge[room.refuge_id].append(entry)
    inside = list(live.values())
    return [refuge_told(refuge, of_refuge[refuge.id], inside) for refuge in _refuges(of_refuge)]


def room_told(room: Room, free: list[Bed]) -> dict[str, Any] | None:
    """A private room is free whole or not at all; a shared one by the bed."""
    beds = sum(bed.kind == BedKind.BED for bed in free)
    cots = sum(bed.kind == BedKind.COT for bed in free)
    if not beds or (not room.is_shared and (beds, cots) != (room.bed_spaces, room.cots)):
        return None
    return _as_told(room, beds, cots)


def _as_told(room: Room, beds: int, cots: int) -> dict[str, Any]:
    return {
        "id": room_key(room.id),
        "bed_spaces": beds,
        "cots": cots,
        "shared": room.is_shared,
        "features": room.features,
    }


def refuge_told(refuge: Refuge, rooms: list[dict[str, Any]], live: list[Live]) -> dict[str, Any]:
    inside = [each for each in live if each.placement.refuge_id == refuge.id]
    document: dict[str, Any] = {
        "id": refuge_key(refuge.id),
        "region": refuge.region_code,
        "in_london": refuge.in_london,
        "location": {"lat": refuge.cell_lat, "lon": refuge.cell_lon},
        "cell_radius_km": refuge.cell_radius_km,
        "island": refuge.island,
        "features": refuge.features,
        "networks": refuge.networks,
        "residents": sorted(each.referral.ref for each in inside),
        "boys_to_age": refuge.boys_to_age,
        "rooms": rooms,
    }
    if refuge.max_children is not None:
        children = sum(len(each.needs.children) for each in inside)
        document["spare_children"] = max(0, refuge.max_children - children)
    if refuge.max_high_support is not None:
        busy = sum(each.needs.high_support for each in inside)
        document["spare_high_support"] = max(0, refuge.max_high_support - busy)
    return document


def every_room(now: datetime) -> dict[str, Any]:
    """The open houses with all their rooms, free and lived in: what prices are worked out for."""
    of_refuge: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for room in _open_rooms(now):
        of_refuge[room.refuge_id].append(_as_told(room, room.bed_spaces, room.cots))
    return {
        "format": FORMAT,
        "as_of": now.isoformat(),
        "households": [],
        "refuges": [
            refuge_told(refuge, of_refuge[refuge.id], []) for refuge in _refuges(of_refuge)
        ],
    }


def _open_rooms(now: datetime) -> Sequence[Room]:
    open_now = select(Room).join(Refuge, Refuge.id == Room.refuge_id).where(may_be_offered(now))
    return db.session.scalars(open_now.order_by(Room.id)).all()


def _refuges(ids: Iterable[int]) -> Sequence[Refuge]:
    return db.session.scalars(select(Refuge).where(Refuge.id.in_(ids)).order_by(Refuge.id)).all()
