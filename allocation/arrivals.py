"""Who comes, drawn once per seed: the same women, needs and stays whatever the policy does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allocation.forecast import Forecast, HouseholdType, Operation, Stay, shares
from allocation.scenario import Scenario

DAY_MINUTES = 24 * 60
Shares = npt.NDArray[np.float64]
# One stream of random numbers for each question, so that one answer never shifts another.
_DRIFT, _ALONE, _OPERATIONS, _PERSONS = range(4)


@dataclass(frozen=True)
class Arrival:
    """One household: its type and town by index, and when it comes and how long it will stay."""

    number: int
    type: int
    town: int
    priority: int
    minute: int
    stay_minutes: int

    @property
    def id(self) -> str:
        """Her id in the problems of the nights she waits."""
        return f"h{self.number:06}"


def draw(scenario: Scenario, seed: int) -> tuple[Arrival, ...]:
    """Return everybody who arrives from the first day to the last, in the order of arrival."""
    demand = scenario.scaled_demand()
    factors = _drifted(demand, scenario.drift, seed)
    calls = sorted(
        (
            *_alone(demand, factors, scenario, _stream(seed, _ALONE)),
            *_freed(demand, factors, scenario, _stream(seed, _OPERATIONS)),
        ),
    )
    rng = _stream(seed, _PERSONS)
    return tuple(_person(i, *call, demand, rng) for i, call in enumerate(calls))


def _stream(seed: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, purpose])


def _drifted(demand: Forecast, drift: float, seed: int) -> dict[str, float]:
    coins = _stream(seed, _DRIFT).integers(0, 2, len(demand.types))
    return {
        kind.id: 1 + drift if coin else 1 - drift
        for kind, coin in zip(demand.types, coins, strict=True)
    }


def _mix(
    demand: Forecast, factors: Mapping[str, float], weights: Mapping[str, float] | None
) -> tuple[Shares, float]:
    """Return the drifted share of each type, and by how much they all together are more."""
    told = shares(weights or {kind.id: kind.weight for kind in demand.types})
    drifted = np.array([told.get(k.id, 0.0) * factors[k.id] for k in demand.types])
    total = float(drifted.sum())
    return drifted / (total or 1.0), total


def _alone(
    demand: Forecast, factors: Mapping[str, float], scenario: Scenario, rng: np.random.Generator
) -> Iterator[tuple[int, int, int]]:
    mix, more = _mix(demand, factors, None)
    profile = np.array(demand.weekdays) * 7 / sum(demand.weekdays)
    first = scenario.starts.weekday()
    towns = _towns(demand)
    for day in range(scenario.all_days):
        rate = demand.arrivals_per_day * more * profile[(first + day) % 7]
        count = int(rng.poisson(rate))
        minutes = rng.integers(0, DAY_MINUTES, count)
        types = rng.choice(len(mix), count, p=mix)
        places = rng.choice(len(towns), count, p=towns)
        for minute, kind, town in zip(minutes, types, places, strict=True):
            yield day * DAY_MINUTES + int(minute), int(kind), int(town)


def _freed(
    demand: Forecast, factors: Mapping[str, float], scenario: Scenario, rng: np.random.Generator
) -> Iterator[tuple[int, int, int]]:
    towns = _towns(demand)
    for operation in demand.operations:
        mix, _ = _mix(demand, factors, operation.types)
        for day in _days(operation, scenario.all_days, rng):
            minute = day * DAY_MINUTES + int(rng.integers(0, DAY_MINUTES))
            town = int(rng.choice(len(towns), p=towns))
            count = int(rng.integers(operation.smallest, operation.largest + 1))
            for kind in rng.choice(len(mix), count, p=mix):
                yield minute, int(kind), town


def _days(operation: Operation, days: int, rng: np.random.Generator) -> Sequence[int]:
    if operation.day is not None:
        return [operation.day] if operation.day < days else []
    return [day for day in range(days) for _ in range(int(rng.poisson(operation.per_day)))]


def _towns(demand: Forecast) -> Shares:
    weights = shares({town.id: town.weight for town in demand.towns})
    return np.array([weights[town.id] for town in demand.towns])


def _person(
    number: int, minute: int, kind: int, town: int, demand: Forecast, rng: np.random.Generator
) -> Arrival:
    told = demand.types[kind]
    stay = stay_days(demand.stays[told.stay], float(rng.standard_normal()))
    priority = _priority(told, float(rng.random()))
    return Arrival(number, kind, town, priority, minute, max(1, round(stay * DAY_MINUTES)))


def stay_days(stay: Stay, normal: float) -> float:
    """Return the length of stay in days that belongs to a standard normal figure."""
    middle = np.log(stay.mean_days) - stay.dispersion**2 / 2
    return float(np.exp(middle + stay.dispersion * normal))


def _priority(told: HouseholdType, uniform: float) -> int:
    left = uniform
    mix = shares(told.priorities)
    for name in sorted(mix):
        left -= mix[name]
        if left < 0:
            return int(name)
    return int(max(mix))
