"""What a house reads of one woman: what decides suitability, and after yes how to meet her."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.actors import Actor
from app.db import db, transaction
from app.errors import NotFound
from app.events import Fact, record
from app.fields import open_field
from app.models.accounts import Organisation
from app.models.beds import Refuge, Room
from app.models.placements import LIVE, Placement, PlacementState
from app.models.plans import PlanLine
from app.models.reference import Feature, Language, ReasonKind
from app.models.referrals import Caller, LinkKind, Needs, Referral, ReferralLink
from app.policy import visible_placements, visible_referrals
from app.services.choices import Choice, reason_choices, reason_text
from app.services.follow import people
from app.services.houses import only_refuge
from app.services.offers import GONE

HERS = (PlacementState.ACCEPTED, PlacementState.ARRIVED)
WAS_HERS = (PlacementState.DEPARTED, PlacementState.NOT_ARRIVED, PlacementState.WITHDRAWN)
CHILD = {"f": "girl", "m": "boy", None: "child"}
HANDOVER_ENDS = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class Suitability:
    """Codes in words, and nothing else: no place, no danger, no caller, no case.

    ``together_with`` are references of women who must go to the same house and are asked of it too.
    """

    people: str
    children: list[str]
    language: str
    is_language_spoken: bool
    needs: list[str]
    together_with: list[str]


@dataclass(frozen=True, kw_only=True)
class OfferPage:
    """One offer. ``asks`` is missing once it is neither open nor accepted: she is not theirs."""

    public_id: UUID
    code: str
    ref: str
    state: str
    is_open: bool
    urgency: str
    reply_by: datetime | None
    room: str
    is_shared: bool
    asks: Suitability | None
    reasons: list[str]
    decline_reasons: list[Choice]


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Whom to ring to arrange the handover."""

    callback_phone: str
    incident_ref: str
    force: str


@dataclass(frozen=True, kw_only=True)
class StayPage:
    """One stay from acceptance on; ``asks`` and ``meeting`` go when she does."""

    public_id: UUID
    ref: str
    code: str
    state: str
    room: str
    is_shared: bool
    accepted_at: datetime | None
    arrived_at: datetime | None
    ended_at: datetime | None
    ended_because: str
    asks: Suitability | None
    meeting: Meeting | None
    not_arrived_reasons: list[Choice]
    departure_reasons: list[Choice]


def show_offer(public_id: UUID, *, by: Actor) -> OfferPage:
    """What the house needs to say yes or no, and why it was chosen.

    Raises:
        NotFound: no such offer to this house.
    """
    only_refuge(by)
    with transaction(by=by) as now:
        placement, referral, room = _find(public_id, by)
        _record(Fact.OFFER_VIEWED, placement, by)
        expires = placement.offer_expires_at
        is_offered = placement.state == PlacementState.OFFERED
        return OfferPage(
            public_id=placement.public_id,
            code=placement.offer_code,
            ref=referral.ref,
            state=placement.state,
            is_open=is_offered and expires is not None and expires > now,
            urgency=referral.urgency,
            reply_by=expires,
            room=room.code,
            is_shared=room.is_shared,
            asks=_suitability(placement, referral, by) if placement.state in LIVE else None,
            reasons=_why_here(placement) if is_offered else [],
            decline_reasons=reason_choices(ReasonKind.DECLINED_BY_REFUGE),
        )


def show_stay(public_id: UUID, *, by: Actor) -> StayPage:
    """One woman whom the house took: how to reach the officer, and what she needs.

    Raises:
        NotFound: no such stay, or the house has not accepted her.
    """
    only_refuge(by)
    with transaction(by=by) as now:
        placement, referral, room = _find(public_id, by)
        if placement.state not in (*HERS, *WAS_HERS):
            raise NotFound(GONE)
        is_hers = placement.state in HERS
        _record(Fact.STAY_VIEWED, placement, by)
        return StayPage(
            public_id=placement.public_id,
            ref=referral.ref,
            code=placement.offer_code,
            state=placement.state,
            room=room.code,
            is_shared=room.is_shared,
            accepted_at=placement.answered_at,
            arrived_at=placement.arrived_at,
            ended_at=placement.ended_at,
            ended_because=reason_text(placement.reason_code),
            asks=_suitability(placement, referral, by) if is_hers else None,
            meeting=_meeting(referral) if _may_still_ring(placement, now) else None,
            not_arrived_reasons=reason_choices(ReasonKind.NOT_ARRIVED),
            departure_reasons=reason_choices(ReasonKind.DEPARTURE),
        )


