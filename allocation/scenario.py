"""A made-up stretch of time: houses, who comes, how long they stay, and how long they can wait."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from allocation.canonical import check_format
from allocation.document import load_document
from allocation.forecast import MAX_DAYS, Forecast
from allocation.problem import Refuge
from allocation.reading import (
    ProblemError,
    Reader,
    check_fields,
    listed,
    moment,
    number,
    optional,
    shown,
    told,
    whole,
)

SCENARIO_FORMAT = "waymark.scenario/1"
MAX_ARRIVALS = 200_000


def _read(reader: Reader) -> dict[str, Reader]:
    return {"read": reader}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What ``simulate`` plays; ``demand`` is at once what the forecast says.

    ``load`` scales the arrivals so that those housed at a time, were there a room for each, are
    this share of the places there are (a private room, or a bed space of a shared one); none
    leaves them as told.
    ``drift``: the true rate of each household type lies this share above or below the forecast,
    by a coin drawn from the seed. A household not placed within ``waiting_limit_days`` is lost.
    The refuges' ``spare_children`` and ``spare_high_support`` are those of an empty house.
    """

    starts: datetime = field(metadata=_read(moment))
    refuges: tuple[Refuge, ...] = field(metadata=_read(listed(told(Refuge))))
    demand: Forecast = field(metadata=_read(told(Forecast)))
    days: int = field(default=60, metadata=_read(whole(1, MAX_DAYS)))
    warm_up_days: int = field(default=60, metadata=_read(whole(0, MAX_DAYS)))
    decisions_per_day: int = field(default=1, metadata=_read(whole(1, 96)))
    waiting_limit_days: float = field(default=2.0, metadata=_read(number(0.01, 365)))
    load: float | None = field(default=None, metadata=_read(optional(number(0.01, 10))))
    drift: float = field(default=0.0, metadata=_read(number(0, 1)))
    seed: int = field(default=0, metadata=_read(whole(0, 2**32 - 1)))

    def __post_init__(self) -> None:
        check_fields(self)
        seen: set[str] = set()
        for i, refuge in enumerate(self.refuges):
            if refuge.id in seen:
                raise ProblemError(f"refuges[{i}].id", f"{shown(refuge.id)} is already used")
            seen.add(refuge.id)
        if self.places == 0:
            raise ProblemError("refuges", "must hold at least one room")
        expected = sum(self.scaled_demand().per_day(self.all_days).values()) * self.all_days
        if expected > MAX_ARRIVALS:
            wanted = f"would bring {expected:.0f} households, more than {MAX_ARRIVALS}"
            raise ProblemError("demand.arrivals_per_day", wanted)

    @property
    def places(self) -> int:
        """Households that can live there at once: private rooms, and bed spaces of shared ones."""
        rooms = (room for refuge in self.refuges for room in refuge.rooms)
        return sum(room.bed_spaces if room.shared else 1 for room in rooms)

    @property
    def all_days(self) -> int:
        """Days played: the warm-up and those that count."""
        return self.warm_up_days + self.days

    def scaled_demand(self) -> Forecast:
        """Return the demand with its random arrivals scaled to ``load``.

        Raises:
            ProblemError: nobody arrives at random, so nothing can be scaled.
        """
        if self.load is None:
            return self.demand
        everybody = sum(self.demand.at_a_time(self.all_days).values())
        announced = sum(_at_random(self.demand, 0.0).at_a_time(self.all_days).values())
        wanted = self.load * self.places - announced
        if everybody <= announced or wanted < 0:
            raise ProblemError("load", "cannot be reached by scaling the arrivals at random")
        return _at_random(self.demand, wanted / (everybody - announced))


def _at_random(demand: Forecast, factor: float) -> Forecast:
    """Return the demand with everything but the announced operations scaled."""
    scaled = tuple(
        replace(operation, per_day=operation.per_day * factor)
        for operation in demand.operations
        if operation.day is None and factor > 0
    )
    announced = tuple(o for o in demand.operations if o.day is not None)
    rate = demand.arrivals_per_day * factor
    return replace(demand, arrivals_per_day=rate, operations=announced + scaled)


def parse_scenario(source: str | bytes | Mapping[str, Any]) -> Scenario:
    """Read a ``waymark.scenario/1`` document.

    Raises:
        ProblemError: the document cannot be used; the text names the place and what is wanted.
    """
    document = load_document(source)
    check_format(document, SCENARIO_FORMAT)
    scenario: Scenario = told(Scenario)({k: v for k, v in document.items() if k != "format"}, "")
    return scenario
