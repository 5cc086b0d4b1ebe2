"""What a house reads of one woman: what decides suitability, and after yes how to meet her."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select

from app.actors import REFUGE, Actor
from app.authz import Stage, disclose
from app.db import as_waymark, db, transaction
from app.errors import NotFound
from app.events import Fact, record_stay
from app.fields import open_field
from app.models.accounts import Organisation
from app.models.beds import Refuge, Room
from app.models.messages import SmsInbox
from app.models.placements import OPEN, OwnReason, Placement, PlacementState
from app.models.plans import PlanLine
from app.models.reference import Feature, Language, ReasonKind
from app.models.referrals import Caller, LinkKind, Needs, Referral, ReferralLink
from app.policy import only_for, visible_placements, visible_referrals
from app.services.budgets import spend_look
from app.services.call_backs import waits_for_call_back
from app.services.choices import Choice, reason_choices, reason_text
from app.services.follow import people
from app.services.holds import Hold, hold_of
from app.services.living_here import LivingHere, living_here
from app.services.locks import GONE
from app.services.questions import QuestionShown, questions_of
from app.services.stay_lengths import read_curve
from app.services.text_senders import Outcome
from app.services.transfers import SAFETY
from app.services.transfers_shown import MoveHouse, move_house

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
    """One offer. ``asks`` is missing once it is neither open nor accepted: she is not theirs.

    ``is_held`` says that the room is kept for her while the house decides. ``questions`` are those
    that it may ask back, none once it has asked. ``ended_because`` is said of one that Waymark
    ended because something else came first.
    """

    public_id: UUID
    code: str
    ref: str
    state: str
    is_open: bool
    urgency: str
    reply_by: datetime | None
    room: str
    is_shared: bool
    asks: Suitability | None = None
    reasons: list[str] = field(default_factory=list)
    decline_reasons: list[Choice]
    is_answer_to_confirm: bool = False
    is_transfer: bool = False
    is_held: bool = False
    question: QuestionShown | None = None
    questions: list[Choice] = field(default_factory=list)
    ended_because: str = ""


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Whom to ring to arrange the handover."""

    callback_phone: str
    incident_ref: str
    force: str


@dataclass(frozen=True, kw_only=True)
class StayPage:
    """One stay from acceptance on; ``asks``, ``meeting`` and ``after`` go when she does.

    While ``waits_for_call_back`` the force has not vouched for the officer: nobody is to be rung.
    """

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
    asks: Suitability | None = None
    meeting: Meeting | None = None
    waits_for_call_back: bool = False
    not_arrived_reasons: list[Choice]
    departure_reasons: list[Choice]
    after: LivingHere | None = None
    hold: Hold | None = None
    move: MoveHouse | None = None
    is_transfer: bool = False


def show_offer(public_id: UUID, *, by: Actor) -> OfferPage:
    """What the house needs to say yes or no, and why it was chosen.

    Raises:
        NotFound: no such offer to this house.
    """
    only_for(by, *REFUGE)
    with transaction(by=by) as now:
        placement, referral, room = _find(public_id, by)
        spend_look(referral.id, by=by, now=now)
        record_stay(Fact.OFFER_VIEWED, placement, by=by)
        expires = placement.offer_expires_at
        stage = stage_of(placement, now)
        question = questions_of([placement.id], stage, by=by).get(placement.id)
        return disclose(
            OfferPage,
            stage,
            public_id=lambda: placement.public_id,
            code=lambda: placement.offer_code,
            ref=lambda: referral.ref,
            state=lambda: placement.state,
            is_open=lambda: stage is Stage.ASKED and expires is not None and expires > now,
            urgency=lambda: referral.urgency,
            reply_by=lambda: expires,
            room=lambda: room.code,
            is_shared=lambda: room.is_shared,
            asks=lambda: _suitability(placement, referral, by),
            reasons=lambda: _why_here(placement),
            decline_reasons=lambda: reason_choices(ReasonKind.DECLINED_BY_REFUGE),
            is_answer_to_confirm=lambda: _is_answer_to_confirm(placement),
            is_transfer=lambda: referral.transfer_of_id is not None,
            is_held=lambda: placement.state == PlacementState.OFFERED,
            question=lambda: question,
            questions=lambda: [] if question else reason_choices(ReasonKind.QUESTION),
            ended_because=lambda: _came_second(placement),
        )


