"""Deciding: a person confirms lines of a plan or chooses otherwise, and rooms are held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

import allocation
from app.actors import Actor, Role
from app.db import as_waymark, db, patiently, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.beds import JUST_TAKEN, Bed, Room
from app.models.placements import Placement
from app.models.plans import PlanLine
from app.models.reference import ReasonKind
from app.models.referrals import Referral
from app.policy import visible_referrals, visible_rooms
from app.queue import Job, defer
from app.services.choices import check_reason
from app.services.costs import NOT_KNOWN, CostUnread, known_cost
from app.services.matching.costing import ask_cost
from app.services.offers import Override, beds_for, hold_room
from app.services.snapshot import (
    Snapshot,
    refuge_key,
    room_key,
    sleeps,
    stay_together,
    take,
)
from app.services.standing import newest_line

STALE = "The beds or the request changed after this plan was made. A new plan is on its way."
PARTED = (
    "Somebody she must stay with cannot be asked with her any more, so no house was asked for"
    " either of them. A new plan is on its way."
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the lines a person confirmed: offered, and dropped with the reason."""

    offered: list[str]
    dropped: dict[str, str]


def confirm_plan(run_id: UUID, refs: list[str], *, by: Actor) -> Outcome:
    """Offer the rooms of these lines to their refuges; a person decides, line by line.

    Women who must stay together are one decision: the line of one brings those of the others. A
    line that no longer holds is dropped with its reason, her companions' with it, and the others
    stand.

    Raises:
        NotFound: no such plan.
        Conflict: another confirmation is running this moment.
    """
    if by.role is not Role.COORDINATOR:
        raise NotAllowed("Only the coordinator may confirm a plan.")
    if not refs:
        raise Invalid("Tick at least one line to confirm.", field="lines")
    return patiently(lambda: _confirm(run_id, refs, by))


