"""How long things are kept, what stops that clock, and a woman's right to read what is held."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created, PublicId, Word, one_of


class Kept(StrEnum):
    """What a rule of retention is about; a request is ``placed`` once she has arrived somewhere."""

    PLACED = "placed"
    NEVER_PLACED = "never_placed"
    TEXT = "text"
    PLAN = "plan"
    FORM = "form"
    PRE_ALERT = "pre_alert"
    SIGN_IN = "sign_in"
    ACCOUNT = "account"


class HoldReason(StrEnum):
    """Why a record must not be purged. Codes alone: a reason names nobody."""

    COURT_ORDER = "court_order"
    POLICE_INQUIRY = "police_inquiry"
    COMPLAINT = "complaint"
    ACCESS_REQUEST = "access_request"
    SAFEGUARDING_REVIEW = "safeguarding_review"


class RetentionRule(Base):
    """How many days one kind is kept, from a date on, in words that a person can be shown."""

    __tablename__ = "retention_rule"
    __table_args__ = (
        one_of("kind", Kept),
        UniqueConstraint("kind", "valid_from"),
        CheckConstraint("days BETWEEN 1 AND 3650", name="days"),
    )
    id: Mapped[BigId]
    kind: Mapped[Kept] = mapped_column(Word)
    valid_from: Mapped[date]
    days: Mapped[int]
    text: Mapped[str] = mapped_column(Text)


class LegalHold(Base):
    """A record that must be kept for now. One person places it; two lift it."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        one_of("reason", HoldReason),
        CheckConstraint(
            "(lift_asked_at IS NULL) = (lift_asked_by_id IS NULL)"
            " AND (lifted_at IS NULL) = (lifted_by_id IS NULL)"
            " AND (lifted_at IS NULL OR lift_asked_at IS NOT NULL)",
            name="steps",
        ),
        CheckConstraint("lifted_by_id <> lift_asked_by_id", name="two_people"),
        Index(
            "one_open_hold_of_a_reason",
            "referral_id",
            "reason",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
            info={"conflict": "That request is held for this reason already."},
        ),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"))
    reason: Mapped[HoldReason] = mapped_column(Word)
    placed_at: Mapped[Created]
    placed_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    lift_asked_at: Mapped[datetime | None]
    lift_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))


class SubjectAccess(Base):
    """A copy of what is held about one woman: asked by one, approved by another, taken once."""

    __tablename__ = "subject_access"
    __table_args__ = (
        CheckConstraint(
            "(approved_at IS NULL) = (approved_by_id IS NULL)"
            " AND (taken_at IS NULL OR approved_at IS NOT NULL)",
            name="steps",
        ),
        CheckConstraint("approved_by_id <> asked_by_id", name="two_people"),
        Index(
            "one_open_access_of_a_request",
            "referral_id",
            unique=True,
            postgresql_where=text("taken_at IS NULL"),
            info={"conflict": "A copy of that request has been asked for already."},
        ),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"))
    asked_at: Mapped[Created]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    approved_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    taken_at: Mapped[datetime | None]
