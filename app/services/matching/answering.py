"""A yes to an enquiry: nothing was held, so the room and every rule are looked at once more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.db import db
from app.errors import Conflict
from app.models.beds import Bed
from app.models.referrals import Referral
from app.services.matching.deciding import one_committer
from app.services.matching.fitting import beds_now, rooms_offered, still_true, whole_night
from app.services.snapshot_houses import room_key

GONE = (
    "Thank you for the yes. The room was taken in the meantime, or somebody else has come to the"
    " house since, so she cannot have it. This request is closed for you, and we go on looking."
)


class RoomGone(Conflict):
    """The house said yes, and the room it was asked for cannot be hers any more."""

    def __init__(self) -> None:
        super().__init__(GONE)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The beds that are hers, and her size as (bed spaces, cots)."""

    beds: list[Bed]
    size: tuple[int, int]


def wait_for_turn() -> None:
    """One decision at a time: a yes that takes a room is one, and waits for the one before it."""
    one_committer(waits=True)


def room_on_yes(referral: Referral, room_id: int, now: datetime) -> Found:
    """The beds of a room that a house has just said yes to; her other offers are withdrawn already.

    A step inside a transaction that has waited for its turn and locked the request.

    Raises:
        RoomGone: the room is taken or closed, or a rule forbids it by now.
    """
    db.session.execute(
        select(Bed.id).where(Bed.room_id == room_id).order_by(Bed.id).with_for_update()
    )
    ref = referral.ref
    snapshot = whole_night(now, person_for=ref, is_answer=True)
    if ref not in snapshot.referrals or room_key(room_id) not in rooms_offered(snapshot):
        raise RoomGone
    holding, _ = still_true({ref: room_id}, snapshot)
    if ref not in holding:
        raise RoomGone
    beds, size = beds_now(ref, snapshot.rooms[room_key(room_id)], snapshot)
    if beds is None:
        raise RoomGone
    return Found(beds=beds, size=size)
