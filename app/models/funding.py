"""Money given for beds, to be seen against the nights that are needed."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created, PublicId


class Fund(Base):
    """A grant or donation for bed-nights between two days, both included."""

    __tablename__ = "fund"
    __table_args__ = (
        CheckConstraint("amount_pence > 0 AND bed_night_pence > 0", name="positive"),
        CheckConstraint("starts_on <= ends_on", name="dates"),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    amount_pence: Mapped[int] = mapped_column(BigInteger)
    bed_night_pence: Mapped[int]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    created_at: Mapped[Created]
