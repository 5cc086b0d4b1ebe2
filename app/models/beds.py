"""Refuges, rooms, beds, and what uses a bed: a placement or a void, never both at once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import (
    BigId,
    Codes,
    Created,
    During,
    PublicId,
    Sealed,
    Word,
    one_of,
    phone,
)

JUST_TAKEN = "That room has just been taken. Nothing else was changed: choose another."


class BedKind(StrEnum):
    """A bed space sleeps anyone; a cot only a child under 2."""

    BED = "bed"
    COT = "cot"


class RoomKind(StrEnum):
    """A room of the house is there all year; surge and hotel places only within their windows."""

    HOUSE = "house"
    SURGE = "surge"
    HOTEL = "hotel"


class CostOwner(StrEnum):
    """Who pays for the nights that a room is out of use."""

    NOT_SAID = "not_said"
    HOUSE = "house"
    CHARITY = "charity"
    LANDLORD = "landlord"
    COUNCIL = "council"
    INSURER = "insurer"


class Refuge(Base):
    """A house known by alias and a grid cell about 10 km wide. Safety: no address exists."""

    __tablename__ = "refuge"
    __table_args__ = (
        UniqueConstraint("id", "organisation_id"),
        phone("duty_line"),
        CheckConstraint("boys_to_age BETWEEN 0 AND 18", name="boys_to_age"),
        CheckConstraint("cell_radius_km BETWEEN 0 AND 50", name="cell_radius_km"),
        CheckConstraint("island IN ('GB', 'IE')", name="island"),
        CheckConstraint("turnaround_minutes BETWEEN 0 AND 20160", name="turnaround_minutes"),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    alias: Mapped[str] = mapped_column(Text, unique=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    in_london: Mapped[bool]
    island: Mapped[str] = mapped_column(Word, server_default=text("'GB'"))
    cell_lat: Mapped[float]
    cell_lon: Mapped[float]
    cell_radius_km: Mapped[float] = mapped_column(server_default=text("7"))
    boys_to_age: Mapped[int] = mapped_column(server_default=text("18"))
    max_children: Mapped[int | None]
    max_high_support: Mapped[int | None]
    features: Mapped[Codes]
    networks: Mapped[Codes]
    duty_line: Mapped[str] = mapped_column(Text)
    key_id: Mapped[UUID]
    handover_point_sealed: Mapped[Sealed]
    is_open: Mapped[bool] = mapped_column(server_default=text("true"))
    beds_confirmed_at: Mapped[datetime | None]
    turnaround_minutes: Mapped[int | None]
    created_at: Mapped[Created]


class Room(Base):
    """What one household takes, or, when shared, what several who agree to it take bed by bed.

    ``number`` is what a text calls it ("B 3"); a trigger gives one to a room that comes without.
    """

    __tablename__ = "room"
    __table_args__ = (
        UniqueConstraint("id", "refuge_id"),
        UniqueConstraint(
            "refuge_id", "code", info={"conflict": "That room code is in use already."}
        ),
        UniqueConstraint("refuge_id", "number"),
        CheckConstraint("bed_spaces BETWEEN 1 AND 12 AND cots BETWEEN 0 AND 4", name="size"),
        CheckConstraint("number BETWEEN 1 AND 999", name="number"),
        one_of("kind", RoomKind),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    refuge_id: Mapped[int] = mapped_column(ForeignKey("refuge.id"), index=True)
    code: Mapped[str] = mapped_column(Word)
    number: Mapped[int] = mapped_column(server_default=FetchedValue())
    kind: Mapped[RoomKind] = mapped_column(Word, server_default=text("'house'"))
    bed_spaces: Mapped[int]
    cots: Mapped[int] = mapped_column(server_default=text("0"))
    is_shared: Mapped[bool] = mapped_column(server_default=text("false"))
    features: Mapped[Codes]
    is_open: Mapped[bool] = mapped_column(server_default=text("true"))
    confirmed_at: Mapped[datetime | None]


class RoomWindow(Base):
    """When a surge or hotel place may be offered. Its end puts nobody out."""

    __tablename__ = "room_window"
    __table_args__ = (
        ForeignKeyConstraint(["room_id", "refuge_id"], ["room.id", "room.refuge_id"]),
        CheckConstraint("NOT isempty(during) AND NOT lower_inf(during)", name="during"),
        ExcludeConstraint(
            ("room_id", "="),
            ("during", "&&"),
            using="gist",
            name="room_window_no_overlap",
            info={"conflict": "This place is open for part of that time already."},
        ),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    room_id: Mapped[int] = mapped_column(BigInteger)
    during: Mapped[During]
    created_at: Mapped[Created]


class Bed(Base):
    """One sleeping place of a room."""

    __tablename__ = "bed"
    __table_args__ = (
        one_of("kind", BedKind),
        UniqueConstraint("id", "refuge_id"),
        UniqueConstraint("room_id", "kind", "number"),
        ForeignKeyConstraint(["room_id", "refuge_id"], ["room.id", "room.refuge_id"]),
    )
    id: Mapped[BigId]
    room_id: Mapped[int] = mapped_column(BigInteger, index=True)
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[BedKind] = mapped_column(Word)
    number: Mapped[int]


class Void(Base):
    """A room out of use for a while, with its reason.

    ``until`` is the end that was planned; ``during`` ends there, or when it ended in truth. Until
    ``begun_at`` it is only planned and keeps no bed: whoever lives there then is not put out.
    """

    __tablename__ = "void"
    __table_args__ = (
        one_of("cost_owner", CostOwner),
        UniqueConstraint("id", "live", "during"),
        UniqueConstraint("id", "refuge_id"),
        ForeignKeyConstraint(["room_id", "refuge_id"], ["room.id", "room.refuge_id"]),
        CheckConstraint("NOT isempty(during) AND NOT lower_inf(during)", name="during"),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    room_id: Mapped[int] = mapped_column(BigInteger, index=True)
    reason_code: Mapped[str] = mapped_column(ForeignKey("reason.code"))
    cost_owner: Mapped[CostOwner] = mapped_column(Word, server_default=text("'not_said'"))
    until: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    live: Mapped[bool] = mapped_column(Boolean, Computed("ended_at IS NULL", persisted=True))
    during: Mapped[During]
    message_sid: Mapped[str | None] = mapped_column(Text, unique=True)


class BedUse(Base):
    """One bed used for a time. The exclusion constraint is what makes double booking impossible.

    ``live`` and ``during`` copy the placement's or the void's own and cannot differ from them:
    the composite foreign keys cascade every change.
    """

    __tablename__ = "bed_use"
    __table_args__ = (
        CheckConstraint("num_nonnulls(placement_id, void_id) = 1", name="one_user"),
        UniqueConstraint("placement_id", "bed_id"),
        UniqueConstraint("void_id", "bed_id"),
        ForeignKeyConstraint(["bed_id", "refuge_id"], ["bed.id", "bed.refuge_id"]),
        ForeignKeyConstraint(
            ["placement_id", "live", "during"],
            ["placement.id", "placement.live", "placement.during"],
            name="fk_bed_use_placement_moves_together",
            onupdate="CASCADE",
        ),
        ForeignKeyConstraint(
            ["placement_id", "refuge_id"],
            ["placement.id", "placement.refuge_id"],
            name="fk_bed_use_placement_same_refuge",
        ),
        ForeignKeyConstraint(
            ["void_id", "live", "during"],
            ["void.id", "void.live", "void.during"],
            name="fk_bed_use_void_moves_together",
            onupdate="CASCADE",
        ),
        ForeignKeyConstraint(
            ["void_id", "refuge_id"],
            ["void.id", "void.refuge_id"],
            name="fk_bed_use_void_same_refuge",
        ),
        ExcludeConstraint(
            ("bed_id", "="),
            ("during", "&&"),
            where=text("live"),
            using="gist",
            name="bed_use_no_overlap",
            info={"conflict": JUST_TAKEN},
        ),
    )
    id: Mapped[BigId]
    bed_id: Mapped[int] = mapped_column(BigInteger, index=True)
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    placement_id: Mapped[int | None] = mapped_column(BigInteger)
    void_id: Mapped[int | None] = mapped_column(BigInteger)
    live: Mapped[bool]
    during: Mapped[During]
