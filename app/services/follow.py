"""What an officer reads about a request: where it stands, why, and what to do; never an address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.engine import Row

from app.actors import POLICE, Actor, Role
from app.authz import Stage, disclose
from app.db import db, transaction
from app.errors import Conflict, NotAllowed, NotFound
from app.events import Fact, record
from app.fields import open_field, open_fields
from app.models.accounts import User
from app.models.events import Event
from app.models.placements import PlacementState
from app.models.reference import District, Feature, Language, ReasonKind
from app.models.referrals import (
    PROMISED,
    WAITING,
    Caller,
    Needs,
    Referral,
    ReferralLink,
    ReferralState,
    Safety,
)
from app.policy import only_for, visible_referrals
from app.services.budgets import spend_look
from app.services.choices import Choice, reason_choices
from app.services.referrals import GONE
from app.services.standing import (
    Status,
    newest_placement,
    stage_of,
    status_of,
)

Listed = Row[Referral, Needs, str, Caller, str]
LISTED = 100
# What an officer has nothing left to do for.
ENDED = (
    ReferralState.RESIDENT,
    ReferralState.MOVED_ON,
    ReferralState.NOT_ARRIVED,
    ReferralState.WITHDRAWN,
    ReferralState.UNMET,
)
MAY_WITHDRAW = (*WAITING, ReferralState.PAUSED, *PROMISED)


@dataclass(frozen=True, kw_only=True)
class RequestRow:
    """One request in a list; a supervisor's says whose it is, and nothing of her."""

    ref: str
    state: str
    urgency: str
    place: str = ""
    people: str = ""
    submitted_at: datetime
    incident_ref: str
    officer: str


@dataclass(frozen=True, kw_only=True)
class RequestAsSent:
    """The officer's own words, as sent; empty what is not a supervisor's to read."""

    ref: str
    state: str
    urgency: str
    place: str = ""
    people: str = ""
    language: str = ""
    needs: list[str] = field(default_factory=list)
    submitted_at: datetime
    callback_phone: str = ""
    incident_ref: str
    may_withdraw: bool
    may_pause: bool
    is_own: bool


@dataclass(frozen=True, kw_only=True)
class RequestPage:
    """Everything on the page of one request."""

    referral: RequestAsSent
    status: Status
    siblings: list[dict[str, str]]
    withdraw_reasons: list[Choice]
    not_arrived_reasons: list[Choice]
    pause_reasons: list[Choice]
    her_reasons: list[Choice]


def list_requests(*, by: Actor) -> tuple[list[RequestRow], list[RequestRow]]:
    """Open and closed requests that ``by`` may see, newest first; at most 100 of each."""
    only_for(by, *POLICE)
    with transaction(by=by):
        query = (
            visible_referrals(by)
            .outerjoin(Needs, Needs.id == Referral.needs_id)
            .outerjoin(District, District.code == Needs.district_code)
            .join(Caller, Caller.id == Referral.caller_id)
            .join(User, User.id == Referral.officer_id)
            .with_only_columns(Referral, Needs, District.place, Caller, User.name)
            .order_by(Referral.submitted_at.desc())
            .limit(LISTED)
        )
        is_open = Referral.state.not_in(ENDED)
        found = [
            list(db.session.execute(query.where(which)).all()) for which in (is_open, ~is_open)
        ]
        listed = sorted(row[0].id for rows in found for row in rows)
        record(Fact.REFERRALS_LISTED, by=by, detail={"referral_ids": listed})
        return _rows(found[0], by), _rows(found[1], by)


def _rows(rows: list[Listed], by: Actor) -> list[RequestRow]:
    references = open_fields([row[3] for row in rows], "incident_ref")
    return [_row(row, ref, by) for row, ref in zip(rows, references, strict=True)]


