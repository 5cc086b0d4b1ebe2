"""Whom to expect: how many households a day, with which needs, from where, and for how long."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from allocation.canonical import check_format
from allocation.document import load_document
from allocation.problem import LONDON, PRIORITIES, Child, DangerZone, Household, Place
from allocation.reading import (
    ProblemError,
    Reader,
    check_fields,
    flag,
    listed,
    mapped,
    number,
    one_of,
    optional,
    shown,
    text,
    told,
    whole,
    words,
)

FORECAST_FORMAT = "waymark.forecast/1"
MAX_DAYS = 3650
_WEIGHT = number(0, 1_000_000)


def _read(reader: Reader) -> dict[str, Reader]:
    return {"read": reader}


def _weights(value: object, path: str) -> dict[str, float]:
    weights: dict[str, float] = mapped(_WEIGHT)(value, path)
    if not sum(weights.values()) > 0:
        raise ProblemError(path, "must hold at least one weight above 0")
    return weights


@dataclass(frozen=True)
class Town:
    """A place women come from; ``weight`` is its share of all arrivals, on any scale."""

    id: str = field(metadata=_read(text))
    location: Place = field(metadata=_read(told(Place)))
    weight: float = field(default=1.0, metadata=_read(_WEIGHT))
    island: str = field(default="GB", metadata=_read(one_of("GB", "IE")))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Stay:
    """A lognormal length of stay: its mean in days and the standard deviation of its logarithm."""

    mean_days: float = field(metadata=_read(number(0.01, MAX_DAYS)))
    dispersion: float = field(default=0.75, metadata=_read(number(0, 3)))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class HouseholdType:
    """Women with the same needs; ``weight`` is their share of the arrivals, on any scale.

    ``priorities`` maps ``"1"`` to ``"4"`` to weights. ``danger_km`` is the radius of the danger
    zone round the town she comes from, none for no zone. The rest is as in a household.
    """

    id: str = field(metadata=_read(text))
    stay: str = field(metadata=_read(text))
    weight: float = field(default=1.0, metadata=_read(_WEIGHT))
    priorities: Mapping[str, float] = field(
        default_factory=lambda: {"2": 1.0}, metadata=_read(_weights)
    )
    danger_km: float | None = field(default=None, metadata=_read(optional(number(0, 20_100))))
    adults: int = field(default=1, metadata=_read(whole(1, 1000)))
    children: tuple[Child, ...] = field(default=(), metadata=_read(listed(told(Child))))
    essential: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    desirable: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    excludes: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    vetoed_regions: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    london: str = field(default="either", metadata=_read(one_of(*LONDON)))
    max_travel_minutes: int | None = field(default=None, metadata=_read(optional(whole(0))))
    may_share: bool = field(default=False, metadata=_read(flag))
    high_support: bool = field(default=False, metadata=_read(flag))

    def __post_init__(self) -> None:
        check_fields(self)
        for priority in self.priorities:
            if priority not in map(str, PRIORITIES):
                raise ProblemError("priorities", f'the keys are "1" to "4", not {shown(priority)}')

    def household(self, name: str, town: Town, **told: Any) -> Household:
        """Return a household of this type that stands in ``town``, of priority 1 unless told."""
        zones = () if self.danger_km is None else (_zone(town.location, self.danger_km),)
        return Household(
            **{
                "id": name,
                "priority": 1,
                "location": town.location,
                "island": town.island,
                "adults": self.adults,
                "children": self.children,
                "essential": self.essential,
                "desirable": self.desirable,
                "excludes": self.excludes,
                "vetoed_regions": self.vetoed_regions,
                "london": self.london,
                "max_travel_minutes": self.max_travel_minutes,
                "may_share": self.may_share,
                "high_support": self.high_support,
                "danger_zones": zones,
                **told,
            }
        )


def _zone(place: Place, radius_km: float) -> DangerZone:
    return DangerZone(place.lat, place.lon, radius_km)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A police operation that frees several households at once in one town.

    Either announced for a ``day`` (0 is the first), or likely ``per_day`` times a day on any.
    ``types`` are weights of the household types found; none means the usual mix.
    """

    smallest: int = field(metadata=_read(whole(1, 1000)))
    largest: int = field(metadata=_read(whole(1, 1000)))
    day: int | None = field(default=None, metadata=_read(optional(whole(0, 2 * MAX_DAYS))))
    per_day: float = field(default=0.0, metadata=_read(number(0, 100)))
    types: Mapping[str, float] | None = field(default=None, metadata=_read(optional(_weights)))

    def __post_init__(self) -> None:
        check_fields(self)
        if self.smallest > self.largest:
            raise ProblemError("largest", f"must be at least {self.smallest}, the smallest")
        if (self.day is None) != (self.per_day > 0):
            raise ProblemError("per_day", "tell either a day or how many a day, one of the two")

    @property
    def households(self) -> float:
        """How many households such an operation frees on average."""
        return (self.smallest + self.largest) / 2


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Who is expected: ``arrivals_per_day`` on their own, and operations besides.

    ``weekdays`` are seven weights from Monday on. ``stays`` names the kinds of stay.
    """

    arrivals_per_day: float = field(metadata=_read(number(0, 10_000)))
    towns: tuple[Town, ...] = field(metadata=_read(listed(told(Town))))
    stays: Mapping[str, Stay] = field(metadata=_read(mapped(told(Stay))))
    types: tuple[HouseholdType, ...] = field(metadata=_read(listed(told(HouseholdType))))
    weekdays: tuple[float, ...] = field(default=(1.0,) * 7, metadata=_read(listed(_WEIGHT)))
    operations: tuple[Operation, ...] = field(default=(), metadata=_read(listed(told(Operation))))

    def __post_init__(self) -> None:
        check_fields(self)
        _check_shares(self.towns, "towns")
        _check_shares(self.types, "types")
        if len(self.weekdays) != 7 or not sum(self.weekdays) > 0:
            raise ProblemError("weekdays", "must be seven weights from Monday on, not all 0")
        for i, kind in enumerate(self.types):
            if kind.stay not in self.stays:
                raise ProblemError(f"types[{i}].stay", f"there is no stay {shown(kind.stay)}")
        names = {kind.id for kind in self.types}
        for i, operation in enumerate(self.operations):
            for name in operation.types or {}:
                if name not in names:
                    wanted = f"there is no household type {shown(name)}"
                    raise ProblemError(f"operations[{i}].types", wanted)

    def per_day(self, days: int) -> dict[str, float]:
        """Return the arrivals of each type on a mean day of the first ``days``."""
        rates = dict.fromkeys((kind.id for kind in self.types), 0.0)
        for count, weights in self._sources(days):
            for name, share in shares(weights).items():
                rates[name] += count * share
        return rates

    def at_a_time(self, days: int) -> dict[str, float]:
        """Return how many of each type would be housed at a time, were there a room for each."""
        stays = {kind.id: self.stays[kind.stay].mean_days for kind in self.types}
        return {name: rate * stays[name] for name, rate in self.per_day(days).items()}

    def _sources(self, days: int) -> Iterator[tuple[float, Mapping[str, float]]]:
        usual = {kind.id: kind.weight for kind in self.types}
        yield self.arrivals_per_day, usual
        for operation in self.operations:
            announced = operation.day is not None and operation.day < days
            times = operation.per_day + (1 / days if announced else 0)
            yield times * operation.households, operation.types or usual


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights as shares that add up to 1."""
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _check_shares(entries: Sequence[Town | HouseholdType], path: str) -> None:
    seen: set[str] = set()
    for i, entry in enumerate(entries):
        if entry.id in seen:
            raise ProblemError(f"{path}[{i}].id", f"{shown(entry.id)} is already used")
        seen.add(entry.id)
    if not sum(entry.weight for entry in entries) > 0:
        raise ProblemError(path, "must hold at least one entry with a weight above 0")


def parse_forecast(source: str | bytes | Mapping[str, Any]) -> Forecast:
    """Read a ``waymark.forecast/1`` document.

    Raises:
        ProblemError: the document cannot be used; the text names the place and what is wanted.
    """
    document = load_document(source)
    check_format(document, FORECAST_FORMAT)
    forecast: Forecast = told(Forecast)({k: v for k, v in document.items() if k != "format"}, "")
    return forecast
