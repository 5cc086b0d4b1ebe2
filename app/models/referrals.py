"""Requests for a place; needs, safety and caller lie in tables of their own."""

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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.errors import Conflict
from app.models.columns import (
    BigId,
    Codes,
    Created,
    JsonList,
    PublicId,
    RandomId,
    Sealed,
    Word,
    one_of,
)
from app.models.reference import HandOnFor, Urgency


class ReferralState(StrEnum):
    """Where a request stands. The engine's proposal is not a state: a person has not decided."""

    READY = "ready"
    PAUSED = "paused"
    OFFERED = "offered"
    CONFIRMED = "confirmed"
    IN_TRANSIT = "in_transit"
    RESIDENT = "resident"
    MOVED_ON = "moved_on"
    NOT_ARRIVED = "not_arrived"
    WITHDRAWN = "withdrawn"
    UNMET = "unmet"


WAITING = (ReferralState.READY, ReferralState.OFFERED)
# A room is promised to her, and she is not there yet.
PROMISED = (ReferralState.CONFIRMED, ReferralState.IN_TRANSIT)
MOVES: dict[ReferralState, frozenset[ReferralState]] = {
    ReferralState.READY: frozenset(
        {
            ReferralState.PAUSED,
            ReferralState.OFFERED,
            ReferralState.WITHDRAWN,
            ReferralState.UNMET,
        }
    ),
    ReferralState.PAUSED: frozenset({ReferralState.READY, ReferralState.WITHDRAWN}),
    ReferralState.OFFERED: frozenset(
        {ReferralState.READY, ReferralState.CONFIRMED, ReferralState.WITHDRAWN}
    ),
    ReferralState.CONFIRMED: frozenset(
        {
            ReferralState.READY,
            ReferralState.IN_TRANSIT,
            ReferralState.RESIDENT,
            ReferralState.NOT_ARRIVED,
            ReferralState.WITHDRAWN,
        }
    ),
    ReferralState.IN_TRANSIT: frozenset(
        {
            ReferralState.READY,
            ReferralState.RESIDENT,
            ReferralState.NOT_ARRIVED,
            ReferralState.WITHDRAWN,
        }
    ),
    ReferralState.RESIDENT: frozenset({ReferralState.MOVED_ON}),
    ReferralState.NOT_ARRIVED: frozenset({ReferralState.READY, ReferralState.UNMET}),
    ReferralState.UNMET: frozenset({ReferralState.READY}),
    ReferralState.MOVED_ON: frozenset(),
    ReferralState.WITHDRAWN: frozenset(),
}


class London(StrEnum):
    """Her word on London: ``*_only`` is a rule, ``prefers_*`` a wish."""

    EITHER = "either"
    INSIDE_ONLY = "inside_only"
    OUTSIDE_ONLY = "outside_only"
    PREFERS_INSIDE = "prefers_inside"
    PREFERS_OUTSIDE = "prefers_outside"


class LinkKind(StrEnum):
    """What two women found at one address are to each other, as far as a house is concerned."""

    TOGETHER = "together"
    APART = "apart"


class Needs(Base):
    """What decides suitability, under a random id: no row says whose it is."""

    __tablename__ = "needs"
    __table_args__ = (
        one_of("london", London),
        CheckConstraint("island IN ('GB', 'IE')", name="island"),
        CheckConstraint("adults BETWEEN 1 AND 4", name="adults"),
        CheckConstraint(
            "jsonb_typeof(children) = 'array' AND jsonb_array_length(children) <= 12",
            name="children",
        ),
    )
    id: Mapped[RandomId]
    adults: Mapped[int] = mapped_column(server_default=text("1"))
    children: Mapped[JsonList]
    district_code: Mapped[str] = mapped_column(ForeignKey("district.code"))
    lat: Mapped[float]
    lon: Mapped[float]
    island: Mapped[str] = mapped_column(Word)
    language_code: Mapped[str] = mapped_column(ForeignKey("language.code"))
    essential: Mapped[Codes]
    desirable: Mapped[Codes]
    excludes: Mapped[Codes]
    london: Mapped[London] = mapped_column(Word, server_default=text("'either'"))
    max_travel_minutes: Mapped[int | None]
    may_share: Mapped[bool] = mapped_column(server_default=text("false"))
    high_support: Mapped[bool] = mapped_column(server_default=text("false"))


class Safety(Base):
    """Where and near whom she must not be. Safety: read by the engine and by nobody else."""

    __tablename__ = "safety"
    id: Mapped[RandomId]
    danger_zones: Mapped[JsonList]
    vetoed_regions: Mapped[Codes]
    networks: Mapped[Codes]


