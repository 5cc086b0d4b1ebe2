"""Reading a scenario: every bad value is named; load and drift mean what they say."""

import json
from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest

from allocation import ProblemError, parse_forecast, parse_scenario
from allocation.arrivals import DAY_MINUTES, draw
from allocation.forecast import Forecast
from tests.unit.allocation.scenarios import SMALL, document, small


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change of one value, found by keys and places with dots between."""
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]

    def change(found: Any) -> None:
        for step in way:
            found = found[step]
        found[last] = value

    return change


def drop(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.pop(key)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("format", "waymark.problem/1"), 'format: must be "waymark.scenario/1"'),
        (drop("demand"), "demand: is missing"),
        (put("colour", "red"), "colour: unknown key"),
        (put("days", 0), "days: must be a whole number from 1 to"),
        (put("days", 1.5), "days: must be a whole number"),
        (put("decisions_per_day", 0), "decisions_per_day: must be a whole number from 1"),
        (put("waiting_limit_days", 0), "waiting_limit_days: must be a number from 0.01"),
        (put("load", -1), "load: must be a number from 0.01"),
        (put("drift", 1.2), "drift: must be a number from 0 to 1"),
        (put("starts", "today"), "starts: must be a time such as"),
        (put("refuges", []), "refuges: must hold at least one room"),
        (put("refuges.1.id", "house-1"), 'refuges[1].id: "house-1" is already used'),
        (put("refuges.0.rooms.1.bed_spaces", 0), "refuges[0].rooms[1].bed_spaces: must be"),
        (put("demand.arrivals_per_day", -1), "demand.arrivals_per_day: must be a number from 0"),
        (put("demand.arrivals_per_day", 9999), "demand.arrivals_per_day: would bring"),
        (put("demand.weekdays", [1, 2]), "demand.weekdays: must be seven weights"),
        (put("demand.weekdays", [0] * 7), "demand.weekdays: must be seven weights"),
        (put("demand.towns", []), "demand.towns: must hold at least one entry"),
        (put("demand.towns.1.id", "london"), 'demand.towns[1].id: "london" is already used'),
        (put("demand.towns.0.location.lat", 91), "demand.towns[0].location.lat: must be"),
        (put("demand.stays.usual.mean_days", 0), "demand.stays.usual.mean_days: must be"),
        (put("demand.stays.usual.dispersion", 4), "demand.stays.usual.dispersion: must be"),
        (put("demand.types.0.stay", "for ever"), 'demand.types[0].stay: there is no stay "for ev'),
        (
            put("demand.types.0.priorities", {"5": 1}),
            'demand.types[0].priorities: the keys are "1"',
        ),
        (put("demand.types.0.priorities", {"1": 0}), "demand.types[0].priorities: must hold at"),
        (put("demand.types.0.adults", 0), "demand.types[0].adults: must be a whole number from 1"),
        (put("demand.types.0.danger_km", -3), "demand.types[0].danger_km: must be a number"),
        (put("demand.operations.0.largest", 1), "demand.operations[0].largest: must be at least 2"),
        (put("demand.operations.0.day", 3), "demand.operations[0].per_day: tell either a day or"),
        (put("demand.operations.1.types", {"x": 1}), "demand.operations[1].types: there is no"),
    ],
)
def test_a_bad_scenario_is_refused_with_its_place(
    change: Callable[[dict[str, Any]], None], said: str
) -> None:
    found = document(load=None)
    change(found)

    with pytest.raises(ProblemError) as caught:
        parse_scenario(json.dumps(found))

    assert str(caught.value).startswith(said)


def test_a_load_that_announced_operations_alone_exceed_is_refused() -> None:
    found = document(load=0.01)

    with pytest.raises(ProblemError, match=r"^load: cannot be reached"):
        parse_scenario(found)


@pytest.mark.parametrize("load", [0.5, 0.9, 1.05])
def test_a_load_is_the_share_of_all_places_asked_for(load: float) -> None:
    scenario = small(load=load)

    housed = sum(scenario.scaled_demand().at_a_time(scenario.all_days).values())

    assert scenario.places == 19  # 15 private rooms and 4 bed spaces of a shared one
    assert housed == pytest.approx(load * 19)


def test_the_small_scenario_reads_as_a_forecast_too() -> None:
    told = json.loads(SMALL.read_text("utf-8"))["demand"]

    forecast = parse_forecast({"format": "waymark.forecast/1", **told})

    assert isinstance(forecast, Forecast)
    assert forecast == small().demand


def test_arrivals_come_as_often_and_stay_as_long_as_forecast() -> None:
    scenario = small(load=None, days=3000, warm_up_days=0)
    arrivals = draw(scenario, 7)

    expected = scenario.demand.per_day(3000)

    assert len(arrivals) / 3000 == pytest.approx(sum(expected.values()), rel=0.05)
    usual = [i for i, kind in enumerate(scenario.demand.types) if kind.stay == "usual"]
    stays = [a.stay_minutes / DAY_MINUTES for a in arrivals if a.type in usual]
    assert fmean(stays) == pytest.approx(25, rel=0.1)


def test_fewer_come_on_quiet_weekdays() -> None:
    scenario = small(load=None, days=2800, warm_up_days=0)
    days = [a.minute // DAY_MINUTES for a in draw(scenario, 3)]

    by_weekday = [sum(day % 7 == weekday for day in days) for weekday in range(7)]

    assert by_weekday[6] < 0.75 * by_weekday[1]  # Sundays 8, Tuesdays 18, and raids on any day


def test_an_announced_operation_comes_on_its_day_at_once() -> None:
    told = document()["demand"]
    told["arrivals_per_day"] = 0
    told["operations"] = [{"day": 5, "smallest": 4, "largest": 4, "types": {"romanian": 1}}]

    arrivals = draw(small(load=None, demand=told), 1)

    assert len(arrivals) == 4
    assert {(a.minute, a.town) for a in arrivals} == {(arrivals[0].minute, arrivals[0].town)}
    assert arrivals[0].minute // DAY_MINUTES == 5
    assert {small().demand.types[a.type].id for a in arrivals} == {"romanian"}


def test_drift_moves_every_rate_by_its_share_and_leaves_the_forecast_alone() -> None:
    usual, drifted = small(load=None), small(load=None, drift=1.0)

    gone = set(range(len(usual.demand.types))) - {a.type for a in draw(drifted, 4)}

    assert drifted.scaled_demand() == usual.scaled_demand()
    assert gone  # at 100 % every type either doubles or stays away
    assert {a.type for a in draw(drifted, 4)}.isdisjoint(gone)
    assert gone.issubset({a.type for a in draw(small(load=None, days=400), 4)})
