"""Where a request stands, as the officer reads it: steps, reasons, and whom to meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, select

from app.actors import Actor
from app.authz import Stage, disclose
from app.db import db
from app.fields import open_field
from app.models.beds import Refuge
from app.models.placements import OPEN, Placement, PlacementState
from app.models.plans import PlanLine, PlanRun
from app.models.referrals import PROMISED, Referral, ReferralState
from app.services.call_backs import waits_for_call_back
from app.services.choices import reason_text
from app.services.holds import Hold, hold_of
from app.services.pauses import PauseShown, pauses_of
from app.services.questions import QuestionShown, open_questions
from app.services.why_words import why_not, would_help

WAS_HERS = Placement.state.in_((PlacementState.DEPARTED, PlacementState.NOT_ARRIVED))
# What an officer can do while nothing fits, in every force and at every hour.
MEANWHILE = (
    "Stay with her. Ask your control room for a safe room tonight: a hotel out of the area, or a"
    " place of safety.",
    "Do not go back to where she was found, and do not use an address the men who held her know.",
    "Ring the duty coordinator if she is hurt, or if somebody is looking for her.",
)


@dataclass(frozen=True, kw_only=True)
class Handover:
    """All that police learn of a house, from its yes until she is there.

    A supervisor learns the alias alone, and so does an officer for whom the force has not vouched
    yet where a rule asks for that.
    """

    alias: str
    duty_line: str = ""
    handover_point: str = ""
    waits_for_call_back: bool = False


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where a request stands. ``reasons`` and ``unlock`` are sentences without names or counts.

    ``houses_asked`` may still say yes; ``questions`` are what they wait to know, of the officer who
    asked for her alone.
    """

    steps: list[dict[str, Any]]
    reply_by: datetime | None = None
    is_proposed: bool = False
    reasons: list[str] = field(default_factory=list)
    unlock: list[str] = field(default_factory=list)
    meanwhile: list[str] = field(default_factory=list)
    placement: Handover | None = None
    hold: Hold | None = None
    pause: PauseShown | None = None
    arrived_at: datetime | None = None
    closed_reason: str = ""
    houses_asked: int = 0
    questions: list[QuestionShown] = field(default_factory=list)


def status_of(referral: Referral, by: Actor, now: datetime) -> Status:
    """Where she stands at this moment."""
    placement = newest_placement(referral)
    line = newest_line(referral) if referral.state == ReferralState.READY else None
    left_out = line is not None and line.room_id is None
    unmet = referral.state == ReferralState.UNMET
    asked = _houses_asked(referral)
    return Status(
        steps=_steps(referral, placement),
        reply_by=max((at for each in asked if (at := each.offer_expires_at)), default=None),
        is_proposed=line is not None and line.room_id is not None,
        reasons=why_not(line.reasons) if line and left_out else [],
        unlock=would_help(line.unlock) if line and left_out else [],
        meanwhile=list(MEANWHILE) if left_out or unmet else [],
        placement=_handover(referral, placement, by),
        hold=hold_of(placement, by, now) if placement else None,
        pause=pauses_of([referral.id]).get(referral.id),
        arrived_at=placement.arrived_at if placement else None,
        closed_reason=reason_text(referral.closed_reason),
        houses_asked=len(asked),
        questions=open_questions(referral, by=by),
    )


def _handover(referral: Referral, placement: Placement | None, by: Actor) -> Handover | None:
    """Safety: only while she is on her way; how to reach the house is for the one who asked."""
    if placement is None or referral.state not in PROMISED:
        return None
    refuge = db.session.get_one(Refuge, placement.refuge_id)
    waits = waits_for_call_back(referral.id)
    return disclose(
        Handover,
        stage_of(referral, by),
        alias=lambda: refuge.alias,
        duty_line=lambda: "" if waits else refuge.duty_line,
        handover_point=lambda: "" if waits else open_field(refuge, "handover_point"),
        waits_for_call_back=lambda: waits,
    )


def _steps(referral: Referral, placement: Placement | None) -> list[dict[str, Any]]:
    """Sent, chosen, promised, set out, arrived: what is done, what is now, what is next."""
    state = ReferralState(referral.state)
    reached = {
        ReferralState.READY: 1,
        ReferralState.PAUSED: 1,
        ReferralState.OFFERED: 2,
        ReferralState.CONFIRMED: 3,
        ReferralState.IN_TRANSIT: 4,
        ReferralState.RESIDENT: 5,
        ReferralState.MOVED_ON: 5,
    }.get(state)
    if reached is None:
        return [
            {"text": "The request was sent", "at": referral.submitted_at, "state": "done"},
            {"text": "The request ended", "at": referral.closed_at, "state": "done"},
        ]
    shown = placement if reached >= 2 else None
    words = [
        ("The request was sent", referral.submitted_at),
        ("A person chooses a room", shown.offered_at if shown else None),
        ("The house answers", shown.answered_at if shown else None),
        ("She sets out", shown.set_out_at if shown else None),
        ("She arrives", shown.arrived_at if shown else None),
    ]
    return [
        {
            "text": text,
            "at": at,
            "state": "done" if number < reached else "now" if number == reached else "next",
        }
        for number, (text, at) in enumerate(words)
    ]


def stage_of(referral: Referral, by: Actor) -> Stage:
    """Safety: a supervisor follows the force's requests without reading anybody's needs."""
    return Stage.ASKER if referral.officer_id == by.user_id else Stage.FORCE


def newest_placement(referral: Referral) -> Placement | None:
    """Her room, or the newest house that is asked or was her own; an enquiry that ended comes last.

    The first yes ends the others, so what ended later may have been asked beside her own room.
    """
    rank = case((Placement.live, 0), (Placement.state.in_(OPEN), 1), (WAS_HERS, 2), else_=3)
    return db.session.scalar(
        select(Placement)
        .where(Placement.referral_id == referral.id)
        .order_by(rank, Placement.id.desc())
        .limit(1)
    )


def _houses_asked(referral: Referral) -> Sequence[Placement]:
    return db.session.scalars(
        select(Placement).where(Placement.referral_id == referral.id, Placement.state.in_(OPEN))
    ).all()


def newest_line(referral: Referral) -> PlanLine | None:
    """What the newest plan made since she began to wait says of her."""
    return db.session.scalar(
        select(PlanLine)
        .join(PlanRun, PlanRun.id == PlanLine.run_id)
        .where(PlanLine.referral_id == referral.id, PlanRun.as_of >= referral.state_since)
        .order_by(PlanRun.as_of.desc())
        .limit(1)
    )
