"""The life of an offer: made, answered once, lapsed, and the stay that follows it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import Range

from app.actors import REFUGE, SYSTEM, Actor, Role
from app.codes import CODE_LETTERS
from app.db import db, patiently, transaction
from app.errors import Conflict, NotAllowed
from app.events import Fact, record_stay
from app.fields import seal
from app.models.beds import Bed, BedKind, BedUse, Room
from app.models.messages import TaskKind
from app.models.placements import Channel, Placement, PlacementState
from app.models.reference import ClockPolicy, ReasonKind
from app.models.referrals import Referral, ReferralState
from app.outbox import open_task
from app.queue import Job, defer
from app.services import holds, locks, transfers, voids
from app.services.call_backs import note_abandoned
from app.services.choices import check_reason
from app.services.locks import lock_placement
from app.services.settling import settle
from app.services.telling import owe_offer, owe_offer_withdrawn

GONE = locks.GONE


def accept_offer(
    *, by: Actor, channel: Channel, public_id: UUID | None = None, code: str = ""
) -> UUID:
    """Take the offered room for her; the first answer wins, whichever way it comes.

    Raises:
        NotFound: there is no such offer for ``by``.
        Conflict: it was answered, withdrawn or lapsed before; the text says which.
    """
    _may_answer(by)
    return patiently(lambda: _accept(by, channel, public_id, code))


def _accept(by: Actor, channel: Channel, public_id: UUID | None, code: str) -> UUID:
    with transaction(by=by) as now:
        placement, referral = _lock(by, public_id, code)
        until = now + holds.length_of(referral)
        _answer(placement, PlacementState.ACCEPTED, channel, now, hold_until=until)
        referral.move(ReferralState.CONFIRMED, at=now)
        referral.confirmed_at = now
        record_stay(Fact.OFFER_ACCEPTED, placement, by=by, channel=channel)
        return placement.public_id


def decline_offer(
    *, by: Actor, channel: Channel, reason: str, public_id: UUID | None = None, code: str = ""
) -> UUID:
    """Say no with a reason; she is back in the plan at once, without this refuge.

    Raises:
        NotFound, Conflict: as for ``accept_offer``.
        Invalid: no such reason.
    """
    _may_answer(by)
    return patiently(lambda: _decline(by, channel, reason, public_id, code))


def _decline(by: Actor, channel: Channel, reason: str, public_id: UUID | None, code: str) -> UUID:
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.DECLINED_BY_REFUGE)
        placement, referral = _lock(by, public_id, code)
        _answer(placement, PlacementState.DECLINED, channel, now, reason=reason)
        referral.move(ReferralState.READY, at=now)
        record_stay(Fact.OFFER_DECLINED, placement, by=by, channel=channel, reason=reason)
        defer(Job.PLAN)
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
    swapped = db.session.execute(
        update(Placement)
        .where(
            Placement.id == placement.id,
            Placement.state == PlacementState.OFFERED,
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
        if placement.state == PlacementState.OFFERED:
            raise Conflict("The time to answer this offer has passed.")
        placement.refuse_unless()


def lapse_offers() -> int:
    """Let go of every offer that nobody answered in time and put it before a person; how many."""
    with transaction(by=SYSTEM) as now:
        late = db.session.scalars(
            select(Placement.public_id)
            .where(Placement.state == PlacementState.OFFERED, Placement.offer_expires_at <= now)
            .order_by(Placement.id)
        ).all()
    return sum(_lapse(public_id) for public_id in late)


def _lapse(public_id: UUID) -> bool:
    with transaction(by=SYSTEM) as now:
        placement, referral = _lock(SYSTEM, public_id, "")
        expires = placement.offer_expires_at
        if placement.state != PlacementState.OFFERED or expires is None or expires > now:
            return False
        placement.state = PlacementState.LAPSED
        referral.move(ReferralState.READY, at=now)
        record_stay(Fact.OFFER_LAPSED, placement, by=SYSTEM)
        open_task(TaskKind.OFFER_LAPSED, referral_id=referral.id, placement_id=placement.id)
        defer(Job.PLAN)
        return True


def withdraw_offer(public_id: UUID, reason: str, *, by: Actor) -> None:
    """Take an offer or a promised room back; she returns to the plan. The desk's alone."""
    if by.role is not Role.COORDINATOR:
        raise NotAllowed("Only the coordinator may take an offer back.")
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.OVERRIDE, ReasonKind.DECLINED_BY_SURVIVOR)
        placement, referral = _lock(by, public_id, "")
        placement.refuse_unless(PlacementState.OFFERED, PlacementState.ACCEPTED)
        placement.state, placement.reason_code = PlacementState.WITHDRAWN, reason
        referral.move(ReferralState.READY, at=now)
        referral.confirmed_at = None  # what was promised is promised no more
        record_stay(Fact.OFFER_WITHDRAWN, placement, by=by, reason=reason)
        owe_offer_withdrawn(placement, now)
        defer(Job.PLAN)


