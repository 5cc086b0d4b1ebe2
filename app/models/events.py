"""The audit trail: what happened and who looked, appended, never changed, sealed and anchored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.actors import Role
from app.db import Base
from app.models.columns import NOW, BigId, Created, Json, Word, one_of


class Event(Base):
    """One act or one look: ids and codes, never values; no foreign keys, so it outlives them."""

    __tablename__ = "event"
    __table_args__ = (
        one_of("actor_role", Role),
        Index("ix_event_referral_id", "referral_id", "id"),
        Index("ix_event_kind", "kind", "at"),
        Index("ix_event_listed", text("(detail -> 'referral_ids')"),
              postgresql_using="gin", postgresql_where=text("detail ? 'referral_ids'")),
        Index("ix_event_subject_user_id", "subject_user_id", "id",
              postgresql_where=text("subject_user_id IS NOT NULL")),
    )  # fmt: skip
    id: Mapped[BigId]
    at: Mapped[datetime] = mapped_column(server_default=NOW)
    kind: Mapped[str] = mapped_column(Text)
    actor_role: Mapped[Role] = mapped_column(Word)
    actor_user_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_contact_id: Mapped[int | None] = mapped_column(BigInteger)
    referral_id: Mapped[int | None] = mapped_column(BigInteger)
    placement_id: Mapped[int | None] = mapped_column(BigInteger)
    refuge_id: Mapped[int | None] = mapped_column(BigInteger)
    room_id: Mapped[int | None] = mapped_column(BigInteger)
    subject_user_id: Mapped[int | None] = mapped_column(BigInteger)
    run_id: Mapped[UUID | None]
    detail: Mapped[Json]


class EventSeal(Base):
    """One link of the chain: ``hash`` takes in the link before it and the event's whole row.

    ``position`` is the order of sealing, from 1 without a gap; no foreign key, as for an event.
    """

    __tablename__ = "event_seal"
    __table_args__ = (CheckConstraint("octet_length(hash) = 32", name="hash"),)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class EventAnchor(Base):
    """A signed head of the chain that has left this database."""

    __tablename__ = "event_anchor"
    __table_args__ = (CheckConstraint("octet_length(hash) = 32", name="hash"),)
    id: Mapped[BigId]
    position: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    anchored_at: Mapped[Created]
