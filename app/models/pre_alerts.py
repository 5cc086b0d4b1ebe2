"""Operations that are coming: what the desk was told in confidence, and what a rehearsal found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Codes, Created, JsonList, PublicId, Word, one_of


class PreAlertEnd(StrEnum):
    """How a pre-alert ended: its women came, its time passed, or somebody called it off."""

    ARRIVED = "arrived"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class PreAlert(Base):
    """About how many women are expected, of which languages, where and when. The desk's alone.

    ``needs`` is what each of them is likely to need; ``with_children`` how many bring a child.
    """

    __tablename__ = "pre_alert"
    __table_args__ = (
        one_of("ended_how", PreAlertEnd),
        CheckConstraint("(ended_at IS NULL) = (ended_how IS NULL)", name="ended"),
        CheckConstraint(
            "1 <= women_least AND women_least <= women_most AND women_most <= 60"
            " AND with_children BETWEEN 0 AND women_most",
            name="size",
        ),
        CheckConstraint("expected_from < expected_until", name="expected"),
        UniqueConstraint("created_by_id", "form_key"),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    form_key: Mapped[UUID]
    created_at: Mapped[Created]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    women_least: Mapped[int]
    women_most: Mapped[int]
    with_children: Mapped[int]
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    languages: Mapped[Codes]
    needs: Mapped[Codes]
    expected_from: Mapped[datetime]
    expected_until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_how: Mapped[PreAlertEnd | None] = mapped_column(Word)


class PreAlertReferral(Base):
    """A request that a person has said is of the expected operation."""

    __tablename__ = "pre_alert_referral"
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"), primary_key=True)
    pre_alert_id: Mapped[int] = mapped_column(ForeignKey("pre_alert.id"))


class Rehearsal(Base):
    """The expected women placed beside those who wait: how many found a room, and in which.

    ``shortages`` are ``{text, women}``; ``room_ids`` are the rooms they would take, kept softly.
    """

    __tablename__ = "rehearsal"
    __table_args__ = (
        CheckConstraint("placed BETWEEN 0 AND women", name="placed"),
        Index("ix_rehearsal_pre_alert_id", "pre_alert_id", "as_of"),
    )
    id: Mapped[BigId]
    pre_alert_id: Mapped[int] = mapped_column(ForeignKey("pre_alert.id"))
    as_of: Mapped[datetime]
    status: Mapped[str] = mapped_column(Word)
    women: Mapped[int]
    placed: Mapped[int]
    shortages: Mapped[JsonList]
    room_ids: Mapped[JsonList]
