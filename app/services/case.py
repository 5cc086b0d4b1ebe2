"""One request as the desk decides on it: the plan's word, every free room, and what came before."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.actors import Actor, Role
from app.authz import Stage, disclose
from app.db import db, transaction
from app.errors import NotFound
from app.events import Fact, record
from app.fields import open_field
from app.models.accounts import Organisation
from app.models.beds import Room
from app.models.enquiries import HouseQuestion
from app.models.messages import RINGS_OFFICER, Task
from app.models.placements import OPEN, Placement, PlacementState
from app.models.plans import PlanLine
from app.models.reference import ReasonKind
from app.models.referrals import MOVES, Caller, Referral, ReferralState
from app.policy import only_for, visible_placements, visible_referrals, visible_tasks
from app.services.budgets import spend_look
from app.services.call_backs import CallBackShown, call_back_of
from app.services.case_offers import PastOffer, TextSent, past_offers, texts_sent
from app.services.choices import Choice, reason_choices, reason_text
from app.services.costs import Cost, known_cost
from app.services.desk import HousesAsked, Line, asked_shown, line_shown
from app.services.desk_people import people_shown
from app.services.desk_rooms import RoomShown, rooms_shown
from app.services.enquiries import more_houses
from app.services.moving_on import Freeing, freeing_of
from app.services.pauses import PauseShown, pauses_of
from app.services.recovery import RecoveryShown, recovery_of
from app.services.referrals import GONE
from app.services.standing import newest_line
from app.services.stay_lengths import Curve, read_curve
from app.services.transfers_shown import MoveHouse, MovesFrom, move_house, moves_from


@dataclass(frozen=True, kw_only=True)
class News:
    """Where the request stands now, and whether a page drawn earlier still says so."""

    state: str
    reply_by: datetime | None
    has_changed: bool


@dataclass(frozen=True, kw_only=True)
class ChosenCost:
    """A room that somebody is about to choose; ``cost`` is None while it is being worked out."""

    ref: str
    room: RoomShown
    cost: Cost | None

    @property
    def token(self) -> str:
        """What the form sends back to say that this cost was read; empty while there is none."""
        return self.cost.token(self.room.public_id) if self.cost else ""


@dataclass(frozen=True, kw_only=True)
class CasePage:
    """Everything on the desk's page of one request.

    ``free_rooms`` are those the plan has not looked at: the rules are checked on choosing.
    ``chosen`` is the room whose cost must be read first, ``run_id`` the plan of the line; ``texts``
    are by the offer that they tell of.
    ``stamp`` changes when something on the page does. ``recovery`` and ``frees`` are of a woman who
    lives in a house: her minimum right, and when her bed is likely to free.
    """

    line: Line
    run_id: UUID | None
    asked: HousesAsked | None
    texts: dict[UUID, list[TextSent]]
    history: list[PastOffer]
    free_rooms: list[RoomShown]
    chosen: ChosenCost | None
    call_back: CallBackShown | None
    force: str
    callback_phone: str = ""
    incident_ref: str = ""
    closed_reason: str
    moves: frozenset[str]
    stamp: str
    news: News
    override_reasons: list[Choice]
    withdraw_reasons: list[Choice]
    her_reasons: list[Choice]
    decline_reasons: list[Choice]
    unmet_reasons: list[Choice]
    pause: PauseShown | None
    move: MoveHouse | None
    moves_from: MovesFrom | None
    pause_reasons: list[Choice]
    recovery: RecoveryShown | None
    frees: Freeing | None


def show_case(ref: str, *, by: Actor, chosen: UUID | None = None) -> CasePage:
    """One request for the duty coordinator; the look is written down.

    ``chosen`` is the room that somebody is about to choose without having read what it costs.

    Raises:
        NotFound: no such request.
    """
    only_for(by, Role.COORDINATOR)
    curve = read_curve()
    with transaction(by=by) as now:
        referral = _visible(ref, by)
        spend_look(referral.id, by=by, now=now)
        recovery, frees, move = _living_there(referral, curve, by, now)
        record(Fact.REFERRAL_VIEWED, by=by, referral_id=referral.id)
        rooms = rooms_shown(by, now)
        persons = people_shown(by, Referral.id == referral.id)
        planned = _line_of(referral)
        more = more_houses(now.date())
        line = line_shown(persons[referral.id], planned, rooms, more)
        asked = asked_shown(by, persons, rooms, now).get(referral.id)
        return disclose(
            CasePage,
            stage_of(referral, by),
            line=lambda: line,
            run_id=lambda: planned.run_id if planned else None,
            asked=lambda: asked,
            texts=lambda: texts_sent(asked),
            history=lambda: past_offers(referral, rooms, by),
            free_rooms=lambda: _not_looked_at(line, rooms),
            chosen=lambda: _chosen_cost(ref, chosen, planned, rooms) if chosen else None,
            call_back=lambda: call_back_of(referral),
            force=lambda: db.session.get_one(Organisation, referral.force_id).name,
            callback_phone=lambda: open_field(_caller(referral), "callback_phone"),
            incident_ref=lambda: open_field(_caller(referral), "incident_ref"),
            closed_reason=lambda: reason_text(referral.closed_reason),
            moves=lambda: _moves(referral),
            stamp=lambda: _stamp(referral, planned),
            news=lambda: _news(referral, by, has_changed=False),
            override_reasons=lambda: reason_choices(ReasonKind.OVERRIDE),
            withdraw_reasons=lambda: reason_choices(ReasonKind.OVERRIDE),
            her_reasons=lambda: reason_choices(ReasonKind.DECLINED_BY_SURVIVOR),
            decline_reasons=lambda: reason_choices(ReasonKind.DECLINED_BY_REFUGE),
            unmet_reasons=lambda: reason_choices(ReasonKind.UNMET),
            move=lambda: move,
            moves_from=lambda: moves_from(referral),
            pause=lambda: pauses_of([referral.id]).get(referral.id),
            pause_reasons=lambda: reason_choices(ReasonKind.PAUSED),
            recovery=lambda: recovery,
            frees=lambda: frees,
        )


def stage_of(referral: Referral, by: Actor) -> Stage:
    """Who asked is the desk's to know while a task says: ring the officer."""
    rings = visible_tasks(by).where(
        Task.referral_id == referral.id, Task.kind.in_(RINGS_OFFICER), Task.done_at.is_(None)
    )
    return Stage.DESK_RINGS if db.session.scalars(rings).first() else Stage.DESK


