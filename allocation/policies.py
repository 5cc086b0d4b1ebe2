"""Rules for giving rooms, side by side: simple ones used in practice, and the engine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from allocation.arrivals import Arrival
from allocation.check import scarcity
from allocation.geography import travel_minutes
from allocation.pressure import scarcity_prices
from allocation.prices import Prices
from allocation.problem import DEFAULT_ORDER, Problem
from allocation.simulation import Given, Night, Policy
from allocation.world import World

FIRST_COME = "first come, first fit"
PRIORITY_LIST = "priority list, first fit"
BEST_FIT = "priority, best fit by rarity"
LEAST_CAPABLE = "priority, least capable room"
ONE_BY_ONE = "priority, one by one, forecast prices"
RARITY = "engine, rarity prices"
ENGINE = "engine, forecast prices"
SCARCITY_FIRST = "engine, forecast prices, scarcity before wishes"
ORDERS: Mapping[str, tuple[str, ...]] = {
    "": DEFAULT_ORDER,
    ", scarcity before wishes": (
        "waiting_minutes", "standing_kept", "scarcity", "unmet_desirable", "travel_minutes",
    ),
    ", scarcity before waiting": (
        "scarcity", "waiting_minutes", "standing_kept", "unmet_desirable", "travel_minutes",
    ),
    ", travel before scarcity": (
        "waiting_minutes", "standing_kept", "unmet_desirable", "travel_minutes", "scarcity",
    ),
}  # fmt: skip
RARITY_SPARE_BED = 2
_ENGINE_SECONDS = 20.0
Choice = Callable[[Night, Problem, Arrival, Sequence[int]], int]


def policies(world: World) -> dict[str, Policy]:
    """Return the policies to compare by name; prices come from this world's forecast."""
    rare, ahead = rarity_prices(world), scarcity_prices(world)
    return {
        FIRST_COME: one_by_one(_by_arrival, _first_fit),
        PRIORITY_LIST: one_by_one(_by_priority, _first_fit),
        BEST_FIT: one_by_one(_by_priority, _best_fit, rare),
        LEAST_CAPABLE: one_by_one(_by_priority, _least_capable),
        ONE_BY_ONE: one_by_one(_by_priority, _best_fit, ahead),
        RARITY: engine(rare),
        ENGINE: engine(ahead),
        SCARCITY_FIRST: engine(ahead, ORDERS[", scarcity before wishes"]),
    }


def rehearsals(world: World) -> dict[str, Policy]:
    """Return the engine by name with every price source and every order of the lower levels."""
    sources = {RARITY: rarity_prices(world), ENGINE: scarcity_prices(world)}
    found = {"engine, no prices": engine()}
    for source, prices in sources.items():
        found |= {source + name: engine(prices, order) for name, order in ORDERS.items()}
    return found


def rarity_prices(world: World) -> Prices:
    """Return what a feature costs by supply alone: all rooms for each room that has it."""
    having: dict[str, int] = {}
    for refuge, room in world.rooms:
        for feature in sorted(refuge.features | room.features):
            if not feature.startswith("lang:"):
                having[feature] = having.get(feature, 0) + 1
    features = {feature: len(world.rooms) // count for feature, count in having.items()}
    return Prices(features, RARITY_SPARE_BED, {}, {}, {})


def _by_arrival(arrival: Arrival) -> tuple[int, ...]:
    return (arrival.minute, arrival.number)


def _by_priority(arrival: Arrival) -> tuple[int, ...]:
    return (arrival.priority, arrival.minute, arrival.number)


def _first_fit(_: Night, __: Problem, ___: Arrival, rooms: Sequence[int]) -> int:
    return rooms[0]


def _least_capable(night: Night, _: Problem, __: Arrival, rooms: Sequence[int]) -> int:
    """The room that can do least: fewest features, beds and cots."""
    return min(rooms, key=lambda j: (_capability(night, j), j))


def _capability(night: Night, j: int) -> int:
    refuge, room = night.houses.world.rooms[j]
    return len(refuge.features | room.features) + room.bed_spaces + room.cots


def _best_fit(night: Night, problem: Problem, arrival: Arrival, rooms: Sequence[int]) -> int:
    household = problem.household_by_id[arrival.id]

    def cost(j: int) -> tuple[int, int, int]:
        house, place = night.houses.world.rooms[j]
        refuge, room = problem.room_by_key[house.id, place.id]  # as priced
        minutes = travel_minutes(problem, household, refuge)
        return scarcity(problem, household, refuge, room), minutes, j

    return min(rooms, key=cost)


def one_by_one(
    queue: Callable[[Arrival], tuple[int, ...]], choose: Choice, prices: Prices | None = None
) -> Policy:
    """Return the policy that serves a queue in order, each household by one choice."""

    def decide(night: Night) -> list[Given]:
        problem = night.problem if prices is None else prices.applied_to(night.problem)
        draft = night.houses.copy()
        given: list[Given] = []
        for arrival in sorted(night.waiting, key=queue):
            rooms = draft.open_to(arrival).tolist()
            if rooms:
                room = choose(night, problem, arrival, rooms)
                draft.move_in(arrival, room)
                given.append((arrival, room))
        return given

    return decide


def engine(prices: Prices | None = None, order: Sequence[str] = DEFAULT_ORDER) -> Policy:
    """Return the policy that solves every night to the proven optimum, under these prices."""

    # The solver is loaded only by those who ask for it.
    from allocation.solver import place

    def decide(night: Night) -> list[Given]:
        problem = night.problem if prices is None else prices.applied_to(night.problem)
        room_at = night.houses.world.room_at
        by_id = {arrival.id: arrival for arrival in night.waiting}
        return [
            (by_id[p.household], room_at[p.refuge, p.room])
            for p in place(
                replace(problem, order=tuple(order)), seconds=_ENGINE_SECONDS
            ).plan.placements
        ]

    return decide
