"""The service's clock in hand, and requests whose time will come: what tests of keeping share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.referrals import Referral
from app.services import clock, offers, referrals
from app.services.invariants import broken
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@dataclass
class Time:
    """The service's clock in hand."""

    owner: Run

    def is_after(self, ref: str, stretch: timedelta) -> None:
        """It is now ``stretch`` after the request was closed."""
        closed = self.owner(closed_at, ref)
        self.owner(clock.shift_to, closed + stretch)

    def passes(self, stretch: timedelta) -> None:
        self.owner(clock.shift_by, stretch)


def closed_at(ref: str) -> Any:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral.closed_at).where(Referral.ref == ref)).one()


def withdrawn(run: Run, cast: Cast, **changes: Any) -> str:
    """A request that ended without a place."""
    ref = str(run(make_referral, cast.amara.actor, **changes).ref)
    run(referrals.withdraw, ref, "things_changed", by=cast.amara.actor)
    return ref


def moved_on(run: Run, cast: Cast) -> str:
    """A woman who lived at Rowan and has left."""
    ref = str(run(make_referral, cast.amara.actor).ref)
    placement = run(offer_room, ref, by=cast.dee.actor)
    run(accept, placement, by=cast.bea.actor)
    run(offers.record_arrival, placement.public_id, by=cast.amara.actor)
    run(offers.record_departure, placement.public_id, "planned_move", by=cast.bea.actor)
    return ref


def count(model: Any) -> int:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def row_of(ref: str) -> Referral:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral).where(Referral.ref == ref)).one()


def only(model: Any) -> Any:
    """The one row of a table."""
    with transaction(by=SYSTEM):
        return db.session.scalars(select(model)).one()


def broken_now(run: Run) -> dict[str, int]:
    return run(broken)  # type: ignore[no-any-return]
