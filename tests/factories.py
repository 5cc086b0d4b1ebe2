"""Rows for tests: plain typed functions, valid by default. Houses need the owner's rights."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.fields import seal
from app.models.beds import Bed, BedKind, Refuge, Room
from app.models.messages import Contact
from app.models.placements import Placement
from app.models.reference import Region, Urgency
from app.models.referrals import Referral
from app.services import matching, offers, referrals
from app.services.asked import NewReferral


def make_refuge(
    alias: str,
    *,
    organisation_id: int,
    region: str = "E12000007",
    phone: str | None = None,
    rooms: tuple[tuple[str, int, int, bool], ...] = (("1", 1, 0, False), ("2", 3, 1, False)),
    **changes: Any,
) -> Refuge:
    """A house with rooms of (code, bed spaces, cots, shared), in the middle of its region."""
    with transaction(by=SYSTEM) as now:
        where = db.session.get_one(Region, region)
        given: dict[str, Any] = {
            "organisation_id": organisation_id,
            "alias": alias,
            "region_code": region,
            "in_london": where.in_london,
            "island": where.island,
            "cell_lat": where.lat,
            "cell_lon": where.lon,
            "duty_line": "+442079460101",
            "features": ["women_only_staff", "staff_24h", "lang:sq"],
        }
        refuge = Refuge(**(given | changes))
        seal(refuge, handover_point=f"Meeting point of {alias}, agreed by phone")
        db.session.add(refuge)
        db.session.flush()
        for code, bed_spaces, cots, is_shared in rooms:
            _add_room(refuge, code, bed_spaces, cots, is_shared)
        if phone:
            since = now - timedelta(days=30)
            contact = Contact(refuge_id=refuge.id, verified_at=since)
            seal(contact, phone=phone, label="Duty phone")
            db.session.add(contact)
        return refuge


def _add_room(refuge: Refuge, code: str, bed_spaces: int, cots: int, is_shared: bool) -> None:
    room = Room(
        refuge_id=refuge.id, code=code, bed_spaces=bed_spaces, cots=cots, is_shared=is_shared
    )
    db.session.add(room)
    db.session.flush()
    for kind, count in ((BedKind.BED, bed_spaces), (BedKind.COT, cots)):
        for number in range(1, count + 1):
            db.session.add(Bed(room_id=room.id, refuge_id=refuge.id, kind=kind, number=number))


def new_referral(**changes: Any) -> NewReferral:
    """What an officer asks: a woman alone in Peckham tonight, who speaks Albanian."""
    asked = NewReferral(
        form_key=uuid4(),
        place="SE15",
        urgency=Urgency.EMERGENCY,
        language="sq",
        callback_phone="+447700900555",
        incident_ref="OP-LANTERN-7",
    )
    return replace(asked, **changes)


def make_referral(by: Actor, **changes: Any) -> Referral:
    """A request that waits."""
    ref = referrals.make_referral(new_referral(**changes), by=by)
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral).where(Referral.ref == ref)).one()


def offer_room(ref: str, *, by: Actor, room: UUID | None = None) -> Placement:
    """Offer her a room by a coordinator's own choice; the first free one unless told."""
    if room is None:
        with transaction(by=SYSTEM):
            room = db.session.scalars(select(Room.public_id).order_by(Room.id)).first()
    assert room is not None
    matching.override(ref, at_once(room), by=by)
    return placement_of(ref)


def at_once(room: UUID, *, reason: str = "her_wish") -> matching.Choice:
    """A coordinator's choice of a room, made without waiting for what it costs the others."""
    return matching.Choice(room=room, reason=reason, cannot_wait=True)


def placement_of(ref: str) -> Placement:
    """The newest offer or stay of a request."""
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(Placement)
            .join(Referral, Referral.id == Placement.referral_id)
            .where(Referral.ref == ref)
            .order_by(Placement.id.desc())
        ).first()  # type: ignore[return-value]


def room_of(alias: str, code: str) -> Room:
    """A room by its house's alias and its code."""
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(Room).join(Refuge).where(Refuge.alias == alias, Room.code == code)
        ).one()


def rooms_need_no_time() -> None:
    """Rooms are free the moment somebody leaves; needs the owner's rights."""
    with transaction(by=SYSTEM):
        db.session.execute(update(Refuge).values(turnaround_minutes=0))


def accept(placement: Placement, *, by: Actor) -> None:
    """The house says yes, on the web."""
    from app.models.placements import Channel

    offers.accept_offer(by=by, channel=Channel.WEB, public_id=placement.public_id)
