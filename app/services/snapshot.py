"""Tonight as the engine is told it: every open request and every free bed, as codes and cells."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from app.db import db
from app.models.beds import Bed, Refuge, Room
from app.models.placements import LIVE, Placement, PlacementState
from app.models.reference import Reason, ReasonKind, Urgency
from app.models.referrals import LinkKind, Needs, Referral, ReferralLink, ReferralState, Safety
from app.services.pauses import time_paused
from app.services.silence import silent_houses
from app.services.snapshot_houses import (
    FORMAT,
    Live,
    refuge_key,
    refuge_told,
    refuges_told,
    room_key,
    room_told,
    rooms_and_free_beds,
)
from app.services.supply import policy_at

BABY_UNDER = 2  # a child below this age sleeps in a cot where there is one


@dataclass(kw_only=True)
class Snapshot:
    """The problem document, and the rows behind its ids (``R-...``, ``room-12``).

    ``joins`` names those who must follow a woman who has her room already, ``refused`` those whom
    a house has declined or left without an answer.
    """

    problem: dict[str, Any]
    referrals: dict[str, Referral]
    rooms: dict[str, Room]
    free: dict[int, list[Bed]]
    children: dict[str, list[int]]
    joins: frozenset[str]
    refused: frozenset[str]


def take(now: datetime, *, person_for: str = "", is_answer: bool = False) -> Snapshot:
    """Read tonight inside the caller's transaction, at the database's time ``now``.

    ``person_for`` names the request that a person decides for by hand: they may try a house that
    does not answer, and part a group that the plan would keep together. ``is_answer``
    says that a house has just said yes to an enquiry for it: she is asked for, and counts as one
    who waits. Prices are no part of it: the plan alone looks ahead (``matching.pricing``).
    """
    waiting, links, live = _waiting(now, person_for, is_answer=is_answer), _links(), _live()
    rooms, free = rooms_and_free_beds(now)
    refuges = refuges_told(rooms, free, live)
    joins = _joins(set(waiting), links, live)
    paused = time_paused([row[0].id for row in waiting.values()])
    households = [_household(*row, now - paused[row[0].id], links) for row in waiting.values()]
    homes = _homes(list(waiting))
    for household in households:
        household["vetoed_refuges"] = sorted(
            {*household["vetoed_refuges"], *homes.get(household["id"], [])}
        )
        if (house := joins.get(household["id"])) is not None and household["id"] != person_for:
            others = {refuge["id"] for refuge in refuges} - {house}
            household["vetoed_refuges"] = sorted(others.union(household["vetoed_refuges"]))
    problem = {
        "format": FORMAT,
        "as_of": now.isoformat(),
        "households": households,
        "refuges": refuges,
        "together": [g for g in _groups(set(waiting), links) if person_for not in g],
    }
    return Snapshot(
        problem=problem,
        referrals={ref: row[0] for ref, row in waiting.items()},
        rooms={room_key(room.id): room for room in rooms.values()},
        free=free,
        children={ref: [child["age"] for child in row[1].children] for ref, row in waiting.items()},
        joins=frozenset(joins),
        refused=frozenset(ref for ref, row in waiting.items() if row[3]),
    )


def stay_together(refs: set[str]) -> set[str]:
    """These requests, and every open one tied to them: a step for use inside a transaction."""
    return _tied_to(refs, _links())


def sleeps(adults: int, ages: list[int], free_cots: int) -> tuple[int, int]:
    """(bed spaces, cots) a household takes where ``free_cots`` stand free."""
    babies = sum(age < BABY_UNDER for age in ages)
    cots = min(babies, free_cots)
    return adults + len(ages) - cots, cots


def _waiting(
    now: datetime, person_for: str, *, is_answer: bool
) -> dict[str, tuple[Referral, Needs, Safety, list[int]]]:
    answered_for = person_for if is_answer else ""
    rows = db.session.execute(
        select(Referral, Needs, Safety)
        .join(Needs, Needs.id == Referral.needs_id)
        .join(Safety, Safety.id == Referral.safety_id)
        .where(or_(Referral.state == ReferralState.READY, Referral.ref == answered_for))
        .order_by(Referral.id)
    ).all()
    minutes = 0 if person_for else policy_at(now).lapse_rest_minutes
    said_no = _said_no([row[0].id for row in rows], timedelta(minutes=minutes))
    silent = set() if person_for else silent_houses(now)
    return {
        referral.ref: (referral, needs, safety, sorted(silent.union(said_no[referral.id])))
        for referral, needs, safety in rows
    }


def _homes(refs: list[str]) -> dict[str, list[str]]:
    """The house that each of them lives in who is to move to another one: never proposed to her."""
    rows = db.session.execute(
        select(Referral.ref, Placement.refuge_id)
        .join(Placement, Placement.id == Referral.transfer_of_id)
        .where(Referral.ref.in_(refs))
    )
    return {ref: [refuge_key(refuge_id)] for ref, refuge_id in rows}


def _said_no(referral_ids: list[int], rests: timedelta) -> dict[int, list[int]]:
    """Refuges that declined her, that she declined, or that let her offer lapse a while ago."""
    she_declined = select(Reason.code).where(Reason.kind == ReasonKind.DECLINED_BY_SURVIVOR)
    found: dict[int, list[int]] = defaultdict(list)
    rows = db.session.execute(
        select(Placement.referral_id, Placement.refuge_id).where(
            Placement.referral_id.in_(referral_ids),
            or_(
                Placement.state == PlacementState.DECLINED,
                (Placement.state == PlacementState.WITHDRAWN)
                & Placement.reason_code.in_(she_declined),
                (Placement.state == PlacementState.LAPSED)
                & (Placement.ended_at > func.waymark_now() - rests),
            ),
        )
    ).all()
    for referral_id, refuge_id in rows:
        found[referral_id].append(refuge_id)
    return found


def _live() -> dict[str, Live]:
    rows = db.session.execute(
        select(Placement, Referral, Needs)
        .join(Referral, Referral.id == Placement.referral_id)
        .join(Needs, Needs.id == Referral.needs_id)
        .where(Placement.state.in_(LIVE))
        .order_by(Placement.id)
    ).all()
    return {
        referral.ref: Live(placement=placement, referral=referral, needs=needs)
        for placement, referral, needs in rows
    }


def _links() -> dict[LinkKind, list[tuple[str, str]]]:
    one, other = Referral.__table__.alias("one"), Referral.__table__.alias("other")
    rows = db.session.execute(
        select(ReferralLink.kind, one.c.ref, other.c.ref)
        .join(one, one.c.id == ReferralLink.a_id)
        .join(other, other.c.id == ReferralLink.b_id)
        .where(one.c.closed_at.is_(None), other.c.closed_at.is_(None))
        .order_by(ReferralLink.a_id, ReferralLink.b_id)
    ).all()
    found: dict[LinkKind, list[tuple[str, str]]] = {LinkKind.TOGETHER: [], LinkKind.APART: []}
    for kind, a, b in rows:
        found[LinkKind(kind)].append((a, b))
    return found


def _tied_to(waiting: set[str], links: dict[LinkKind, list[tuple[str, str]]]) -> set[str]:
    pairs = links[LinkKind.TOGETHER]
    reached = set(waiting)
    while True:
        more = {a for a, b in pairs if b in reached} | {b for a, b in pairs if a in reached}
        if more <= reached:
            return reached
        reached |= more


def _joins(
    waiting: set[str], links: dict[LinkKind, list[tuple[str, str]]], live: dict[str, Live]
) -> dict[str, str]:
    """The one house of those whose group has a room already; a group parted before stays parted.

    Said as a veto of every other house, so that no group can make the whole night unsolvable.
    """
    found: dict[str, str] = {}
    for ref in waiting:
        tied = _tied_to({ref}, links) & set(live)
        houses = {live[other].placement.refuge_id for other in tied}
        if len(houses) == 1:
            found[ref] = refuge_key(houses.pop())
    return found


def _groups(present: set[str], links: dict[LinkKind, list[tuple[str, str]]]) -> list[list[str]]:
    """Women who must stay together, as whole groups of those present."""
    left = sorted(present)
    groups = []
    while left:
        group = _tied_to({left[0]}, links) & present
        left = [ref for ref in left if ref not in group]
        if len(group) > 1:
            groups.append(sorted(group))
    return groups


def _household(
    referral: Referral,
    needs: Needs,
    safety: Safety,
    said_no: list[int],
    waits_until: datetime,
    links: dict[LinkKind, list[tuple[str, str]]],
) -> dict[str, Any]:
    return {
        **_person(referral, needs, waits_until, links),
        "danger_zones": [
            {key: zone[key] for key in ("lat", "lon", "radius_km")} for zone in safety.danger_zones
        ],
        "vetoed_regions": safety.vetoed_regions,
        "vetoed_refuges": sorted(refuge_key(refuge_id) for refuge_id in set(said_no)),
        "networks": safety.networks,
    }


def _person(
    referral: Referral,
    needs: Needs,
    waits_until: datetime,
    links: dict[LinkKind, list[tuple[str, str]]],
) -> dict[str, Any]:
    """``waits_until`` is now less all the time in which her clocks stood still."""
    apart = {a for a, b in links[LinkKind.APART] if b == referral.ref}
    apart |= {b for a, b in links[LinkKind.APART] if a == referral.ref}
    person = {
        "id": referral.ref,
        "priority": Urgency(referral.urgency).priority,
        "waiting_minutes": max(0, int((waits_until - referral.submitted_at).total_seconds() // 60)),
        "adults": needs.adults,
        # Safety: where nobody is sure, the stricter rule for boys is the one that holds.
        "children": [{"age": c["age"], "sex": c["sex"] or "m"} for c in needs.children],
        "location": {"lat": needs.lat, "lon": needs.lon},
        "island": needs.island,
        "essential": needs.essential,
        "desirable": needs.desirable,
        "excludes": needs.excludes,
        "london": needs.london,
        "apart_from": sorted(apart),
        "may_share": needs.may_share,
        "high_support": needs.high_support,
    }
    if needs.max_travel_minutes is not None:
        person["max_travel_minutes"] = needs.max_travel_minutes
    return person


def rooms_within(
    placement: Placement, referral: Referral, now: datetime
) -> tuple[dict[str, Any], dict[str, Room], dict[int, list[Bed]]]:
    """A problem of her and the free rooms of the house she lives in; its rooms and their free beds.

    The house was decided when she came: what is left to check are the rules of a room.
    """
    needs = db.session.get_one(Needs, referral.needs_id)
    house = db.session.get_one(Refuge, placement.refuge_id)
    every, free = rooms_and_free_beds(now)
    rooms = {key: room for key, room in every.items() if room.refuge_id == house.id}
    told = [
        entry for room in rooms.values() if (entry := room_told(room, free[room.id])) is not None
    ]
    her = _person(referral, needs, now, {LinkKind.TOGETHER: [], LinkKind.APART: []})
    her |= {"location": {"lat": house.cell_lat, "lon": house.cell_lon}, "london": "either"}
    problem = {
        "format": FORMAT,
        "as_of": now.isoformat(),
        "households": [her],
        "refuges": [refuge_told(house, told, [])],
    }
    return problem, {room_key(room.id): room for room in rooms.values()}, free
