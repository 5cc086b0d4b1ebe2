"""The words of the figures: whose decision it was, why no room fitted, and groups of regions."""

from __future__ import annotations

from app.models.reference import ReasonKind

# Whose decision a reason explains. They are shown apart and never added up.
SIDES = {
    ReasonKind.DECLINED_BY_SURVIVOR.value: "She decided",
    ReasonKind.WITHDRAWN_BY_REFERRER.value: "The police withdrew",
    ReasonKind.NOT_ARRIVED.value: "She did not arrive",
    ReasonKind.UNMET.value: "No place was found",
}

# Safety: "passes the safety check" for every rule about people, so that none can be told apart.
_SAFETY = "No free room passes the safety check"
_STAFF = "The houses with a room have no staff time left for her needs"
NO_ROOM = {
    "capacity": "Every room that suits her goes to somebody who stands before her",
    "size": "No free room sleeps so many",
    "essential_missing": "No free room has everything she must have",
    "excluded_present": "Every free room has something she must not meet",
    "safety_distance": "No free room is far enough from danger",
    "network": _SAFETY,
    "apart_resident": _SAFETY,
    "apart": _SAFETY,
    "boys_age": "No house with a free room takes a boy of his age",
    "vetoed": "The houses left are ones that said no, or where she cannot go",
    "london": "No free room on the side of London's boundary that she asked for",
    "travel": "No free room is near enough to travel to",
    "not_free_in_time": "No room is free in time",
    "sharing": "Only shared rooms are free, and she has not agreed to share",
    "together": "No house has room for the whole group",
    "children_places": "The houses with a room have no more places for children",
    "high_support_places": _STAFF,
    "not_proven": "The plan ran out of time before it had looked at everything",
    "": "Another rule of the plan",
}

LONDON, REST_OF_ENGLAND = "London", "Rest of England"
ISLANDS = "Isle of Man and Channel Islands"
_NATIONS = {"E": REST_OF_ENGLAND, "W": "Wales", "S": "Scotland", "N": "Northern Ireland"}
GROUPS = (LONDON, *_NATIONS.values(), "Ireland", ISLANDS)


def region_group(code: str, in_london: bool) -> str:
    """London, a nation or the smaller islands, by statistical code or IE, IM, GG, JE."""
    if in_london:
        return LONDON
    if code == "IE":
        return "Ireland"
    return _NATIONS.get(code[0], ISLANDS) if code[1:].isdigit() else ISLANDS
