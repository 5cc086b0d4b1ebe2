"""A woman's right to read what is held about her: asked by one person, approved by another.

The copy holds her own record and nothing else: no name or number of anybody who works here, no
house, and nothing about another woman. It is made when it is taken, and taken once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Conflict, NotFound
from app.events import Fact, record
from app.models.beds import Refuge
from app.models.enquiries import HouseQuestion
from app.models.events import Event
from app.models.placements import Placement
from app.models.reference import District, Feature, Language, Reason, Region
from app.models.referrals import Needs, Referral, Safety
from app.models.retention import SubjectAccess
from app.policy import only_for
from app.services.data_rights import (
    LEAD_OR_SECOND,
    find_request,
    reads_as,
    refuse_same_person,
)
from app.services.proof import refuse_unless_proved

APPROVAL_LASTS = timedelta(days=7)
GONE = "We cannot find that copy."
NOT_IN_IT = (
    "The officer's telephone number, the names of those who work here, and the house she was in:"
    " they are about other people, or would tell where women are safe.",
    "The police's own reference: it leads into their records, and is theirs to give.",
    "What was noted in free words may speak of others, so a person reads it first. Notes in this"
    " record: {notes}.",
    "The marks by which women who must not meet are kept apart: they are about other people.",
)


def ask(ref: str, *, by: Actor) -> UUID:
    """Ask for a copy of what is held about one woman; somebody else must approve.

    Raises:
        NotFound: no such request, or it is purged.
        Conflict: it has been asked for already.
        ProofNeeded: prove first who you are.
    """
    only_for(by, Role.DATA_PROTECTION_LEAD)
    with transaction(by=reads_as(by)) as now:
        refuse_unless_proved(by, now)
        referral = find_request(ref)
        access = SubjectAccess(referral_id=referral.id, asked_by_id=by.user_id)
        db.session.add(access)
        db.session.flush()
        _record(Fact.ACCESS_ASKED, access, by)
        return access.public_id


def approve(public_id: UUID, *, by: Actor) -> None:
    """Agree to a copy that somebody else asked for.

    Raises:
        NotFound: no such copy.
        Conflict: it is approved already.
        NotAllowed: the same person asked.
        ProofNeeded: prove first who you are.
    """
    only_for(by, *LEAD_OR_SECOND)
    with transaction(by=reads_as(by)) as now:
        refuse_unless_proved(by, now)
        access = _locked(public_id)
        if access.approved_at is not None and now - access.approved_at <= APPROVAL_LASTS:
            raise Conflict("This copy is approved already.")
        refuse_same_person(access.asked_by_id, by)
        access.approved_at, access.approved_by_id = now, by.user_id
        _record(Fact.ACCESS_APPROVED, access, by)


def take(public_id: UUID, *, by: Actor) -> dict[str, Any]:
    """The copy, for the person who asked; once, within a week of the approval.

    Raises:
        NotFound: no such copy, somebody else's, or taken already.
        Conflict: nobody has approved it, or the approval is too old; ask again.
        ProofNeeded: prove first who you are.
    """
    only_for(by, Role.DATA_PROTECTION_LEAD)
    with transaction(by=reads_as(by)) as now:
        refuse_unless_proved(by, now)
        access = _locked(public_id)
        if access.asked_by_id != by.user_id:
            raise NotFound(GONE)
        if access.approved_at is None:
            raise Conflict("Somebody else must approve this copy first.")
        if now - access.approved_at > APPROVAL_LASTS:
            raise Conflict("It was approved more than a week ago. Have it approved again.")
        referral = db.session.scalar(
            select(Referral).where(Referral.id == access.referral_id, Referral.purged_at.is_(None))
        )
        if referral is None:
            raise NotFound("This record was purged in the meantime: nothing of her is held.")
        access.taken_at = now
        _record(Fact.ACCESS_TAKEN, access, by)
        return _copy(referral, now)


def _locked(public_id: UUID) -> SubjectAccess:
    found = db.session.scalar(
        select(SubjectAccess)
        .where(SubjectAccess.public_id == public_id, SubjectAccess.taken_at.is_(None))
        .where(SubjectAccess.referral_id.in_(select(Referral.id)))  # not one she is kept from
        .with_for_update()
    )
    if found is None:
        raise NotFound(GONE)
    return found


def _record(fact: Fact, access: SubjectAccess, by: Actor) -> None:
    record(fact, by=by, referral_id=access.referral_id, detail={"access_id": access.id})


def _copy(referral: Referral, now: datetime) -> dict[str, Any]:
    placements = list(
        db.session.scalars(
            select(Placement).where(Placement.referral_id == referral.id).order_by(Placement.id)
        )
    )
    asked = {
        question.placement_id: question
        for question in db.session.scalars(
            select(HouseQuestion).where(HouseQuestion.placement_id.in_([p.id for p in placements]))
        )
    }
    notes = sum(placement.override_note_sealed is not None for placement in placements)
    notes += sum(question.note_sealed is not None for question in asked.values())
    return {
        "made_at": _moment(now),
        "request": {
            "reference": referral.ref,
            "how_soon": referral.urgency,
            "state": referral.state,
            "asked_at": _moment(referral.submitted_at),
            "closed_at": _moment(referral.closed_at),
            "closed_because": _reason(referral.closed_reason),
        },
        "needs": _needs(db.session.get_one(Needs, referral.needs_id)),
        "places_to_avoid": _safety(db.session.get_one(Safety, referral.safety_id)),
        "rooms_offered": [_placement(each, asked.get(each.id)) for each in placements],
        "who_looked_and_what_happened": _events(referral),
        "not_in_this_copy": [text.format(notes=notes) for text in NOT_IN_IT],
    }


def _needs(needs: Needs) -> dict[str, Any]:
    district = db.session.get_one(District, needs.district_code)
    return {
        "where_she_was": f"{district.place} ({district.code})",
        "women": needs.adults,
        "children": needs.children,
        "language": db.session.get_one(Language, needs.language_code).name,
        "must_be_there": _features(needs.essential),
        "would_be_good": _features(needs.desirable),
        "london": needs.london,
        "may_share": needs.may_share,
        "needs_much_support": needs.high_support,
    }


def _features(codes: list[str]) -> list[str]:
    names = _names(select(Feature.code, Feature.asked_as))
    spoken = _names(select(Language.code, Language.name))
    return [names.get(code) or spoken.get(code.removeprefix("lang:"), code) for code in codes]


def _names(query: Select[str, str]) -> dict[str, str]:
    return {code: name for code, name in db.session.execute(query)}  # noqa: C416 - rows


def _safety(safety: Safety) -> dict[str, Any]:
    """Her own words about places; never ``networks``, which are about other people."""
    regions = _names(select(Region.code, Region.name))
    return {
        "around": [
            {"district": zone["district"], "kilometres": zone["radius_km"]}
            for zone in safety.danger_zones
        ],
        "regions": [regions[code] for code in safety.vetoed_regions],
    }


def _placement(placement: Placement, asked: HouseQuestion | None) -> dict[str, Any]:
    """Safety: the region, as everybody outside is told; no alias, room or meeting point."""
    region = db.session.scalar(
        select(Region.name)
        .join(Refuge, Refuge.region_code == Region.code)
        .where(Refuge.id == placement.refuge_id)
    )
    return {
        "region": region,
        "state": placement.state,
        "offered_at": _moment(placement.offered_at),
        "answered_at": _moment(placement.answered_at),
        "arrived_at": _moment(placement.arrived_at),
        "ended_at": _moment(placement.ended_at),
        "because": _reason(placement.reason_code),
        "chosen_by_a_person_because": _reason(placement.override_reason),
        "the_house_asked": _reason(asked.code) if asked else None,
        "it_was_answered": asked.answer if asked else None,
    }


def _events(referral: Referral) -> list[dict[str, Any]]:
    rows = db.session.execute(
        select(Event.at, Event.kind, Event.actor_role)
        .where(Event.referral_id == referral.id)
        .order_by(Event.id)
    )
    return [{"at": _moment(at), "what": kind, "who": str(role)} for at, kind, role in rows]


def _reason(code: str | None) -> str | None:
    return db.session.get_one(Reason, code).text if code else None


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
