"""Plain English for every code with its parameters; names nobody, no zone and no network."""

from collections.abc import Callable, Mapping
from typing import Any

from allocation.plan import Reason
from allocation.rules import RULES

Params = Mapping[str, Any]


def describe(code: str, params: Params) -> str:
    """Return one plain sentence, or the rule's own text for a code without a phrase."""
    phrase = PHRASES.get(code)
    if phrase is not None:
        return phrase(params)
    return RULES[code].text if code in RULES else f"Unknown reason: {code}."


def reason(code: str, /, **params: Any) -> Reason:
    """Return a reason with its text."""
    return Reason(code, params, describe(code, params))


def counted(count: int, one: str, many: str = "") -> str:
    """Return ``1 room`` or ``2 rooms``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def duration(minutes: int) -> str:
    """Return minutes as hours and minutes."""
    hours, rest = divmod(minutes, 60)
    parts = [counted(hours, "hour")] * bool(hours) + [counted(rest, "minute")] * bool(rest)
    return " ".join(parts) or "no time"


def listing(features: list[str]) -> str:
    """Return the features as a list to read; the application may show its own labels."""
    return ", ".join(feature.replace("_", " ") for feature in features) or "nothing"


def _rooms(params: Params) -> str:
    if params.get("rooms") in (None, params.get("of")):
        return "All rooms"
    return f"{params['rooms']} of {params['of']} rooms"


def _rooms_that(said: str) -> Callable[[Params], str]:
    return lambda params: f"{_rooms(params)} {said}."


def _capacity(params: Params) -> str:
    if not params.get("of", 1):
        return "There is no free room at all."
    before = sum(params["before"].values())
    who = f"{counted(before, 'household')} who stand before her" if before else "others"
    if not params["rooms"]:
        return f"No room suits her as things are, and every other room goes to {who}."
    fit = counted(params["rooms"], "room would suit", "rooms would suit")
    level = params["level"]
    beside = f" and {level} who stand level with her" if level and before else ""
    return f"{fit} her, but all places go to {who}{beside}."


PHRASES: dict[str, Callable[[Params], str]] = {
    "size": lambda p: f"{_rooms(p)} sleep fewer than the {p['bed_spaces']} of her household.",
    "essential_missing": lambda p: (
        f"{_rooms(p)} lack something she must have: {listing(p['features'])}."
    ),
    "excluded_present": lambda p: (
        f"{_rooms(p)} have something she must not meet: {listing(p['features'])}."
    ),
    "safety_distance": _rooms_that("lie nearer than is safe for her"),
    "boys_age": lambda p: f"{_rooms(p)} are in refuges that take no boy of {p['age']}.",
    "vetoed": _rooms_that("are where she has said no"),
    "london": lambda p: (
        f"{_rooms(p)} lie {'outside' if p['london'] == 'inside_only' else 'inside'} London,"
        " which she does not want."
    ),
    "travel": lambda p: f"{_rooms(p)} are more than {duration(p['minutes'])} away.",
    "not_free_in_time": _rooms_that("are not free when she needs one"),
    "network": _rooms_that("do not pass a safety check"),
    "apart_resident": _rooms_that("do not pass a safety check"),
    "sharing": _rooms_that("are shared, which she has not accepted"),
    "room_full": lambda _: "The places go to offers that have been accepted.",
    "no_rooms": lambda _: "The refuge has no free room.",
    "why_fixed": lambda _: "She has accepted this offer, so it stays.",
    "why_offer": lambda _: "This room has already been offered to her.",
    "why_fits": lambda p: f"It sleeps {p['bed_spaces']}, and her household needs {p['needed']}.",
    "why_essential": lambda p: f"It has all she must have: {listing(p['features'])}.",
    "why_wishes": lambda p: (
        f"It meets {counted(p['met'], 'wish', 'wishes')} and leaves {p['unmet']} unmet."
    ),
    "why_travel": lambda p: f"The journey takes about {duration(p['minutes'])}.",
    "why_best": lambda p: (
        f"{counted(p['rooms'], 'room')} would suit her; this one serves her and everyone else best."
    ),
    "forced": lambda p: _forced(p),
    "apart": lambda _: (
        "The rooms that suit her would bring her under one roof with somebody"
        " she must be kept apart from."
    ),
    "together": lambda _: "Her group must stay together, and no refuge has room for all of it.",
    "children_places": lambda p: (
        "The refuges with a room for her have no places for"
        f" {counted(p['children'], 'more child', 'more children')}."
    ),
    "high_support_places": lambda _: (
        "The refuges with a room for her cannot take another household with high support needs."
    ),
    "capacity": _capacity,
    "not_proven": lambda _: (
        "The time ran out before every plan was looked at; more time may place her."
    ),
    "room_free_earlier": lambda p: f"If a room were free {duration(p['minutes'])} earlier.",
    "needed_later": lambda p: f"If she could wait {duration(p['minutes'])} longer.",
    "longer_travel": lambda p: (
        f"If she could travel {duration(p['minutes'])} instead of {duration(p['from'])}."
    ),
    "more_children": lambda p: (
        f"If one refuge took {counted(p['children'], 'more child', 'more children')}."
    ),
    "more_high_support": lambda _: "If one refuge took one more household with high support needs.",
    "older_boys": lambda p: f"If one refuge took boys up to {p['age']} instead of {p['from']}.",
    "one_more_cot": lambda _: "If one more cot were put into a room.",
    "feature_arranged": lambda p: f"If this could be arranged: {listing([p['feature']])}.",
    "accept_sharing": lambda _: "If she accepted a shared room.",
    "accept_london": lambda _: "If she accepted either side of London's boundary.",
    "lift_region_veto": lambda _: "If she accepted one region she has said no to.",
    "lift_refuge_veto": lambda _: "If she accepted one refuge she has said no to.",
    "lift_exclusion": lambda p: f"If she accepted: {listing([p['feature']])}.",
    "one_more_room": lambda p: _one_more_room(p),
}


def _forced(params: Params) -> str:
    parts = []
    if params["loses"]:
        parts.append(f"{counted(params['loses'], 'other household')} would lose a room")
    if params["gains"]:
        parts.append(f"{counted(params['gains'], 'other household')} would gain a room")
    if params["moves"]:
        parts.append(f"{counted(params['moves'], 'other household')} would move")
    if params["decisive"] is None:
        return ("; ".join(parts) or "Nobody else is touched") + ", and nothing is lost."
    said = _LOSS[params["decisive"]](params["loss"])
    before = "" if params.get("proven", True) else "No worse than this: "
    return f"{before}{said}{'; ' if parts else ''}{' and '.join(parts)}."


_LOSS: dict[str, Callable[[int], str]] = {
    **{
        f"placed_priority_{n}": lambda loss, n=n: f"{loss} fewer placed of priority {n}"  # type: ignore[misc]
        for n in (1, 2, 3, 4)
    },
    "waiting_minutes": lambda loss: f"Those placed would have waited {duration(loss)} less",
    "standing_kept": lambda loss: f"{counted(loss, 'standing offer')} would be broken",
    "unmet_desirable": lambda loss: f"{counted(loss, 'more wish', 'more wishes')} unmet",
    "scarcity": lambda loss: f"Scarce rooms used worth {loss} more",
    "travel_minutes": lambda loss: f"{duration(loss)} more travel",
}


def _one_more_room(params: Params) -> str:
    cots = f" and {counted(params['cots'], 'cot')}" if params["cots"] else ""
    sleeps = f"sleeping {params['bed_spaces']}{cots}"
    having = f" with {listing(params['features'])}" if params["features"] else ""
    return f"If there were one more room {sleeps}{having}."