def _moves(referral: Referral) -> frozenset[ReferralState]:
    """She who moves from one house to another has her bed: her need is met all the while."""
    moves = MOVES[ReferralState(referral.state)]
    return moves - {ReferralState.UNMET} if referral.transfer_of_id is not None else moves


def _caller(referral: Referral) -> Caller:
    return db.session.get_one(Caller, referral.caller_id)


def _living_there(
    referral: Referral, curve: Curve, by: Actor, now: datetime
) -> tuple[RecoveryShown | None, Freeing | None, MoveHouse | None]:
    row = db.session.execute(
        visible_placements(by)
        .join(Room, Room.id == Placement.room_id)
        .where(Placement.referral_id == referral.id, Placement.state == PlacementState.ARRIVED)
        .with_only_columns(Placement, Room)
    ).first()
    if row is None:
        return None, None, None
    placement, room = row
    return (
        recovery_of(placement),
        freeing_of(placement, room, curve, now),
        move_house(placement, referral, Stage.DESK, by, now),
    )


def news(ref: str, stamp: str, *, by: Actor) -> News:
    """Whether the page drawn with ``stamp`` still holds. Nothing of hers is in the answer."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by):
        referral = _visible(ref, by)
        _tell_of_a_planted_one(referral, by)
        return _news(referral, by, has_changed=stamp != _stamp(referral, _line_of(referral)))


def cost_of(ref: str, room: UUID, *, by: Actor) -> ChosenCost:
    """What this room would cost the others, or that it is still being worked out.

    Raises:
        NotFound: no such request or room.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        referral = _visible(ref, by)
        _tell_of_a_planted_one(referral, by)
        line = _line_of(referral)
        found = _chosen_cost(ref, room, line, rooms_shown(by, now))
        if found is None:
            raise NotFound("We cannot find that room.")
        return found


def _chosen_cost(
    ref: str, room: UUID, line: PlanLine | None, rooms: dict[int, RoomShown]
) -> ChosenCost | None:
    for room_id, shown in rooms.items():
        if shown.public_id == room:
            return ChosenCost(ref=ref, room=shown, cost=known_cost(line, room_id))
    return None


def _news(referral: Referral, by: Actor, *, has_changed: bool) -> News:
    reply_by = db.session.scalar(
        visible_placements(by)
        .where(Placement.referral_id == referral.id, Placement.state.in_(OPEN))
        .with_only_columns(func.min(Placement.offer_expires_at))
    )
    return News(state=referral.state, reply_by=reply_by, has_changed=has_changed)


def _visible(ref: str, by: Actor) -> Referral:
    referral = db.session.scalar(visible_referrals(by).where(Referral.ref == ref))
    if referral is None:
        raise NotFound(GONE)
    return referral


def _tell_of_a_planted_one(referral: Referral, by: Actor) -> None:
    """What shows nothing of hers is no look, and still nobody reaches unseen for a planted one."""
    if db.session.scalar(select(func.is_planted(referral.id))):
        detail: dict[str, object] = {"live": True}
        record(Fact.REFERRAL_VIEWED, by=by, referral_id=referral.id, detail=detail)


def _line_of(referral: Referral) -> PlanLine | None:
    """What the plan says of her, while she waits; nothing of her once she does not."""
    return newest_line(referral) if referral.state == ReferralState.READY else None


def _stamp(referral: Referral, line: PlanLine | None) -> str:
    """Newer state, another room, a house's answer or question, or explanations that have come."""
    said: list[Any] = [referral.id, referral.version, *_houses_asked(referral)]
    if line is not None:
        said += [line.room_id, line.reasons, line.unlock, line.alternatives]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _houses_asked(referral: Referral) -> list[Any]:
    rows = db.session.execute(
        select(Placement.id, Placement.state, Placement.offer_expires_at, HouseQuestion.answered_at)
        .outerjoin(HouseQuestion, HouseQuestion.placement_id == Placement.id)
        .where(Placement.referral_id == referral.id)
        .order_by(Placement.id)
    )
    return [tuple(row) for row in rows]


def _not_looked_at(line: Line, rooms: dict[int, RoomShown]) -> list[RoomShown]:
    known: set[UUID] = {each.room.public_id for each in line.alternatives or []}
    if line.room is not None:
        known.add(line.room.public_id)
    return [room for room in rooms.values() if room.is_free and room.public_id not in known]


def offer_of(ref: str, offer: UUID, *, by: Actor) -> UUID:
    """``offer`` itself, once it is sure to be this request's: a page may be older than the night.

    Raises:
        NotFound: this request has no such offer.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by):
        found: UUID | None = db.session.scalar(
            visible_placements(by)
            .join(Referral, Referral.id == Placement.referral_id)
            .where(Referral.ref == ref, Placement.public_id == offer)
            .with_only_columns(Placement.public_id)
        )
        if found is None:
            raise NotFound("We cannot find that offer.")
        return found
