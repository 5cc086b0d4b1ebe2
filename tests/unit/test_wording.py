"""What people read of the engine's reasons: whole sentences, and never a time or a distance."""

from __future__ import annotations

from typing import Any

import pytest

import allocation
from app.services.matching import wording


def entry(code: str, **params: Any) -> dict[str, Any]:
    return {"code": code, "params": params, "text": allocation.describe(code, params)}


@pytest.mark.parametrize(
    "said",
    [
        entry("travel", rooms=3, of=9, minutes=420),
        entry("longer_travel", minutes=431, **{"from": 420}),
        entry("why_travel", minutes=87),
    ],
)
def test_no_minutes_of_a_journey_are_told(said: dict[str, Any]) -> None:
    assert any(sign.isdigit() for sign in said["text"])  # the engine itself does say them

    told = wording.told([said], {})

    assert not any(sign.isdigit() for one in told for sign in one["text"])
    assert all(set(one) == {"code", "text"} for one in told)


@pytest.mark.parametrize(
    ("decisive", "loss", "said"),
    [
        ("travel_minutes", 34, "A longer journey; 1 other household would move."),
        ("scarcity", 18, "It would use a rarer room than she needs; 1 other household would move."),
        ("unmet_desirable", 1, "1 more wish unmet; 1 other household would move."),
    ],
)
def test_a_price_is_told_in_words(decisive: str, loss: int, said: str) -> None:
    params = {"loses": 0, "gains": 0, "moves": 1, "decisive": decisive, "loss": loss}

    def price(*, proven: bool) -> str:
        text = allocation.describe("forced", params | {"proven": proven})
        return wording.price({"decisive": decisive, "text": text, "proven": proven})

    assert price(proven=True) == said
    assert price(proven=False) == f"No worse than this: {said}"


def test_a_choice_that_loses_nothing_needs_no_proof() -> None:
    params = {"loses": 0, "gains": 0, "moves": 0, "decisive": None, "loss": 0}
    text = allocation.describe("forced", params)

    assert wording.price({"decisive": None, "text": text, "proven": False}) == text


def test_a_tie_to_a_settled_woman_is_not_called_her_own_no() -> None:
    own = wording.told([entry("vetoed", rooms=4, of=4)], {})
    tied = wording.told([entry("vetoed", rooms=4, of=4)], {}, wording.VetoedBy.TIE)

    assert "said no" in own[0]["text"]
    assert tied[0]["text"] == wording.JOINS


def test_needs_are_told_in_the_forms_own_words() -> None:
    labels = {"step_free": "No steps", "lang:sq": "Albanian spoken"}
    said = entry("essential_missing", rooms=4, of=4, features=["step_free", "lang:sq"])

    told = wording.told([said], labels)

    assert told[0]["text"] == "All rooms lack something she must have: no steps, Albanian spoken."


ANSWER = {
    "allowed": True,
    "proven": True,
    "text": "2 fewer placed of priority 1.",
    "decisive": "placed_priority_1",
    "loss": {
        "placed_priority_1": 2,
        "placed_priority_2": -1,
        "placed_priority_3": 0,
        "waiting_minutes": 90,
        "unmet_desirable": -2,
        "scarcity": 14,
        "travel_minutes": -73,
    },
    "loses": ["R-A", "R-B"],
    "gains": ["R-C"],
    "moves": [{"household": "R-D", "from": {}, "to": {}}],
}


def test_a_cost_is_said_level_by_level_and_names_whom_it_touches() -> None:
    said = wording.cost(ANSWER)

    assert said["levels"] == [
        "2 women fewer of those who need a place tonight would have one.",
        "1 woman more of those who need a place within a day would have one.",
        "Women who have waited longer would go on waiting.",
        "2 wishes more met.",
        "It would use a rarer room than she needs.",
        "A shorter journey.",
    ]
    assert said["touches"] == [
        "R-A, R-B would have no room.",
        "R-C would get a room.",
        "R-D would get another room.",
    ]


def test_a_cost_tells_no_minutes_and_no_points() -> None:
    said = wording.cost(ANSWER)

    assert not {"73", "90", "14"} & set(" ".join([*said["levels"], *said["touches"]]).split())


def test_a_cost_not_proven_to_be_the_lowest_is_called_the_most() -> None:
    text = "No worse than this: 2 fewer placed of priority 1."
    proven = wording.cost(ANSWER)
    found = wording.cost({**ANSWER, "proven": False, "text": text})

    assert found["levels"] == [wording.AT_MOST, *proven["levels"]]
    assert found["cost_text"] == text
    assert found["loss"] == proven["loss"]


def other_plan(room: str | None, **loss: int) -> dict[str, Any]:
    """An entry as the engine gives it."""
    placed = [{"household": "R-A", "refuge": "refuge-2", "room": room}] if room else []
    return {"plan": {"placements": placed}, "loss": loss, "differs": ["R-A"]}


def test_other_plans_are_told_level_by_level_without_minutes_and_points() -> None:
    found = other_plan(
        "room-4", placed_priority_2=-1, standing_kept=2, scarcity=18, travel_minutes=-61
    )

    assert wording.other_plans([found]) == [
        {
            "costs": [
                "1 woman more of those who need a place within a day would have one.",
                "Offers already made would be broken.",
                "It would use rarer rooms.",
                "Shorter journeys.",
            ],
            "differs": [{"ref": "R-A", "room_id": 4}],
        }
    ]


def test_a_plan_for_fewer_women_is_not_offered() -> None:
    for_fewer = other_plan(None, placed_priority_1=0, placed_priority_2=1)
    for_others = other_plan(None, placed_priority_1=1, placed_priority_3=-1)

    assert [each["differs"][0] for each in wording.other_plans([for_fewer, for_others])] == [
        {"ref": "R-A", "room_id": None}
    ]


def test_a_cost_the_plan_cannot_name_says_why() -> None:
    said = wording.cost({"allowed": False, "proven": True, "text": "Not so: It fits."})

    assert said == {"allowed": False, "cost_text": "The plan could not do this. Not so: It fits."}


def test_a_cost_not_known_in_time_is_no_refusal() -> None:
    unknown = {"allowed": False, "proven": False, "room": None, "text": "The time ran out."}
    known = {**ANSWER, "room": "room-3"}
    refuges = [
        {"refuge": "refuge-1", "status": "possible", "cost": unknown, "reasons": []},
        {"refuge": "refuge-2", "status": "possible", "cost": known, "reasons": []},
    ]

    assert wording.cost(unknown) == {"allowed": False, "cost_text": "The time ran out."}
    assert [each["room_id"] for each in wording.alternatives(refuges, {})] == [3]