def _row(row: Listed, incident_ref: str, by: Actor) -> RequestRow:
    referral, needs, place, _, officer = row
    return disclose(
        RequestRow,
        stage_of(referral, by),
        ref=lambda: referral.ref,
        state=lambda: referral.state,
        urgency=lambda: referral.urgency,
        place=lambda: f"{place} ({needs.district_code})",
        people=lambda: people(needs),
        submitted_at=lambda: referral.submitted_at,
        incident_ref=lambda: incident_ref,
        officer=lambda: officer if by.role is Role.FORCE_SUPERVISOR else "",
    )


def show_request(ref: str, *, by: Actor) -> RequestPage:
    """One request with its status. Raises NotFound when it is not the officer's to see."""
    only_for(by, *POLICE)
    with transaction(by=by) as now:
        referral = _visible(ref, by)
        status = status_of(referral, by, now)
        _note_look(referral, status, by, now, is_live=False)
        return RequestPage(
            referral=_as_sent(referral, stage_of(referral, by)),
            status=status,
            siblings=_siblings(referral, by),
            withdraw_reasons=reason_choices(ReasonKind.WITHDRAWN_BY_REFERRER)
            + reason_choices(ReasonKind.DECLINED_BY_SURVIVOR),
            not_arrived_reasons=reason_choices(ReasonKind.NOT_ARRIVED),
            pause_reasons=reason_choices(ReasonKind.PAUSED),
            her_reasons=reason_choices(ReasonKind.DECLINED_BY_SURVIVOR),
        )


def request_status(ref: str, *, by: Actor) -> tuple[str, Status, list[Choice], list[Choice]]:
    """The live part alone: state, status and the reasons that its two forms list.

    The page asks every few seconds; a look is written down when it shows something new.
    """
    only_for(by, *POLICE)
    with transaction(by=by) as now:
        referral = _visible(ref, by)
        status = status_of(referral, by, now)
        _note_look(referral, status, by, now, is_live=True)
        not_arrived = reason_choices(ReasonKind.NOT_ARRIVED)
        return referral.state, status, not_arrived, reason_choices(ReasonKind.DECLINED_BY_SURVIVOR)


def _note_look(
    referral: Referral, status: Status, by: Actor, now: datetime, *, is_live: bool
) -> None:
    spend_look(referral.id, by=by, now=now)
    shown = hashlib.sha256(repr((referral.state, status)).encode()).hexdigest()[:16]
    if is_live and shown == _last_shown(referral, by):
        return
    detail: dict[str, object] = {"shown": shown, "live": is_live}
    record(Fact.REFERRAL_VIEWED, by=by, referral_id=referral.id, detail=detail)


def _last_shown(referral: Referral, by: Actor) -> str | None:
    """The mark of what this person saw last of this request."""
    return db.session.scalar(
        select(Event.detail["shown"].astext)
        .where(
            Event.referral_id == referral.id,
            Event.kind == Fact.REFERRAL_VIEWED.value,
            Event.actor_user_id == by.user_id,
            Event.detail.has_key("shown"),
        )
        .order_by(Event.id.desc())
        .limit(1)
    )


def shared_answers(ref: str, *, by: Actor) -> dict[str, list[str]]:
    """What a second woman from the same place shares, as form values.

    Raises:
        NotAllowed: somebody else asked; a supervisor reads no needs.
    """
    only_for(by, *POLICE)
    with transaction(by=by) as now:
        referral = _visible(ref, by)
        if stage_of(referral, by) is not Stage.ASKER:
            raise NotAllowed("Only the officer who asked can add another woman to this request.")
        spend_look(referral.id, by=by, now=now)
        needs = db.session.get_one(Needs, referral.needs_id)
        safety = db.session.get_one(Safety, referral.safety_id)
        caller = db.session.get_one(Caller, referral.caller_id)
        record(Fact.REFERRAL_VIEWED, by=by, referral_id=referral.id, detail={"copied": True})
        values = {
            "who": "woman",
            "place": needs.district_code,
            "urgency": referral.urgency,
            "language": needs.language_code,
            "london": needs.london,
            "callback_phone": open_field(caller, "callback_phone"),
            "incident_ref": open_field(caller, "incident_ref"),
        }
        for number, zone in enumerate(safety.danger_zones):
            values[f"avoid-{number}-place"] = zone["district"]
            values[f"avoid-{number}-km"] = str(zone["radius_km"])
        filled = {name: [text] for name, text in values.items()}
        filled["unsafe_regions"] = list(safety.vetoed_regions)
        return filled


