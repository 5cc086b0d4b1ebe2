"""What people may read of the engine's reasons: codes and sentences, never a time or a distance.

Safety: travel times from several requests would narrow a house down to a few streets, so minutes
stay inside. Source: docs/threat-model.md, "No distance, time or map".
"""

from __future__ import annotations

from typing import Any

import allocation

JOINS = "She must go to the house where a woman she stays with has a room already."
LONGER_JOURNEY = "A longer journey"
UNTOLD = {"why_travel"}
WITHOUT_MINUTES = {
    "travel": "Rooms that would suit her are further than she can travel tonight.",
    "longer_travel": "If she could travel for longer.",
}


def told(reasons: list[dict[str, Any]], *, joins: bool = False) -> list[dict[str, str]]:
    """The engine's entries as ``{code, text}``; ``joins`` says whose house is settled by a tie."""
    return [
        {"code": entry["code"], "text": _text(entry, joins=joins)}
        for entry in reasons
        if entry["code"] not in UNTOLD
    ]


def _text(entry: dict[str, Any], *, joins: bool) -> str:
    if joins and entry["code"] in ("vetoed", "lift_refuge_veto"):
        return JOINS
    text: str = entry["text"]
    return WITHOUT_MINUTES.get(entry["code"], text)


def alternatives(refuges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Other houses: those that could be chosen first, the cheapest of them first, then why not."""
    possible = sorted(
        (each["cost"] for each in refuges if each["status"] == "possible"),
        key=lambda cost: tuple(cost["loss"].values()),
    )
    rest = [each for each in refuges if each["status"] in ("fails", "full")]
    return [_possible(cost) for cost in possible] + [_refused(each) for each in rest]


def _possible(cost: dict[str, Any]) -> dict[str, Any]:
    return {
        "room_id": int(cost["room"].removeprefix("room-")),
        "allowed": True,
        "cost_text": price(cost),
        "rule_text": "",
    }


def _refused(entry: dict[str, Any]) -> dict[str, Any]:
    said = [reason["text"] for reason in told(entry["reasons"])]
    return {
        "refuge_id": int(entry["refuge"].removeprefix("refuge-")),
        "room_id": None,
        "allowed": False,
        "cost_text": "",
        "rule_text": " ".join(said or [entry["cost"]["text"] if entry["cost"] else ""]),
    }


def price(cost: dict[str, Any]) -> str:
    """What choosing a room costs everyone else, in words."""
    text: str = cost["text"]
    if cost["decisive"] != "travel_minutes":
        return text
    _, more, rest = text.partition("; ")
    return f"{LONGER_JOURNEY}; {rest}" if more else f"{LONGER_JOURNEY}."


def unplaced(left_out: allocation.Unplaced, *, joins: bool) -> dict[str, list[dict[str, str]]]:
    """Why she has no room, and what would give her one, as a plan line keeps them."""
    return {
        "reasons": told([each.to_json() for each in left_out.reasons], joins=joins),
        "unlock": told([each.to_json() for each in left_out.unlock], joins=joins),
    }
