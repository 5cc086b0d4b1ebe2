"""What the desk reads of people and rooms; steps of one transaction that its pages share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from app.actors import Actor
from app.db import db
from app.models.beds import Bed, BedKind, BedUse, Refuge, Room
from app.models.placements import LIVE, Placement, PlacementState
from app.models.plans import PlanLine
from app.models.reference import ClockPolicy, District, Feature, Language, Region, Urgency
from app.models.referrals import London, Needs, Referral, ReferralLink
from app.policy import visible_placements, visible_referrals, visible_rooms
from app.services.costs import Cost, cost_from
from app.services.follow import people
from app.services.holds import Hold, hold_of
from app.services.standing import MEANWHILE
from app.services.supply import in_use, may_be_offered

SAID_NO = (PlacementState.DECLINED, PlacementState.LAPSED)


@dataclass(frozen=True, kw_only=True)
class RoomShown:
    """A room as the desk names it. Safety: a region, never a cell or a distance."""

    public_id: UUID
    refuge_id: int
    alias: str
    code: str
    region: str
    in_london: bool
    duty_line: str
    is_free: bool

    @property
    def name(self) -> str:
        return f"{self.alias}, room {self.code}"


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Another room for her, and what choosing it costs the others."""

    room: RoomShown
    cost: Cost

    @property
    def token(self) -> str:
        """What the form sends back to say that this cost was read."""
        return self.cost.token(self.room.public_id)


@dataclass(frozen=True, kw_only=True)
class HouseRefused:
    """A house that cannot take her, and the rule that says so."""

    alias: str
    region: str
    in_london: bool
    rule: str


@dataclass(frozen=True, kw_only=True)
class Tie:
    """Another open request that she must stay with or be kept apart from."""

    kind: str
    ref: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who waits, in words. ``region`` is all that is said of where she is now.

    ``lives_at`` is the house of a woman who is to move to another one, and keeps her bed meanwhile.
    """

    ref: str
    state: str
    urgency: str
    people: str
    needs: list[str]
    region: str
    submitted_at: datetime
    decide_by: datetime
    said_no: int
    ties: list[Tie]
    lives_at: str

    @property
    def turn(self) -> tuple[int, datetime]:
        """Emergencies first, then whoever's clock runs out first."""
        return Urgency(self.urgency).priority, self.decide_by


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the newest plan says of her. ``is_planned`` is false while no plan has seen her yet.

    ``alternatives`` is None while they are being worked out. ``asked_with`` names those who wait
    too and must stay with her: one tick asks for all of them, and it stands at ``ticked_at``, one
    of them or herself. ``cannot_ask`` says why the plan's room cannot be asked for now.
    """

    person: Person
    is_planned: bool = True
    room: RoomShown | None = None
    reasons: list[str] = field(default_factory=list)
    alternatives: list[Alternative] | None = None
    forbidden: list[HouseRefused] = field(default_factory=list)
    unlock: list[str] = field(default_factory=list)
    meanwhile: list[str] = field(default_factory=list)
    asked_with: tuple[str, ...] = ()
    ticked_at: str = ""
    cannot_ask: str = ""

    @property
    def may_ask(self) -> bool:
        return self.room is not None and not self.cannot_ask

    @property
    def allowed(self) -> list[Alternative]:
        """What a person may choose instead, best first; rooms gone since are left out."""
        return [each for each in self.alternatives or [] if each.room.is_free]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A room that a house was asked for or has promised."""

    public_id: UUID
    person: Person
    room: RoomShown
    offered_at: datetime
    reply_by: datetime | None
    answered_at: datetime | None
    is_override: bool
    hold: Hold | None


def people_shown(by: Actor, *which: ColumnElement[bool]) -> dict[int, Person]:
    """The people of these requests by the request's id."""
    rows = db.session.execute(
        visible_referrals(by)
        .join(Needs, Needs.id == Referral.needs_id)
        .join(District, District.code == Needs.district_code)
        .join(Region, Region.code == District.region_code)
        .join(Language, Language.code == Needs.language_code)
        .join(ClockPolicy, ClockPolicy.id == Referral.clock_policy_id)
        .with_only_columns(
            Referral, Needs, Region.name, Language.name, ClockPolicy.acknowledge_minutes
        )
        .where(*which)
    ).all()
    ids = [row[0].id for row in rows]
    asked = dict(db.session.execute(select(Feature.code, Feature.asked_as)).all())
    ties, said_no, homes = _ties(ids), _said_no(ids), _homes(ids)
    return {
        referral.id: Person(
            ref=referral.ref,
            state=referral.state,
            urgency=referral.urgency,
            people=people(needs),
            needs=[*_needs_in_words(needs, asked), f"Speaks {language}"],
            region=region,
            submitted_at=referral.submitted_at,
            decide_by=referral.state_since + timedelta(minutes=minutes),
            said_no=said_no[referral.id],
            ties=ties[referral.id],
            lives_at=homes.get(referral.id, ""),
        )
        for referral, needs, region, language, minutes in rows
    }


LONDON_WISHES = {
    London.INSIDE_ONLY: "Only inside London",
    London.OUTSIDE_ONLY: "Only outside London",
    London.PREFERS_INSIDE: "Rather inside London",
    London.PREFERS_OUTSIDE: "Rather outside London",
}


def _needs_in_words(needs: Needs, asked: dict[str, str]) -> list[str]:
    words = [text for code, text in asked.items() if code in needs.essential]
    words += [f"Not: {text[:1].lower()}{text[1:]}" for code, text in asked.items()
              if code in needs.excludes]  # fmt: skip
    wish = LONDON_WISHES.get(London(needs.london))
    return [*words, *([wish] if wish else []), *(["Would share a bedroom"] * needs.may_share)]


