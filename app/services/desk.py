"""What the desk reads of the plan and of houses asked; steps that its pages share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.actors import Actor
from app.authz import Stage
from app.db import db
from app.models.placements import LIVE, Placement, PlacementState
from app.models.plans import PlanLine
from app.models.referrals import LinkKind
from app.policy import visible_placements
from app.services.costs import Cost, cost_from
from app.services.desk_people import Person
from app.services.desk_rooms import RoomShown
from app.services.holds import Hold, hold_of
from app.services.questions import QuestionShown, questions_of, state_shown
from app.services.standing import MEANWHILE

SHOWN_BESIDE = 4  # houses whose ticks stand on one line of the board


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
