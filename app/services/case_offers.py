"""What houses were asked for one woman: how they were told, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.actors import Actor
from app.db import db
from app.fields import open_fields
from app.models.accounts import User
from app.models.messages import Contact, Message
from app.models.placements import Placement, PlacementState
from app.models.reference import Reason, ReasonKind
from app.models.referrals import Referral
from app.policy import visible_placements
from app.services.choices import reason_text
from app.services.desk import HousesAsked
from app.services.desk_rooms import RoomShown

GIVEN_UP = (PlacementState.DECLINED, PlacementState.WITHDRAWN)


@dataclass(frozen=True, kw_only=True)
class PastOffer:
    """One room she was offered, and what became of it. Empty texts where nothing was said.

    ``ended_by`` is whose word ended it, before she came: the kind of its reason.
    """

    room: RoomShown
    state: str
    ended_by: str
    offered_at: datetime
    ended_at: datetime | None
    channel: str
    reason: str
    override_reason: str
    override_note: str
    override_cost: str
    decided_by: str


@dataclass(frozen=True, kw_only=True)
class TextSent:
    """How the house was told of the open offer."""

    phone_label: str
    state: str


def texts_sent(asked: HousesAsked | None) -> dict[UUID, list[TextSent]]:
    found: dict[UUID, list[TextSent]] = {}
    offers = [each.public_id for each in asked.all_asked] if asked else []
    rows = db.session.execute(
        select(Placement.public_id, Contact, Message.state, Message.provider_status)
        .join(Contact, Contact.id == Message.contact_id)
        .join(Placement, Placement.id == Message.placement_id)
        .where(Placement.public_id.in_(offers), Message.template == "offer")
        .order_by(Contact.position, Contact.id)
    ).all()
    labels = open_fields([row[1] for row in rows], "label")
    for label, (offer, _, state, heard) in zip(labels, rows, strict=True):
        found.setdefault(offer, []).append(TextSent(phone_label=label, state=heard or state))
    return found


def past_offers(referral: Referral, rooms: dict[int, RoomShown], by: Actor) -> list[PastOffer]:
    rows = db.session.execute(
        visible_placements(by)
        .join(User, User.id == Placement.decided_by_id)
        .outerjoin(Reason, Reason.code == Placement.reason_code)
        .with_only_columns(Placement, User.name, Reason.text, Reason.kind)
        .where(Placement.referral_id == referral.id)
        .order_by(Placement.id.desc())
    ).all()
    notes = open_fields([row[0] for row in rows], "override_note")
    return [
        PastOffer(
            room=rooms[placement.room_id],
            state=placement.state,
            ended_by=_ended_by(placement, kind),
            offered_at=placement.offered_at,
            ended_at=placement.answered_at or placement.ended_at,
            channel=placement.answered_by_channel or "",
            reason=reason or "",
            override_reason=reason_text(placement.override_reason),
            override_note=note,
            override_cost=placement.override_cost,
            decided_by=decided_by,
        )
        for (placement, decided_by, reason, kind), note in zip(rows, notes, strict=True)
    ]


def _ended_by(placement: Placement, kind: str | None) -> str:
    """Before she came; a silence of the days before silences had reasons is one too."""
    if placement.state == PlacementState.LAPSED:
        return ReasonKind.LAPSED.value
    return (kind or "") if placement.state in GIVEN_UP else ""
