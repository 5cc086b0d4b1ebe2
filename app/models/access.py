"""Who must not see a record, and the glass that two people break."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created, PublicId, Sealed, Word, one_of


class RuleKind(StrEnum):
    """``deny`` hides a record from one person, ``allow`` from everybody of a house not named."""

    ALLOW = "allow"
    DENY = "deny"


class RecordRule(Base):
    """One person on a record's list; whom it keeps out cannot see the list either."""

    __tablename__ = "record_rule"
    __table_args__ = (
        one_of("kind", RuleKind),
        CheckConstraint("char_length(reason) <= 200", name="reason"),
        Index("uq_record_rule_live", "referral_id", "user_id", "kind", unique=True,
              postgresql_where=text("ended_at IS NULL"),
              info={"conflict": "That person is on this list already."}),
        Index("ix_record_rule_user_id", "user_id"),
    )  # fmt: skip
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    kind: Mapped[RuleKind] = mapped_column(Word)
    reason: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[Created]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(BigInteger)


class BreakGlass(Base):
    """One look at who asked, wanted by one person and approved by another; ends by itself."""

    __tablename__ = "break_glass"
    __table_args__ = (
        # 15 to 500 letters, sealed; none once its record was purged.
        CheckConstraint("octet_length(reason_sealed) BETWEEN 44 AND 2100", name="reason_sealed"),
        CheckConstraint("approved_by_id <> asked_by_id", name="two_people"),
        CheckConstraint("num_nonnulls(approved_by_id, approved_at, ends_at) IN (0, 3)",
                        name="whole"),
        CheckConstraint("ends_at = approved_at + interval '30 minutes'", name="thirty_minutes"),
        Index("ix_break_glass_asked_by_id", "asked_by_id", "ends_at"),
    )  # fmt: skip
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    key_id: Mapped[UUID | None]
    reason_sealed: Mapped[Sealed | None]
    asked_at: Mapped[Created]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    approved_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]


class AccessNotice(Base):
    """Somebody who is told that the glass was broken: a manager of her house, the DP lead."""

    __tablename__ = "access_notice"
    __table_args__ = (
        UniqueConstraint("break_glass_id", "user_id"),
        Index("ix_access_notice_user_id", "user_id"),
    )
    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    break_glass_id: Mapped[int] = mapped_column(ForeignKey("break_glass.id"))
    at: Mapped[Created]
