"""The life of an offer: made, answered once, lapsed, and the stay that follows it.

An enquiry to one more house is answered here too: the first yes is the one that counts.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import Range

from app.actors import POLICE, REFUGE, SYSTEM, Actor, Role
from app.db import db, patiently, transaction
from app.errors import NotAllowed
from app.events import Fact, record_stay
from app.models.messages import TaskKind
from app.models.placements import OPEN, Channel, OwnReason, Placement, PlacementState
from app.models.reference import ReasonKind
from app.models.referrals import Referral, ReferralState
from app.outbox import open_task
from app.policy import only_for
from app.queue import Job, defer
from app.services import holds, matching, transfers
from app.services.call_backs import note_abandoned
from app.services.choices import check_reason
from app.services.enquiries import (
    back_to_the_plan,
    end_by_itself,
    refuse_unless_open,
    withdraw_the_others,
)
from app.services.holding import keep_beds, state_of
from app.services.locks import lock_placement
from app.services.questions import why_lapsed
from app.services.settling import settle
from app.services.telling import owe_offer_withdrawn


def accept_offer(
    *, by: Actor, channel: Channel, public_id: UUID | None = None, code: str = ""
) -> UUID:
    """Take the room for her; the first answer wins, whichever way it comes.

    Every other house that is asked for her is told that it need not answer any more. A yes to an
    enquiry finds the room as it is then: where it has gone, the enquiry ends and nothing else does.

    Raises:
        NotFound: there is no such offer for ``by``.
        Conflict: it was answered, withdrawn or lapsed before, or the room has gone; the text says
            which.
    """
    _may_answer(by)
    try:
        return patiently(lambda: _accept(by, channel, public_id, code))
    except matching.RoomGone:
        patiently(lambda: _end_without_its_room(by, public_id, code))
        raise


def _accept(by: Actor, channel: Channel, public_id: UUID | None, code: str) -> UUID:
    with transaction(by=by) as now:
        if state_of(by, public_id, code) == PlacementState.ENQUIRED:
            matching.wait_for_turn()  # before any row is locked, as every decision does
        placement, referral = lock_placement(by, public_id, code)
        until = now + holds.length_of(referral)
        refuse_unless_open(placement, now)
        withdraw_the_others(placement, now)
        if placement.state == PlacementState.ENQUIRED:
            _take_its_room(placement, referral, channel, now, until)
        else:
            _answer(placement, PlacementState.ACCEPTED, channel, now, hold_until=until)
        referral.move(ReferralState.CONFIRMED, at=now)
        referral.confirmed_at = now
        record_stay(Fact.OFFER_ACCEPTED, placement, by=by, channel=channel)
        return placement.public_id


def _take_its_room(
    placement: Placement, referral: Referral, channel: Channel, now: datetime, until: datetime
) -> None:
    """Nothing was held: the rules and the beds are looked at again, and the beds are hers."""
    found = matching.room_on_yes(referral, placement.room_id, now)
    placement.bed_spaces, placement.cots = found.size
    placement.during = Range(now, None)
    _answer(placement, PlacementState.ACCEPTED, channel, now, hold_until=until)
    keep_beds(placement, found.beds)


def _end_without_its_room(by: Actor, public_id: UUID | None, code: str) -> None:
    with transaction(by=by) as now:
        placement, referral = lock_placement(by, public_id, code)
        if placement.state == PlacementState.ENQUIRED:
            end_by_itself([placement], OwnReason.ROOM_GONE)
            back_to_the_plan(referral, now)


def decline_offer(
    *, by: Actor, channel: Channel, reason: str, public_id: UUID | None = None, code: str = ""
) -> UUID:
    """Say no with a reason; once no house is asked any more she is back in the plan, without it.

    Raises:
        NotFound, Conflict: as for ``accept_offer``.
        Invalid: no such reason.
    """
    _may_answer(by)
    return patiently(lambda: _decline(by, channel, reason, public_id, code))


def _decline(by: Actor, channel: Channel, reason: str, public_id: UUID | None, code: str) -> UUID:
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.DECLINED_BY_REFUGE)
        placement, referral = lock_placement(by, public_id, code)
        refuse_unless_open(placement, now)
        _answer(placement, PlacementState.DECLINED, channel, now, reason=reason)
        record_stay(Fact.OFFER_DECLINED, placement, by=by, channel=channel, reason=reason)
        back_to_the_plan(referral, now)
        return placement.public_id


def _answer(
    placement: Placement,
    state: PlacementState,
    channel: Channel,
    now: datetime,
    *,
    reason: str | None = None,
    hold_until: datetime | None = None,
) -> None:
    """One compare-and-swap decides, for web, text and desk alike: rowcount 1 for the first only."""
    db.session.flush()
    swapped = db.session.execute(
        update(Placement)
        .where(
            Placement.id == placement.id,
            Placement.state.in_(OPEN),
            Placement.offer_expires_at > now,
        )
        .values(
            state=state,
            answered_at=now,
            answered_by_channel=channel,
            reason_code=reason,
            hold_until=hold_until,
        )
        .returning(Placement.id),
        execution_options={"synchronize_session": False},
    ).first()
    db.session.refresh(placement)
    if swapped is None:
        refuse_unless_open(placement, now)


def lapse_offers() -> int:
    """Let go of every offer that nobody answered in time and put it before a person; how many."""
    with transaction(by=SYSTEM) as now:
        late = db.session.scalars(
            select(Placement.public_id)
            .where(Placement.state.in_(OPEN), Placement.offer_expires_at <= now)
            .order_by(Placement.id)
        ).all()
    return sum(_lapse(public_id) for public_id in late)


def _lapse(public_id: UUID) -> bool:
    with transaction(by=SYSTEM) as now:
        placement, referral = lock_placement(SYSTEM, public_id)
        expires = placement.offer_expires_at
        if placement.state not in OPEN or expires is None or expires > now:
            return False
        placement.state = PlacementState.LAPSED
        placement.reason_code = why_lapsed(placement)
        record_stay(Fact.OFFER_LAPSED, placement, by=SYSTEM, reason=placement.reason_code)
        open_task(TaskKind.OFFER_LAPSED, referral_id=referral.id, placement_id=placement.id)
        back_to_the_plan(referral, now)
        return True


def withdraw_offer(public_id: UUID, reason: str, *, by: Actor) -> None:
    """Take an offer, an enquiry or a promised room back. The desk's alone.

    Her own no is one of its reasons: the house is then asked for her no more, and nothing else of
    hers changes.
    """
    if by.role is not Role.COORDINATOR:
        raise NotAllowed("Only the coordinator may take an offer back.")
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.OVERRIDE, ReasonKind.DECLINED_BY_SURVIVOR)
        _take_back(public_id, reason, by, now)


def decline_for_her(public_id: UUID, reason: str, *, by: Actor) -> None:
    """Her officer says that she does not want this house; she goes on waiting for another.

    It costs her nothing: her wait counts from her request, and the house is not asked again.

    Raises:
        NotFound: no such offer for a request of theirs.
        Invalid: no such reason.
        Conflict: it has moved on.
    """
    only_for(by, *POLICE)
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.DECLINED_BY_SURVIVOR)
        _take_back(public_id, reason, by, now)


def _take_back(public_id: UUID, reason: str, by: Actor, now: datetime) -> None:
    placement, referral = lock_placement(by, public_id)
    placement.refuse_unless(*OPEN, PlacementState.ACCEPTED)
    placement.state, placement.reason_code = PlacementState.WITHDRAWN, reason
    referral.confirmed_at = None  # what was promised is promised no more
    is_hers = check_reason(reason, *ReasonKind).kind == ReasonKind.DECLINED_BY_SURVIVOR
    fact = Fact.SHE_DECLINED if is_hers else Fact.OFFER_WITHDRAWN
    record_stay(fact, placement, by=by, reason=reason)
    back_to_the_plan(referral, now)
    owe_offer_withdrawn(placement, now)


def record_arrival(public_id: UUID, *, by: Actor) -> None:
    """She is there: the bed is occupied. Both the refuge and the officer may say so."""
    with transaction(by=by) as now:
        placement, referral = lock_placement(by, public_id)
        placement.refuse_unless(PlacementState.ACCEPTED)
        placement.state, placement.arrived_at = PlacementState.ARRIVED, now
        referral.move(ReferralState.RESIDENT, at=now)
        settle(TaskKind.OVERDUE, placement, by=by, now=now)
        record_stay(Fact.ARRIVED, placement, by=by)
        transfers.end_the_stay_before(referral, by=by, now=now)


def record_not_arrived(public_id: UUID, reason: str, *, by: Actor) -> None:
    """She did not come: the room is free again and a person looks into it."""
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.NOT_ARRIVED)
        placement, referral = lock_placement(by, public_id)
        placement.refuse_unless(PlacementState.ACCEPTED)
        placement.state, placement.reason_code = PlacementState.NOT_ARRIVED, reason
        referral.move(ReferralState.NOT_ARRIVED, at=now)
        referral.closed_at, referral.closed_reason = now, reason
        settle(TaskKind.OVERDUE, placement, by=by, now=now)
        record_stay(Fact.NOT_ARRIVED, placement, by=by, reason=reason)
        open_task(TaskKind.NOT_ARRIVED, referral_id=referral.id, placement_id=placement.id)
        note_abandoned(referral, now=now)
        defer(Job.PLAN)


def record_departure(public_id: UUID, reason: str, *, by: Actor) -> None:
    """She has moved on; her room is made ready for the next, and free after that."""
    if by.role not in REFUGE:
        raise NotAllowed("Only the house may record that somebody has left.")
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.DEPARTURE)
        placement, referral = lock_placement(by, public_id)
        placement.refuse_unless(PlacementState.ARRIVED)
        transfers.refuse_while_moving(placement)
        transfers.end_stay(placement, referral, reason, by=by, now=now)


def _may_answer(by: Actor) -> None:
    if by.role not in (*REFUGE, Role.COORDINATOR):
        raise NotAllowed("Only the house or the coordinator may answer an offer.")
