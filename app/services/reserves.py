"""Soft reserves: rooms that an expected operation would take, made dear and never withheld.

A reserved room carries a feature that nobody asks for, at a price above everything else that the
scarcity level counts. So the plan goes round it where an equally good room is free, and takes it
where none is: nobody waits, and no wish goes unmet, for somebody who may come.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.db import db
from app.models.pre_alerts import PreAlert, Rehearsal


def reserved_rooms(now: datetime) -> dict[int, int]:
    """For each room kept softly at ``now`` the pre-alert it is kept for; a step of a transaction.

    Released by the clock: at the very moment a pre-alert ends, whether or not anybody swept.
    """
    newest = select(func.max(Rehearsal.id)).group_by(Rehearsal.pre_alert_id)
    kept = (
        select(Rehearsal.pre_alert_id, Rehearsal.room_ids)
        .join(PreAlert, PreAlert.id == Rehearsal.pre_alert_id)
        .where(Rehearsal.id.in_(newest))
        .where(PreAlert.ended_at.is_(None), PreAlert.expected_until > now)
        .order_by(Rehearsal.pre_alert_id)
    )
    return {
        room_id: pre_alert_id
        for pre_alert_id, room_ids in db.session.execute(kept)
        for room_id in room_ids
    }


def with_reserves(problem: dict[str, Any], reserved: dict[str, int]) -> dict[str, Any]:
    """The same night with these rooms made dear; ``reserved`` is by the room's id in the problem.

    The price of a reserve is more than any room could cost otherwise, so that no sum of small
    savings takes a reserved room while another is as good.
    """
    rooms = [room for refuge in problem["refuges"] for room in refuge["rooms"]]
    kept = sorted({reserved[room["id"]] for room in rooms if room["id"] in reserved})
    if not kept:
        return problem
    most_beds = max(room["bed_spaces"] for room in rooms)
    price = 1 + sum(problem["prices"].values()) + problem["spare_bed_price"] * most_beds
    refuges = [
        {**refuge, "rooms": [_marked(room, reserved) for room in refuge["rooms"]]}
        for refuge in problem["refuges"]
    ]
    prices = problem["prices"] | {_feature(pre_alert_id): price for pre_alert_id in kept}
    return {**problem, "refuges": refuges, "prices": prices}


def _marked(room: dict[str, Any], reserved: dict[str, int]) -> dict[str, Any]:
    if room["id"] not in reserved:
        return room
    return {**room, "features": [*room["features"], _feature(reserved[room["id"]])]}


def _feature(pre_alert_id: int) -> str:
    return f"reserve:{pre_alert_id}"
