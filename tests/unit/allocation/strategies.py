"""Small problems with every rule, level, shared room, cot, offer and group in play."""

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from allocation import Child, DangerZone, Place, Problem, Standing
from allocation.problem import DEFAULT_ORDER, LONDON
from tests.unit.allocation.instances import (
    make_household,
    make_problem,
    make_refuge,
    make_room,
)

EXAMPLES = int(os.environ.get("WAYMARK_HYPOTHESIS_EXAMPLES", "70"))
THOROUGH = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
PLACES = (Place(53.8, -1.55), Place(53.9, -1.5), Place(51.5, -0.1))
TIMES = ("2026-11-22T18:00:00Z", "2026-11-22T20:00:00Z")
features = st.frozensets(st.sampled_from(("a", "b", "c")), max_size=2)
few = st.sampled_from


@st.composite
def households(draw: st.DrawFn, name: str, refuge_rooms: list[tuple[str, str]]) -> Any:
    standing = None
    if draw(st.integers(0, 5)) == 0:
        refuge, room = draw(few(refuge_rooms))
        standing = Standing(refuge, room, fixed=draw(st.booleans()))
    child = st.builds(Child, age=few((0, 1, 2, 15)), sex=few(("f", "m", None)))
    zone = st.builds(DangerZone, lat=st.just(53.8), lon=st.just(-1.55), radius_km=few((5, 15)))
    return make_household(
        name,
        priority=draw(few((1, 1, 2, 3, 4))),
        waiting_minutes=draw(few((0, 0, 60, 90))),
        adults=draw(few((1, 1, 1, 2))),
        children=tuple(draw(st.lists(child, max_size=2))),
        location=draw(few(PLACES)),
        essential=draw(st.one_of(st.just(frozenset()), features)),
        desirable=draw(features),
        excludes=draw(few((frozenset(), frozenset(), frozenset({"c"})))),
        danger_zones=tuple(draw(st.lists(zone, max_size=1))),
        vetoed_refuges=draw(few((frozenset(), frozenset(), frozenset({"f1"})))),
        london=draw(few(LONDON)),
        max_travel_minutes=draw(few((None, None, None, 60))),
        needed_by=draw(few((None, None, TIMES[0]))),
        networks=draw(few((frozenset(), frozenset(), frozenset({"n"})))),
        apart_from=draw(few((frozenset(), frozenset(), frozenset({"h0", "resident"}) - {name}))),
        may_share=draw(st.booleans()),
        high_support=draw(st.booleans()),
        standing=standing,
    )


@st.composite
def refuges(draw: st.DrawFn, name: str) -> Any:
    rooms = [
        make_room(
            f"r{i}",
            bed_spaces=draw(st.integers(1, 4)),
            cots=draw(st.integers(0, 1)),
            shared=draw(few((False, False, True))),
            features=draw(features),
            free_from=draw(few((None, None, TIMES[1]))),
        )
        for i in range(draw(st.integers(1, 2)))
    ]
    return make_refuge(
        name,
        *rooms,
        in_london=draw(st.booleans()),
        location=draw(few(PLACES)),
        cell_radius_km=draw(few((0, 5))),
        features=draw(features),
        networks=draw(few((frozenset(), frozenset(), frozenset({"n"})))),
        residents=draw(few((frozenset(), frozenset(), frozenset({"resident"})))),
        boys_to_age=draw(few((18, 18, 14))),
        spare_children=draw(few((None, None, 1, 2))),
        spare_high_support=draw(few((None, None, 0, 1))),
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    houses = [draw(refuges(f"f{i}")) for i in range(draw(st.integers(1, 3)))]
    rooms = [(house.id, room.id) for house in houses for room in house.rooms]
    women = [draw(households(f"h{i}", rooms)) for i in range(draw(st.integers(1, 5)))]
    names = [h.id for h in women]
    groups = st.lists(few(names), min_size=2, max_size=3, unique=True).map(tuple)
    together = draw(st.lists(groups, max_size=1)) if len(names) > 1 else []
    return make_problem(
        women,
        houses,
        together=tuple(together),
        prices=draw(few(({}, {"a": 3}, {"a": 3, "b": 5, "c": 1}))),
        spare_bed_price=draw(few((0, 2))),
        order=draw(st.permutations(DEFAULT_ORDER)),
    )
