"""The words of the figures: whose decision it was, and groups of regions."""

from __future__ import annotations

from app.models.reference import ReasonKind

# Whose decision a reason explains. They are shown apart and never added up.
SIDES = {
    ReasonKind.DECLINED_BY_REFUGE.value: "The house said no",
    ReasonKind.LAPSED.value: "Nobody answered",
    ReasonKind.DECLINED_BY_SURVIVOR.value: "She decided",
    ReasonKind.WITHDRAWN_BY_REFERRER.value: "The police withdrew",
    ReasonKind.NOT_ARRIVED.value: "She did not arrive",
    ReasonKind.UNMET.value: "No place was found",
}

SUPPORT = {"offered": "Offered", "declined": "She said no", "done": "Done"}

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
