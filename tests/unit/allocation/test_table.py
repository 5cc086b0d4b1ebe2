"""The arrays of a night say the same as the scalar rules and figures, pair by pair."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from allocation import Child, DangerZone, Place, Problem, Standing
from allocation.check import worth
from allocation.geography import great_circle_km, road_minutes, travel_minutes
from allocation.model import LEVELS, gains
from allocation.problem import PRIORITY_LEVELS
from allocation.rules import failing_rules, free_at
from allocation.table import Table
from bench.nights import Size, night
from tests.unit.allocation.instances import (
    AS_OF,
    LEEDS,
    make_household,
    make_problem,
    make_refuge,
    make_room,
)
from tests.unit.allocation.strategies import THOROUGH, problems

SIGNS = {"unmet_desirable": -1, "scarcity": -1, "travel_minutes": -1}
HULL = Place(53.74, -0.33)


def by_the_rules(problem: Problem) -> dict[tuple[str, str, str], dict[str, int]]:
    """Return what each pair that passes every rule adds to each level, more being better."""
    return {
        (h.id, *key): {
            level: SIGNS.get(level, 1) * value for level, value in worth(problem, h, *where).items()
        }
        for h in problem.households
        for key, where in problem.room_by_key.items()
        if not failing_rules(problem, h, *where)
    }


def by_the_table(problem: Problem) -> dict[tuple[str, str, str], dict[str, int]]:
    table = Table(problem)
    columns = {level: gains(table, level).tolist() for level in LEVELS}
    return {
        (table.households[i].id, table.refuges[table.kinds[k].refuge].id, room): {
            level: column[j] for level, column in columns.items()
        }
        for j, (i, k) in enumerate(zip(table.who.tolist(), table.where.tolist(), strict=True))
        for room in table.kinds[k].ids
    }


@THOROUGH
@given(problems())
def test_the_table_agrees_with_the_rules(problem: Problem) -> None:
    assert by_the_table(problem) == by_the_rules(problem)


@pytest.mark.parametrize("mode", ["steady", "raid"])
def test_the_table_of_a_whole_night_agrees_with_the_rules(mode: str) -> None:
    problem = night(Size.of(70, 110), 4, mode=mode, zones="high")  # type: ignore[arg-type]
    found = by_the_table(problem)

    assert found == by_the_rules(problem)
    assert len(found) > 500


@THOROUGH
@given(problems())
def test_rooms_of_one_kind_differ_in_nothing_that_counts(problem: Problem) -> None:
    table = Table(problem)
    inside = {(table.refuges[k.refuge].id, name): k for k in table.kinds for name in k.ids}

    assert sorted(inside) == sorted(problem.room_by_key)
    for key, kind in inside.items():
        refuge, room = problem.room_by_key[key]
        assert table.refuges[kind.refuge] is refuge
        assert replace(kind.room, id=room.id, free_from=room.free_from) == room
        assert free_at(problem, kind.room) == free_at(problem, room)
        assert kind.places == 1 or not room.shared


def pairs(problem: Problem) -> int:
    found = by_the_table(problem)
    assert found == by_the_rules(problem)
    return len(found)


@pytest.mark.parametrize("ulps", [-8, -1, 0, 1, 8])
@pytest.mark.parametrize("place", [HULL, Place(51.5, -0.1), Place(53.9, -1.5)])
def test_a_house_exactly_on_the_edge_of_danger_is_inside(place: Place, ulps: int) -> None:
    cell = 2.5
    distance = great_circle_km(LEEDS, place)
    radius = distance - cell
    radius += ulps * abs(radius) * 2.0**-52
    zone = DangerZone(LEEDS.lat, LEEDS.lon, radius)
    problem = make_problem(
        make_household(danger_zones=(zone,)), make_refuge(location=place, cell_radius_km=cell)
    )

    assert pairs(problem) == (0 if distance <= radius + cell else 1)


@pytest.mark.parametrize(("nudge", "allowed"), [(1e-4, 0), (-1e-4, 1)])
def test_metres_decide_at_the_edge_of_danger(nudge: float, allowed: int) -> None:
    zone = DangerZone(LEEDS.lat, LEEDS.lon, great_circle_km(LEEDS, HULL) + nudge)

    assert (
        pairs(make_problem(make_household(danger_zones=(zone,)), make_refuge(location=HULL)))
        == allowed
    )


def half_minute_east(minutes: int) -> Place:
    """Return a place on the equator whose road time rounds up to ``minutes`` by nothing at all."""
    low, high = 0.0, 20.0
    for _ in range(200):
        middle = (low + high) / 2
        kilometres = great_circle_km(Place(0, 0), Place(0, middle))
        if road_minutes(kilometres, crosses_sea=False) >= minutes:
            high = middle
        else:
            low = middle
    return Place(0, high)


@pytest.mark.parametrize("minutes", [1, 17, 31, 32, 33, 108, 109, 110, 111, 400])
@pytest.mark.parametrize("step", [-1e-13, 0, 1e-13, 1e-9])
def test_a_journey_exactly_at_half_a_minute_is_rounded_as_the_rule_rounds(
    minutes: int, step: float
) -> None:
    edge = half_minute_east(minutes)
    house = make_refuge(location=Place(0, edge.lon + step))
    her = make_household(location=Place(0, 0), max_travel_minutes=minutes - 1)
    problem = make_problem(her, house)

    assert pairs(problem) == (travel_minutes(problem, her, house) < minutes)
    pairs(replace(problem, households=(replace(her, max_travel_minutes=None),)))


def test_told_travel_times_go_before_the_estimate() -> None:
    women = (make_household("h1", max_travel_minutes=30), make_household("h2", island="IE"))
    houses = (make_refuge("f1"), make_refuge("f2", location=HULL), make_refuge("f3", island="IE"))
    told = {"h1": {"f1": 31, "f2": 30}, "h2": {"f1": 0}}
    found = by_the_table(problem := make_problem(women, houses, travel_minutes=told))

    assert found == by_the_rules(problem)
    assert found["h1", "f2", "r1"]["travel_minutes"] == -30
    assert found["h2", "f1", "r1"]["travel_minutes"] == 0
    assert found["h2", "f2", "r1"]["travel_minutes"] < -330
    assert ("h1", "f1", "r1") not in found


@pytest.mark.parametrize(("late", "allowed"), [(-1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("base", ["as_of", "room"])
def test_needed_exactly_when_the_room_is_free_is_in_time(
    late: int, allowed: int, base: str
) -> None:
    plain = make_problem(make_household(), make_refuge())
    moment = plain.as_of + timedelta(microseconds=3)
    step = timedelta(microseconds=late)
    if base == "room":
        house = make_refuge("f1", make_room(free_from=moment + step))
        problem = make_problem(make_household(needed_by=moment), house, as_of=AS_OF)
    else:
        her = make_household(needed_by=plain.as_of - step)
        problem = replace(plain, households=(her,))

    assert pairs(problem) == allowed


def test_boys_cots_words_and_offers_at_their_limits() -> None:
    baby, boy = Child(1, "m"), Child(14, "m")
    women = (
        make_household("h1", children=(baby, baby, boy), may_share=True, essential={"a", "b"}),
        make_household("h2", children=(Child(2),), excludes={"c"}, networks={"n"}),
        make_household("h3", standing=Standing("f1", "r2", fixed=True), apart_from={"r"}),
        make_household("h4", standing=Standing("f2", "r1"), vetoed_regions={"wales"}),
        make_household("h5", adults=2, london="inside_only", desirable={"z", "c"}),
    )
    rooms = (
        make_room("r1", bed_spaces=3, cots=1, features={"b"}),
        make_room("r2", bed_spaces=2, cots=2, shared=True),
        make_room("r3", bed_spaces=4),
        make_room("r4", bed_spaces=4),
    )
    houses = (
        make_refuge("f1", *rooms, features={"a"}, boys_to_age=14),
        make_refuge("f2", *rooms, features={"a", "b", "c"}, boys_to_age=13, networks={"n"}),
        make_refuge("f3", *rooms, in_london=True, region="wales", residents={"r"}),
    )

    assert pairs(make_problem(women, houses, prices={"a": 2, "c": 7}, spare_bed_price=3)) > 10


def test_a_priority_level_counts_nobody_of_another_priority() -> None:
    women = [make_household(f"h{p}", priority=p) for p in (1, 2, 3, 4)]
    found = by_the_table(make_problem(women, make_refuge()))

    for p, level in enumerate(PRIORITY_LEVELS, start=1):
        assert [found[f"h{q}", "f1", "r1"][level] for q in (1, 2, 3, 4)] == [
            int(p == q) for q in (1, 2, 3, 4)
        ]


def test_its_products_stay_on_one_thread() -> None:
    code = (
        "import os, allocation.table, numpy;"
        "os.sched_setaffinity(0, range(os.cpu_count()));"
        "half = numpy.full((300, 300), 0.5);"
        "half @ half;"
        "print(len(os.listdir('/proc/self/task')))"
    )
    free = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=free, check=True)

    assert done.stdout == b"1\n"
