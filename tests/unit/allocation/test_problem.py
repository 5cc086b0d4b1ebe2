"""The problem format: every bad value names its place; a good one survives the round trip."""

import copy
import hashlib
import json
from typing import Any

import pytest

from allocation import (
    Household,
    Place,
    ProblemError,
    parse_problem,
    problem_sha256,
    problem_to_json,
)
from tests.unit.allocation.instances import make_household, make_problem, synthetic_night

HOUSEHOLD: dict[str, Any] = {
    "id": "h1",
    "priority": 1,
    "location": {"lat": 53.8, "lon": -1.5},
    "children": [{"age": 3, "sex": "f"}],
    "danger_zones": [{"lat": 53, "lon": -1, "radius_km": 2.5}],
}
REFUGE: dict[str, Any] = {
    "id": "f1",
    "region": "yorkshire",
    "in_london": False,
    "location": {"lat": 53.8, "lon": -1.5},
    "rooms": [{"id": "r1", "bed_spaces": 2}],
}
PROBLEM: dict[str, Any] = {
    "format": "waymark.problem/1",
    "as_of": "2026-11-22T18:00:00Z",
    "households": [HOUSEHOLD],
    "refuges": [REFUGE],
}


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(PROBLEM)
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    if value is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


H: list[Any] = ["households", 0]
F: list[Any] = ["refuges", 0]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["format"], KeyError, "format: is missing"),
        (["format"], "waymark.problem/2", "format: must be"),
        (["extra"], 1, "extra: unknown key"),
        (["as_of"], "yesterday", "as_of: must be a time"),
        (["as_of"], "2026-11-22T18:00:00", "as_of: must be a time"),
        (["as_of"], "2026-02-30T18:00:00Z", "as_of: is no date of the calendar"),
        (["as_of"], "0001-01-01T00:00:00+23:59", "as_of: is a time outside the calendar"),
        (["households"], {}, "households: must be a list, not an object"),
        ([*H, "children", 0, "agee"], 3, "households[0].children[0].agee: unknown key"),
        ([*H, "children", 0, "age"], True, "households[0].children[0].age: must be a whole"),
        ([*H, "children", 0, "age"], 2.0, "households[0].children[0].age: must be a whole"),
        ([*H, "children", 0, "sex"], "x", "households[0].children[0].sex: must be one of f, m"),
        ([*H, "priority"], 5, "households[0].priority: must be a whole number from 1 to 4"),
        ([*H, "priority"], KeyError, "households[0].priority: is missing"),
        ([*H, "id"], "", "households[0].id: must be a text"),
        ([*H, "id"], "a\x00b", "households[0].id: must hold no control characters"),
        ([*H, "id"], "\ud800", "households[0].id: must hold no control characters"),
        ([*H, "id"], "\x9b2J", "households[0].id: must hold no control characters"),
        ([*H, "waiting_minutes"], 10**400, "not a very large number"),
        ([*H, "location", "lat"], 90.1, "households[0].location.lat: must be a number"),
        ([*H, "location", "lat"], "53", "households[0].location.lat: must be a number"),
        ([*H, "location"], None, "households[0].location: must be an object, not null"),
        ([*H, "danger_zones", 0, "radius_km"], -1, "danger_zones[0].radius_km: must be a number"),
        ([*H, "essential"], "a", "households[0].essential: must be a list"),
        ([*H, "essential"], [["a"]], "households[0].essential[0]: must be a text"),
        ([*H, "may_share"], 1, "households[0].may_share: must be true or false, not 1"),
        ([*H, "london"], "maybe", "households[0].london: must be one of either"),
        ([*H, "apart_from"], ["h1"], "households[0].apart_from: a household cannot"),
        ([*H, "standing"], {"refuge": "f9", "room": "r"}, "standing.refuge: there is no refuge"),
        ([*H, "standing"], {"refuge": "f1", "room": "r9"}, "standing.room: there is no room"),
        (["households"], [HOUSEHOLD, HOUSEHOLD], 'households[1].id: "h1" is already used'),
        ([*F, "rooms", 0, "bed_spaces"], 0, "refuges[0].rooms[0].bed_spaces: must be a whole"),
        ([*F, "rooms"], [{"id": "r1", "bed_spaces": 1}] * 2, "refuges[0].rooms[1].id:"),
        ([*F, "spare_children"], -1, "refuges[0].spare_children: must be a whole"),
        (["together"], [["h1", "h2"]], "together[0][1]: there is no household"),
        (["together"], [["h1", "h1"]], 'together[0][1]: "h1" stands twice'),
        (["prices"], {"a": -1}, "prices.a: must be a whole number"),
        (["prices"], {"a": True}, "prices.a: must be a whole number"),
        (["prices"], {"": 1}, 'prices, key "": must be a text of 1 to 200 characters'),
        (["travel_minutes"], {"h9": {}}, "travel_minutes.h9: there is no household"),
        (["travel_minutes"], {"h1": {"f9": 1}}, "travel_minutes.h1.f9: there is no refuge"),
        (["travel_minutes"], {"h1": {"f1": 1.0}}, "travel_minutes.h1.f1: must be a whole number"),
        (["travel_minutes"], {"h1": {"\u2028": 1}}, 'travel_minutes.h1."\\u2028": there is no'),
        (["travel_minutes"], {"h1": {"\x00": 1}}, 'minutes.h1, key "\\u0000": must hold no'),
        (["order"], ["scarcity"], "order: must name each of"),
    ],
)
def test_every_bad_value_names_its_place(path: list[Any], value: Any, said: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_problem(changed(path, value))

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["households"], [HOUSEHOLD] * 20_001, "households: must hold at most 20000 entries"),
        (["refuges"], [REFUGE] * 20_001, "refuges: must hold at most 20000 entries, not 20001"),
        ([*F, "rooms"], [{}] * 50_001, "refuges[0].rooms: must hold at most 50000 entries"),
        ([*H, "danger_zones"], [{}] * 101, "households[0].danger_zones: must hold at most 100"),
        ([*H, "essential"], ["a"] * 20_001, "households[0].essential: must hold at most 20000"),
        (["together"], [["h1"] * 101], "together[0]: must hold at most 100 entries, not 101"),
        (["prices"], {str(i): 1 for i in range(1001)}, "prices: must hold at most 1000 entries"),
    ],
)
def test_what_is_too_long_names_its_place_and_the_limit(
    path: list[Any], value: Any, said: str
) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_problem(changed(path, value))

    assert str(caught.value).startswith(said)


