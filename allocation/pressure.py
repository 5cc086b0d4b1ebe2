"""The pressure of the forecast on each room, and the scarcity prices that follow from it."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from allocation.forecast import shares
from allocation.prices import FeatureFigures, Prices
from allocation.problem import Household, Room
from allocation.world import World

# Price units for each expected household that leans on a room. In finer steps no two rooms would
# cost the same, and wishes and travel would decide nothing; these place as many.
UNITS = 5
# How far ahead announced operations count, in days: about one stay.
DAYS_AHEAD = 30
KIND = "kind:"


def scarcity_prices(world: World, *, days: int = DAYS_AHEAD) -> Prices:
    r"""Return the prices of all rooms, free and occupied, under the forecast of the next days.

    .. math:: p_r = 5 \sum_{k : r \in E_k} \frac{D_k}{\sum_{s \in E_k} m_{ks}}

    ``k`` runs over household types in towns, ``D`` is how many of them would be housed at a time
    (arrivals a day x mean stay), ``E`` the rooms that pass every rule for them, and ``m`` how many
    of them a room holds: each expected household leans evenly on the rooms it could have.
    Announced operations count as spread over ``days``.
    """
    pressure = _pressure(world, world.forecast.at_a_time(days))
    whole = [round(UNITS * float(p)) for p in pressure]
    kinds: dict[str, dict[str, str]] = {}
    told: dict[str, dict[str, float]] = {}
    for (refuge, room), price, leaning in zip(world.rooms, whole, pressure, strict=True):
        kinds.setdefault(refuge.id, {})[room.id] = f"{KIND}{price}"
        told.setdefault(refuge.id, {})[room.id] = round(float(leaning), 4)
    features = {f"{KIND}{price}": price for price in sorted(set(whole))}
    return Prices(features, 0, kinds, told, _figures(world, days))


def _pressure(world: World, at_a_time: Mapping[str, float]) -> npt.NDArray[np.float64]:
    towns = shares({town.id: town.weight for town in world.forecast.towns})
    demand = np.array(
        [
            at_a_time[kind.id] * towns[t.id]
            for kind in world.forecast.types
            for t in world.forecast.towns
        ]
    )
    places = world.eligible * np.array(
        [[holds(household, room) for _, room in world.rooms] for household in world.kinds]
    )
    open_to = places.sum(axis=1)
    each = np.divide(demand, open_to, out=np.zeros_like(demand), where=open_to > 0)
    pressure: npt.NDArray[np.float64] = each @ world.eligible
    return pressure


def holds(household: Household, room: Room) -> int:
    """Return how many such households a room takes at once, at least 1."""
    if not room.shared:
        return 1
    return max(1, (room.bed_spaces + room.cots) // (household.sleepers + household.infants))


def _figures(world: World, days: int) -> dict[str, FeatureFigures]:
    forecast = world.forecast
    at_a_time = forecast.at_a_time(days)
    asked = sorted(frozenset().union(*(kind.essential for kind in forecast.types)))
    return {
        feature: FeatureFigures(
            demand=round(sum(at_a_time[k.id] for k in forecast.types if feature in k.essential), 4),
            supply=sum(
                room.bed_spaces if room.shared else 1
                for refuge, room in world.rooms
                if feature in room.features | refuge.features
            ),
        )
        for feature in asked
    }
