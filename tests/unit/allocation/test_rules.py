"""Each rule H1..H13 just inside and just outside its boundary."""

from dataclasses import replace
from typing import Any

import pytest

from allocation import RULES, Child, DangerZone, Place, Standing, eligible_rooms
from allocation.geography import EARTH_RADIUS_KM, great_circle_km, road_minutes, travel_minutes
from allocation.problem import Household, Refuge, Room
from tests.unit.allocation.instances import (
    LEEDS,
    make_household,
    make_problem,
    make_refuge,
    make_room,
)

BABY, TODDLER, BOY_14 = Child(1), Child(2), Child(14, "m")
NORTH = Place(54.8, -1.55)  # one degree north of Leeds
DEGREE_KM = great_circle_km(LEEDS, NORTH)


def failing(household: Household, refuge: Refuge, **told: Any) -> tuple[str, ...]:
    [verdict] = eligible_rooms(make_problem(household, refuge, **told), household)
    return verdict.failing


def in_room(room: Room, **her: Any) -> tuple[str, ...]:
    return failing(make_household(**her), make_refuge("f1", room))


def in_refuge(house: dict[str, Any], **her: Any) -> tuple[str, ...]:
    return failing(make_household(**her), make_refuge(**house))


@pytest.mark.parametrize(
    ("children", "bed_spaces", "cots", "fits"),
    [
        ((), 1, 0, True),
        ((TODDLER,), 1, 1, False),
        ((TODDLER,), 2, 0, True),
        ((BABY,), 1, 1, True),
        ((BABY,), 1, 0, False),
        ((BABY,), 2, 0, True),
        ((BABY, BABY), 1, 1, False),
        ((BABY, BABY), 2, 1, True),
    ],
)
def test_h1_a_child_under_two_takes_a_cot_or_a_bed_space(
    children: tuple[Child, ...], bed_spaces: int, cots: int, fits: bool
) -> None:
    found = in_room(make_room(bed_spaces=bed_spaces, cots=cots), children=children)

    assert found == (() if fits else ("size",))


def test_h2_an_essential_may_be_in_the_room_or_in_the_refuge() -> None:
    her = make_household(essential={"a", "b"})
    room = make_room(features={"a"})

    assert failing(her, make_refuge("f1", room, features={"b"})) == ()
    assert failing(her, make_refuge("f1", room)) == ("essential_missing",)


def test_h3_an_excluded_feature_may_be_in_neither() -> None:
    assert in_room(make_room(features={"x"}), excludes={"x"}) == ("excluded_present",)
    assert in_refuge({"features": {"x"}}, excludes={"x"}) == ("excluded_present",)
    assert in_refuge({"features": {"y"}}, excludes={"x"}) == ()


@pytest.mark.parametrize(("spare_km", "safe"), [(1e-6, True), (0.0, False), (-1e-6, False)])
def test_h4_the_distance_must_exceed_the_zone_and_the_cell(spare_km: float, safe: bool) -> None:
    zone = DangerZone(NORTH.lat, NORTH.lon, DEGREE_KM - 7.0 - spare_km)

    found = in_refuge({"cell_radius_km": 7.0}, danger_zones=(zone,))

    assert found == (() if safe else ("safety_distance",))


def test_h4_every_zone_counts() -> None:
    near, far = DangerZone(LEEDS.lat, LEEDS.lon, 1), DangerZone(50, 0, 1)

    assert in_refuge({}, danger_zones=(far, near)) == ("safety_distance",)


def test_h5_a_boy_may_be_as_old_as_the_refuge_takes() -> None:
    room = make_room(bed_spaces=2)
    boy, girl = make_household(children=(BOY_14,)), make_household(children=(Child(15, "f"),))

    assert failing(boy, make_refuge("f1", room, boys_to_age=14)) == ()
    assert failing(boy, make_refuge("f1", room, boys_to_age=13)) == ("boys_age",)
    assert failing(girl, make_refuge("f1", room, boys_to_age=13)) == ()


def test_h6_her_own_no_covers_the_refuge_and_the_region() -> None:
    assert in_refuge({}, vetoed_refuges={"f1"}) == ("vetoed",)
    assert in_refuge({}, vetoed_regions={"yorkshire"}) == ("vetoed",)
    assert in_refuge({}, vetoed_refuges={"f2"}, vetoed_regions={"wales"}) == ()


