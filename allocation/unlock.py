"""The cheapest single changes that would place a household; safety is never among them.

A change is offered only when solving again shows that it would place her, and nobody who stands
before her or level with her would lose a room or be the one it served instead.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from allocation.geography import travel_minutes
from allocation.plan import Reason
from allocation.problem import Household, Problem, Refuge, Room
from allocation.reasons import Verdicts
from allocation.rules import failing_rules, free_at
from allocation.trial import Pair, Picture, Trial, Undecided, places_her
from allocation.words import reason

# How many sizes or places of one kind of change are tried before it is given up.
MAX_TRIALS = 6


@dataclass(frozen=True)
class Change:
    """One single change: what it is called, and the trial that shows whether it places her."""

    params: dict[str, Any]
    trial: Trial


Finder = Callable[[Problem, Verdicts], Iterator[Change]]


def unlocks_for(picture: Picture, verdicts: Verdicts) -> tuple[Reason, ...]:
    """Return at most one change of each kind, the smallest that works, in the order of FINDERS."""
    found: list[Reason] = []
    for code, find in FINDERS.items():
        for change in islice(find(picture.problem, verdicts), MAX_TRIALS):
            try:
                works = places_her(picture, change.trial)
            except Undecided:
                return tuple(found)
            if works:
                found.append(reason(code, **change.params))
                break
    return tuple(found)


def _only(verdicts: Verdicts, code: str) -> list[Pair]:
    return [pair for pair, failing in verdicts.rooms if failing == {code}]


def _hers(verdicts: Verdicts, pairs: list[Pair]) -> Trial:
    """Return the trial in which these rooms are open to her as well."""
    return Trial(verdicts.household, (*verdicts.passing(), *pairs))


def _house(
    problem: Problem, verdicts: Verdicts, refuge: Refuge, household: Household | None = None
) -> Trial:
    """Return the trial in which one refuge has changed for everybody."""
    her = household or verdicts.household
    elsewhere = [pair for pair in verdicts.passing() if pair.refuge.id != refuge.id]
    rooms = sorted(refuge.rooms, key=lambda room: room.id)
    there = [Pair(her, refuge, r) for r in rooms if not failing_rules(problem, her, refuge, r)]
    return Trial(her, (*elsewhere, *there), refuges=(refuge,))


def _with_room(refuge: Refuge, room: Room) -> Refuge:
    others = tuple(other for other in refuge.rooms if other.id != room.id)
    return replace(refuge, rooms=(*others, room))


def room_free_earlier(problem: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """One room handed over in time; the one that is least late first."""
    needed_by = verdicts.household.needed_by
    if needed_by is None:
        return
    late = _only(verdicts, "not_free_in_time")
    for pair in sorted(late, key=lambda p: (free_at(problem, p.room), p.refuge.id, p.room.id)):
        minutes = _minutes(free_at(problem, pair.room) - needed_by)
        where = {"refuge": pair.refuge.id, "room": pair.room.id}
        refuge = _with_room(pair.refuge, replace(pair.room, free_from=needed_by))
        yield Change({"minutes": minutes, **where}, _house(problem, verdicts, refuge))


def needed_later(problem: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """She waits a little longer for the room; the shortest wait first."""
    needed_by = verdicts.household.needed_by
    if needed_by is None:
        return
    late = _only(verdicts, "not_free_in_time")
    for moment in sorted({free_at(problem, pair.room) for pair in late}):
        rooms = [pair for pair in late if free_at(problem, pair.room) <= moment]
        yield Change({"minutes": _minutes(moment - needed_by)}, _hers(verdicts, rooms))


def _minutes(late: timedelta) -> int:
    return -(-late // timedelta(minutes=1))


def longer_travel(problem: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """She travels further; the shortest journey first."""
    her = verdicts.household
    far = [(travel_minutes(problem, her, p.refuge), p) for p in _only(verdicts, "travel")]
    for limit in sorted({minutes for minutes, _ in far}):
        rooms = [pair for minutes, pair in far if minutes <= limit]
        params = {"minutes": limit, "from": her.max_travel_minutes}
        yield Change(params, _hers(verdicts, rooms))


def more_children(problem: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """One refuge takes more children; the smallest number first."""
    refuges = _refuges(verdicts.passing())
    for more in range(1, len(verdicts.household.children) + 1):
        for refuge in refuges:
            if refuge.spare_children is not None:
                wider = replace(refuge, spare_children=refuge.spare_children + more)
                params = {"children": more, "refuge": refuge.id}
                yield Change(params, _house(problem, verdicts, wider))


def more_high_support(problem: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """One refuge takes one more household with high support needs."""
    for refuge in _refuges(verdicts.passing()) if verdicts.household.high_support else ():
        if refuge.spare_high_support is not None:
            wider = replace(refuge, spare_high_support=refuge.spare_high_support + 1)
            yield Change({"refuge": refuge.id}, _house(problem, verdicts, wider))


def older_boys(problem: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """One refuge takes boys as old as hers; the smallest step first."""
    refuges = _refuges(_only(verdicts, "boys_age"))
    age = max((c.age for c in verdicts.household.children if c.sex == "m"), default=0)
    for refuge in sorted(refuges, key=lambda f: (-f.boys_to_age, f.id)):
        params = {"age": age, "from": refuge.boys_to_age, "refuge": refuge.id}
        yield Change(params, _house(problem, verdicts, replace(refuge, boys_to_age=age)))


def one_more_cot(problem: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """One room gets one more cot."""
    for pair in _only(verdicts, "size"):
        room = replace(pair.room, cots=pair.room.cots + 1)
        if verdicts.household.beds_used(room.cots) <= room.bed_spaces:
            where = {"refuge": pair.refuge.id, "room": pair.room.id}
            yield Change(where, _house(problem, verdicts, _with_room(pair.refuge, room)))


def feature_arranged(_: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """One thing she must have is brought in, for example an interpreter by telephone."""
    her = verdicts.household
    lacking = _only(verdicts, "essential_missing")
    for feature in sorted(her.essential):
        rest = her.essential - {feature}
        rooms = [p for p in lacking if rest <= p.room.features | p.refuge.features]
        if rooms:
            yield Change({"feature": feature}, _hers(verdicts, rooms))


def accept_sharing(_: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """She accepts a shared room."""
    if rooms := _only(verdicts, "sharing"):
        yield Change({}, _hers(verdicts, rooms))


def accept_london(_: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """She accepts a refuge on the other side of London's boundary."""
    if rooms := _only(verdicts, "london"):
        yield Change({"from": verdicts.household.london}, _hers(verdicts, rooms))


