"""What still holds of a decision on the rows as they are this moment."""

from __future__ import annotations

from datetime import datetime

import allocation
from app.db import as_waymark
from app.models.beds import Bed, Room
from app.services.holding import beds_for
from app.services.snapshot import Snapshot, sleeps, take
from app.services.snapshot_houses import refuge_key, room_key

STALE = "The beds or the request changed after this plan was made. A new plan is on its way."
PARTED = (
    "Somebody she must stay with cannot be asked with her any more, so no house was asked for"
    " either of them. A new plan is on its way."
)


def whole_night(now: datetime, *, person_for: str = "", is_answer: bool = False) -> Snapshot:
    """Every woman counts in a rule of a house, also one whom the person deciding may not see."""
    with as_waymark():
        return take(now, person_for=person_for, is_answer=is_answer)


def beds_now(ref: str, room: Room, snapshot: Snapshot) -> tuple[list[Bed] | None, tuple[int, int]]:
    """The beds that she would take of a room, None if too few are free; and her size."""
    free = snapshot.free[room.id]
    needs = next(h for h in snapshot.problem["households"] if h["id"] == ref)
    cots = sum(bed.kind == "cot" for bed in free)
    size = sleeps(needs["adults"], snapshot.children[ref], cots)
    return beds_for(room, free, size), size


def rooms_offered(snapshot: Snapshot) -> set[str]:
    return {room["id"] for refuge in snapshot.problem["refuges"] for room in refuge["rooms"]}


def still_true(wanted: dict[str, int], snapshot: Snapshot) -> tuple[dict[str, int], dict[str, str]]:
    """Hard rules on fresh rows, by the solver-free specification; lines that break one go."""
    rooms = rooms_offered(snapshot)
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
