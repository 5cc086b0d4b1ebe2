"""What the desk reads of people and rooms; steps of one transaction that its pages share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from app.actors import Actor
from app.authz import Stage
from app.db import db
from app.models.beds import Bed, BedKind, BedUse, Refuge, Room
from app.models.placements import LIVE, Placement, PlacementState
from app.models.plans import PlanLine
from app.models.reference import (
    District,
    Feature,
    Language,
    Reason,
    ReasonKind,
    Region,
    Urgency,
)
from app.models.referrals import LinkKind, London, Needs, Referral, ReferralLink
from app.policy import visible_placements, visible_referrals, visible_rooms
from app.services import claims
from app.services.claims import Taken
from app.services.costs import Cost, cost_from
from app.services.desk_clocks import ClockShown, clocks_shown
from app.services.follow import people
from app.services.holds import Hold, hold_of
from app.services.questions import QuestionShown, questions_of, state_shown
from app.services.standing import MEANWHILE
from app.services.supply import in_use, may_be_offered

SHOWN_BESIDE = 4  # houses whose ticks stand on one line of the board


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
    Houses that ``said_no``, that were ``silent`` and that ``she_declined`` are counted apart.
    """

    ref: str
    state: str
    urgency: str
    people: str
    needs: list[str]
    region: str
    submitted_at: datetime
    clock: ClockShown
    said_no: int
    silent: int
    she_declined: int
    taken: Taken | None
    ties: list[Tie]
    lives_at: str

    @property
    def turn(self) -> tuple[datetime, int, datetime]:
        """Whoever's clock runs out first; of two at one moment, or of none, the more urgent."""
        return self.clock.turn, Urgency(self.urgency).priority, self.submitted_at


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the newest plan says of her. ``is_planned`` is false while no plan has seen her yet.

    ``alternatives`` is None while they are being worked out. ``asked_with`` names those who wait
    too and must stay with her: one tick asks for all of them, and it stands at ``ticked_at``, one
    of them or herself. ``cannot_ask`` says why the plan's room cannot be asked for now.
    ``also_at_most`` is how many more houses may be asked beside the plan's.
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
    also_at_most: int = 0

    @property
    def may_ask(self) -> bool:
        return self.room is not None and not self.cannot_ask

    @property
    def allowed(self) -> list[Alternative]:
        """What a person may choose instead, best first; rooms gone since are left out."""
        return [each for each in self.alternatives or [] if each.room.is_free]

    @property
    def beside(self) -> list[Alternative]:
        """The best room of each other house, to be asked beside the plan's; empty: none may be."""
        if self.room is None or not self.also_at_most or self.is_in_group:
            return []
        houses = {each.room.refuge_id: each for each in reversed(self.allowed)}
        houses.pop(self.room.refuge_id, None)
        return [each for each in self.allowed if houses.get(each.room.refuge_id) is each][
            :SHOWN_BESIDE
        ]

    @property
    def is_in_group(self) -> bool:
        """A group is asked of one house at a time: two houses could say yes to half of it."""
        return any(tie.kind == LinkKind.TOGETHER for tie in self.person.ties)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A room that a house was asked for or has promised.

    ``state`` is the placement's, or "maybe" while the house waits for an answer.
    """

    public_id: UUID
    person: Person
    room: RoomShown
    state: str
    is_held: bool
    offered_at: datetime
    reply_by: datetime | None
    answered_at: datetime | None
    is_override: bool
    hold: Hold | None
    question: QuestionShown | None


@dataclass(frozen=True, kw_only=True)
class HousesAsked(Asked):
    """Her room or the first house that is asked, and the other houses ``beside`` it."""

    beside: tuple[Asked, ...]

    @property
    def all_asked(self) -> tuple[Asked, ...]:
        return (self, *self.beside)


def people_shown(by: Actor, *which: ColumnElement[bool]) -> dict[int, Person]:
    """The people of these requests by the request's id."""
    rows = db.session.execute(
        visible_referrals(by)
        .join(Needs, Needs.id == Referral.needs_id)
        .join(District, District.code == Needs.district_code)
        .join(Region, Region.code == District.region_code)
        .join(Language, Language.code == Needs.language_code)
        .with_only_columns(Referral, Needs, Region.name, Language.name)
        .where(*which)
    ).all()
    ids = [row[0].id for row in rows]
    asked = dict(db.session.execute(select(Feature.code, Feature.asked_as)).all())
    ties, ended, homes = _ties(ids), _ended(ids), _homes(ids)
    clocks = clocks_shown([row[0] for row in rows])
    now: datetime = db.session.execute(select(func.waymark_now())).scalar_one()
    taken = claims.of_requests(ids, by, now)
    return {
        referral.id: Person(
            ref=referral.ref,
            state=referral.state,
            urgency=referral.urgency,
            people=people(needs),
            needs=[*_needs_in_words(needs, asked), f"Speaks {language}"],
            region=region,
            submitted_at=referral.submitted_at,
            clock=clocks[referral.id],
            said_no=ended[referral.id, PlacementState.DECLINED],
            silent=ended[referral.id, PlacementState.LAPSED],
            she_declined=ended[referral.id, PlacementState.WITHDRAWN],
            taken=taken.get(referral.id),
            ties=ties[referral.id],
            lives_at=homes.get(referral.id, ""),
        )
        for referral, needs, region, language in rows
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


def _ended(ids: list[int]) -> Counter[tuple[int, str]]:
    """Offers of each that the house declined, that nobody answered, and that she declined."""
    she = select(Reason.code).where(Reason.kind == ReasonKind.DECLINED_BY_SURVIVOR)
    by_her = (Placement.state == PlacementState.WITHDRAWN) & Placement.reason_code.in_(she)
    by_others = Placement.state.in_((PlacementState.DECLINED, PlacementState.LAPSED))
    rows = db.session.execute(
        select(Placement.referral_id, Placement.state, func.count())
        .where(Placement.referral_id.in_(ids), or_(by_her, by_others))
        .group_by(Placement.referral_id, Placement.state)
    )
    return Counter({(referral_id, state): count for referral_id, state, count in rows})


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


def line_shown(
    person: Person, line: PlanLine | None, rooms: dict[int, RoomShown], more: Mapping[str, int]
) -> Line:
    """The plan's word on one person, as sentences; ``more`` houses may be asked, by urgency."""
    if line is None:
        return Line(person=person, is_planned=False)
    return Line(
        also_at_most=more.get(person.urgency, 0),
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
) -> dict[int, HousesAsked]:
    """The offer or promise of each of these people with the houses beside it, by the request's id.

    Where no room is held for her any more, the house that was asked first stands in its place.
    """
    is_asked = Placement.state.in_((*LIVE, PlacementState.ENQUIRED))
    placements = db.session.scalars(
        visible_placements(by)
        .where(Placement.referral_id.in_(persons), is_asked)
        .order_by(Placement.live.desc(), Placement.id)
    ).all()
    questions = questions_of([each.id for each in placements], Stage.DESK, by=by)
    found: dict[int, list[Asked]] = defaultdict(list)
    for each in placements:
        question = questions.get(each.id)
        found[each.referral_id].append(
            Asked(
                public_id=each.public_id,
                person=persons[each.referral_id],
                room=rooms[each.room_id],
                state=state_shown(each, question),
                is_held=each.live,
                offered_at=each.offered_at,
                reply_by=each.offer_expires_at,
                answered_at=each.answered_at,
                is_override=each.override_reason is not None,
                hold=hold_of(each, by, now),
                question=question,
            )
        )
    return {
        referral_id: HousesAsked(**vars(first), beside=tuple(others))
        for referral_id, (first, *others) in found.items()
    }