def _came_second(placement: Placement) -> str:
    """Said to a house only of what Waymark itself ended: her own no and the desk's are not its."""
    code = placement.reason_code
    return reason_text(code) if code in (OwnReason.ANOTHER_HOUSE_FIRST, OwnReason.ROOM_GONE) else ""


def _is_answer_to_confirm(placement: Placement) -> bool:
    """Whether somebody answered from a number that is too new to answer by itself."""
    answered = exists().where(
        SmsInbox.placement_id == placement.id, SmsInbox.outcome == Outcome.TO_CONFIRM
    )
    with as_waymark():  # a house reads no text, and may know that one of its own is waiting
        return bool(db.session.scalar(select(answered)))


def show_stay(public_id: UUID, *, by: Actor) -> StayPage:
    """One woman whom the house took: how to reach the officer, and what she needs.

    Raises:
        NotFound: no such stay, or the house has not accepted her.
    """
    only_for(by, *REFUGE)
    curve = read_curve()
    with transaction(by=by) as now:
        placement, referral, room = _find(public_id, by)
        if placement.state not in (*HERS, *WAS_HERS):
            raise NotFound(GONE)
        waits = waits_for_call_back(referral.id)
        spend_look(referral.id, by=by, now=now)
        record_stay(Fact.STAY_VIEWED, placement, by=by)
        stage = stage_of(placement, now)
        return disclose(
            StayPage,
            stage,
            public_id=lambda: placement.public_id,
            ref=lambda: referral.ref,
            code=lambda: placement.offer_code,
            state=lambda: placement.state,
            room=lambda: room.code,
            is_shared=lambda: room.is_shared,
            accepted_at=lambda: placement.answered_at,
            arrived_at=lambda: placement.arrived_at,
            ended_at=lambda: placement.ended_at,
            ended_because=lambda: reason_text(placement.reason_code),
            asks=lambda: _suitability(placement, referral, by),
            hold=lambda: hold_of(placement, by, now),
            move=lambda: (
                move_house(placement, referral, stage, by, now)
                if placement.state == PlacementState.ARRIVED
                else None
            ),
            is_transfer=lambda: referral.transfer_of_id is not None,
            meeting=lambda: None if waits else _meeting(referral),
            waits_for_call_back=lambda: waits,
            not_arrived_reasons=lambda: reason_choices(ReasonKind.NOT_ARRIVED),
            departure_reasons=lambda: reason_choices(ReasonKind.DEPARTURE),
            after=lambda: (
                living_here(placement, room, curve, now)
                if placement.state == PlacementState.ARRIVED
                else None
            ),
        )


def stage_of(placement: Placement, now: datetime) -> Stage:
    """What a house is to her. The officer's number serves the handover: half a day after she came
    it has done so.
    """
    if placement.state in OPEN:
        return Stage.ASKED
    if placement.state == PlacementState.ACCEPTED:
        return Stage.PROMISED
    if placement.state == PlacementState.ARRIVED:
        arrived = placement.arrived_at
        is_fresh = arrived is not None and now - arrived < HANDOVER_ENDS
        return Stage.PROMISED if is_fresh else Stage.LIVES_HERE
    return Stage.WAS_HERE


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
    """Safety: for her safety the desk stands between two houses, and neither rings the other."""
    if referral.transfer_reason == SAFETY:
        return Meeting(callback_phone="", incident_ref="", force="")
    caller = db.session.get_one(Caller, referral.caller_id)
    return Meeting(
        callback_phone=open_field(caller, "callback_phone"),
        incident_ref=open_field(caller, "incident_ref"),
        force=""
        if referral.transfer_of_id is not None
        else db.session.get_one(Organisation, referral.force_id).name,
    )
