"""Why no room fits, by code, without a number: for police, and for figures.

Safety: police choose the places to stay away from, so a count of rooms would find the houses.
"""

from __future__ import annotations

from collections.abc import Iterable

# Safety: "passes the safety check" for every rule about people, so that none can be told apart.
_SAFETY = "Free rooms do not pass the safety check"
_STAFF = "Houses with a room have no staff time left for her needs"
NO_ROOM = {
    "capacity": "No room that suits her is left when those who stand before her have theirs",
    "size": "Free rooms sleep too few",
    "essential_missing": "Free rooms lack something she must have",
    "excluded_present": "Free rooms have something she must not meet",
    "safety_distance": "Free rooms are too near to danger",
    "network": _SAFETY,
    "apart_resident": _SAFETY,
    "apart": _SAFETY,
    "boys_age": "Houses with a free room take no boy of his age",
    "vetoed": "Houses said no, did not answer, or are where she cannot go",
    "london": "Free rooms are not on the side of London's boundary that she asked for",
    "travel": "Free rooms are too far to travel to",
    "not_free_in_time": "Rooms are not free in time",
    "sharing": "Free rooms are shared, and she has not agreed to share",
    "together": "No house has room for the whole group",
    "children_places": "Houses with a room have no more places for children",
    "high_support_places": _STAFF,
    "not_proven": "The plan ran out of time before it had looked at everything",
    "": "Another rule of the plan",
}
# What would help, where the engine's own words hold a number that is a house's.
WOULD_HELP = {
    "room_free_earlier": "If a room were free earlier.",
    "more_children": "If a house took more children.",
    "older_boys": "If a house took older boys.",
}


def why(code: str) -> str:
    """Why no room fits, as a phrase; true of some of the rooms or of all of them."""
    return NO_ROOM.get(code, NO_ROOM[""])


def why_not(reasons: Iterable[dict[str, str]]) -> list[str]:
    """A plan line's reasons as sentences, each said once."""
    return list(dict.fromkeys(f"{why(reason['code'])}." for reason in reasons))


def would_help(changes: Iterable[dict[str, str]]) -> list[str]:
    """What a plan line says would give her a room, without a house's own numbers."""
    return list(dict.fromkeys(WOULD_HELP.get(change["code"], change["text"]) for change in changes))