@pytest.mark.parametrize(
    ("london", "inside", "outside"),
    [
        ("either", (), ()),
        ("inside_only", (), ("london",)),
        ("outside_only", ("london",), ()),
        ("prefers_inside", (), ()),
        ("prefers_outside", (), ()),
    ],
)
def test_h7_only_the_only_wishes_are_hard(
    london: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    assert in_refuge({"in_london": True}, london=london) == inside
    assert in_refuge({"in_london": False}, london=london) == outside


@pytest.mark.parametrize(("limit", "expected"), [(60, ()), (59, ("travel",)), (None, ())])
def test_h8_the_journey_may_take_as_long_as_she_can_bear(
    limit: int | None, expected: tuple[str, ...]
) -> None:
    her = make_household(max_travel_minutes=limit)

    assert failing(her, make_refuge(), travel_minutes={"h1": {"f1": 60}}) == expected


@pytest.mark.parametrize(
    ("free_from", "expected"),
    [
        (None, ()),
        ("2026-11-22T20:00:00Z", ()),
        ("2026-11-22T21:00:00+01:00", ()),
        ("2026-11-22T20:00:01Z", ("not_free_in_time",)),
    ],
)
def test_h9_a_room_free_at_the_very_moment_is_in_time(
    free_from: str | None, expected: tuple[str, ...]
) -> None:
    room = make_room(free_from=free_from)

    assert in_room(room, needed_by="2026-11-22T20:00:00Z") == expected


def test_h9_without_a_time_a_room_is_free_now() -> None:
    assert in_room(make_room(), needed_by="2026-11-22T18:00:00Z") == ()
    assert in_room(make_room(), needed_by="2026-11-22T17:59:59Z") == ("not_free_in_time",)


def test_h10_one_common_network_is_enough() -> None:
    assert in_refuge({"networks": {"n1", "n2"}}, networks={"n2"}) == ("network",)
    assert in_refuge({"networks": {"n1"}}, networks={"n2"}) == ()


def test_h11_nobody_she_fears_lives_there() -> None:
    assert in_refuge({"residents": {"x"}}, apart_from={"x"}) == ("apart_resident",)
    assert in_refuge({"residents": {"y"}}, apart_from={"x"}) == ()


def test_h12_a_shared_room_needs_her_yes() -> None:
    assert in_room(make_room(shared=True)) == ("sharing",)
    assert in_room(make_room(shared=True), may_share=True) == ()


def test_h13_an_accepted_offer_is_the_only_room() -> None:
    her = make_household(standing=Standing("f1", "r1", fixed=True))
    refuge = make_refuge("f1", make_room("r1"), make_room("r2"))
    problem = make_problem(her, refuge)

    found = {v.room: v.failing for v in eligible_rooms(problem, her)}

    assert found == {"r1": (), "r2": ("fixed_elsewhere",)}


def test_an_offer_not_yet_accepted_leaves_every_room_open() -> None:
    her = make_household(standing=Standing("f1", "r1"))
    refuge = make_refuge("f1", make_room("r1"), make_room("r2"))

    assert all(v.is_eligible for v in eligible_rooms(make_problem(her, refuge), her))


@pytest.mark.parametrize(
    ("road_km", "minutes"),
    [
        (0.0, 0),
        (19.0, 30),
        (20.0, 32),  # 31.58
        (82.0, 92),  # 31.58 + 60
        (100.0, 109),  # 31.58 + 77.42
        (185.0, 169),  # 109.00 + 60
    ],
)
def test_travel_follows_the_three_speeds(road_km: float, minutes: int) -> None:
    assert road_minutes(road_km / 1.3, crosses_sea=False) == minutes


def test_travel_is_rounded_half_up() -> None:
    exactly_half = 0.5 * 38 / 60 / 1.3

    assert road_minutes(exactly_half * 1.0001, crosses_sea=False) == 1
    assert road_minutes(exactly_half * 0.9999, crosses_sea=False) == 0


def test_the_sea_adds_330_minutes_and_a_told_time_is_taken_as_it_is() -> None:
    her, refuge = make_household(), make_refuge(island="IE")
    estimated = make_problem(her, refuge)
    told = replace(estimated, travel_minutes={"h1": {"f1": 7}})

    assert travel_minutes(estimated, her, refuge) == 330
    assert travel_minutes(told, her, refuge) == 7


def test_distances_are_on_the_sphere_of_the_contract() -> None:
    quarter = great_circle_km(Place(0, 0), Place(0, 90))

    assert quarter == pytest.approx(EARTH_RADIUS_KM * 3.141592653589793 / 2, rel=1e-12)
    assert great_circle_km(Place(0, 179.9), Place(0, -179.9)) < 23


def test_every_rule_has_a_number_a_text_and_a_keeper() -> None:
    numbers = [rule.number for rule in RULES.values()]

    assert numbers[:19] == [f"H{i}" for i in range(1, 14)] + [f"C{i}" for i in range(1, 7)]
    assert len(set(numbers)) == len(numbers) == 28
    assert all(
        r.text and r.lift in {"nobody", "her", "refuge", "coordinator"} for r in RULES.values()
    )
    safety = {"safety_distance", "network", "apart_resident", "apart"}
    assert {code for code in safety if RULES[code].lift == "nobody"} == safety