def _may_still_ring(placement: Placement, now: datetime) -> bool:
    """The officer's number serves the handover; half a day after arrival it has done so."""
    if placement.state == PlacementState.ACCEPTED:
        return True
    arrived = placement.arrived_at
    return placement.state == PlacementState.ARRIVED and (
        arrived is None or now - arrived < HANDOVER_ENDS
    )


def _find(public_id: UUID, by: Actor) -> tuple[Placement, Referral, Room]:
    row = db.session.execute(
        visible_placements(by)
        .join(Referral, Referral.id == Placement.referral_id)
        .join(Room, Room.id == Placement.room_id)
        .where(Placement.public_id == public_id, Referral.purged_at.is_(None))
        .with_only_columns(Placement, Referral, Room)
    ).first()
    if row is None:
        raise NotFound(GONE)
    placement, referral, room = row
    return placement, referral, room


def _suitability(placement: Placement, referral: Referral, by: Actor) -> Suitability:
    """Safety: reads the needs alone, never the safety row, the caller or the district."""
    needs = db.session.get_one(Needs, referral.needs_id)
    refuge = db.session.get_one(Refuge, placement.refuge_id)
    return Suitability(
        people=people(needs),
        children=_children(needs.children),
        language=db.session.get_one(Language, needs.language_code).name,
        is_language_spoken=f"lang:{needs.language_code}" in refuge.features,
        needs=_feature_words(needs.essential),
        together_with=_together_with(referral, by),
    )


def _children(children: list[dict[str, Any]]) -> list[str]:
    """Age and girl or boy, because a house may have an age up to which it takes boys."""
    return [
        f"{CHILD[child['sex']].capitalize()}, {_age(child['age'])}"
        for child in sorted(children, key=lambda child: child["age"])
    ]


def _age(years: int) -> str:
    return "under 1" if years == 0 else str(years)


def _feature_words(codes: Iterable[str]) -> list[str]:
    query = select(Feature.shown_as).where(Feature.code.in_(list(codes)))
    return list(db.session.scalars(query.order_by(Feature.position)))


def _together_with(referral: Referral, by: Actor) -> list[str]:
    """Only those the house sees anyway; whom she must be kept from is never said."""
    links = db.session.scalars(
        select(ReferralLink).where(
            ReferralLink.kind == LinkKind.TOGETHER,
            (ReferralLink.a_id == referral.id) | (ReferralLink.b_id == referral.id),
        )
    ).all()
    others = {link.a_id if link.b_id == referral.id else link.b_id for link in links}
    found = visible_referrals(by).where(Referral.id.in_(others)).with_only_columns(Referral.ref)
    return list(db.session.scalars(found.order_by(Referral.ref)))


def _why_here(placement: Placement) -> list[str]:
    """The plan's reasons for this line, or the coordinator's own for choosing otherwise."""
    if placement.override_reason:
        chosen = reason_text(placement.override_reason)
        return [f"The duty coordinator chose your house: {chosen[0].lower()}{chosen[1:]}."]
    reasons = db.session.scalar(
        select(PlanLine.reasons).where(
            PlanLine.run_id == placement.run_id,
            PlanLine.referral_id == placement.referral_id,
            PlanLine.refuge_id == placement.refuge_id,
        )
    )
    return [reason["text"] for reason in reasons or []]


def _meeting(referral: Referral) -> Meeting:
    caller = db.session.get_one(Caller, referral.caller_id)
    return Meeting(
        callback_phone=open_field(caller, "callback_phone"),
        incident_ref=open_field(caller, "incident_ref"),
        force=db.session.get_one(Organisation, referral.force_id).name,
    )


def _record(fact: Fact, placement: Placement, by: Actor) -> None:
    record(
        fact,
        by=by,
        referral_id=placement.referral_id,
        placement_id=placement.id,
        refuge_id=placement.refuge_id,
        room_id=placement.room_id,
    )