def _confirm(run_id: UUID, refs: list[str], by: Actor) -> Outcome:
    with transaction(by=by) as now:
        _one_committer()
        with as_waymark():  # she is not parted from somebody whom this person may not see
            group = stay_together(set(refs))
        rows = db.session.execute(
            visible_referrals(by)
            .join(PlanLine, PlanLine.referral_id == Referral.id)
            .where(PlanLine.run_id == run_id, Referral.ref.in_(group))
            .with_only_columns(Referral.ref, PlanLine.room_id)
        ).all()
        if not rows:
            raise NotFound("We cannot find that plan. Look at the newest one.")
        done = _offered_by(run_id)
        wanted = {ref: room_id for ref, room_id in rows if room_id and ref not in done}
        _lock(list(wanted), list(wanted.values()))
        outcome = _commit(wanted, _whole_night(now), by=by, now=now, run_id=run_id)
        defer(Job.PLAN)
        return outcome


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Another room than the plan's, and what the person had read when they chose it.

    ``read`` holds the tokens of the costs on their page; ``cannot_wait`` lets the choice stand
    where the cost of the room is not among them.
    """

    room: UUID
    reason: str
    note: str = ""
    read: frozenset[str] = frozenset()
    cannot_wait: bool = False


def override(ref: str, choice: Choice, *, by: Actor) -> Outcome:
    """Offer another room than the plan's, with the reason why; safety rules hold for people too.

    Raises:
        NotFound: no such request or room.
        Invalid: no such reason, or a rule forbids the room (the text says which).
        CostUnread: they have not read what the room costs the others; where nobody knows it yet,
            the worker has been asked.
        Conflict: the room or the request is no longer free.
    """
    if by.role is not Role.COORDINATOR:
        raise NotAllowed("Only the coordinator may choose another room.")
    try:
        return patiently(lambda: _override(ref, choice, by))
    except CostUnread as unread:
        if not unread.is_known:
            ask_cost(ref, choice.room, by=by)
        raise


def _offered_by(run_id: UUID) -> set[str]:
    """The lines of this plan that have been offered once; each is decided once."""
    return set(
        db.session.scalars(
            select(Referral.ref)
            .join(Placement, Placement.referral_id == Referral.id)
            .where(Placement.run_id == run_id)
        )
    )


def _override(ref: str, choice: Choice, by: Actor) -> Outcome:
    with transaction(by=by) as now:
        check_reason(choice.reason, ReasonKind.OVERRIDE)
        _one_committer(waits=True)
        room = db.session.scalar(visible_rooms(by).where(Room.public_id == choice.room))
        if room is None:
            raise NotFound("We cannot find that room.")
        _lock([ref], [room.id])
        snapshot = _whole_night(now, person_for=ref)
        if ref not in snapshot.referrals or not _is_visible(ref, by):
            raise Conflict("This request is not waiting for a room any more.")
        if room_key(room.id) not in _rooms_offered(snapshot):
            raise Conflict(JUST_TAKEN)
        _, broken = _still_true({ref: room.id}, snapshot)
        if broken:
            raise Invalid(broken[ref], field="room")
        chosen = _with_its_cost(choice, snapshot.referrals[ref], room)
        outcome = _commit({ref: room.id}, snapshot, by=by, now=now, run_id=None, override=chosen)
        if outcome.dropped:
            raise Invalid(outcome.dropped[ref], field="room")
        defer(Job.PLAN)
        return outcome


def _whole_night(now: datetime, *, person_for: str = "") -> Snapshot:
    """Every woman counts in a rule of a house, also one whom the person deciding may not see."""
    with as_waymark():
        return take(now, person_for=person_for)


def _is_visible(ref: str, by: Actor) -> bool:
    found = visible_referrals(by).where(Referral.ref == ref).with_only_columns(Referral.id)
    return db.session.scalar(found) is not None


def _with_its_cost(choice: Choice, referral: Referral, room: Room) -> Override:
    """The choice with the cost that was read of it.

    Raises:
        CostUnread: none was, and she can wait for it.
    """
    cost = known_cost(newest_line(referral), room.id)
    is_read = cost is not None and cost.token(room.public_id) in choice.read
    if not is_read and not choice.cannot_wait:
        raise CostUnread(is_known=cost is not None)
    return Override(
        reason=choice.reason,
        note=choice.note,
        cost=cost.said if cost and is_read else NOT_KNOWN,
        loss=dict(cost.loss) if cost and is_read else {},
        is_cost_known=is_read,
    )


def _one_committer(*, waits: bool = False) -> None:
    """Decisions are committed one at a time, because rules on a whole house span many rows.

    Raises:
        Conflict: unless ``waits``, when another decision is being written.
    """
    if waits:
        db.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('waymark_commit_plan'))"))
        return
    asked = text("SELECT pg_try_advisory_xact_lock(hashtext('waymark_commit_plan'))")
    if not db.session.scalar(asked):
        raise Conflict("Another person is confirming a plan this moment. Look again.")


def _lock(refs: list[str], room_ids: list[int]) -> None:
    """Referrals, then beds, each in id order: the one order in which every path takes its locks."""
    db.session.execute(
        select(Referral.id).where(Referral.ref.in_(refs)).order_by(Referral.id).with_for_update()
    )
    db.session.execute(
        select(Bed.id).where(Bed.room_id.in_(room_ids)).order_by(Bed.id).with_for_update()
    )


def _commit(
    wanted: dict[str, int],
    snapshot: Snapshot,
    *,
    by: Actor,
    now: datetime,
    run_id: UUID | None,
    override: Override | None = None,
) -> Outcome:
    """Check every line again on the rows as they are now, hold what still holds, drop the rest."""
    holding, dropped = _still_true(wanted, snapshot)
    offered = []
    for ref in sorted(holding, key=lambda ref: snapshot.referrals[ref].id):
        room = snapshot.rooms[room_key(holding[ref])]
        free = snapshot.free[room.id]
        needs = next(h for h in snapshot.problem["households"] if h["id"] == ref)
        cots = sum(bed.kind == "cot" for bed in free)
        size = sleeps(needs["adults"], snapshot.children[ref], cots)
        beds = beds_for(room, free, size)
        if beds is None:
            dropped[ref] = STALE
            continue
        hold_room(
            snapshot.referrals[ref],
            room,
            beds,
            size=size,
            by=by,
            now=now,
            run_id=run_id,
            override=override,
        )
        snapshot.free[room.id] = [bed for bed in free if bed not in beds]
        offered.append(ref)
    return Outcome(offered=offered, dropped=dropped)


def _still_true(
    wanted: dict[str, int], snapshot: Snapshot
) -> tuple[dict[str, int], dict[str, str]]:
    """Hard rules on fresh rows, by the solver-free specification; lines that break one go."""
    rooms = _rooms_offered(snapshot)
    dropped = {
        ref: STALE
        for ref, room_id in wanted.items()
        if ref not in snapshot.referrals or room_key(room_id) not in rooms
    }
    holding = {ref: room_id for ref, room_id in wanted.items() if ref not in dropped}
    problem = allocation.parse_problem(snapshot.problem)
    while holding:
        placements = [
            allocation.Placement(
                ref, refuge_key(snapshot.rooms[room_key(r)].refuge_id), room_key(r)
            )
            for ref, r in holding.items()
        ]
        broken = allocation.violations(problem, placements)
        guilty = _guilty(broken, holding, snapshot)
        if not guilty:
            break
        for ref, code in guilty.items():
            dropped[ref] = _why_dropped(ref, code, snapshot)
            del holding[ref]
    return holding, dropped


def _why_dropped(ref: str, code: str, snapshot: Snapshot) -> str:
    if code == "together" or (code == "vetoed" and ref in snapshot.joins):
        return PARTED
    return f"A rule would be broken: {allocation.RULES[code].text}"


def _guilty(
    broken: list[allocation.Violation], holding: dict[str, int], snapshot: Snapshot
) -> dict[str, str]:
    """The lines to drop, with the code of the rule; a full house loses the newest request only."""
    guilty = {ref: each.code for each in broken for ref in each.households if ref in holding}
    for each in broken:
        inside = [
            ref
            for ref, room_id in holding.items()
            if refuge_key(snapshot.rooms[room_key(room_id)].refuge_id) == each.refuge
        ]
        if not each.households and inside:
            guilty[max(inside, key=lambda ref: snapshot.referrals[ref].id)] = each.code
    return guilty


def _rooms_offered(snapshot: Snapshot) -> set[str]:
    return {room["id"] for refuge in snapshot.problem["refuges"] for room in refuge["rooms"]}
