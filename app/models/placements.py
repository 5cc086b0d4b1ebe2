"""Offers and stays: one row from the offer of a room to the day she leaves it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.errors import Conflict
from app.models.columns import BigId, Created, During, PublicId, Sealed, Word, one_of


class PlacementState(StrEnum):
    """``offered`` is a timed hold; offered, accepted and arrived are live and keep the beds.

    ``enquired`` asks one more house beside the offer, or after it, and keeps no bed.
    """

    ENQUIRED = "enquired"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"
    DEPARTED = "departed"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    NOT_ARRIVED = "not_arrived"


LIVE = (PlacementState.OFFERED, PlacementState.ACCEPTED, PlacementState.ARRIVED)
# A house is asked and has not answered: she waits for its word.
OPEN = (PlacementState.OFFERED, PlacementState.ENQUIRED)


class OwnReason(StrEnum):
    """Reasons that Waymark itself writes, by their codes in ``data/reasons.csv``."""

    ANOTHER_HOUSE_FIRST = "another_house_first"
    ROOM_GONE = "room_gone"
    NO_REPLY_HOUSE = "no_reply_house"
    NO_REPLY_QUESTION = "no_reply_question"


class Channel(StrEnum):
    """How an answer reached us."""

    WEB = "web"
    TEXT = "text"
    COORDINATOR = "coordinator"


class Placement(Base):
    """One room for one referral, from offer to departure."""

    __tablename__ = "placement"
    __table_args__ = (
        one_of("state", PlacementState),
        CheckConstraint("NOT isempty(during) AND NOT lower_inf(during)", name="during"),
        CheckConstraint(
            "state NOT IN ('enquired', 'offered') OR offer_expires_at IS NOT NULL",
            name="offer_expires",
        ),
        CheckConstraint(
            "(state <> 'accepted' OR hold_until IS NOT NULL) AND hold_renewals >= 0", name="hold"
        ),
        CheckConstraint("expected_at IS NULL OR set_out_at IS NOT NULL", name="set_out"),
        CheckConstraint("bed_spaces >= 1 AND cots >= 0", name="size"),
        CheckConstraint("octet_length(override_note_sealed) <= 2100", name="override_note_sealed"),
        UniqueConstraint("id", "live", "during"),
        UniqueConstraint("id", "refuge_id"),
        UniqueConstraint("run_id", "referral_id"),
        ForeignKeyConstraint(["room_id", "refuge_id"], ["room.id", "room.refuge_id"]),
        Index(
            "one_live_placement_per_referral",
            "referral_id",
            unique=True,
            postgresql_where=text("live"),
            info={"conflict": "She has just been offered a room elsewhere. Nothing was changed."},
        ),
        Index(
            "one_open_ask_per_house",
            "referral_id",
            "refuge_id",
            unique=True,
            postgresql_where=text("state IN ('enquired', 'offered')"),
            info={"conflict": "This house has been asked for her already. Nothing was changed."},
        ),
        Index("ix_placement_expiry", "offer_expires_at",
              postgresql_where=text("state IN ('enquired', 'offered')")),
        Index("ix_placement_hold", "hold_until", postgresql_where=text("state = 'accepted'")),
    )  # fmt: skip
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"), index=True)
    refuge_id: Mapped[int] = mapped_column(BigInteger, index=True)
    room_id: Mapped[int] = mapped_column(BigInteger, index=True)
    bed_spaces: Mapped[int]
    cots: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[PlacementState] = mapped_column(Word, server_default=text("'offered'"))
    live: Mapped[bool] = mapped_column(
        Boolean,
        Computed("state IN ('offered', 'accepted', 'arrived')", persisted=True),
    )
    during: Mapped[During]
    offer_code: Mapped[str] = mapped_column(Word, unique=True)
    offered_at: Mapped[Created]
    offer_expires_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answered_by_channel: Mapped[Channel | None] = mapped_column(Word)
    hold_until: Mapped[datetime | None]
    hold_renewals: Mapped[int] = mapped_column(server_default=text("0"))
    set_out_at: Mapped[datetime | None]
    expected_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    expected_departure_on: Mapped[date | None]
    ended_at: Mapped[datetime | None]
    reason_code: Mapped[str | None] = mapped_column(ForeignKey("reason.code"))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("plan_run.id"))
    decided_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    override_reason: Mapped[str | None] = mapped_column(ForeignKey("reason.code"))
    key_id: Mapped[UUID | None]
    override_note_sealed: Mapped[Sealed | None]
    override_cost: Mapped[str] = mapped_column(Text, server_default=text("''"))
    version: Mapped[int] = mapped_column(server_default=text("0"))

    def refuse_unless(self, *states: PlacementState) -> None:
        """Raises Conflict, in words that say what happened instead, unless in one of ``states``."""
        if self.state not in states:
            words = MOVED_ON[PlacementState(self.state)]
            raise Conflict(GIVEN_UP.get(self.reason_code or "", words))


GIVEN_UP = {
    OwnReason.ANOTHER_HOUSE_FIRST.value: "Another house said yes first. There is nothing more to"
    " do here.",
    OwnReason.ROOM_GONE.value: "The room was taken in the meantime, so this request is closed for"
    " you.",
}
MOVED_ON = {
    PlacementState.ENQUIRED: "This house has not answered yet.",
    PlacementState.OFFERED: "This offer has not been answered yet.",
    PlacementState.ACCEPTED: "This offer has already been accepted.",
    PlacementState.ARRIVED: "She has already arrived.",
    PlacementState.DEPARTED: "This stay has already ended.",
    PlacementState.DECLINED: "This offer has already been declined.",
    PlacementState.LAPSED: "This offer has lapsed: the time to answer had passed.",
    PlacementState.WITHDRAWN: "This offer has been withdrawn.",
    PlacementState.NOT_ARRIVED: "She was recorded as not arrived.",
}
