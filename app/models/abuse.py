"""What stands against misuse: limits with their dates, control rooms, and calls back."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Codes, Created, Word, one_of, phone


class CallBackReason(StrEnum):
    """Why the force's control room is rung before a house is told of."""

    FIRST_REQUEST = "first_request"
    MANY_OPEN = "many_open"
    MANY_TODAY = "many_today"
    ABANDONED_BEFORE = "abandoned_before"


class CallBackOutcome(StrEnum):
    """What the control room said."""

    GENUINE = "genuine"
    NOT_CONFIRMED = "not_confirmed"


class AbuseLimit(Base):
    """One limit from a day on; the newest that has begun is in force. Source: abuse_limits.csv."""

    __tablename__ = "abuse_limit"
    __table_args__ = (CheckConstraint("at_most >= 1 AND window_minutes >= 1", name="size"),)
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    at_most: Mapped[int]
    window_minutes: Mapped[int]
    text: Mapped[str] = mapped_column(Text)


class ControlRoom(Base):
    """The number of a force that the operator looked up; who asks for a bed cannot change it."""

    __tablename__ = "control_room"
    __table_args__ = (phone("phone"),)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    phone: Mapped[str] = mapped_column(Text)


class CallBack(Base):
    """A request that waits for the force to say it is theirs; without one, an officer vouched for.

    Until it is genuine neither the officer nor the house is told how to reach the other.
    """

    __tablename__ = "call_back"
    __table_args__ = (
        one_of("outcome", CallBackOutcome),
        CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="decided"),
        Index("ix_call_back_officer_id", "officer_id", "decided_at"),
        Index("uq_call_back_referral_id", "referral_id", unique=True,
              postgresql_where=text("referral_id IS NOT NULL")),
    )  # fmt: skip
    id: Mapped[BigId]
    officer_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    referral_id: Mapped[int | None] = mapped_column(ForeignKey("referral.id"))
    reasons: Mapped[Codes]
    opened_at: Mapped[Created]
    outcome: Mapped[CallBackOutcome | None] = mapped_column(Word)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(BigInteger)