class Caller(Base):
    """How to reach the officer, and the force's own reference; refuges see it on acceptance."""

    __tablename__ = "caller"
    id: Mapped[RandomId]
    key_id: Mapped[UUID]
    callback_phone_sealed: Mapped[Sealed]
    incident_ref_sealed: Mapped[Sealed | None]


class Incident(Base):
    """Women found at one address by one officer; the answers they share stay with it."""

    __tablename__ = "incident"
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    force_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    officer_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Created]


class Referral(Base):
    """One household for whom an officer asks a bed."""

    __tablename__ = "referral"
    __table_args__ = (
        one_of("state", ReferralState),
        one_of("urgency", Urgency),
        CheckConstraint("ref ~ '^R-[0-9A-Z]{7}$'", name="ref"),
        CheckConstraint(
            "num_nonnulls(needs_id, safety_id, caller_id)"
            " = CASE WHEN purged_at IS NULL THEN 3 ELSE 0 END"
            " AND (purged_at IS NULL) = (region_code IS NULL)",
            name="purged_whole",
        ),
        CheckConstraint(
            "(transfer_of_id IS NULL) = (transfer_reason IS NULL)", name="transfer_whole"
        ),
        Index(
            "one_open_transfer",
            "transfer_of_id",
            unique=True,
            postgresql_where=text("transfer_of_id IS NOT NULL AND closed_at IS NULL"),
            info={"conflict": "A move to another house has been asked for already."},
        ),
        Index("ix_referral_open", "submitted_at", postgresql_where=text("closed_at IS NULL")),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    ref: Mapped[str] = mapped_column(Word, unique=True)
    force_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    needs_id: Mapped[UUID | None] = mapped_column(ForeignKey("needs.id"), unique=True)
    safety_id: Mapped[UUID | None] = mapped_column(ForeignKey("safety.id"), unique=True)
    caller_id: Mapped[UUID | None] = mapped_column(ForeignKey("caller.id"), index=True)
    clock_policy_id: Mapped[int] = mapped_column(ForeignKey("clock_policy.id"))
    urgency: Mapped[Urgency] = mapped_column(Word)
    state: Mapped[ReferralState] = mapped_column(Word, server_default=text("'ready'"))
    submitted_at: Mapped[Created]
    state_since: Mapped[Created]
    # Since when she has been without a promise, offers that came to nothing included.
    waits_since: Mapped[Created]
    confirmed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_reason: Mapped[str | None] = mapped_column(ForeignKey("reason.code"))
    version: Mapped[int] = mapped_column(server_default=text("0"))
    purged_at: Mapped[datetime | None]
    # A move to another house: the stay that she keeps until she is there. Who asked for it stands
    # in ``officer_id`` and ``force_id``, and is nobody of the police. No foreign key, because
    # requests and placements would then be joined in two ways: a trigger refuses a stay that is
    # not there.
    transfer_of_id: Mapped[int | None] = mapped_column(BigInteger)
    transfer_reason: Mapped[str | None] = mapped_column(ForeignKey("reason.code"))
    # Where she stood, and no finer: set when the rest is purged, for figures alone.
    region_code: Mapped[str | None] = mapped_column(ForeignKey("region.code"))

    def move(self, to: ReferralState, *, at: datetime) -> None:
        """Raises Conflict unless the life cycle allows the step."""
        if to not in MOVES[ReferralState(self.state)]:
            raise Conflict("This request has moved on in the meantime. Look at it again.")
        if to == ReferralState.READY and self.state not in WAITING:
            self.waits_since = at
        self.state, self.state_since = to, at


class ReferralLink(Base):
    """Two women who must go to one house, or must never meet in one."""

    __tablename__ = "referral_link"
    __table_args__ = (
        one_of("kind", LinkKind),
        CheckConstraint("a_id < b_id", name="ordered"),
    )
    a_id: Mapped[int] = mapped_column(ForeignKey("referral.id"), primary_key=True)
    b_id: Mapped[int] = mapped_column(ForeignKey("referral.id"), primary_key=True)
    kind: Mapped[LinkKind] = mapped_column(Word)


class FormKey(Base):
    """A form that was sent: the same key again is the same request, not a second woman."""

    __tablename__ = "form_key"
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    key: Mapped[UUID] = mapped_column(primary_key=True)
    content_hmac: Mapped[bytes] = mapped_column(LargeBinary)
    referral_id: Mapped[int | None] = mapped_column(ForeignKey("referral.id"))
    created_at: Mapped[Created]


class HandOn(Base):
    """A person these beds are not for, sent on and counted; nothing about them is kept."""

    __tablename__ = "hand_on"
    __table_args__ = (one_of("who", HandOnFor),)
    id: Mapped[BigId]
    who: Mapped[HandOnFor] = mapped_column(Word)
    force_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    user_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[Created]
