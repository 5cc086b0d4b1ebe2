"""What a house reads at a glance: who is offered, on her way or living there, and its rooms."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.engine import Row

from app.actors import REFUGE, Actor
from app.db import db, transaction
from app.errors import NotAllowed
from app.events import Fact, record
from app.models.beds import Bed, BedKind, BedUse, Refuge, Room, Void
from app.models.events import Event
from app.models.placements import Placement, PlacementState
from app.models.reference import Feature, Reason, ReasonKind
from app.models.referrals import Needs, Referral
from app.policy import ASKED_OR_HERS, visible_placements, visible_refuges, visible_rooms
from app.services.beds import NEEDS_A_NOTE
from app.services.choices import Choice, reason_choices
from app.services.follow import people

FRESH_FOR = timedelta(hours=12)
# A page left open looks again every few seconds; that is one look for the audit, not hundreds.
SAME_LOOK = timedelta(hours=1)
STATE_OF_BED = {
    PlacementState.OFFERED: "held",
    PlacementState.ACCEPTED: "booked",
    PlacementState.ARRIVED: "occupied",
}
BED_STATES = ("occupied", "booked", "held", "void", "free")


@dataclass(frozen=True, kw_only=True)
class WomanRow:
    """One offer or stay in a list. ``reply_by`` is set for an offer that can still be answered."""

    public_id: UUID
    ref: str
    code: str
    state: str
    urgency: str
    people: str
    room: str
    since: datetime
    reply_by: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Closure:
    """A room, or what was free of a shared one, out of use."""

    public_id: UUID
    reason: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class RoomRow:
    """One room and its bed spaces by state, as (state, count); a private room has one state."""

    public_id: UUID
    code: str
    bed_spaces: int
    cots: int
    is_shared: bool
    features: list[str]
    beds: list[tuple[str, int]]
    closures: list[Closure]
    may_void: bool


@dataclass(frozen=True, kw_only=True)
class RoomsPage:
    """The house's rooms, and when somebody last said that they are so."""

    alias: str
    confirmed_at: datetime | None
    is_fresh: bool
    rooms: list[RoomRow]
    void_reasons: list[Choice]

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
    only_refuge(by)
    with transaction(by=by) as now:
        shown = _women(by)
        _record_look([placement.referral_id for placement, *_ in shown], by, now, is_live=is_live)
        rows: dict[str, list[WomanRow]] = defaultdict(list)
        for placement, referral, needs, room in shown:
            rows[placement.state].append(_woman(placement, referral, needs, room, now))
        # The rows come by their deadline; those that can still be answered stand first.
        waiting = sorted(rows[PlacementState.OFFERED], key=lambda row: row.reply_by is None)
        return Tonight(
            offers=waiting,
            on_the_way=rows[PlacementState.ACCEPTED],
            living_here=rows[PlacementState.ARRIVED],
            house=_rooms_page(by, now),
        )


def rooms(*, by: Actor) -> RoomsPage:
    """Every room of the house with its state."""
    only_refuge(by)
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
    expires = placement.offer_expires_at
    is_open = state is PlacementState.OFFERED and expires is not None and expires > now
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
    )


def _rooms_page(by: Actor, now: datetime) -> RoomsPage:
    refuge = db.session.scalars(visible_refuges(by)).one()
    confirmed = refuge.beds_confirmed_at
    return RoomsPage(
        alias=refuge.alias,
        confirmed_at=confirmed,
        is_fresh=confirmed is not None and now - confirmed < FRESH_FOR,
        rooms=_rooms(by, refuge),
        void_reasons=[
            choice for choice in reason_choices(ReasonKind.VOID) if choice[0] != NEEDS_A_NOTE
        ],
    )


def _rooms(by: Actor, refuge: Refuge) -> list[RoomRow]:
    features = db.session.execute(select(Feature.code, Feature.shown_as))
    shown_as = {code: words for code, words in features}  # noqa: C416 - a row is no pair to mypy
    beds, closures = _bed_states(refuge.id), _closures(refuge.id)
    query = visible_rooms(by).where(Room.is_open).order_by(func.length(Room.code), Room.code)
    return [
        _room(room, beds[room.id], closures[room.id], shown_as)
        for room in db.session.scalars(query)
    ]


def _room(
    room: Room, beds: Counter[str], closures: list[Closure], shown_as: dict[str, str]
) -> RoomRow:
    counted = [(state, beds[state]) for state in BED_STATES if beds[state]]
    return RoomRow(
        public_id=room.public_id,
        code=room.code,
        bed_spaces=room.bed_spaces,
        cots=room.cots,
        is_shared=room.is_shared,
        features=[shown_as.get(code, code) for code in room.features],
        beds=counted if room.is_shared else counted[:1],
        closures=closures,
        may_void=beds["free"] > 0,
    )


def _bed_states(refuge_id: int) -> defaultdict[int, Counter[str]]:
    """How many bed spaces of each room are in each state; cots follow their room."""
    rows = db.session.execute(
        select(Bed.room_id, Placement.state, BedUse.void_id)
        .outerjoin(BedUse, (BedUse.bed_id == Bed.id) & BedUse.live)
        .outerjoin(Placement, Placement.id == BedUse.placement_id)
        .where(Bed.refuge_id == refuge_id, Bed.kind == BedKind.BED)
    ).all()
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for room_id, state, void_id in rows:
        used = STATE_OF_BED[PlacementState(state)] if state else "void" if void_id else "free"
        found[room_id][used] += 1
    return found


def _closures(refuge_id: int) -> defaultdict[int, list[Closure]]:
    rows = db.session.execute(
        select(Void, Reason.text)
        .join(Reason, Reason.code == Void.reason_code)
        .where(Void.refuge_id == refuge_id, Void.live)
        .order_by(Void.id)
    ).all()
    found: defaultdict[int, list[Closure]] = defaultdict(list)
    for void, reason in rows:
        since = void.during.lower
        assert since is not None  # noqa: S101 - a CHECK of the table
        found[void.room_id].append(Closure(public_id=void.public_id, reason=reason, since=since))
    return found


def only_refuge(by: Actor) -> None:
    """Raises NotAllowed for anybody but the people of a house."""
    if by.role not in REFUGE:
        raise NotAllowed("These pages are for the people of a house.")
