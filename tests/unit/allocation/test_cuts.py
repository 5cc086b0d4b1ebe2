"""Cuts take away no whole plan, and only what a point breaks; against every plan there is."""

import itertools
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from allocation import Child, Problem, place
from allocation.check import rank
from allocation.cuts import Cuts, _most_broken
from allocation.model import Model, Rows, build
from allocation.vectors import Floats, whole
from tests.unit.allocation.brute_force import allowed_plans, best_rank
from tests.unit.allocation.instances import make_household, make_problem, make_refuge, make_room
from tests.unit.allocation.strategies import THOROUGH, problems

shares = st.sampled_from([0.0, 0.25, 0.5, 0.5, 0.75, 1.0])


@st.composite
def crowded(draw: st.DrawFn) -> Problem:
    """Return families with many children, some in groups, and houses with few places for them."""
    ages = st.lists(st.sampled_from([1, 5, 9]), max_size=4)
    women = [
        make_household(
            f"h{i}", children=tuple(Child(age) for age in draw(ages)), may_share=draw(st.booleans())
        )
        for i in range(draw(st.integers(2, 5)))
    ]
    houses = [
        make_refuge(
            f"f{k}",
            make_room("r0", bed_spaces=draw(st.integers(2, 6)), cots=1, shared=True),
            *(make_room(f"r{i}", bed_spaces=5) for i in range(1, draw(st.integers(2, 3)))),
            spare_children=draw(st.sampled_from([None, 2, 3, 4, 5])),
        )
        for k in range(draw(st.integers(1, 2)))
    ]
    names = st.sampled_from([h.id for h in women])
    group = st.lists(names, min_size=2, max_size=3, unique=True).map(tuple)
    groups = draw(st.lists(group, min_size=1, max_size=2))
    return make_problem(women, houses, together=tuple(groups))


def cuts_of(model: Model, value: Floats) -> list[Rows]:
    return list(Cuts(model).broken(value))


@THOROUGH
@given(st.one_of(problems(), crowded(), crowded()), st.data())
def test_every_allowed_plan_keeps_what_a_point_breaks(problem: Problem, data: Any) -> None:
    model = build(problem)
    value = np.array([data.draw(shares) for _ in range(model.columns)])
    cuts = cuts_of(model, value)
    grown = model.with_rows(cuts)

    for rows in cuts:
        assert float(rows.weight @ value[rows.column]) > rows.high[0]
    for plan in allowed_plans(problem):
        table = model.table
        wanted = {(table.row_of[p.household], table.kind_of_room[p.refuge, p.room]) for p in plan}
        pairs = zip(table.who.tolist(), table.where.tolist(), strict=True)
        assert grown.allows(whole(j for j, pair in enumerate(pairs) if pair in wanted))


@THOROUGH
@given(st.lists(st.tuples(st.integers(1, 6), shares), max_size=7), st.integers(1, 10))
def test_no_other_cover_misses_less(items: list[tuple[int, float]], limit: int) -> None:
    needs, share = [need for need, _ in items], [there for _, there in items]

    def missing(members: tuple[int, ...]) -> float:
        return sum(1 - share[k] for k in members)

    found = _most_broken(needs, share, limit)

    subsets = itertools.chain.from_iterable(
        itertools.combinations(range(len(needs)), n) for n in range(len(needs) + 1)
    )
    covers = [subset for subset in subsets if sum(needs[k] for k in subset) > limit]
    least = min((missing(cover) for cover in covers), default=1.0)
    assert (least < 1) == bool(found)
    if found:
        assert missing(tuple(found)) == least
        assert sum(needs[k] for k in found) > limit


@THOROUGH
@given(crowded())
def test_where_families_crowd_the_best_plan_is_found(problem: Problem) -> None:
    plan = place(problem)

    assert plan.status == "optimal"
    told = {figure.level: figure.value for figure in plan.objective}
    assert rank(problem, told) == best_rank(problem)


def test_one_child_less_is_not_half_a_family_more() -> None:
    one, two = (
        make_household("h1", children=(Child(5),)),
        make_household("h2", children=(Child(5),) * 2),
    )
    beds = {"bed_spaces": 3}
    house = make_refuge("f", make_room("r1", **beds), make_room("r2", **beds), spare_children=2)
    model = build(make_problem((one, two), house))
    h1, h2 = model.table.row_of["h1"], model.table.row_of["h2"]
    value = np.where(model.table.who == h1, 1.0, 0.5)

    [cut] = cuts_of(model, value)

    assert set(model.table.who[cut.column].tolist()) == {h1, h2}
    assert set(cut.weight.tolist()) == {1}
    assert cut.high.tolist() == [1]


def test_half_a_group_each_does_not_share_one_room() -> None:
    women = make_household("h1"), make_household("h2")
    model = build(make_problem(women, make_refuge("f"), together=(("h1", "h2"),)))

    [cut] = cuts_of(model, np.full(2, 0.5))

    assert not model.with_rows([cut]).allows(np.array([0, 1]))
    assert cut.high.tolist() == [0]


def test_a_group_that_fits_is_one_and_not_too_many() -> None:
    women = [
        make_household(f"h{i}", children=(Child(5),) * children)
        for i, children in enumerate((2, 2, 3))
    ]
    rooms = [make_room(f"r{i}", bed_spaces=4) for i in range(3)]
    house = make_refuge("f", *rooms, spare_children=4)
    model = build(make_problem(women, house, together=(("h0", "h1"),)))
    who = model.table.who
    value = np.where(who == model.table.row_of["h2"], 0.3, 0.9)
    pair = [model.table.row_of["h0"], model.table.row_of["h1"]]

    cuts = cuts_of(model, value)

    assert len(cuts) == 1
    assert float(cuts[0].high[0]) == 1
    grown = model.with_rows(cuts)
    total = grown.totals(np.array([model.table.columns_of(i)[0] for i in pair]))
    assert total[-1] == 1
