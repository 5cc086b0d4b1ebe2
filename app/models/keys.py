"""Keys of single records, each wrapped; and what was purged, so that no backup brings it back."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import NOW, Created, Word, one_of


class RecordKey(Base):
    """The key of one record, wrapped by the key of the service that ``kek_id`` names.

    No foreign key leads here: a backup holds the records without their keys, and destroying this
    row is what makes a record unreadable for ever.
    """

    __tablename__ = "record_key"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    kek_id: Mapped[str] = mapped_column(Text, index=True)
    created_at: Mapped[Created]


class Buried(StrEnum):
    """What a tombstone stands for: one record's key, or everything kept of one request."""

    KEY = "key"
    REFERRAL = "referral"


class Tombstone(Base):
    """Something purged. Written with the purge, and read again after every restore."""

    __tablename__ = "tombstone"
    __table_args__ = (one_of("kind", Buried),)
    kind: Mapped[Buried] = mapped_column(Word, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    purged_at: Mapped[datetime] = mapped_column(server_default=NOW)
