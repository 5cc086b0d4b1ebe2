"""What somebody was sending when their sign-in had idled out."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import Created, RandomId, Sealed


class Draft(Base):
    """One form of one person, sealed; empty once it was given back. Kept for half an hour."""

    __tablename__ = "draft"
    id: Mapped[RandomId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    path: Mapped[str] = mapped_column(Text)
    key_id: Mapped[UUID]
    form_sealed: Mapped[Sealed | None]
    created_at: Mapped[Created]
