"""What one more and one fewer room of each size and region would change, by solving again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from allocation.check import MAXIMISED
from allocation.plan import OPTIMAL, Plan
from allocation.problem import Problem, Refuge, Room
from allocation.reading import ProblemError
from allocation.rules import failing_rules
from allocation.solver import place


@dataclass(frozen=True)
class Variant:
    """The problem with one room more (or fewer) of a size in a region, and in which refuge."""

    region: str
    bed_spaces: int
    cots: int
    features: tuple[str, ...]
    refuge: str
    problem: Problem


def value_of_one_more(problem: Problem, *, seconds: float) -> dict[str, Any]:
    """Return, for each size of room and each region, what one more and one fewer would change.

    ``one_more_room`` holds the sizes and equipment that somebody left without a room needs, each in
    the refuge of the region where it brings most; ``one_fewer_room`` the private rooms there are,
    each where it is missed least, but for those that accepted offers cannot do without.
    ``gain`` counts per level, more is better; ``proven`` is false where the time ran out first.
    Rows that were never tried are left out, and then the whole answer's ``proven`` is false.
    """
    deadline = time.monotonic() + seconds
    now = place(problem, seconds=seconds).plan
    more, all_more = _rows(_one_more(problem, now), now, deadline)
    fewer, all_fewer = _rows(_one_fewer(problem, now), now, deadline)
    return {
        "objective": {figure.level: figure.value for figure in now.objective},
        "proven": now.status == OPTIMAL and all_more and all_fewer,
        "one_more_room": more,
        "one_fewer_room": fewer,
    }


def _rows(
    variants: Iterator[Variant], now: Plan, deadline: float
) -> tuple[list[dict[str, Any]], bool]:
    """Solve each variant while there is time; keep the best of each size and region."""
    best: dict[tuple[object, ...], dict[str, Any]] = {}
    for variant in variants:
        left = deadline - time.monotonic()
        if left <= 0:
            return _ranked(best), False
        try:
            then = place(variant.problem, seconds=left).plan
        except ProblemError:  # a group with an accepted offer cannot do without this room
            continue
        key = (variant.region, variant.bed_spaces, variant.cots, variant.features)
        row: dict[str, Any] = {
            "region": variant.region,
            "bed_spaces": variant.bed_spaces,
            "cots": variant.cots,
            "features": list(variant.features),
            "refuge": variant.refuge,
            "gain": _gain(now, then),
            "proven": then.status == OPTIMAL,
        }
        if key not in best or _order(row["gain"]) > _order(best[key]["gain"]):
            best[key] = row
    return _ranked(best), True


def _ranked(rows: Mapping[tuple[object, ...], dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows.values(), key=lambda row: [-x for x in _order(row["gain"])])


def _order(gain: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(gain.values())


def _one_more(problem: Problem, now: Plan) -> Iterator[Variant]:
    """Yield one room for each need of those left out, in each region, where a rule allows it.

    Of the refuges of a region that the rules open to her, the one that lacks least is tried.
    """
    left_out = [problem.household_by_id[entry.household] for entry in now.unplaced]
    seen = set()
    for h in sorted(left_out, key=lambda h: (h.priority, -h.waiting_minutes, h.id)):
        options: dict[str, tuple[int, str, Refuge, Room]] = {}
        for refuge in problem.refuges:
            lacking = h.essential - refuge.features
            room = Room(id="new", bed_spaces=h.sleepers, cots=h.infants, features=lacking)
            option = (len(lacking), refuge.id, refuge, room)
            allowed = not failing_rules(problem, h, refuge, room)
            if allowed and option[:2] < options.get(refuge.region, (10**6, ""))[:2]:
                options[refuge.region] = option
        for region, (_, name, refuge, room) in sorted(options.items()):
            features = tuple(sorted(room.features))
            key = (region, room.bed_spaces, room.cots, features, name)
            if key not in seen:
                seen.add(key)
                changed = _with_rooms(problem, refuge, (*refuge.rooms, _named(refuge, room)))
                yield Variant(region, room.bed_spaces, room.cots, features, name, changed)


def _one_fewer(problem: Problem, now: Plan) -> Iterator[Variant]:
    """Yield the problem without one private room of each size and region.

    A room that the plan leaves empty is the one that is missed least, so only where there is none
    is each room of the size tried.
    """
    used = {(p.refuge, p.room) for p in now.placements}
    offered = {
        (h.standing.refuge, h.standing.room) for h in problem.households if h.standing is not None
    }
    by_size: dict[tuple[str, int], list[tuple[Refuge, Room]]] = {}
    for refuge in problem.refuges:
        for room in refuge.rooms:
            if not room.shared and (refuge.id, room.id) not in offered:
                by_size.setdefault((refuge.region, room.bed_spaces), []).append((refuge, room))
    for (region, size), rooms in sorted(by_size.items()):
        empty = [(f, r) for f, r in rooms if (f.id, r.id) not in used]
        for refuge, room in empty[:1] or rooms:
            rest = tuple(other for other in refuge.rooms if other.id != room.id)
            changed = _with_rooms(problem, refuge, rest)
            yield Variant(region, size, 0, (), refuge.id, changed)


def _with_rooms(problem: Problem, refuge: Refuge, rooms: tuple[Room, ...]) -> Problem:
    changed = replace(refuge, rooms=rooms)
    others = (changed if other.id == refuge.id else other for other in problem.refuges)
    return replace(problem, refuges=tuple(others))


def _named(refuge: Refuge, room: Room) -> Room:
    taken = {other.id for other in refuge.rooms}
    return replace(room, id=next(n for i in range(len(taken) + 1) if (n := f"new{i}") not in taken))


def _gain(now: Plan, then: Plan) -> dict[str, int]:
    after = {figure.level: figure.value for figure in then.objective}
    return {
        figure.level: (after[figure.level] - figure.value)
        * (1 if figure.level in MAXIMISED else -1)
        for figure in now.objective
    }
