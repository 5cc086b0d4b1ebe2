"""How sure we are that a room said to be free is free: learned from what houses answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text

import allocation
from app.db import db
from app.models.beds import Refuge, Room

# What declining an offer says of the room itself, rather than of her.
ROOM_WAS_GONE = ("full", "bed_out_of_use")
LEARNED_FROM = timedelta(days=180)

# Every answered offer is a look: how long the house had said nothing of the room, and whether it
# was free after all. So is every "all correct", which has the hours since the one before.
_LOOKS = text("""
    WITH told AS (
        SELECT refuge_id, room_id, at FROM event
         WHERE kind IN ('beds_confirmed', 'room_confirmed', 'void_ended', 'departed')
           AND at > :since
    ), answered AS (
        SELECT p.refuge_id, p.reason_code = ANY(:gone) AS is_gone,
               p.answered_at - (SELECT max(t.at) FROM told t
                                 WHERE t.refuge_id = p.refuge_id AND t.at < p.answered_at
                                   AND (t.room_id IS NULL OR t.room_id = p.room_id)) AS silence
          FROM placement p
         WHERE p.answered_at > :since
           AND (p.state IN ('accepted', 'arrived', 'departed', 'not_arrived')
                OR p.state = 'declined' AND p.reason_code = ANY(:gone))
    ), confirmed AS (
        SELECT refuge_id, false AS is_gone,
               at - lag(at) OVER (PARTITION BY refuge_id ORDER BY at) AS silence
          FROM told WHERE room_id IS NULL
    )
    SELECT refuge_id, sum(extract(epoch FROM silence) / 3600)::float8 AS hours,
           count(*) FILTER (WHERE is_gone) AS gone
      FROM (SELECT * FROM answered UNION ALL SELECT * FROM confirmed) AS looks
     WHERE silence IS NOT NULL GROUP BY refuge_id
""")


def chances_free(rooms: Sequence[Room], now: datetime) -> dict[int, float]:
    """The chance (0 to 1) of each room, by id, that it is still free: a step in a transaction.

    A house that never said anything of a room has been silent since the house was registered.
    """
    watches = _watches(now)
    network = allocation.Watch(
        sum(watch.hours for watch in watches.values()),
        sum(watch.gone for watch in watches.values()),
    )
    houses = select(Refuge).where(Refuge.id.in_({room.refuge_id for room in rooms}))
    house_of = {house.id: house for house in db.session.scalars(houses)}
    return {
        room.id: allocation.chance_still_free(
            watches.get(room.refuge_id, allocation.Watch()),
            network,
            (now - _spoken_of(room, house_of[room.refuge_id])).total_seconds() / 3600,
        )
        for room in rooms
    }


def _watches(now: datetime) -> dict[int, allocation.Watch]:
    found = db.session.execute(
        _LOOKS, {"since": now - LEARNED_FROM, "gone": list(ROOM_WAS_GONE)}
    ).all()
    return {row.refuge_id: allocation.Watch(row.hours, row.gone) for row in found}


def _spoken_of(room: Room, house: Refuge) -> datetime:
    told = (room.confirmed_at, house.beds_confirmed_at, house.created_at)
    return max(at for at in told if at is not None)
