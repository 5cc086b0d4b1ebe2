"""The audit trail: what happened and who looked, appended and never changed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.actors import Role
from app.db import Base
from app.models.columns import NOW, BigId, Json, Word, one_of


class Event(Base):
    """One act or one look: ids and codes, never values; no foreign keys, so it outlives them."""

    __tablename__ = "event"
    __table_args__ = (
        one_of("actor_role", Role),
        Index("ix_event_referral_id", "referral_id", "id"),
        Index("ix_event_kind", "kind", "at"),
        Index("ix_event_actor_user_id", "actor_user_id", "at"),
    )
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
