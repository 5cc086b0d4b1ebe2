"""Problems for the allocation tests: builders that are valid by default, and synthetic nights."""

import random
from typing import Any

from allocation import Child, DangerZone, Household, Place, Problem, Refuge, Room

AS_OF = "2026-11-22T18:00:00Z"
LEEDS = Place(53.8, -1.55)
FEATURES = ("step_free", "interpreter", "staff_24h", "mental_health", "lang:ro", "lang:vi")
REGIONS = ("london", "south_east", "north_west", "yorkshire", "wales", "scotland")


def make_household(name: str = "h1", **told: Any) -> Household:
    """Return a woman alone in Leeds who takes any room."""
    return Household(**{"id": name, "priority": 2, "location": LEEDS, **told})


def make_room(name: str = "r1", **told: Any) -> Room:
    """Return a private room for one, free now."""
    return Room(**{"id": name, "bed_spaces": 1, **told})


def make_refuge(name: str = "f1", *rooms: Room, **told: Any) -> Refuge:
    """Return a refuge in Leeds without limits; with one single room unless told otherwise."""
    default = {"region": "yorkshire", "in_london": False, "location": LEEDS}
    return Refuge(**{"id": name, "rooms": rooms or (make_room(),), **default, **told})


def make_problem(households: Any, refuges: Any, **told: Any) -> Problem:
    """Return a problem; one household or refuge need not be wrapped in a list."""
    households = (households,) if isinstance(households, Household) else tuple(households)
    refuges = (refuges,) if isinstance(refuges, Refuge) else tuple(refuges)
    return Problem(**{"as_of": AS_OF, "households": households, "refuges": refuges, **told})


def synthetic_night(seed: int, households: int, refuges: int, rooms: int) -> Problem:
    """Return a made-up night of any size; the same seed gives the same night."""
    rng = random.Random(seed)
    houses = tuple(_refuge(rng, f"f{i:04}", n) for i, n in enumerate(_sizes(rng, refuges, rooms)))
    women = tuple(_household(rng, f"h{i:04}", households) for i in range(households))
    names = rng.sample([h.id for h in women], 2 * (households // 25))
    pairs = tuple(zip(names[::2], names[1::2], strict=True))
    prices = {feature: rng.choice((5, 10, 20, 50)) for feature in FEATURES}
    return make_problem(women, houses, together=pairs, prices=prices, spare_bed_price=7)


def _sizes(rng: random.Random, refuges: int, rooms: int) -> list[int]:
    sizes = [1] * refuges
    for _ in range(rooms - refuges):
        sizes[rng.randrange(refuges)] += 1
    return sizes


def _place(rng: random.Random) -> Place:
    return Place(rng.uniform(50.5, 55.5), rng.uniform(-3.5, 1.0))


def _some(rng: random.Random, chance: float) -> frozenset[str]:
    return frozenset(feature for feature in FEATURES if rng.random() < chance)


def _refuge(rng: random.Random, name: str, size: int) -> Refuge:
    region = rng.choice(REGIONS)
    return make_refuge(
        name,
        *(
            make_room(
                f"r{i:02}",
                bed_spaces=rng.choice((1, 1, 2, 2, 3, 4, 5)),
                cots=rng.choice((0, 0, 1)),
                shared=rng.random() < 0.08,
                features=_some(rng, 0.05),
            )
            for i in range(size)
        ),
        region=region,
        in_london=region == "london",
        location=_place(rng),
        cell_radius_km=7,
        features=_some(rng, 0.35),
        boys_to_age=rng.choice((11, 14, 16, 18)),
        networks=frozenset({f"n{rng.randrange(20)}"} if rng.random() < 0.2 else ()),
        spare_children=rng.choice((None, 3, 4, 6)),
        spare_high_support=rng.choice((None, 1, 2)),
    )


def _household(rng: random.Random, name: str, of: int) -> Household:
    here = _place(rng)
    ages = [rng.randrange(17) for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2, 3)))]
    other = f"h{rng.randrange(of):04}"
    return make_household(
        name,
        priority=rng.choices((1, 2, 3, 4), (12, 28, 35, 25))[0],
        location=here,
        waiting_minutes=rng.randrange(5000),
        children=tuple(Child(age, rng.choice("fm")) for age in ages),
        essential=frozenset(rng.sample(FEATURES, rng.choice((0, 0, 1, 1, 2)))),
        desirable=frozenset(rng.sample(FEATURES, rng.choice((0, 1, 2)))),
        danger_zones=(DangerZone(here.lat, here.lon, rng.choice((20, 30, 50, 80))),),
        vetoed_regions=frozenset({rng.choice(REGIONS)} if rng.random() < 0.2 else ()),
        london=rng.choice(["either"] * 5 + ["inside_only", "outside_only", "prefers_outside"]),
        max_travel_minutes=rng.choice((None, 180, 240, 300)),
        networks=frozenset({f"n{rng.randrange(20)}"} if rng.random() < 0.3 else ()),
        apart_from=frozenset({other} - {name} if rng.random() < 0.05 else ()),
        may_share=rng.random() < 0.4,
        high_support=rng.random() < 0.15,
    )
