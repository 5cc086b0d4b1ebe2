"""Declines that somebody should ask the house about: dated rules, and what they found."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created, PublicId, Sealed, Word


class DeclineRuleCode(StrEnum):
    """What makes a decline worth a call; how often and how long is the rule's row."""

    FULL_BUT_FREE = "full_but_free"
    SAME_REASON = "same_reason"
    SAME_NEED = "same_need"


class DeclineRule(Base):
    """From a day on: so many declines in so many days, what to do. Source: decline_rules.csv."""

    __tablename__ = "decline_rule"
    __table_args__ = (
        CheckConstraint("at_least >= 1 AND window_days BETWEEN 1 AND 28", name="size"),
    )
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    at_least: Mapped[int]
    window_days: Mapped[int]
    text: Mapped[str] = mapped_column(Text)


class DeclineReview(Base):
    """One thing to ask a house about. ``about`` is the reason or the need; ``placement_id`` the
    decline that made it one, ``declines`` how many there were.
    """

    __tablename__ = "decline_review"
    __table_args__ = (
        CheckConstraint("declines >= 1", name="declines"),
        CheckConstraint("(seen_at IS NULL) = (seen_by_id IS NULL)", name="seen"),
        ForeignKeyConstraint(
            ["rule", "rule_from"], ["decline_rule.code", "decline_rule.valid_from"]
        ),
        ForeignKeyConstraint(
            ["placement_id", "refuge_id"], ["placement.id", "placement.refuge_id"]
        ),
        UniqueConstraint("rule", "about", "placement_id"),
        Index("one_open_decline_review", "rule", "refuge_id", "about", unique=True,
              postgresql_where=text("seen_at IS NULL")),
    )  # fmt: skip
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    rule: Mapped[DeclineRuleCode] = mapped_column(Word)
    rule_from: Mapped[date]
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    about: Mapped[str] = mapped_column(Word)
    placement_id: Mapped[int] = mapped_column(BigInteger)
    declines: Mapped[int]
    found_at: Mapped[Created]
    seen_at: Mapped[datetime | None]
    seen_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    key_id: Mapped[UUID | None]
    outcome_sealed: Mapped[Sealed | None]
