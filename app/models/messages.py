"""Texts owed, texts received, the phones they go to, and what needs a person."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import (
    BigId,
    Created,
    Fingerprint,
    Json,
    PublicId,
    RandomId,
    Sealed,
    Word,
    one_of,
)


class MessageState(StrEnum):
    """``unknown`` means the provider may or may not have it: reconciled, never blindly resent."""

    NEW = "new"
    INFLIGHT = "inflight"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    FAILED = "failed"
    EXPIRED = "expired"


class TaskKind(StrEnum):
    """What needs a person."""

    OFFER_LAPSED = "offer_lapsed"
    OVERDUE = "overdue"
    NOT_ARRIVED = "not_arrived"
    TEXT_FAILED = "text_failed"
    PHONE_STOPPED = "phone_stopped"
    WRONG_CODES = "wrong_codes"
    QUESTION = "question"
    SIGN_IN_ATTACKED = "sign_in_attacked"
    ACCOUNT_RECOVERED = "account_recovered"
    NUMBER_CHANGED = "number_changed"
    HONEY_TOUCHED = "honey_touched"
    TRAIL_BROKEN = "trail_broken"
    CALL_BACK = "call_back"
    ABANDONED = "abandoned"
    LOOKS_SPENT = "looks_spent"
    UNACKNOWLEDGED = "unacknowledged"
    DUTY_MANAGER = "duty_manager"
    REGIONAL_MANAGER = "regional_manager"
    MANAGER_UNREACHED = "manager_unreached"
    PLAN_PASSED = "plan_passed"
    RING_HOUSE = "ring_house"


# What the desk can only settle by ringing the officer.
RINGS_OFFICER = (TaskKind.OVERDUE, TaskKind.NOT_ARRIVED)


class Contact(Base):
    """A refuge's phone. Recipients are chosen by this id, never typed.

    A number that replaces another answers by itself from ``answers_from`` on; until then the house
    confirms on the web. The replaced one answers until ``ends_at``.
    """

    __tablename__ = "contact"
    __table_args__ = (
        # A number that has ended may be another house's one day; until then it is in use.
        Index("uq_contact_phone_index", "phone_index", unique=True,
              postgresql_where=text("ends_at IS NULL"),
              info={"conflict": "That number is in use already."}),
        CheckConstraint("(answers_from IS NULL) = (replaces_id IS NULL)", name="replaces"),
        UniqueConstraint("id", "refuge_id"),
    )  # fmt: skip
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    refuge_id: Mapped[int] = mapped_column(ForeignKey("refuge.id"), index=True)
    key_id: Mapped[UUID]
    phone_sealed: Mapped[Sealed]
    phone_index: Mapped[Fingerprint]
    phone_index_key: Mapped[str] = mapped_column(Text)
    label_sealed: Mapped[Sealed]
    verified_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    position: Mapped[int] = mapped_column(server_default=text("1"))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    answers_from: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]


class Message(Base):
    """A text that is owed. Written with the event it tells of; the body is made when it is sent.

    It goes to a house's phone or to a manager's.
    """

    __tablename__ = "message"
    __table_args__ = (
        one_of("state", MessageState),
        CheckConstraint("attempt >= 0", name="attempt"),
        CheckConstraint("num_nonnulls(contact_id, escalation_contact_id) = 1",
                        name="one_recipient"),
        Index("ix_message_due", "due_at",
              postgresql_where=text("state IN ('new', 'inflight', 'unknown')")),
    )  # fmt: skip
    id: Mapped[RandomId]
    dedupe_key: Mapped[str] = mapped_column(Text, unique=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)
    escalation_contact_id: Mapped[int | None] = mapped_column(ForeignKey("escalation_contact.id"))
    placement_id: Mapped[int | None] = mapped_column(ForeignKey("placement.id"), index=True)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("event.id"))
    template: Mapped[str] = mapped_column(Word)
    variables: Mapped[Json]
    state: Mapped[MessageState] = mapped_column(Word, server_default=text("'new'"))
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    due_at: Mapped[Created]
    not_after: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    first_attempt_at: Mapped[datetime | None]
    absent_since: Mapped[datetime | None]
    provider_sid: Mapped[str | None] = mapped_column(Text, unique=True)
    provider_status: Mapped[str | None] = mapped_column(Word)
    status_rank: Mapped[int] = mapped_column(server_default=text("0"))
    error_code: Mapped[str | None] = mapped_column(Word)
    created_at: Mapped[Created]


class SmsInbox(Base):
    """A text received. Its provider id is the key: a replay finds the row and changes nothing."""

    __tablename__ = "sms_inbox"
    message_sid: Mapped[str] = mapped_column(Text, primary_key=True)
    key_id: Mapped[UUID | None]
    from_phone_sealed: Mapped[Sealed | None]
    from_phone_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    from_phone_index_key: Mapped[str | None] = mapped_column(Text)
    to_phone: Mapped[str] = mapped_column(Text)
    body_sealed: Mapped[Sealed | None]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    placement_id: Mapped[int | None] = mapped_column(ForeignKey("placement.id"))
    received_at: Mapped[Created]
    handled_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Word)


class Task(Base):
    """Something a person must look at; one open row per kind and subject."""

    __tablename__ = "task"
    __table_args__ = (
        one_of("kind", TaskKind),
        Index(
            "one_open_task",
            "kind",
            text("coalesce(placement_id, 0)"),
            text("coalesce(referral_id, 0)"),
            text("coalesce(contact_id, 0)"),
            text("coalesce(user_id, 0)"),
            unique=True,
            postgresql_where=text("done_at IS NULL"),
        ),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    kind: Mapped[TaskKind] = mapped_column(Word)
    referral_id: Mapped[int | None] = mapped_column(ForeignKey("referral.id"))
    placement_id: Mapped[int | None] = mapped_column(ForeignKey("placement.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    opened_at: Mapped[Created]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[int | None] = mapped_column(BigInteger)
