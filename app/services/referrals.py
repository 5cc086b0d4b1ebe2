"""Asking for a place: make, follow and withdraw a request; send on whom the beds are not for."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.actors import POLICE, Actor
from app.codes import CODE_LETTERS
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import Fact, record
from app.fields import fingerprints, newest_fingerprint, seal
from app.models.accounts import Organisation
from app.models.placements import LIVE, OPEN, Placement, PlacementState
from app.models.reference import (
    ClockPolicy,
    Feature,
    HandOnContact,
    HandOnFor,
    Language,
    PoliceForce,
    ReasonKind,
    Region,
    Urgency,
)
from app.models.referrals import (
    Caller,
    FormKey,
    HandOn,
    Incident,
    LinkKind,
    Needs,
    Referral,
    ReferralLink,
    ReferralState,
    Safety,
)
from app.policy import only_for, visible_referrals
from app.queue import Job, defer
from app.services.asked import NewReferral
from app.services.call_backs import ask_if_needed, note_abandoned
from app.services.choices import check_reason, find_place
from app.services.dated import in_force
from app.services.telling import owe_offer_withdrawn

# Source: calibration.json, travel.max_minutes.hard (an assumption to tune).
MAX_TRAVEL_MINUTES = 420
HIGH_SUPPORT = {"mental_health_support", "substance_support"}
GONE = "We cannot find that request."


def make_referral(new: NewReferral, *, by: Actor) -> str:
    """Ask a place for one household; returns its reference. A form sent twice is one request.

    Raises:
        Invalid: a place, language, need or region that does not exist; ``field`` says which.
        NotFound: ``same_as`` is not a request of this officer.
    """
    only_for(by, *POLICE)
    with transaction(by=by) as now:
        twin = _seen_before(new, by)
        if twin is not None:
            return twin
        referral = add_referral(new, by, now)
        db.session.execute(
            update(FormKey)
            .where(FormKey.user_id == by.user_id, FormKey.key == new.form_key)
            .values(referral_id=referral.id)
        )
        record(Fact.REFERRAL_MADE, by=by, referral_id=referral.id, detail={"urgency": new.urgency})
        _hide_from(referral, new.hide_from, by=by)
        ask_if_needed(referral, by=by, now=now)
        defer(Job.PLAN)
        return referral.ref


def _seen_before(new: NewReferral, by: Actor) -> str | None:
    """Claim the form's key, or find what it made; a twin in flight is waited for by the key."""
    # Keyed: a plain hash of few unknowns, a number among them, can be tried out.
    _, digest = newest_fingerprint("form", repr(new))
    claimed = db.session.execute(
        insert(FormKey)
        .values(user_id=by.user_id, key=new.form_key, content_hmac=digest)
        .on_conflict_do_nothing()
        .returning(FormKey.key)
    ).first()
    if claimed is not None:
        return None
    row = db.session.execute(
        select(FormKey.content_hmac, Referral.ref)
        .join(Referral, Referral.id == FormKey.referral_id)
        .where(FormKey.user_id == by.user_id, FormKey.key == new.form_key)
    ).one()
    if row.content_hmac not in fingerprints("form", repr(new)):
        raise Conflict(
            f"This form was sent already, as {row.ref}, with other answers."
            " Open that request, or start a new one."
        )
    ref: str = row.ref
    return ref


def add_referral(new: NewReferral, by: Actor, now: datetime) -> Referral:
    """The rows of one request; a step for use inside a transaction. Raises as ``make_referral``."""
    force = db.session.scalar(
        select(Organisation.force_code).where(Organisation.id == by.organisation_id)
    )
    first = _own_referral(new.same_as, by) if new.same_as else None
    incident_id = first.incident_id if first else _new_incident(by)
    caller = Caller()
    seal(caller, callback_phone=new.callback_phone, incident_ref=new.incident_ref)
    needs, safety = _needs(new, force), _safety(new, force)
    db.session.add_all([caller, needs, safety])
    db.session.flush()
    referral = Referral(
        ref=new_ref(),
        force_id=by.organisation_id,
        officer_id=by.user_id,
        incident_id=incident_id,
        needs_id=needs.id,
        safety_id=safety.id,
        caller_id=caller.id,
        clock_policy_id=clock_policy_in_force(new.urgency, now),
        urgency=new.urgency,
        state=ReferralState.READY,
    )
    db.session.add(referral)
    db.session.flush()
    if first is not None and new.tie is not None:
        _tie(first, referral, new.tie)
    return referral


def _new_incident(by: Actor) -> int:
    incident = Incident(force_id=by.organisation_id, officer_id=by.user_id)
    db.session.add(incident)
    db.session.flush()
    return incident.id


def _needs(new: NewReferral, force: str | None) -> Needs:
    district = find_place(new.place, near_force=force, field="place")
    if db.session.get(Language, new.language) is None:
        raise Invalid("Choose a language from the list.", field="language")
    asked = set(
        db.session.scalars(
            select(Feature.code).where(Feature.code.in_(new.needs), Feature.is_on_form)
        )
    )
    if asked != set(new.needs):
        raise Invalid("Choose from the list of what must be there.", field="needs")
    return Needs(
        children=[{"age": child.age, "sex": child.sex} for child in new.children],
        district_code=district.code,
        lat=district.lat,
        lon=district.lon,
        island=district.island,
        language_code=new.language,
        essential=sorted(asked),
        desirable=[] if new.language == "en" else [f"lang:{new.language}"],
        london=new.london,
        max_travel_minutes=MAX_TRAVEL_MINUTES,
        may_share=new.may_share,
        high_support=bool(asked & HIGH_SUPPORT),
    )


