"""Moving the service's clock for a replay; only the owner of the tables may."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.clock import ClockShift


def shift_to(at: datetime) -> None:
    """Let it be ``at`` (aware) from now on; time goes on running from there."""
    with transaction(by=SYSTEM):
        real = db.session.scalar(select(func.now()))
        assert real is not None  # noqa: S101 - the server always knows the time
        _set(at - real)


def shift_by(step: timedelta) -> None:
    """Jump ``step`` ahead of what the clock shows now."""
    with transaction(by=SYSTEM):
        shown = db.session.scalar(select(ClockShift.shift))
        _set((shown or timedelta()) + step)


def back_to_real_time() -> None:
    """End the replay."""
    with transaction(by=SYSTEM):
        _set(timedelta())


def _set(shift: timedelta) -> None:
    db.session.execute(update(ClockShift).values(shift=shift))
    record(Fact.CLOCK_SHIFTED, by=SYSTEM, detail={"seconds": int(shift.total_seconds())})
