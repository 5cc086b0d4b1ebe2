"""What people may read of the engine's reasons: codes and sentences, never a time or a distance.

Safety: travel times from several requests would narrow a house down to a few streets, so minutes
stay inside. Source: docs/threat-model.md, "No distance, time or map".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import select

import allocation
from app.db import db
from app.models.reference import Feature, Language

Labels = Mapping[str, str]
JOINS = "She must go to the house where a woman she stays with has a room already."
ROOM_IN_THAT_HOUSE = "If a room that suits her were free in that house."
# A cost that is a plan that was found, while a cheaper one has not been ruled out.
AT_MOST = "It would cost at most this; there may be a cheaper way."
# What the engine counts in points or minutes is said without the count.
UNCOUNTED = {
    "travel_minutes": "A longer journey",
    "scarcity": "It would use a rarer room than she needs",
}


class VetoedBy(StrEnum):
    """Whose word rules houses out: her own no, a tie to another woman, or the houses' answers."""

    HER = "her"
    TIE = "tie"
    HOUSES = "houses"


VETOES: dict[VetoedBy, dict[str, str]] = {
    VetoedBy.HER: {},
    VetoedBy.TIE: {"vetoed": JOINS, "lift_refuge_veto": ROOM_IN_THAT_HOUSE},
    VetoedBy.HOUSES: {
        "vetoed": "The houses left have said no, did not answer, or are where she must not go.",
        "lift_refuge_veto": "If a house that said no, or did not answer, could take her after all.",
    },
}
UNTOLD = {"why_travel"}
WITHOUT_MINUTES = {
    "travel": "Rooms that would suit her are further than she can travel tonight.",
    "longer_travel": "If she could travel for longer.",
}


def labels() -> Labels:
    """People's words for features and languages; a step for use inside a transaction."""
    features = db.session.execute(select(Feature.code, Feature.shown_as)).all()
    languages = db.session.execute(select(Language.code, Language.name)).all()
    spoken = {f"lang:{code}": f"{name} spoken" for code, name in languages}
    return spoken | {row.code: row.shown_as for row in features}


def told(
    reasons: list[dict[str, Any]], labels: Labels, vetoed_by: VetoedBy = VetoedBy.HER
) -> list[dict[str, str]]:
    """The engine's entries as ``{code, text}``.

    ``labels`` are the words for feature codes.
    """
    return [
        {"code": entry["code"], "text": _text(entry, labels, VETOES[vetoed_by])}
        for entry in reasons
        if entry["code"] not in UNTOLD
    ]


def _text(entry: dict[str, Any], labels: Labels, vetoes: dict[str, str]) -> str:
    code, params = entry["code"], entry["params"]
    if code in vetoes:
        return vetoes[code]
    if code == "why_wishes":
        return _wishes(params["met"], params["unmet"])
    text: str = entry["text"]
    if features := {"feature", "features"} & params.keys():
        text = allocation.describe(code, params | _labelled(params, features, labels))
    return WITHOUT_MINUTES.get(code, text)


def _labelled(params: dict[str, Any], names: set[str], labels: Labels) -> dict[str, Any]:
    """The same parameters with people's words for the features."""

    def label(code: str) -> str:
        words = labels.get(code, code)
        return words if code.startswith("lang:") else words[:1].lower() + words[1:]

    return {
        name: [label(code) for code in params[name]]
        if isinstance(params[name], list)
        else label(params[name])
        for name in names
    }


def _wishes(met: int, unmet: int) -> str:
    """A wish is her language spoken there, or the side of London's boundary she would rather."""
    if unmet == 0:
        return "It is as she would wish."
    return f"It meets {met} of her {met + unmet} wishes." if met else "It does not meet her wish."


def alternatives(refuges: list[dict[str, Any]], labels: Labels) -> list[dict[str, Any]]:
    """Other houses: those that could be chosen first, the cheapest of them first, then why not.

    A house whose cost was not known in time is in neither part: its rooms can be asked about.
    """
    costs = [each["cost"] for each in refuges if each["status"] == "possible"]
    possible = sorted(
        (cost for cost in costs if cost["allowed"]),
        key=lambda cost: tuple(cost["loss"].values()),
    )
    rest = [each for each in refuges if each["status"] in ("fails", "full")]
    return [_possible(cost) for cost in possible] + [_refused(each, labels) for each in rest]


def _possible(answer: dict[str, Any]) -> dict[str, Any]:
    return {**cost(answer), "room_id": _room_id(answer["room"]), "rule_text": ""}


