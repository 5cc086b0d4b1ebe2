"""Deciding: a person confirms lines of a plan or chooses otherwise, and rooms are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

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
from app.services.holding import Override, hold_room
from app.services.matching.beside import Wish, ask_beside, refuse_too_many
from app.services.matching.costing import ask_cost
from app.services.matching.fitting import (
    STALE,
    beds_now,
    rooms_offered,
    still_true,
    whole_night,
)
from app.services.snapshot import Snapshot, stay_together
from app.services.snapshot_houses import room_key
from app.services.standing import newest_line


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the lines a person confirmed: offered, and dropped with the reason.

    ``beside`` says of each how many more houses were asked, ``not_asked`` which were not and why.
    """

    offered: list[str]
    dropped: dict[str, str]
    beside: dict[str, int] = field(default_factory=dict)
    not_asked: dict[str, list[str]] = field(default_factory=dict)


def confirm_plan(
    run_id: UUID, refs: list[str], *, by: Actor, also: Mapping[str, Sequence[UUID]] | None = None
) -> Outcome:
    """Offer the rooms of these lines to their refuges; a person decides, line by line.

    Women who must stay together are one decision: the line of one brings those of the others. A
    line that no longer holds is dropped with its reason, her companions' with it, and the others
    stand. ``also`` names rooms of other houses that are asked beside the offer of a line.

    Raises:
        NotFound: no such plan.
        Invalid: nothing is ticked, or more houses than may be asked for one woman at once.
        Conflict: another confirmation is running this moment.
    """
    if by.role is not Role.COORDINATOR:
        raise NotAllowed("Only the coordinator may confirm a plan.")
    if not refs:
        raise Invalid("Tick at least one line to confirm.", field="lines")
    wishes = Wish.all_of(also or {}, among=refs)
    return patiently(lambda: _confirm(run_id, refs, wishes, by))


def _confirm(run_id: UUID, refs: list[str], wishes: list[Wish], by: Actor) -> Outcome:
    with transaction(by=by) as now:
        one_committer()
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
        snapshot = whole_night(now)
        refuse_too_many(wishes, snapshot, now)
        outcome = _commit(wanted, snapshot, by=by, now=now, run_id=run_id)
        standing = {ref: wanted[ref] for ref in outcome.offered}
        asked, refused = ask_beside(wishes, standing, snapshot, run_id=run_id, by=by, now=now)
        defer(Job.PLAN)
        return replace(outcome, beside=asked, not_asked=refused)


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
        one_committer(waits=True)
        room = db.session.scalar(visible_rooms(by).where(Room.public_id == choice.room))
        if room is None:
            raise NotFound("We cannot find that room.")
        _lock([ref], [room.id])
        snapshot = whole_night(now, person_for=ref)
        if ref not in snapshot.referrals or not _is_visible(ref, by):
            raise Conflict("This request is not waiting for a room any more.")
        if room_key(room.id) not in rooms_offered(snapshot):
            raise Conflict(JUST_TAKEN)
        _, broken = still_true({ref: room.id}, snapshot)
        if broken:
            raise Invalid(broken[ref], field="room")
        chosen = _with_its_cost(choice, snapshot.referrals[ref], room)
        outcome = _commit({ref: room.id}, snapshot, by=by, now=now, run_id=None, override=chosen)
        if outcome.dropped:
            raise Invalid(outcome.dropped[ref], field="room")
        defer(Job.PLAN)
        return outcome


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


def one_committer(*, waits: bool = False) -> None:
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
    holding, dropped = still_true(wanted, snapshot)
    offered = []
    for ref in sorted(holding, key=lambda ref: snapshot.referrals[ref].id):
        room = snapshot.rooms[room_key(holding[ref])]
        beds, size = beds_now(ref, room, snapshot)
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
        snapshot.free[room.id] = [bed for bed in snapshot.free[room.id] if bed not in beds]
        offered.append(ref)
    return Outcome(offered=offered, dropped=dropped)