def placement_of(ref: str, *, by: Actor) -> Any:
    """The public id of the room promised to this request. Raises NotFound when there is none."""
    with transaction(by=by):
        referral = _visible(ref, by)
        found = newest_placement(referral)
        if found is None or found.state not in (PlacementState.ACCEPTED, PlacementState.ARRIVED):
            raise NotFound("No room is promised for this request.")
        return found.public_id


def her_room(ref: str, *, by: Actor) -> UUID:
    """The room that is held for her or promised: what she may say no to and still wait.

    Raises:
        NotFound: no such request.
        Conflict: no room is kept for her now.
    """
    only_for(by, *POLICE)
    with transaction(by=by):
        found = newest_placement(_visible(ref, by))
        if found is None or found.state not in (PlacementState.OFFERED, PlacementState.ACCEPTED):
            raise Conflict("No room is kept for her now. Ring the duty coordinator instead.")
        return found.public_id


def people(needs: Needs) -> str:
    """Who needs the place, in words: "a woman with 2 children (1, 7)"."""
    who = "A woman" if needs.adults == 1 else f"{needs.adults} women"
    ages = sorted(child["age"] for child in needs.children)
    if not ages:
        return f"{who} alone" if needs.adults == 1 else who
    children = "1 child" if len(ages) == 1 else f"{len(ages)} children"
    return f"{who} with {children} (aged {', '.join(map(str, ages))})"


def _visible(ref: str, by: Actor) -> Referral:
    referral = db.session.scalar(visible_referrals(by).where(Referral.ref == ref))
    if referral is None:
        raise NotFound(GONE)
    return referral


def _as_sent(referral: Referral, stage: Stage) -> RequestAsSent:
    """The session keeps a row that it has read, so asking for it again costs nothing."""

    def caller() -> Caller:
        return db.session.get_one(Caller, referral.caller_id)

    def needs() -> Needs:
        return db.session.get_one(Needs, referral.needs_id)

    return disclose(
        RequestAsSent,
        stage,
        ref=lambda: referral.ref,
        state=lambda: referral.state,
        urgency=lambda: referral.urgency,
        place=lambda: _place(needs()),
        people=lambda: people(needs()),
        language=lambda: db.session.get_one(Language, needs().language_code).name,
        needs=lambda: _asked_as(needs()),
        submitted_at=lambda: referral.submitted_at,
        callback_phone=lambda: open_field(caller(), "callback_phone"),
        incident_ref=lambda: open_field(caller(), "incident_ref"),
        may_withdraw=lambda: referral.state in MAY_WITHDRAW,
        may_pause=lambda: referral.state == ReferralState.READY,
        is_own=lambda: stage is Stage.ASKER,
    )


def _place(needs: Needs) -> str:
    district = db.session.get_one(District, needs.district_code)
    return f"{district.place} ({district.code})"


def _asked_as(needs: Needs) -> list[str]:
    query = select(Feature.asked_as).where(Feature.code.in_(needs.essential))
    return list(db.session.scalars(query.order_by(Feature.position)))


def _siblings(referral: Referral, by: Actor) -> list[dict[str, str]]:
    others = db.session.scalars(
        visible_referrals(by)
        .where(Referral.incident_id == referral.incident_id, Referral.id != referral.id)
        .order_by(Referral.id)
    ).all()
    ties = {
        frozenset((link.a_id, link.b_id)): str(link.kind)
        for link in db.session.scalars(
            select(ReferralLink).where(
                (ReferralLink.a_id == referral.id) | (ReferralLink.b_id == referral.id)
            )
        )
    }
    return [
        {
            "ref": other.ref,
            "state": other.state,
            "tie": ties.get(frozenset((other.id, referral.id)), ""),
        }
        for other in others
    ]
