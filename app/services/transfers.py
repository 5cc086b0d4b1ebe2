"""A move to another house: asked for and planned like any request, while she keeps her bed.

What is copied for it only Waymark reads whole: a house never learns where she must not be, nor the
desk. Her stay ends by itself in the transaction that says she has arrived in the other house.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from app.actors import REFUGE, SYSTEM, Actor, Role
from app.db import as_waymark, db, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import Fact, record, record_stay
from app.fields import seal
from app.models.beds import Refuge
from app.models.messages import TaskKind
from app.models.placements import Placement, PlacementState
from app.models.reference import District, Feature, ReasonKind
from app.models.referrals import (
    PROMISED,
    WAITING,
    Caller,
    Incident,
    LinkKind,
    Needs,
    Referral,
    ReferralLink,
    ReferralState,
    Safety,
)
from app.policy import only_for, visible_placements
from app.queue import Job, defer
from app.services import voids
from app.services.asked import NewTransfer
from app.services.choices import check_reason
from app.services.locks import GONE, lock_placement
from app.services.referrals import HIGH_SUPPORT, clock_policy_in_force, end_request, new_ref
from app.services.settling import settle

SAFETY = "transfer_safety"
MAY_ASK = (*REFUGE, Role.COORDINATOR)
# Where a house is no longer safe, nor is its neighbourhood: ten miles, as officers may choose.
UNSAFE_KM = 16
NOT_THERE_YET = (*WAITING, ReferralState.PAUSED, *PROMISED)
UNDER_WAY = (
    "A move to another house is under way for her. Once she is there that house says so, and her"
    " stay here ends by itself. If she has left in another way, cancel the move first."
)


def ask_transfer(public_id: UUID, new: NewTransfer, *, by: Actor) -> str:
    """Ask for another house for a woman who lives in one; returns the new request's reference.

    Raises:
        NotFound: no such stay to ``by``.
        Invalid: no such reason or need.
        Conflict: she has left, or a move has been asked for already.
    """
    only_for(by, *MAY_ASK)
    with transaction(by=by) as now:
        check_reason(new.reason, ReasonKind.TRANSFER, field="transfer_reason")
        placement, referral = lock_placement(by, public_id)
        placement.refuse_unless(PlacementState.ARRIVED)
        with as_waymark():
            made = _copy(placement, referral, new, by, now)
            _keep_links(referral, made, placement)
        detail: dict[str, object] = {"urgency": new.urgency, "transfer": True}
        record(Fact.REFERRAL_MADE, by=by, referral_id=made.id, detail=detail)
        record_stay(
            Fact.TRANSFER_ASKED, placement, by=by, reason=new.reason, urgency=new.urgency.value
        )
        defer(Job.PLAN)
        return made.ref


def cancel_transfer(public_id: UUID, reason: str, *, by: Actor) -> None:
    """Call the move off; her stay is as it was, and a room that was kept is let go.

    Raises:
        NotFound: no such stay to ``by``.
        Invalid: no such reason.
        Conflict: no move is under way for her.
    """
    only_for(by, *MAY_ASK)
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.TRANSFER_ENDED, field="end_reason")
        placement = db.session.scalar(
            visible_placements(by).where(Placement.public_id == public_id)
        )
        if placement is None:
            raise NotFound(GONE)
        with as_waymark():
            moving = open_transfer_of(placement.id, lock=True)
            if moving is None:
                raise Conflict("No move to another house is under way for her.")
            end_request(moving, reason, by=by, now=now)
        record_stay(Fact.TRANSFER_CANCELLED, placement, by=by, reason=reason)


def stay_of(ref: str, *, by: Actor) -> UUID:
    """The stay behind a reference: of a woman who lives in a house, or who is to move from it.

    Raises:
        NotFound: there is none such to the desk.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by):
        mine = select(Referral.id).where(Referral.ref == ref).scalar_subquery()
        left = select(Referral.transfer_of_id).where(Referral.ref == ref).scalar_subquery()
        found: UUID | None = db.session.scalar(
            visible_placements(by)
            .where(or_(Placement.referral_id == mine, Placement.id == left))
            .where(Placement.state == PlacementState.ARRIVED)
            .with_only_columns(Placement.public_id)
        )
        if found is None:
            raise NotFound(GONE)
        return found


# Steps that other use cases share; each runs inside the caller's transaction.


def open_transfer_of(placement_id: int, *, lock: bool = False) -> Referral | None:
    """The move that is under way for this stay, with Waymark's own sight."""
    query = select(Referral).where(
        Referral.transfer_of_id == placement_id, Referral.state.in_(NOT_THERE_YET)
    )
    return db.session.scalar(query.with_for_update() if lock else query)


def refuse_while_moving(placement: Placement) -> None:
    """Raises Conflict while a move to another house is under way for this stay."""
    with as_waymark():
        if open_transfer_of(placement.id) is not None:
            raise Conflict(UNDER_WAY)


def end_the_stay_before(arrived: Referral, *, by: Actor, now: datetime) -> None:
    """She is in the other house: the stay that she kept until now ends by itself."""
    if arrived.transfer_of_id is None:
        return
    with as_waymark():  # neither house reads the other's rows
        before = select(Placement.referral_id).where(Placement.id == arrived.transfer_of_id)
        referral = db.session.scalars(
            select(Referral).where(Referral.id == before.scalar_subquery()).with_for_update()
        ).one()
        placement = db.session.get_one(Placement, arrived.transfer_of_id, with_for_update=True)
        placement.refuse_unless(PlacementState.ARRIVED)
        reason = "safety_move" if arrived.transfer_reason == SAFETY else "another_refuge"
        end_stay(placement, referral, reason, by=by, now=now, is_transfer=True)