def cost(answer: dict[str, Any]) -> dict[str, Any]:
    """What one room costs the others: in short, level by level, and whom it touches.

    What is not proven to be the lowest cost is called the most that it would be.
    """
    if not answer["allowed"]:
        could_not = "The plan could not do this. " if answer["proven"] else ""
        return {"allowed": False, "cost_text": f"{could_not}{answer['text']}"}
    loss = {level: lost for level, lost in answer["loss"].items() if lost}
    return {
        "allowed": True,
        "cost_text": price(answer),
        "levels": [AT_MOST] * _is_open(answer)
        + [_level(level, lost, LOSSES) for level, lost in loss.items()],
        "touches": _touches(answer),
        "loss": loss,
    }


def other_plans(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Clearly different plans: what each loses and gains, and where it puts whom otherwise.

    ``found`` is the engine's ``alternatives``. Left out is what comes where no other good plan
    exists: a plan that gives fewer women a room, and on a night with no room at all the same plan.
    """
    return [
        _other_plan(each) for each in found if each["differs"] and _fewer_placed(each["loss"]) <= 0
    ]


def _fewer_placed(loss: dict[str, int]) -> int:
    return sum(lost for level, lost in loss.items() if level in URGENT)


def _other_plan(found: dict[str, Any]) -> dict[str, Any]:
    rooms = {each["household"]: each["room"] for each in found["plan"]["placements"]}
    return {
        "costs": [_level(level, lost, OF_A_PLAN) for level, lost in found["loss"].items() if lost],
        "differs": [
            {"ref": ref, "room_id": _room_id(rooms[ref]) if ref in rooms else None}
            for ref in found["differs"]
        ],
    }


def _room_id(key: str) -> int:
    return int(key.removeprefix("room-"))


LOSSES: dict[str, tuple[str, str]] = {
    "waiting_minutes": (
        "Women who have waited longer would go on waiting.",
        "Women who have waited longer would get a room.",
    ),
    "standing_kept": ("An offer already made would be broken.", "More offers would stand."),
    "scarcity": (
        "It would use a rarer room than she needs.",
        "It would keep a rarer room free.",
    ),
    "travel_minutes": ("A longer journey.", "A shorter journey."),
}
OF_A_PLAN = LOSSES | {
    "standing_kept": ("Offers already made would be broken.", "More offers would stand."),
    "scarcity": ("It would use rarer rooms.", "It would keep rarer rooms free."),
    "travel_minutes": ("Longer journeys.", "Shorter journeys."),
}
URGENT = {
    "placed_priority_1": "of those who need a place tonight",
    "placed_priority_2": "of those who need a place within a day",
    "placed_priority_3": "of those who need a place in the next days",
    "placed_priority_4": "of the least urgent",
}


def _level(level: str, lost: int, losses: dict[str, tuple[str, str]]) -> str:
    """One level's loss (above 0) or gain in a sentence; no minutes, no points."""
    count = abs(lost)
    if level in URGENT:
        whom = "woman" if count == 1 else "women"
        return f"{count} {whom} {'fewer' if lost > 0 else 'more'} {URGENT[level]} would have one."
    if level == "unmet_desirable":
        return (
            f"{count} {'wish' if count == 1 else 'wishes'} {'fewer' if lost > 0 else 'more'} met."
        )
    return losses[level][0 if lost > 0 else 1]


def _touches(answer: dict[str, Any]) -> list[str]:
    said = []
    for refs, words in (
        (answer["loses"], "would have no room"),
        (answer["gains"], "would get a room"),
        ([move["household"] for move in answer["moves"]], "would get another room"),
    ):
        said += [f"{', '.join(refs)} {words}."] if refs else []
    return said or ["Nobody else is touched."]


def _refused(entry: dict[str, Any], labels: Labels) -> dict[str, Any]:
    said = [reason["text"] for reason in told(entry["reasons"], labels)]
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
    said = UNCOUNTED.get(cost["decisive"])
    if said is None:
        return text
    before = "No worse than this: " if _is_open(cost) else ""
    _, more, rest = text.partition("; ")
    return f"{before}{said}; {rest}" if more else f"{before}{said}."


def _is_open(cost: dict[str, Any]) -> bool:
    """Whether a cheaper way may exist; a choice that loses nothing has none."""
    return cost["decisive"] is not None and not cost["proven"]


def unplaced(
    left_out: allocation.Unplaced, labels: Labels, vetoed_by: VetoedBy
) -> dict[str, list[dict[str, str]]]:
    """Why she has no room, and what would give her one, as a plan line keeps them."""
    return {
        "reasons": told([each.to_json() for each in left_out.reasons], labels, vetoed_by),
        "unlock": told([each.to_json() for each in left_out.unlock], labels, vetoed_by),
    }
