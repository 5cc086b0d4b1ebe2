"""Prices prove what they say, right or wrong; narrowing takes away no plan that is still asked."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from allocation import Placement, Problem, violations
from allocation.face import Face, Goal, Prices, exact_prices, narrow
from allocation.model import FREE, Model, build, gains
from allocation.solver import placements_of
from allocation.vectors import Ints, whole
from tests.unit.allocation.brute_force import allowed_plans
from tests.unit.allocation.strategies import THOROUGH, problems

prices = st.sampled_from([0.0, 0.0, 1.0, -1.0, 0.5, -3.25, 1 / 3, 1e-9, 1e3, -77.7, 1e7])


def columns_of(model: Model, plan: tuple[Placement, ...]) -> Ints:
    table = model.table
    wanted = {(table.row_of[p.household], table.kind_of_room[p.refuge, p.room]) for p in plan}
    pairs = zip(table.who.tolist(), table.where.tolist(), strict=True)
    return whole(j for j, pair in enumerate(pairs) if pair in wanted)


def drawn(problem: Problem, data: Any) -> tuple[Face, Ints, Prices, list[Ints]]:
    """Return a face with goals, a level, random prices, and every plan that the face holds."""
    model = build(problem)
    face = Face.of(model)
    plans = [columns_of(model, plan) for plan in allowed_plans(problem)]
    level, other = (gains(model.table, data.draw(st.sampled_from(problem.levels))) for _ in "ab")
    if plans and data.draw(st.booleans()):
        value = int(other[data.draw(st.sampled_from(plans))].sum())
        limits = st.sampled_from([(value, value), (value, FREE), (-FREE, value)])
        face.goals.append(Goal(other, *data.draw(limits)))
    rows = np.array([data.draw(prices) for _ in model.low])
    goals = np.array([data.draw(prices) for _ in face.goals])
    inside = [plan for plan in plans if face.allows(plan)]
    return face, level, exact_prices(face, level, rows, goals), inside


def charged(face: Face, found: Prices, plan: Ints) -> int:
    """Return what the prices charge for a plan: columns, rows and goals not used up."""
    taken = np.zeros(face.model.columns, dtype=np.int64)
    taken[plan] = 1
    total = 0
    for reduced, x, low, high in zip(
        found.reduced.tolist(), taken.tolist(), face.lower.tolist(), face.upper.tolist(),
        strict=True,
    ):  # fmt: skip
        total += reduced * (high - x) if reduced > 0 else -reduced * (x - low)
    sums = [*face.model.totals(plan).tolist(), *(int(g.gain[plan].sum()) for g in face.goals)]
    lows = [*face.low.tolist(), *(goal.low for goal in face.goals)]
    highs = [*face.high.tolist(), *(goal.high for goal in face.goals)]
    for y, x, low, high in zip(
        [*found.rows.tolist(), *found.goals], sums, lows, highs, strict=True
    ):
        total += y * (high - x) if y > 0 else -y * (x - low)
    return total


@THOROUGH
@given(problems(), st.data())
def test_any_prices_prove_a_bound_and_say_exactly_what_each_plan_falls_short(
    problem: Problem, data: Any
) -> None:
    face, level, found, plans = drawn(problem, data)

    for plan in plans:
        value = int(level[plan].sum())
        charge = charged(face, found, plan)
        assert charge >= 0
        assert value * found.scale == found.bound - charge
        assert value <= found.best


@THOROUGH
@given(problems(), st.data())
def test_narrowing_keeps_every_plan_that_is_worth_enough(problem: Problem, data: Any) -> None:
    face, level, found, plans = drawn(problem, data)
    assume(plans)
    best = max(int(level[plan].sum()) for plan in plans)
    least = best - data.draw(st.integers(0, 2))
    goal = Goal(level, least, FREE)

    kept = narrow(face, found, least, [goal])

    for plan in plans:
        assert kept.allows(plan) == (int(level[plan].sum()) >= least)


@THOROUGH
@given(problems(), st.data())
def test_a_face_allows_exactly_the_plans_without_a_violation(problem: Problem, data: Any) -> None:
    model = build(problem)
    some = st.integers(0, max(0, model.columns - 1))
    chosen = whole(sorted(data.draw(st.sets(some, max_size=4)))) if model.columns else whole([])

    told = placements_of(model, chosen)
    spec = not violations(problem, told)

    assert model.allows(chosen) == Face.of(model).allows(chosen) == spec


@pytest.mark.parametrize("field", ["reduced", "bound"])
def test_the_identity_notices_a_price_that_is_off_by_one(field: str) -> None:
    from dataclasses import replace

    from tests.unit.allocation.instances import make_household, make_problem, make_refuge

    model = build(make_problem(make_household(), make_refuge()))
    face, level = Face.of(model), gains(model.table, "placed_priority_2")
    found = exact_prices(face, level, np.full(len(model.low), 0.25), np.zeros(0))
    plan = whole([0])
    assert found.scale == found.bound - charged(face, found, plan)

    spoilt = replace(found, **{field: getattr(found, field) - found.scale})

    assert found.scale != spoilt.bound - charged(face, spoilt, plan)
