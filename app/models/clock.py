"""The service's clock: real time, or, in a replay, real time shifted; and who is alive."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, Interval, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class ClockShift(Base):
    """One row that ``waymark_now()`` adds; only the owner role may move it, for a replay."""

    __tablename__ = "clock_shift"
    __table_args__ = (CheckConstraint("single", name="one_row"),)
    single: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    shift: Mapped[timedelta] = mapped_column(Interval, server_default=text("'0'"))


class Heartbeat(Base):
    """When each kind of process was last alive, in real time."""

    __tablename__ = "heartbeat"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime]