def record_arrival(public_id: UUID, *, by: Actor) -> None:
    """She is there: the bed is occupied. Both the refuge and the officer may say so."""
    with transaction(by=by) as now:
        placement, referral = _lock(by, public_id, "")
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
        placement, referral = _lock(by, public_id, "")
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
        placement, referral = _lock(by, public_id, "")
        placement.refuse_unless(PlacementState.ARRIVED)
        transfers.refuse_while_moving(placement)
        placement.state, placement.reason_code = PlacementState.DEPARTED, reason
        referral.move(ReferralState.MOVED_ON, at=now)
        referral.closed_at, referral.closed_reason = now, reason
        settle(TaskKind.PLAN_PASSED, placement, by=by, now=now)
        record_stay(Fact.DEPARTED, placement, by=by, reason=reason)
        voids.make_ready(placement, now, by)
        defer(Job.PLAN)


# Steps of one transaction, for this module and for the one door of the plan.


@dataclass(frozen=True, kw_only=True)
class Override:
    """A choice against the plan: its reason, the note, and what it costs the others.

    ``cost`` is in words, as the person was shown it; ``loss`` the figures behind it. Where
    ``is_cost_known`` is false the person could not wait for it.
    """

    reason: str
    note: str
    cost: str
    loss: dict[str, int]
    is_cost_known: bool

    def detail(self) -> dict[str, object]:
        """What the audit trail keeps."""
        known: dict[str, object] = {"cost_known": self.is_cost_known, "loss": self.loss}
        return {"override": self.reason, "cost": self.cost, **known}


def hold_room(
    referral: Referral,
    room: Room,
    beds: list[Bed],
    *,
    size: tuple[int, int],
    by: Actor,
    now: datetime,
    run_id: UUID | None,
    override: Override | None = None,
) -> Placement:
    """Offer ``room`` to its refuge for ``referral``; both are locked already, ``beds`` too.

    ``size`` is (bed spaces, cots) she needs; ``override`` says why, when a person chose otherwise
    than the plan. The exclusion constraint stands behind every line of this.
    """
    minutes = db.session.scalar(
        select(ClockPolicy.reply_minutes).where(ClockPolicy.id == referral.clock_policy_id)
    )
    assert minutes is not None  # noqa: S101 - a foreign key
    during = Range(now, None)
    placement = Placement(
        referral_id=referral.id,
        refuge_id=room.refuge_id,
        room_id=room.id,
        bed_spaces=size[0],
        cots=size[1],
        state=PlacementState.OFFERED,
        during=during,
        offer_code="".join(secrets.choice(CODE_LETTERS) for _ in range(6)),
        offered_at=now,
        offer_expires_at=now + timedelta(minutes=minutes),
        run_id=run_id,
        decided_by_id=by.user_id,
        override_reason=override.reason if override else None,
        override_cost=override.cost if override else "",
    )
    seal(placement, override_note=override.note if override else "")
    db.session.add(placement)
    db.session.flush()
    for bed in sorted(beds, key=lambda bed: bed.id):
        db.session.add(
            BedUse(
                bed_id=bed.id,
                refuge_id=bed.refuge_id,
                placement_id=placement.id,
                live=True,
                during=during,
            )
        )
    db.session.flush()
    referral.move(ReferralState.OFFERED, at=now)
    record_stay(Fact.OFFER_MADE, placement, by=by, **(override.detail() if override else {}))
    owe_offer(placement)
    return placement


def beds_for(room: Room, free: list[Bed], size: tuple[int, int]) -> list[Bed] | None:
    """All of a private room, just what she needs of a shared one; None if too few are free."""
    beds = [bed for bed in free if bed.kind == BedKind.BED]
    cots = [bed for bed in free if bed.kind == BedKind.COT]
    if len(beds) < size[0] or len(cots) < size[1]:
        return None
    if room.is_shared:
        return beds[: size[0]] + cots[: size[1]]
    whole = len(beds) == room.bed_spaces and len(cots) == room.cots
    return beds + cots if whole else None


def _lock(by: Actor, public_id: UUID | None, code: str) -> tuple[Placement, Referral]:
    which = Placement.public_id == public_id if public_id else Placement.offer_code == code
    return lock_placement(by, which)


def _may_answer(by: Actor) -> None:
    if by.role not in (*REFUGE, Role.COORDINATOR):
        raise NotAllowed("Only the house or the coordinator may answer an offer.")
