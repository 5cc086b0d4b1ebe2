"""The synthetic world: repeatable, honest to its figures, and nobody in it is real."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

import pytest

from app.actors import Role
from app.demo.answers import Answer, Reply, answer_of
from app.demo.people import CAST, officer_of
from app.demo.places import spots
from app.demo.plans import WomanPlan
from app.demo.world import DEMO_FORCE, Scenario, World, surge
from app.services.reference import calibration, read_rows

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (1, 2, 3)
# Ofcom: numbers for drama, https://www.ofcom.org.uk (UK-wide 03069 990xxx, mobile 07700 900xxx).
DRAMA = re.compile(r"\+44(3069990|7700900)[0-9]{3}")


@pytest.fixture(params=SEEDS)
def half_year(request: pytest.FixtureRequest) -> World:
    return World.generate(request.param, Scenario.HALF_YEAR)


@pytest.fixture(params=SEEDS)
def week(request: pytest.FixtureRequest) -> World:
    return World.generate(request.param, Scenario.WEEK)


@pytest.mark.parametrize("scenario", Scenario)
def test_the_same_seed_gives_the_same_world_and_another_seed_another(scenario: Scenario) -> None:
    assert World.generate(7, scenario) == World.generate(7, scenario)
    assert World.generate(7, scenario) != World.generate(8, scenario)


def test_the_half_year_is_the_published_one(half_year: World) -> None:
    assert len(half_year.women) == 167
    assert sum(woman.under_18 for woman in half_year.women) == 13
    assert half_year.days == 26 * 7
    assert (half_year.places, half_year.places_at_the_end) == (35, 54)
    assert len(half_year.forces) == 55
    assert {woman.force for woman in half_year.women} == {force.code for force in half_year.forces}


def test_the_54_places_lie_as_in_2009(half_year: World) -> None:
    by_region: Counter[str] = Counter()
    for refuge in half_year.refuges:
        by_region[refuge.region_code] += len(refuge.rooms)

    assert by_region == {"E12000007": 40, "W92000004": 5, "E12000003": 9}


def test_the_week_has_35_specialist_places_in_and_outside_london_and_a_network(week: World) -> None:
    specialist = [one for one in week.refuges if one.charity == week.charities[0]]
    network = [one for one in week.refuges if one not in specialist]

    assert sum(len(one.rooms) for one in specialist) == 35
    assert {one.in_london for one in specialist} == {True, False}
    assert 8 <= len(network) <= 12
    assert {one.island for one in network} == {"GB", "IE"}
    assert len(week.women) == 40
    assert 18 <= len(week.forces) <= 37
    assert week.forces[0].code == DEMO_FORCE


def test_everybody_arrives_in_the_scenario_and_residents_before_it(half_year: World) -> None:
    minutes = [woman.arrives_minute for woman in half_year.women]

    assert minutes == sorted(minutes)
    assert minutes[0] >= 0
    assert minutes[-1] < half_year.days * 1440
    for resident in half_year.residents:
        assert resident.woman.arrives_minute < 0
        leaves = resident.woman.arrives_minute + resident.woman.stay_days * 1440
        assert leaves > -2 * 1440, "she would have left"


def test_residents_live_one_to_a_private_room_that_holds_them(half_year: World) -> None:
    rooms = {
        (refuge.alias, room.code): room for refuge in half_year.refuges for room in refuge.rooms
    }
    homes = [(resident.refuge, resident.room) for resident in half_year.residents]

    assert len(set(homes)) == len(homes) == 33
    for resident, home in zip(half_year.residents, homes, strict=True):
        assert 1 + len(resident.woman.children) <= rooms[home].bed_spaces
        assert not rooms[home].is_shared


def test_women_of_one_incident_are_found_by_one_force_at_one_time(half_year: World) -> None:
    incidents: dict[str, list[WomanPlan]] = {}
    for woman in half_year.women:
        incidents.setdefault(woman.incident, []).append(woman)

    assert max(len(found) for found in incidents.values()) <= 8
    for found in incidents.values():
        assert len({(woman.force, woman.district) for woman in found}) == 1
        assert found[-1].arrives_minute - found[0].arrives_minute <= 2 * len(found)
        assert len({woman.language for woman in found}) <= 2


def test_a_force_finds_people_in_its_own_area(half_year: World) -> None:
    area = {spot.code: spot.force_2007_code for spot in spots()}
    everywhere = {"btp", "mdp"}

    for woman in half_year.women:
        assert woman.force in everywhere or area[woman.district] == woman.force


def test_shares_stay_near_the_calibration() -> None:
    women = [
        woman
        for seed in range(25)
        for woman in World.generate(seed, Scenario.HALF_YEAR).women
        if not woman.under_18
    ]
    needs, person = calibration()["needs"], calibration()["person"]

    def share(count: int) -> float:
        return count / len(women)

    for need, feature in (("night_staff_24h", "staff_24h"), ("wheelchair", "wheelchair")):
        seen = share(sum(feature in woman.essential for woman in women))
        assert seen == pytest.approx(needs[need], abs=0.02)
    no_zone = share(sum(not woman.zones for woman in women))
    assert no_zone == pytest.approx(person["danger_regions"]["none"], abs=0.03)
    stays = sorted(woman.stay_days for woman in women)
    assert stays[len(stays) // 2] == pytest.approx(200, rel=0.1)


def test_every_need_can_be_ticked_on_the_form_and_every_word_exists(half_year: World) -> None:
    on_form = {row["code"] for row in read_rows("features.csv") if row["on_form"] == "1"}
    features = {row["code"] for row in read_rows("features.csv")}
    languages = {row["code"] for row in read_rows("languages.csv")}
    departures = {row["code"] for row in read_rows("reasons.csv") if row["kind"] == "departure"}

    for woman in half_year.women:
        assert set(woman.essential) <= on_form
        assert woman.language in languages
        assert woman.leaves_because in departures
        assert len(woman.children) <= 4
    for refuge in half_year.refuges:
        spoken = {code[5:] for code in refuge.features if code.startswith("lang:")}
        own = {code for code in refuge.features if not code.startswith("lang:")}
        assert "en" in spoken
        assert spoken <= languages
        assert own | {code for room in refuge.rooms for code in room.features} <= features


@pytest.mark.parametrize("scenario", Scenario)
def test_no_number_could_ring_anywhere_and_none_tells_a_town(scenario: Scenario) -> None:
    refuges = World.generate(1, scenario).refuges

    for refuge in refuges:
        assert DRAMA.fullmatch(refuge.duty_line)
        assert DRAMA.fullmatch(refuge.phone)
    assert len({refuge.phone for refuge in refuges}) == len(refuges)
    assert len({refuge.alias for refuge in refuges}) == len(refuges)


def test_a_cell_lies_near_a_district_of_its_region_and_on_none(week: World) -> None:
    for refuge in week.refuges:
        near = [
            spot
            for spot in spots()
            if spot.region_code == refuge.region_code
            and math.dist((spot.lat, spot.lon * 0.6), (refuge.cell_lat, refuge.cell_lon * 0.6))
            < 0.1
        ]
        assert near, refuge.alias
        assert all((spot.lat, spot.lon) != (refuge.cell_lat, refuge.cell_lon) for spot in near)


def test_a_surge_is_one_address_three_languages_together_and_apart() -> None:
    women = surge(1, people=12)

    assert len(women) == 12
    assert {woman.force for woman in women} == {DEMO_FORCE}
    assert len({woman.district for woman in women}) == 1
    assert len({woman.language for woman in women}) == 3
    assert {woman.link for woman in women} == {"", "together", "apart"}
    assert women[0].link == ""
    assert not any(woman.under_18 for woman in women)
    assert surge(2, people=12) != women


def test_answers_do_not_depend_on_when_they_are_asked() -> None:
    def ask(attempt: int) -> Answer:
        return answer_of(1, woman="w001", refuge="Rowan House", attempt=attempt, reply_minutes=20)

    first, second = ask(1), ask(2)

    assert (ask(2), ask(1)) == (second, first)
    assert first != second


def test_refuges_accept_decline_and_fall_silent_in_the_shares_assumed() -> None:
    shares = calibration()["answers"]
    numbered = {row["code"] for row in read_rows("reasons.csv") if row["text_number"]}
    answers = [
        answer_of(1, woman=f"w{number}", refuge="Rowan House", attempt=1, reply_minutes=20)
        for number in range(3000)
    ]
    count = Counter(answer.reply for answer in answers)

    assert count[Reply.DECLINE] / 3000 == pytest.approx(shares["refuge_says_no"], abs=0.03)
    assert count[Reply.SILENCE] / 3000 == pytest.approx(shares["refuge_does_not_answer"], abs=0.02)
    assert sum(answer.minutes > 20 for answer in answers) > 60, "some answers come too late"
    assert {answer.reason for answer in answers} - {""} <= numbered
    for answer in answers:
        assert bool(answer.reason) == (answer.reply is Reply.DECLINE)


def test_the_cast_has_every_role_once_and_no_real_mail() -> None:
    assert sorted(person.role for person in CAST) == sorted(set(Role) - {Role.SYSTEM})
    assert all(person.email.endswith("@demo.waymark.example") for person in CAST)


def test_every_force_has_one_officer(half_year: World) -> None:
    officers = [officer_of(force) for force in half_year.forces]

    assert len({officer.email for officer in officers}) == 55
    assert officer_of(World.generate(1, Scenario.WEEK).forces[0]) is CAST[0]


def test_every_parameter_of_the_calibration_is_used() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("app/demo", "app/services", "bench")
        for path in (ROOT / folder).glob("*.py")
    )

    unused = [
        f"{section}.{name}"
        for section, parameters in calibration().items()
        for name in parameters
        if f'"{name}"' not in code
    ]
    assert unused == []
