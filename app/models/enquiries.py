"""Several houses asked at once: how many, and the one question that a house may ask back."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created, PublicId, Sealed, Word, one_of
from app.models.placements import Channel
from app.models.reference import Urgency


class EnquiryPolicy(Base):
    """From a date on: how many houses may be asked at once, the one with the held room included.

    A question back gives the house ``question_extends_percent`` of its reply time more, once.
    """

    __tablename__ = "enquiry_policy"
    __table_args__ = (
        one_of("urgency", Urgency),
        CheckConstraint(
            "houses_at_once BETWEEN 1 AND 10 AND question_extends_percent BETWEEN 0 AND 100",
            name="bounds",
        ),
    )
    urgency: Mapped[Urgency] = mapped_column(Word, primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    houses_at_once: Mapped[int]
    question_extends_percent: Mapped[int]


class QuestionAnswer(StrEnum):
    """What a house was answered; ``told`` is by phone, and the desk's alone to say."""

    YES = "yes"
    NO = "no"
    NOT_KNOWN = "not_known"
    TOLD = "told"


class HouseQuestion(Base):
    """The one thing a house must know before it says yes; asked once, answered once."""

    __tablename__ = "house_question"
    __table_args__ = (
        one_of("asked_by_channel", Channel),
        one_of("answer", QuestionAnswer),
        ForeignKeyConstraint(
            ["placement_id", "refuge_id"], ["placement.id", "placement.refuge_id"]
        ),
        CheckConstraint(
            "num_nonnulls(answer, answered_at, answered_by_id) IN (0, 3)", name="whole"
        ),
        CheckConstraint(
            "octet_length(note_sealed) <= 1300 AND (note_sealed IS NULL OR answer IS NOT NULL)",
            name="note_sealed",
        ),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    placement_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    refuge_id: Mapped[int] = mapped_column(BigInteger, index=True)
    code: Mapped[str] = mapped_column(ForeignKey("reason.code"))
    asked_at: Mapped[Created]
    asked_by_channel: Mapped[Channel] = mapped_column(Word)
    answer: Mapped[QuestionAnswer | None] = mapped_column(Word)
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    key_id: Mapped[UUID | None]
    note_sealed: Mapped[Sealed | None]

    @property
    def is_open(self) -> bool:
        return self.answered_at is None
