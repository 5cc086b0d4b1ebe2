"""How long a promised room is kept, as dated rules."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class HoldPolicy(Base):
    """From a date on: how often a house and an officer together may renew a hold.

    The duty coordinator always may. ``margin_minutes`` is how long a room is kept beyond the moment
    at which a woman on her way is expected.
    """

    __tablename__ = "hold_policy"
    __table_args__ = (
        CheckConstraint("renewals >= 0 AND margin_minutes BETWEEN 0 AND 1440", name="hold"),
    )
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    renewals: Mapped[int]
    margin_minutes: Mapped[int]