def end_stay(
    placement: Placement,
    referral: Referral,
    reason: str,
    *,
    by: Actor,
    now: datetime,
    is_transfer: bool = False,
) -> None:
    """She has left a room, which is made ready for the next; both rows are locked."""
    placement.state, placement.reason_code = PlacementState.DEPARTED, reason
    referral.move(ReferralState.MOVED_ON, at=now)
    referral.closed_at, referral.closed_reason = now, reason
    settle(TaskKind.PLAN_PASSED, placement, by=by, now=now)
    why = {"transfer": True} if is_transfer else {}
    record_stay(Fact.DEPARTED, placement, by=by, reason=reason, **why)
    voids.make_ready(placement, now, SYSTEM if is_transfer else by)
    defer(Job.PLAN)


def _copy(
    placement: Placement, referral: Referral, new: NewTransfer, by: Actor, now: datetime
) -> Referral:
    """Her request for another house, from what is known of her now. Nothing of the officer's.

    Whom to ring is the house she lives in; she sets out from its cell, and from no finer place.
    """
    house = db.session.get_one(Refuge, placement.refuge_id)
    needs, safety = _needs(referral, house, new), _safety(referral, house, new)
    caller = Caller()
    seal(caller, callback_phone=house.duty_line, incident_ref="")
    incident = Incident(force_id=by.organisation_id, officer_id=by.user_id)
    db.session.add_all([needs, safety, caller, incident])
    db.session.flush()
    made = Referral(
        ref=new_ref(),
        force_id=by.organisation_id,
        officer_id=by.user_id,
        incident_id=incident.id,
        needs_id=needs.id,
        safety_id=safety.id,
        caller_id=caller.id,
        clock_policy_id=clock_policy_in_force(new.urgency, now),
        urgency=new.urgency,
        state=ReferralState.READY,
        transfer_of_id=placement.id,
        transfer_reason=new.reason,
    )
    db.session.add(made)
    db.session.flush()
    return made


def _needs(referral: Referral, house: Refuge, new: NewTransfer) -> Needs:
    had = db.session.get_one(Needs, referral.needs_id)
    on_form = set(db.session.scalars(select(Feature.code).where(Feature.is_on_form)))
    if not set(new.needs) <= on_form:
        raise Invalid("Choose from the list of what must be there.", field="transfer_needs")
    essential = set(new.needs) | (set(had.essential) - on_form)
    return Needs(
        adults=had.adults,
        children=had.children,
        district_code=_district_of(house),
        lat=house.cell_lat,
        lon=house.cell_lon,
        island=house.island,
        language_code=had.language_code,
        essential=sorted(essential),
        desirable=had.desirable,
        excludes=had.excludes,
        london=had.london,
        max_travel_minutes=had.max_travel_minutes,
        may_share=had.may_share,
        high_support=bool(essential & HIGH_SUPPORT),
    )


def _district_of(house: Refuge) -> str:
    """A district near the middle of the house's cell. Safety: no finer than the cell."""
    away = func.pow(District.lat - house.cell_lat, 2) + func.pow(District.lon - house.cell_lon, 2)
    return db.session.scalars(
        select(District.code)
        .where(District.region_code == house.region_code, ~District.is_special)
        .order_by(away, District.code)
        .limit(1)
    ).one()


def _safety(referral: Referral, house: Refuge, new: NewTransfer) -> Safety:
    had = db.session.get_one(Safety, referral.safety_id)
    zones = list(had.danger_zones)
    if new.reason == SAFETY:
        zones.append(
            {
                "district": _district_of(house),
                "lat": house.cell_lat,
                "lon": house.cell_lon,
                "radius_km": house.cell_radius_km + UNSAFE_KM,
            }
        )
    return Safety(danger_zones=zones, vetoed_regions=had.vetoed_regions, networks=had.networks)


def _keep_links(referral: Referral, made: Referral, placement: Placement) -> None:
    """Whom she must never meet stays so. Whom she must stay with is asked for with her, once a move
    is asked for that woman too: one who stays in the house does not hold her there.
    """
    links = db.session.scalars(
        select(ReferralLink).where(
            or_(ReferralLink.a_id == referral.id, ReferralLink.b_id == referral.id)
        )
    ).all()
    for link in links:
        other = link.b_id if link.a_id == referral.id else link.a_id
        home = db.session.scalar(
            select(Placement).where(
                Placement.referral_id == other, Placement.state == PlacementState.ARRIVED
            )
        )
        moving = open_transfer_of(home.id) if home is not None else None
        is_here = home is not None and home.refuge_id == placement.refuge_id
        if link.kind == LinkKind.APART or (moving is None and not is_here):
            _link(made.id, other, LinkKind(link.kind))
        if moving is not None:
            _link(made.id, moving.id, LinkKind(link.kind))


def _link(one: int, other: int, kind: LinkKind) -> None:
    a, b = sorted((one, other))
    db.session.add(ReferralLink(a_id=a, b_id=b, kind=kind))
