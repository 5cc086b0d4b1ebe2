"""Asking more houses beside the one whose room is held, so that a silent one costs no time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

import allocation
from app.actors import Actor
from app.db import as_waymark, db
from app.errors import Invalid
from app.models.beds import Refuge, Room
from app.models.plans import PlanLine
from app.models.referrals import Referral
from app.policy import visible_rooms
from app.services.costs import Cost, cost_from
from app.services.enquiries import more_houses
from app.services.holding import enquire
from app.services.matching.fitting import STALE, beds_now
from app.services.snapshot import Snapshot, stay_together
from app.services.snapshot_houses import refuge_key, room_key

TOGETHER = "Women who stay together are asked of one house at a time."
NOT_READ = "The plan does not list this room as one of her others."
SAME_HOUSE = "This house is asked for her already."


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One more room that a person wants asked for one woman."""

    ref: str
    room: UUID

    @staticmethod
    def all_of(also: Mapping[str, Sequence[UUID]], *, among: Collection[str]) -> list[Wish]:
        """Each wish once; of a line that nobody confirms, none."""
        return [
            Wish(ref=ref, room=room)
            for ref, rooms in also.items()
            if ref in among
            for room in dict.fromkeys(rooms)
        ]


def refuse_too_many(wishes: list[Wish], snapshot: Snapshot, now: datetime) -> None:
    """Raises Invalid where more houses are ticked for a woman than may be asked at once."""
    limits = more_houses(now.date())
    for ref in {wish.ref for wish in wishes} & set(snapshot.referrals):
        most = limits.get(snapshot.referrals[ref].urgency, 0)
        if sum(wish.ref == ref for wish in wishes) > most:
            more = "no other house" if not most else f"at most {most} more"
            raise Invalid(
                f"{ref}: {more} may be asked beside the first. Untick some.", field="also"
            )


def ask_beside(
    wishes: list[Wish],
    standing: Mapping[str, int],
    snapshot: Snapshot,
    *,
    run_id: UUID,
    by: Actor,
    now: datetime,
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Ask the other houses of each line whose room is held: how many were asked, and why not.

    Each room keeps every hard rule as if she went there and every other line stood: the same
    specification that the offers themselves are held against. ``standing`` is the room of each line
    that was offered in this decision.
    """
    asked: dict[str, int] = defaultdict(int)
    refused: dict[str, list[str]] = defaultdict(list)
    for wish in wishes:
        if wish.ref not in standing:
            continue
        room = db.session.scalar(visible_rooms(by).where(Room.public_id == wish.room))
        if room is None:
            refused[wish.ref].append(f"A room: {STALE}")
            continue
        referral = snapshot.referrals[wish.ref]
        cost = _cost(run_id, referral, room)
        why_not = _why_not(referral, room, cost, standing, snapshot)
        if why_not or cost is None:
            refused[wish.ref].append(f"{_name(room)}: {why_not}")
            continue
        _, size = beds_now(wish.ref, room, snapshot)
        enquire(referral, room, size=size, by=by, now=now, cost=cost.said)
        asked[wish.ref] += 1
    return dict(asked), dict(refused)


def _cost(run_id: UUID, referral: Referral, room: Room) -> Cost | None:
    """What the plan on the person's page said of this room; None of one that it did not list."""
    given = db.session.scalar(
        select(PlanLine.alternatives).where(
            PlanLine.run_id == run_id, PlanLine.referral_id == referral.id
        )
    )
    for entry in given or []:
        if entry["room_id"] == room.id and entry["allowed"]:
            return cost_from(entry)
    return None


def _why_not(
    referral: Referral,
    room: Room,
    cost: Cost | None,
    standing: Mapping[str, int],
    snapshot: Snapshot,
) -> str:
    with as_waymark():
        is_alone = stay_together({referral.ref}) == {referral.ref}
    if not is_alone:
        return TOGETHER
    if cost is None:
        return NOT_READ
    if snapshot.rooms[room_key(standing[referral.ref])].refuge_id == room.refuge_id:
        return SAME_HOUSE
    if room_key(room.id) not in snapshot.rooms:
        return STALE
    if beds_now(referral.ref, room, snapshot)[0] is None:
        return STALE
    broken = allocation.violations(
        allocation.parse_problem(snapshot.problem),
        [
            allocation.Placement(ref, refuge_key(_refuge_of(room_id, snapshot)), room_key(room_id))
            for ref, room_id in {**standing, referral.ref: room.id}.items()
        ],
    )
    return f"A rule would be broken: {allocation.RULES[broken[0].code].text}" if broken else ""


def _refuge_of(room_id: int, snapshot: Snapshot) -> int:
    return snapshot.rooms[room_key(room_id)].refuge_id


def _name(room: Room) -> str:
    alias = db.session.scalar(select(Refuge.alias).where(Refuge.id == room.refuge_id))
    return f"{alias}, room {room.code}"