def lift_region_veto(_: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """She accepts one region she has said no to."""
    her = verdicts.household
    vetoed = [p for p in _only(verdicts, "vetoed") if p.refuge.id not in her.vetoed_refuges]
    for region in sorted({pair.refuge.region for pair in vetoed}):
        rooms = [pair for pair in vetoed if pair.refuge.region == region]
        yield Change({"region": region}, _hers(verdicts, rooms))


def lift_refuge_veto(_: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """She accepts one refuge she has said no to."""
    her = verdicts.household
    vetoed = [p for p in _only(verdicts, "vetoed") if p.refuge.region not in her.vetoed_regions]
    for refuge in _refuges(vetoed):
        rooms = [pair for pair in vetoed if pair.refuge.id == refuge.id]
        yield Change({"refuge": refuge.id}, _hers(verdicts, rooms))


def lift_exclusion(_: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """She accepts one thing she excluded."""
    her = verdicts.household
    shut = _only(verdicts, "excluded_present")
    for feature in sorted(her.excludes):
        rest = her.excludes - {feature}
        rooms = [p for p in shut if rest.isdisjoint(p.room.features | p.refuge.features)]
        if rooms:
            yield Change({"feature": feature}, _hers(verdicts, rooms))


def one_more_room(problem: Problem, verdicts: Verdicts) -> Iterator[Change]:
    """One refuge gets one more private room, just large enough; least equipment first."""
    her = verdicts.household
    options = []
    for refuge in {pair.refuge.id: pair.refuge for pair, _ in verdicts.rooms}.values():
        extra = her.essential - refuge.features
        room = Room(id=_new_id(refuge), bed_spaces=her.sleepers, cots=her.infants, features=extra)
        if not failing_rules(problem, her, refuge, room):
            options.append((len(extra), refuge.id, refuge, room))
    for _, _, refuge, room in sorted(options, key=lambda option: option[:2]):
        kind = {"bed_spaces": room.bed_spaces, "cots": room.cots}
        params = {**kind, "features": sorted(room.features), "region": refuge.region}
        yield Change(params, _house(problem, verdicts, _with_room(refuge, room)))


def _new_id(refuge: Refuge) -> str:
    taken = {room.id for room in refuge.rooms}
    return next(name for n in range(len(taken) + 1) if (name := f"new{n}") not in taken)


def _refuges(pairs: list[Pair] | tuple[Pair, ...]) -> list[Refuge]:
    return list({pair.refuge.id: pair.refuge for pair in pairs}.values())


# From what a house can do at once, over what it must build up, to what only she can give up;
# a new room costs most.
FINDERS: dict[str, Finder] = {
    "room_free_earlier": room_free_earlier,
    "more_children": more_children,
    "more_high_support": more_high_support,
    "older_boys": older_boys,
    "one_more_cot": one_more_cot,
    "feature_arranged": feature_arranged,
    "needed_later": needed_later,
    "longer_travel": longer_travel,
    "accept_sharing": accept_sharing,
    "accept_london": accept_london,
    "lift_region_veto": lift_region_veto,
    "lift_refuge_veto": lift_refuge_veto,
    "lift_exclusion": lift_exclusion,
    "one_more_room": one_more_room,
}