def _ties(ids: list[int]) -> dict[int, list[Tie]]:
    one, other = Referral.__table__.alias("one"), Referral.__table__.alias("other")
    rows = db.session.execute(
        select(ReferralLink.kind, one.c.id, one.c.ref, other.c.id, other.c.ref)
        .join(one, one.c.id == ReferralLink.a_id)
        .join(other, other.c.id == ReferralLink.b_id)
        .where(
            or_(one.c.id.in_(ids), other.c.id.in_(ids)),
            one.c.closed_at.is_(None),
            other.c.closed_at.is_(None),
        )
        .order_by(one.c.id, other.c.id)
    ).all()
    found: dict[int, list[Tie]] = defaultdict(list)
    for kind, a, a_ref, b, b_ref in rows:
        found[a].append(Tie(kind=kind, ref=b_ref))
        found[b].append(Tie(kind=kind, ref=a_ref))
    return found


def _homes(ids: list[int]) -> dict[int, str]:
    rows = db.session.execute(
        select(Referral.id, Refuge.alias)
        .join(Placement, Placement.id == Referral.transfer_of_id)
        .join(Refuge, Refuge.id == Placement.refuge_id)
        .where(Referral.id.in_(ids), Placement.state == PlacementState.ARRIVED)
    )
    return {referral_id: alias for referral_id, alias in rows}  # noqa: C416 - a row is no pair


def _said_no(ids: list[int]) -> dict[int, int]:
    """How many offers for each were declined or left without an answer."""
    found: dict[int, int] = defaultdict(int)
    for referral_id, count in db.session.execute(
        select(Placement.referral_id, func.count())
        .where(Placement.referral_id.in_(ids), Placement.state.in_(SAID_NO))
        .group_by(Placement.referral_id)
    ):
        found[referral_id] = count
    return found


def rooms_shown(by: Actor, now: datetime) -> dict[int, RoomShown]:
    """Every room by its id, with whether a household could be put there this moment."""
    used = dict(
        db.session.execute(
            select(Bed.room_id, func.count().filter(Bed.kind == BedKind.BED))
            .join(BedUse, BedUse.bed_id == Bed.id)
            .where(in_use(now))
            .group_by(Bed.room_id)
        ).all()
    )
    rows = db.session.execute(
        visible_rooms(by)
        .join(Refuge, Refuge.id == Room.refuge_id)
        .join(Region, Region.code == Refuge.region_code)
        .with_only_columns(Room, Refuge, Region.name, may_be_offered(now))
        .order_by(Refuge.alias, Room.code)
    ).all()
    return {
        room.id: RoomShown(
            public_id=room.public_id,
            refuge_id=refuge.id,
            alias=refuge.alias,
            code=room.code,
            region=region,
            in_london=refuge.in_london,
            duty_line=refuge.duty_line,
            is_free=may_offer and _has_space(room, used.get(room.id)),
        )
        for room, refuge, region, may_offer in rows
    }


def _has_space(room: Room, beds_used: int | None) -> bool:
    """A private room is free whole or not at all; a shared one while a bed is left."""
    return beds_used is None or (room.is_shared and beds_used < room.bed_spaces)


def line_shown(person: Person, line: PlanLine | None, rooms: dict[int, RoomShown]) -> Line:
    """The plan's word on one person, as sentences."""
    if line is None:
        return Line(person=person, is_planned=False)
    return Line(
        person=person,
        room=rooms[line.room_id] if line.room_id else None,
        reasons=[reason["text"] for reason in line.reasons],
        alternatives=_alternatives(line, rooms),
        forbidden=_forbidden(line, rooms),
        unlock=[change["text"] for change in line.unlock],
        meanwhile=[] if line.room_id or person.lives_at else list(MEANWHILE),
    )


def _alternatives(line: PlanLine, rooms: dict[int, RoomShown]) -> list[Alternative] | None:
    given: list[dict[str, Any]] | None = line.alternatives
    if given is None:
        return None
    return [
        Alternative(room=rooms[each["room_id"]], cost=cost_from(each))
        for each in given
        if each["allowed"] and each["room_id"] in rooms and each["room_id"] != line.room_id
    ]


def _forbidden(line: PlanLine, rooms: dict[int, RoomShown]) -> list[HouseRefused]:
    """A rule is a house's, so the plan keeps the house and no room for it."""
    houses = {room.refuge_id: room for room in rooms.values()}
    return [
        HouseRefused(
            alias=houses[each["refuge_id"]].alias,
            region=houses[each["refuge_id"]].region,
            in_london=houses[each["refuge_id"]].in_london,
            rule=each["rule_text"],
        )
        for each in line.alternatives or []
        if not each["allowed"] and each["refuge_id"] in houses
    ]


def asked_shown(
    by: Actor, persons: dict[int, Person], rooms: dict[int, RoomShown], now: datetime
) -> dict[int, Asked]:
    """The live offer or promise of each of these people, by the request's id."""
    placements = db.session.scalars(
        visible_placements(by).where(Placement.referral_id.in_(persons), Placement.state.in_(LIVE))
    )
    return {
        each.referral_id: Asked(
            public_id=each.public_id,
            person=persons[each.referral_id],
            room=rooms[each.room_id],
            offered_at=each.offered_at,
            reply_by=each.offer_expires_at,
            answered_at=each.answered_at,
            is_override=each.override_reason is not None,
            hold=hold_of(each, by, now),
        )
        for each in placements
    }
