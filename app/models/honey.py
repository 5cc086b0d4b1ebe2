"""Planted records: nobody has business with one, so whoever reaches for it is told of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Created


class HoneyRecord(Base):
    """A request that was planted. Safety: no service role reads this table."""

    __tablename__ = "honey_record"
    referral_id: Mapped[int] = mapped_column(
        ForeignKey("referral.id"), primary_key=True, autoincrement=False
    )
    planted_at: Mapped[Created]


class HoneyTouch(Base):
    """An event that names a planted request; a trigger writes it with the event."""

    __tablename__ = "honey_touch"
    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    referral_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    touched_at: Mapped[Created]
    seen_at: Mapped[datetime | None]
    seen_by_id: Mapped[int | None] = mapped_column(BigInteger)
