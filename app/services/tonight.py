"""Three figures of this moment for the front page: counts only, nobody's record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, func, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.beds import Bed, BedKind, BedUse, Refuge, Room
from app.models.referrals import WAITING, Referral
from app.services.supply import in_use, may_be_offered


@dataclass(frozen=True, kw_only=True)
class Tonight:
    """Requests waiting, beds free now, and requests given a promised room in the last 7 days."""

    waiting: int
    free_beds: int
    placed_this_week: int


def tonight() -> Tonight:
    """Count this moment."""
    with transaction(by=SYSTEM) as now:
        used = select(BedUse.bed_id).where(in_use(now))
        return Tonight(
            waiting=_count(_no_move().where(Referral.state.in_(WAITING))),
            free_beds=_count(
                select(Bed.id)
                .join(Room, Room.id == Bed.room_id)
                .join(Refuge, Refuge.id == Room.refuge_id)
                .where(Bed.kind == BedKind.BED, may_be_offered(now), Bed.id.not_in(used))
            ),
            placed_this_week=_count(
                _no_move().where(Referral.confirmed_at > now - timedelta(days=7))
            ),
        )


def _no_move() -> Select[int]:
    """Requests of women who have no bed yet: a move between houses is none."""
    return select(Referral.id).where(Referral.transfer_of_id.is_(None))


def _count(query: Select[int]) -> int:
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
