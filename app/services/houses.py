"""What a house reads at a glance: who is offered, on her way or living there, and its rooms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Row

from app.actors import REFUGE, Actor, Role
from app.authz import Stage
from app.db import db, transaction
from app.events import Fact, record
from app.london import london_day
from app.models.beds import CostOwner, Refuge, Room, Void
from app.models.events import Event
from app.models.placements import OPEN, Placement, PlacementState
from app.models.reference import Feature, InventoryPolicy, Reason, ReasonKind
from app.models.referrals import Needs, Referral
from app.policy import ASKED_OR_HERS, only_for, visible_placements, visible_refuges, visible_rooms
from app.services import availability
from app.services.availability import BedState, RoomDay
from app.services.choices import Choice, reason_choices
from app.services.follow import people
from app.services.questions import questions_of, state_shown
from app.services.supply import Band, band_of, policy_at, turnaround_of
from app.services.void_steps import NEVER_CHOSEN

# A page left open looks again every few seconds; that is one look for the audit, not hundreds.
SAME_LOOK = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class WomanRow:
    """One offer or stay in a list. ``reply_by`` is set for an offer that can still be answered.

    ``kept_until`` is set for a promised room: after it a person asks, and the room stays hers.
    ``is_held`` is false of an enquiry: its room is kept for nobody. ``state`` is "maybe" while the
    house's own question waits.
    """

    public_id: UUID
    ref: str
    code: str
    state: str
    urgency: str
    people: str
    room: str
    since: datetime
    reply_by: datetime | None = None
    leaves_on: date | None = None
    kept_until: datetime | None = None
    set_out_at: datetime | None = None
    expected_at: datetime | None = None
    has_plan_passed: bool = False
    is_held: bool = False


@dataclass(frozen=True, kw_only=True)
class Closure:
    """A room, or what was free of a shared one, out of use from ``since`` on, or planned to be."""

    public_id: UUID
    reason: str
    since: datetime
    until: datetime | None
    is_planned: bool
    cost_owner: str


@dataclass(frozen=True, kw_only=True)
class RoomRow:
    """One room and its bed spaces by state, as (state, count); a private room has one state.

    ``number`` is what texts call it ("B 3").
    """

    public_id: UUID
    code: str
    number: int
    kind: str
    bed_spaces: int
    cots: int
    is_shared: bool
    features: list[str]
    beds: list[tuple[str, int]]
    closures: list[Closure]
    may_void: bool
    confirmed_at: datetime | None
    band: str


@dataclass(frozen=True, kw_only=True)
class RoomsPage:
    """The house's rooms, and when somebody last said that they are so.

    ``ready_minutes`` is how long a room is made ready; ``own_ready_minutes`` what the house itself
    has said, None: as everywhere.
    """

    alias: str
    confirmed_at: datetime | None
    band: str
    rooms: list[RoomRow]
    void_reasons: list[Choice]
    ready_minutes: int
    own_ready_minutes: int | None
    may_set: bool

    def beds(self, *states: str) -> int:
        """Bed spaces of the house in these states; cots are not counted."""
        return sum(count for room in self.rooms for state, count in room.beds if state in states)


@dataclass(frozen=True, kw_only=True)
class Tonight:
    """The first page of a house."""

    offers: list[WomanRow]
    on_the_way: list[WomanRow]
    living_here: list[WomanRow]
    house: RoomsPage


def tonight(*, by: Actor, is_live: bool = False) -> Tonight:
    """Offers by the time left, women on their way and living here, and every room.

    ``is_live`` says that an open page looks again by itself.
    """
    only_for(by, *REFUGE)
    with transaction(by=by) as now:
        shown = _women(by)
        _record_look([placement.referral_id for placement, *_ in shown], by, now, is_live=is_live)
        rows: dict[str, list[WomanRow]] = defaultdict(list)
        questions = questions_of([row[0].id for row in shown], Stage.ASKED, by=by)
        for placement, referral, needs, room in shown:
            row = _woman(placement, referral, needs, room, now)
            state = state_shown(placement, questions.get(placement.id))
            rows["asked" if placement.state in OPEN else placement.state].append(
                replace(row, state=state)
            )
        # The rows come by their deadline; those that can still be answered stand first.
        waiting = sorted(rows["asked"], key=lambda row: row.reply_by is None)
        return Tonight(
            offers=waiting,
            on_the_way=rows[PlacementState.ACCEPTED],
            living_here=rows[PlacementState.ARRIVED],
            house=_rooms_page(by, now),
        )


def rooms(*, by: Actor) -> RoomsPage:
    """Every room of the house with its state."""
    only_for(by, *REFUGE)
    with transaction(by=by) as now:
        return _rooms_page(by, now)


def _women(by: Actor) -> Sequence[Row[Placement, Referral, Needs, Room]]:
    query = (
        visible_placements(by)
        .join(Referral, Referral.id == Placement.referral_id)
        .join(Needs, Needs.id == Referral.needs_id)
        .join(Room, Room.id == Placement.room_id)
        .where(Placement.state.in_(ASKED_OR_HERS))
        .with_only_columns(Placement, Referral, Needs, Room)
        .order_by(Placement.offer_expires_at, Placement.id)
    )
    return db.session.execute(query).all()


def _record_look(shown: list[int], by: Actor, now: datetime, *, is_live: bool) -> None:
    """One row for each look at the list, and one more when a woman has come onto an open page."""
    if not shown or (is_live and set(shown) <= _seen_lately(by, now)):
        return
    record(
        Fact.REFERRALS_LISTED,
        by=by,
        refuge_id=by.refuge_id,
        detail={"referral_ids": shown, "live": is_live},
    )


def _seen_lately(by: Actor, now: datetime) -> set[int]:
    detail = db.session.scalar(
        select(Event.detail)
        .where(
            Event.kind == Fact.REFERRALS_LISTED,
            Event.actor_user_id == by.user_id,
            Event.at > now - SAME_LOOK,
        )
        .order_by(Event.id.desc())
        .limit(1)
    )
    return set(detail.get("referral_ids", [])) if detail else set()


def _woman(
    placement: Placement, referral: Referral, needs: Needs, room: Room, now: datetime
) -> WomanRow:
    state = PlacementState(placement.state)
    since = {
        PlacementState.ACCEPTED: placement.answered_at,
        PlacementState.ARRIVED: placement.arrived_at,
    }.get(state)
    expires, leaves_on = placement.offer_expires_at, placement.expected_departure_on
    is_open = state in OPEN and expires is not None and expires > now
    return WomanRow(
        public_id=placement.public_id,
        ref=referral.ref,
        code=placement.offer_code,
        state=state,
        urgency=referral.urgency,
        people=people(needs),
        room=room.code,
        since=since or placement.offered_at,
        reply_by=expires if is_open else None,
        leaves_on=leaves_on,
        kept_until=placement.hold_until if state is PlacementState.ACCEPTED else None,
        set_out_at=placement.set_out_at,
        expected_at=placement.expected_at,
        has_plan_passed=leaves_on is not None and leaves_on < london_day(now),
        is_held=placement.live,
    )


def _rooms_page(by: Actor, now: datetime) -> RoomsPage:
    refuge = db.session.scalars(visible_refuges(by)).one()
    confirmed, policy = refuge.beds_confirmed_at, policy_at(now)
    return RoomsPage(
        alias=refuge.alias,
        confirmed_at=confirmed,
        band=band_of(confirmed, now, policy),
        rooms=_rooms(by, refuge, now, policy),
        void_reasons=void_reasons(),
        ready_minutes=int(turnaround_of(refuge, policy).total_seconds() // 60),
        own_ready_minutes=refuge.turnaround_minutes,
        may_set=by.role is Role.REFUGE_MANAGER,
    )


def void_reasons() -> list[Choice]:
    """Why a person may take a room out of use: a step inside a transaction."""
    return [choice for choice in reason_choices(ReasonKind.VOID) if choice[0] not in NEVER_CHOSEN]


def _rooms(by: Actor, refuge: Refuge, now: datetime, policy: InventoryPolicy) -> list[RoomRow]:
    features = db.session.execute(select(Feature.code, Feature.shown_as))
    shown_as = {code: words for code, words in features}  # noqa: C416 - a row is no pair to mypy
    rooms = db.session.scalars(rooms_in_order(by).where(Room.is_open)).all()
    states, closures = availability.at_moments(rooms, [now], now), closures_of(refuge.id)
    rows = []
    for room in rooms:
        looked = [at for at in (room.confirmed_at, refuge.beds_confirmed_at) if at is not None]
        confirmed = max(looked, default=None)
        band = band_of(confirmed, now, policy)
        known = [shown_as.get(code, code) for code in room.features]
        rows.append(_room(room, states[room.id][now], closures[room.id], known, confirmed, band))
    return rows


def rooms_in_order(by: Actor) -> Select[Room]:
    """The rooms that one may see, as people count them."""
    return visible_rooms(by).order_by(func.length(Room.code), Room.code)


def _room(
    room: Room,
    day: RoomDay,
    closures: list[Closure],
    features: list[str],
    confirmed_at: datetime | None,
    band: Band,
) -> RoomRow:
    return RoomRow(
        public_id=room.public_id,
        code=room.code,
        number=room.number,
        kind=room.kind,
        bed_spaces=room.bed_spaces,
        cots=room.cots,
        is_shared=room.is_shared,
        features=features,
        beds=[(state.value, count) for state, count in day.beds],
        closures=closures,
        may_void=day.count(BedState.FREE) > 0,
        confirmed_at=confirmed_at,
        band=band,
    )


def closures_of(refuge_id: int) -> defaultdict[int, list[Closure]]:
    """What is out of use or planned to be, by room: a step inside a transaction."""
    rows = db.session.execute(
        select(Void, Reason.text)
        .join(Reason, Reason.code == Void.reason_code)
        .where(Void.refuge_id == refuge_id, Void.live)
        .order_by(func.lower(Void.during), Void.id)
    ).all()
    found: defaultdict[int, list[Closure]] = defaultdict(list)
    for void, reason in rows:
        since = void.during.lower
        assert since is not None  # noqa: S101 - a CHECK of the table
        found[void.room_id].append(
            Closure(
                public_id=void.public_id,
                reason=reason,
                since=since,
                until=void.until,
                is_planned=void.begun_at is None,
                cost_owner=CostOwner(void.cost_owner),
            )
        )
    return found
