"""Carry out one offered change on a problem, so that a test can solve again and look."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from allocation import Household, Problem, Reason, Refuge, Room

Params = Any


def carried_out(problem: Problem, name: str, change: Reason) -> Problem:
    """Return the problem after the change; ``name`` is the household it was offered to."""
    if change.code in HERS:
        alter = HERS[change.code]
        women = [
            replace(h, **alter(h, change.params)) if h.id == name else h for h in problem.households
        ]
        return replace(problem, households=tuple(women))
    alter_house = HOUSES[change.code]
    her = problem.household_by_id[name]
    houses = [alter_house(f, change.params, her) for f in problem.refuges]
    return replace(problem, refuges=tuple(houses))


HERS: dict[str, Callable[[Household, Params], dict[str, Any]]] = {
    "needed_later": lambda h, p: {
        "needed_by": h.needed_by + timedelta(minutes=p["minutes"]) if h.needed_by else None
    },
    "longer_travel": lambda h, p: {"max_travel_minutes": p["minutes"]},
    "feature_arranged": lambda h, p: {"essential": h.essential - {p["feature"]}},
    "accept_sharing": lambda h, p: {"may_share": True},
    "accept_london": lambda h, p: {"london": "either"},
    "lift_region_veto": lambda h, p: {"vetoed_regions": h.vetoed_regions - {p["region"]}},
    "lift_refuge_veto": lambda h, p: {"vetoed_refuges": h.vetoed_refuges - {p["refuge"]}},
    "lift_exclusion": lambda h, p: {"excludes": h.excludes - {p["feature"]}},
}


def _in_room(refuge: Refuge, params: Params, alter: Callable[[Room], Room]) -> Refuge:
    here = refuge.id == params["refuge"]
    rooms = [alter(r) if here and r.id == params["room"] else r for r in refuge.rooms]
    return replace(refuge, rooms=tuple(rooms))


def _new_room(refuge: Refuge, params: Params) -> Refuge:
    """Put the room into every refuge of the region that lacks nothing she must have."""
    if refuge.region != params["region"]:
        return refuge
    room = Room(
        id="new",
        bed_spaces=params["bed_spaces"],
        cots=params["cots"],
        features=frozenset(params["features"]),
    )
    return replace(refuge, rooms=(*refuge.rooms, room))


HOUSES: dict[str, Callable[[Refuge, Params, Household], Refuge]] = {
    "room_free_earlier": lambda f, p, h: _in_room(
        f, p, lambda room: replace(room, free_from=h.needed_by)
    ),
    "one_more_cot": lambda f, p, h: _in_room(f, p, lambda room: replace(room, cots=room.cots + 1)),
    "more_children": lambda f, p, h: (
        replace(f, spare_children=(f.spare_children or 0) + p["children"])
        if f.id == p["refuge"]
        else f
    ),
    "more_high_support": lambda f, p, h: (
        replace(f, spare_high_support=(f.spare_high_support or 0) + 1) if f.id == p["refuge"] else f
    ),
    "older_boys": lambda f, p, h: replace(f, boys_to_age=p["age"]) if f.id == p["refuge"] else f,
    "one_more_room": lambda f, p, h: _new_room(f, p),
}
