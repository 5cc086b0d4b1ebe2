"""The files in ``data/`` keep the promises that ``data/README.md`` makes for them."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
REGIONS_WITH_BEDS = 13
DECLINE_NUMBERS = [str(number) for number in range(1, 10)]
# Safety and fairness: what is not held cannot leak. decisions.md, "What we refuse to hold".
NEVER_HELD = ("nationality", "immigration", "passport", "visa", "asylum", "nrpf", "address")
# Codes that stored rows point at. Add to this list; a code that leaves it breaks old records.
STABLE_REASONS = {
    "full", "room_not_right", "family_too_large", "no_step_free_access", "needs_more_support",
    "risk_to_residents", "area_not_safe", "outside_hours", "not_enough_told",
    "duplicate", "entered_in_error", "other_bed_found", "cannot_be_reached", "turned_away",
    "planned_move", "left_without_word", "cleaning", "repair", "her_wish", "safety_knowledge",
    "no_bed_anywhere", "no_safe_bed",
    "pause_hospital", "pause_detained", "pause_asked", "pause_interview", "pause_children",
    "pause_travel", "extension_home", "extension_council", "extension_health",
    "extension_children", "extension_court", "extension_safety", "extension_wish",
    "transfer_safety", "transfer_needs", "transfer_family", "transfer_room", "transfer_nearer",
    "transfer_together", "transfer_wish", "transfer_stays", "transfer_settled", "transfer_left",
    "transfer_mistake", "recovery_carried",
    "second_stage", "another_refuge", "safety_move", "own_home", "council_home",
    "family_or_friends", "went_home", "departure_hospital", "departure_arrested",
    "asked_to_leave", "died", "departure_mistake", "private_rent", "other_home",
    "no_reply_house", "no_reply_question", "another_house_first",
    "room_gone", "ask_stairs", "ask_by_phone",
}  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "key", "count"),
    [
        ("regions.csv", "code", 16),
        ("forces.csv", "id", 61),
        ("outcodes.csv", "outcode", 3002),
        ("eircode_routing_keys.csv", "code", 139),
        ("languages.csv", "code", 196),
        ("features.csv", "code", 17),
        ("reasons.csv", "code", 138),
        ("hand_on_contacts.csv", "code", 11),
        ("support_items.csv", "code", 18),
        ("published_figures.csv", "id", 43),
    ],
)
def test_every_file_has_its_rows_once(name: str, key: str, count: int) -> None:
    keys = [row[key] for row in rows(name)]

    assert len(keys) == count
    assert [one for one, times in Counter(keys).items() if times > 1] == []
    assert all(keys)


@pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.name)
def test_no_row_is_ragged(path: Path) -> None:
    for row in rows(path.name):
        assert None not in row
        assert None not in row.values()


def test_fifty_five_forces_of_2007() -> None:
    forces = rows("forces.csv")
    of_2007 = [force for force in forces if force["counted_2007"] == "1"]

    assert len(of_2007) == 55
    assert Counter(force["country"] for force in of_2007) == {
        "england": 39,
        "wales": 4,
        "scotland": 8,
        "northern_ireland": 1,
        "ireland": 1,
        "uk_wide": 2,
    }
    assert all(force["counted_2007_basis"].startswith(("seen", "assumption")) for force in of_2007)
    assert "scotland" not in {force["id"] for force in of_2007}, "Police Scotland began in 2013"


@pytest.mark.parametrize("column", ["arrival_weight", "arrival_weight_2007"])
def test_arrivals_are_shared_out_over_all_forces(column: str) -> None:
    shares = [float(force[column]) for force in rows("forces.csv")]

    assert sum(shares) == pytest.approx(1, abs=0.002)
    assert min(shares) >= 0


def test_every_force_of_2007_sends_somebody() -> None:
    for force in rows("forces.csv"):
        assert (float(force["arrival_weight_2007"]) > 0) == (force["counted_2007"] == "1")


def test_every_way_of_moving_on_has_a_stable_code_a_side_and_is_in_use_or_retired() -> None:
    ways = [row for row in rows("reasons.csv") if row["kind"] == "departure"]

    assert {way["code"] for way in ways} <= STABLE_REASONS
    assert len(ways) >= 16
    assert all(way["side"] and way["active"] in ("0", "1") and way["text"] for way in ways)


def test_every_district_lies_in_a_region_and_in_forces_that_exist() -> None:
    regions = {row["code"] for row in rows("regions.csv")}
    forces = {row["id"]: row for row in rows("forces.csv")}

    for district in rows("outcodes.csv"):
        assert district["region_code"] in regions, district
        assert forces[district["force"]]["active_to"] == "", district
        then = forces[district["force_2007"]]
        islands = then["kind"] == "crown_dependency"
        assert islands or then["counted_2007"] == "1", district


def test_every_routing_key_is_irish_and_no_code_names_two_places() -> None:
    keys = rows("eircode_routing_keys.csv")
    outcodes = {row["outcode"] for row in rows("outcodes.csv")}

    assert {(key["region_code"], key["force"]) for key in keys} == {("IE", "ireland")}
    assert outcodes.isdisjoint(key["code"] for key in keys)
    assert {key["code"] for key in keys if key["code"] != key["routing_key"]} == {"W12-IE"}


def test_every_place_lies_in_the_british_isles() -> None:
    places = [*rows("outcodes.csv"), *rows("eircode_routing_keys.csv"), *rows("regions.csv")]

    for place in places:
        lat, lon = float(place["lat"]), float(place["lon"])
        assert 49 < lat < 61, place
        assert -11 < lon < 2, place
        assert math.isfinite(lat + lon)


def test_ordinary_districts_are_far_more_than_bulk_mail_ones() -> None:
    special = Counter(row["special"] for row in rows("outcodes.csv"))

    assert set(special) == {"0", "1"}
    assert special["0"] > 2800


def test_regions_know_their_island_and_london() -> None:
    regions = rows("regions.csv")
    ireland = {region["name"] for region in regions if region["island"] == "IE"}

    assert ireland == {"Ireland", "Northern Ireland"}
    assert [region["name"] for region in regions if region["in_london"] == "1"] == ["London"]
    assert sum(float(region["bed_share_2024"]) > 0 for region in regions) == REGIONS_WITH_BEDS


def test_language_shares_sum_to_one_and_include_sign_languages() -> None:
    languages = rows("languages.csv")

    for column in ("share_2007", "share_2024"):
        assert sum(float(row[column]) for row in languages) == pytest.approx(1, abs=0.002)
    assert any(row["sign"] == "1" for row in languages)
    assert {"en", "sq", "cmn", "th", "ro", "lt"} <= {row["code"] for row in languages}


def test_reasons_keep_their_codes_and_one_number_each() -> None:
    reasons = rows("reasons.csv")
    numbered = [reason for reason in reasons if reason["text_number"]]

    assert {reason["code"] for reason in reasons} >= STABLE_REASONS
    by_kind = {reason["kind"]: [] for reason in numbered}  # type: dict[str, list[str]]
    for reason in numbered:
        by_kind[reason["kind"]].append(reason["text_number"])
    assert by_kind == {"declined_by_refuge": DECLINE_NUMBERS, "question": DECLINE_NUMBERS}
    assert {reason["side"] for reason in reasons} <= {"refuge", "survivor", "police", "coordinator"}
    assert {reason["counts_as_unmet"] for reason in reasons} == {"0", "1"}
    assert all(len(reason["text"]) <= 70 for reason in reasons)


def test_a_woman_saying_no_is_never_filed_as_a_refuge_saying_no() -> None:
    for reason in rows("reasons.csv"):
        if reason["kind"] == "declined_by_survivor":
            assert reason["side"] == "survivor"
        if reason["kind"] == "declined_by_refuge":
            assert reason["side"] == "refuge"
        if reason["kind"] == "withdrawn_by_referrer":
            assert reason["side"] == "police"
        if reason["kind"] == "lapsed":
            assert reason["counts_as_unmet"] == "1", "whose silence it was, she still needs a bed"


def test_how_many_houses_are_asked_follows_the_urgency() -> None:
    policies = {row["urgency"]: row for row in rows("enquiry_policy.csv")}

    at_once = [int(policies[each]["houses_at_once"]) for each in ("emergency", "urgent", "planned")]

    assert at_once == [3, 2, 1]
    assert all(0 <= int(row["question_extends_percent"]) <= 100 for row in policies.values())


def test_the_form_asks_at_most_nine_features() -> None:
    on_form = [row for row in rows("features.csv") if row["on_form"] == "1"]

    assert 1 <= len(on_form) <= 9
    assert all(len(row["text_officer"]) <= 40 for row in on_form)


def test_clocks_tick_in_order() -> None:
    clocks = {row["urgency"]: row for row in rows("clock_policy.csv")}

    assert set(clocks) == {"emergency", "urgent", "planned"}
    emergency = clocks["emergency"]
    assert (emergency["acknowledge_minutes"], emergency["reply_minutes"]) == ("15", "20")
    assert emergency["hold_minutes"] == "90"
    for clock in clocks.values():
        assert int(clock["reply_minutes"]) <= int(clock["hold_minutes"])
        assert int(clock["acknowledge_minutes"]) <= int(clock["duty_manager_minutes"])
        assert int(clock["duty_manager_minutes"]) < int(clock["regional_manager_minutes"])


def test_one_rule_of_recovery_holds_in_each_place_on_each_day_since_its_first() -> None:
    rules: dict[str, list[dict[str, str]]] = {}
    for rule in rows("recovery_rules.csv"):
        rules.setdefault(rule["jurisdiction"], []).append(rule)

    assert set(rules) == {row["jurisdiction"] for row in rows("regions.csv")} - {""}
    for of_place in rules.values():
        for ends, begins in pairwise(of_place):
            last = date.fromisoformat(ends["valid_until"])
            assert date.fromisoformat(begins["valid_from"]) == last + timedelta(days=1)
        assert of_place[-1]["valid_until"] == "", "one holds still"
        assert all(rule["source"] and rule["basis"] in {"seen", "mixed"} for rule in of_place)


def test_everybody_turned_away_has_somebody_to_call_in_every_nation() -> None:
    nations = {force["country"] for force in rows("forces.csv")}
    contacts = rows("hand_on_contacts.csv")

    for who in ("under_18", "man"):
        served = {
            nation
            for contact in contacts
            if contact["who"] == who
            for nation in contact["countries"].split()
        }
        assert served == nations
    assert all(contact["basis"] in {"seen", "memory", "assumption"} for contact in contacts)


def test_every_parameter_says_what_it_stands_on() -> None:
    calibration = json.loads((DATA / "calibration.json").read_text(encoding="utf-8"))

    for section, parameters in calibration.items():
        if section == "_about":
            continue
        for name, parameter in parameters.items():
            assert parameter["basis"] in {"seen", "derived", "mixed", "assumption"}, name


def test_the_published_result_of_pentameter_2_is_what_we_replay() -> None:
    calibration = json.loads((DATA / "calibration.json").read_text(encoding="utf-8"))
    figures = {row["id"]: row for row in rows("published_figures.csv")}
    pentameter = calibration["pentameter"]

    assert figures["F008"]["value"] == str(pentameter["victims"]["value"]) == "167"
    assert "13 children" in figures["F008"]["note"]
    assert pentameter["under_18"]["value"] == 13
    assert figures["W001"]["value"] == "100000"


@pytest.mark.parametrize(
    "name", ["calibration.json", *sorted(path.name for path in DATA.glob("*.csv"))]
)
def test_nothing_we_refuse_to_hold_has_a_column_or_parameter(name: str) -> None:
    text = (DATA / name).read_text(encoding="utf-8").lower()
    names = text if name.endswith("json") else text.splitlines()[0]

    assert [word for word in NEVER_HELD if word in names] == []