def test_the_rooms_of_all_refuges_are_counted_together() -> None:
    rooms = [{"id": str(i), "bed_spaces": 1} for i in range(25_001)]
    houses = [{**REFUGE, "id": name, "rooms": rooms} for name in ("f1", "f2")]

    with pytest.raises(ProblemError, match="refuges: must hold at most 50000 rooms, not 50002"):
        parse_problem(changed(["refuges"], houses))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"age": 3', '"age": 3, "age": 4', "households[0].children[0].age: this key stands twice"),
        ('"lat": 53,', '"lat": NaN,', "households[0].danger_zones[0].lat: NaN is not a JSON"),
        ("2.5", "9" * 5000, "danger_zones[0].radius_km: is a number with too many digits"),
        ('"rooms": [', '"x y": 1, "x y": 2, "rooms": [', 'refuges[0]."x y": this key stands twice'),
    ],
)
def test_what_json_does_not_know_names_its_place(old: str, new: str, said: str) -> None:
    source = json.dumps(PROBLEM)
    assert source.count(old) == 1

    with pytest.raises(ProblemError) as caught:
        parse_problem(source.replace(old, new))

    assert said in str(caught.value)


@pytest.mark.parametrize("values", [5_999_000, 6_000_001])
def test_a_file_of_too_many_values_is_refused_before_it_is_parsed(values: int) -> None:
    source = json.dumps({**PROBLEM, "order": []}).replace("[]", "[" + "0," * values + "0]")
    said = "the file holds more than 6000000 values" if values > 6_000_000 else "order: must hold"

    with pytest.raises(ProblemError, match=said):
        parse_problem(source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "not JSON"),
        ("[]", "must hold a JSON object"),
        ("null", "must hold a JSON object, not null"),
        (b"\xff\xfe", "not UTF-8"),
        ('{"format": "a", "format": "b"}', "format: this key stands twice"),
        ('{"as_of": NaN}', "NaN is not a JSON number"),
        ('{"as_of": -Infinity}', "-Infinity is not a JSON number"),
        ('{"as_of": ' + "1" * 5000 + "}", "too many digits"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_problem_says_why(source: str | bytes, said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        parse_problem(source)


def test_a_number_too_large_for_a_float_is_refused() -> None:
    source = json.dumps(PROBLEM).replace("2.5", "1e999")

    with pytest.raises(ProblemError, match="radius_km: must be a number"):
        parse_problem(source)


def test_a_value_built_in_python_is_checked_as_well() -> None:
    with pytest.raises(ProblemError, match="priority: must be a whole number"):
        Household(id="h1", priority=0, location=Place(0, 0))
    with pytest.raises(ProblemError, match="lat: must be a number"):
        Place(float("nan"), 0)


def test_a_problem_survives_the_round_trip() -> None:
    problem = synthetic_night(3, 30, 10, 40)

    assert parse_problem(json.dumps(problem_to_json(problem))) == problem


def test_left_out_values_take_their_defaults_and_null_means_not_told() -> None:
    her = parse_problem(changed([*H, "max_travel_minutes"], None)).households[0]

    assert (her.adults, her.london, her.island, her.may_share) == (1, "either", "GB", False)
    assert her.max_travel_minutes is None
    assert her.standing is None


def test_the_sha_is_over_the_document_as_told() -> None:
    canonical = json.dumps(PROBLEM, sort_keys=True, separators=(",", ":"))
    expected = hashlib.sha256(canonical.encode()).hexdigest()

    assert problem_sha256(parse_problem(json.dumps(PROBLEM, indent=4))) == expected


def test_the_sha_of_a_problem_built_in_python_is_that_of_its_document() -> None:
    problem = make_problem(make_household(), ())

    assert problem_sha256(problem) == problem_sha256(parse_problem(problem_to_json(problem)))


def test_apart_is_symmetric() -> None:
    women = (make_household("b"), make_household("a", apart_from={"b", "resident"}))

    assert make_problem(women, ()).apart_pairs == {("a", "b")}