def _safety(new: NewReferral, force: str | None) -> Safety:
    zones = []
    for number, area in enumerate(new.avoid):
        district = find_place(area.place, near_force=force, field=f"avoid-{number}-place")
        zones.append(
            {
                "district": district.code,
                "lat": district.lat,
                "lon": district.lon,
                "radius_km": area.km,
            }
        )
    known = set(db.session.scalars(select(Region.code).where(Region.code.in_(new.unsafe_regions))))
    if known != set(new.unsafe_regions):
        raise Invalid("Choose from the list of regions.", field="unsafe_regions")
    return Safety(danger_zones=zones, vetoed_regions=sorted(known))


def new_ref() -> str:
    """A request's public name, which nobody can guess."""
    return "R-" + "".join(secrets.choice(CODE_LETTERS) for _ in range(7))


def clock_policy_in_force(urgency: Urgency, now: datetime) -> int:
    """The clocks that a request of today begins under. Raises Invalid where there are none."""
    policy = in_force(ClockPolicy, now, ClockPolicy.urgency == urgency)
    if policy is None:
        raise Invalid(f"There are no clocks for {urgency} yet. Load the reference data first.")
    return policy.id


def _tie(first: Referral, second: Referral, kind: LinkKind) -> None:
    a, b = sorted((first.id, second.id))
    db.session.add(ReferralLink(a_id=a, b_id=b, kind=kind))


def _hide_from(referral: Referral, addresses: tuple[str, ...], *, by: Actor) -> None:
    """Keep out whoever signs in with these addresses.

    Safety: the answer is the same whether or not anybody does, so nobody can ask who works here.
    """
    for address in addresses:
        db.session.execute(select(func.deny_to_email(referral.id, address)))
    if addresses:
        detail: dict[str, object] = {"named": len(addresses)}
        record(Fact.PEOPLE_KEPT_OUT, by=by, referral_id=referral.id, detail=detail)


def hand_on(who: HandOnFor, *, by: Actor) -> list[tuple[str, str | None]]:
    """Who to call, as (text, phone), for a person these beds are not for; counted, nothing kept."""
    only_for(by, *POLICE)
    with transaction(by=by):
        db.session.add(HandOn(who=who, force_id=by.organisation_id, user_id=by.user_id))
        record(Fact.PERSON_HANDED_ON, by=by, detail={"who": who})
        country = db.session.scalar(
            select(PoliceForce.country)
            .join(Organisation, Organisation.force_code == PoliceForce.code)
            .where(Organisation.id == by.organisation_id)
        )
        rows = db.session.execute(
            select(HandOnContact.text, HandOnContact.phone)
            .where(HandOnContact.who == who, HandOnContact.countries.contains([country]))
            .order_by(HandOnContact.position)
        ).all()
        return [(text, phone) for text, phone in rows]


def withdraw(ref: str, reason: str, *, by: Actor) -> None:
    """She no longer needs a place: end the request and let go of any room kept for her.

    Raises:
        NotFound: no such request, or not the officer's own.
        Conflict: she has arrived, or the request has ended.
    """
    with transaction(by=by) as now:
        check_reason(reason, ReasonKind.WITHDRAWN_BY_REFERRER, ReasonKind.DECLINED_BY_SURVIVOR)
        end_request(lock_referral(ref, by), reason, by=by, now=now)


def end_request(referral: Referral, reason: str, *, by: Actor, now: datetime) -> None:
    """Withdraw a locked request and let go of any room kept for her; a step of a transaction."""
    referral.move(ReferralState.WITHDRAWN, at=now)
    referral.closed_at, referral.closed_reason = now, reason
    placements = db.session.scalars(
        select(Placement)
        .where(Placement.referral_id == referral.id, Placement.state.in_((*LIVE, *OPEN)))
        .order_by(Placement.id)
        .with_for_update()
    ).all()
    was_promised = any(each.state == PlacementState.ACCEPTED for each in placements)
    for placement in placements:
        placement.state, placement.reason_code = PlacementState.WITHDRAWN, reason
    record(
        Fact.REFERRAL_WITHDRAWN,
        by=by,
        referral_id=referral.id,
        placement_id=placements[0].id if placements else None,
        detail={"reason": reason, "placements": [each.id for each in placements]},
    )
    for placement in placements:
        owe_offer_withdrawn(placement, now)
    if was_promised:
        note_abandoned(referral, now=now)
    defer(Job.PLAN)


def lock_referral(ref: str, by: Actor) -> Referral:
    """The request, locked; a step for use inside a transaction.

    Raises:
        NotFound: no such request, or not visible to ``by``.
    """
    referral = db.session.scalar(
        visible_referrals(by).where(Referral.ref == ref).with_for_update(of=Referral)
    )
    if referral is None:
        raise NotFound(GONE)
    return referral


def _own_referral(ref: str, by: Actor) -> Referral:
    referral = db.session.scalar(visible_referrals(by).where(Referral.ref == ref))
    if referral is None:
        raise NotFound(GONE)
    return referral
