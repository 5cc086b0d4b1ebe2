"""Prices of rooms, kept with the moment, the forecast and the figures that they stand on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created


class PriceRun(Base):
    """One night's prices.

    ``prices`` are by feature and ``room_features`` say which private feature prices which room (by
    the room's id). ``figures`` are ``{feature, demand, supply, price}`` for the features women must
    have; ``basis`` says how much of it was seen and how much is the prior. Rooms and houses as they
    were are known again by ``inventory_sha256``.
    """

    __tablename__ = "price_run"
    id: Mapped[BigId]
    made_at: Mapped[Created]
    forecast: Mapped[dict[str, Any]] = mapped_column(JSONB)
    prices: Mapped[dict[str, Any]] = mapped_column(JSONB)
    spare_bed_price: Mapped[int]
    room_features: Mapped[dict[str, Any]] = mapped_column(JSONB)
    figures: Mapped[list[Any]] = mapped_column(JSONB)
    basis: Mapped[dict[str, Any]] = mapped_column(JSONB)
    inventory_sha256: Mapped[str] = mapped_column(Text)
