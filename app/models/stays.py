"""How long a promised room is kept, as dated rules; and requests that wait until a day."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created


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


class Pause(Base):
    """A time in which a request is out of the plan and its clocks stand still.

    ``ended_at`` is written by the database when the request leaves ``paused``, whoever ends it;
    ``ended_by_id`` is None where the time itself did.
    """

    __tablename__ = "pause"
    __table_args__ = (
        CheckConstraint(
            "until_at > paused_at AND until_at <= paused_at + interval '31 days'", name="until"
        ),
        CheckConstraint("ended_at >= paused_at", name="ended"),
        Index("ix_pause_referral_id", "referral_id"),
        Index(
            "one_open_pause", "referral_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
    )
    id: Mapped[BigId]
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"))
    reason_code: Mapped[str] = mapped_column(ForeignKey("reason.code"))
    paused_at: Mapped[Created]
    until_at: Mapped[datetime]
    paused_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(BigInteger)
