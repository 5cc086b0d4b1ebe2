"""Chains of households that make way for one another, from a plan in which somebody waits."""

import time

import numpy as np
from hypothesis import given

from allocation import Child, Problem, ProblemError
from allocation.augment import augmented
from allocation.model import build
from allocation.solver import first_plan, refuse_contradiction
from tests.unit.allocation.instances import (
    make_household,
    make_problem,
    make_refuge,
    make_room,
    synthetic_night,
)
from tests.unit.allocation.strategies import THOROUGH, problems

BOY, GIRL = Child(5, "m"), Child(5, "f")


def placed(problem: Problem, *where: tuple[str, str], seconds: float = 60.0) -> set[str]:
    """Return who has a room after chains from a plan of (household, refuge)."""
    model = build(problem)
    table = model.table
    chosen = [
        j
        for name, refuge in where
        for j in table.columns_of(table.row_of[name]).tolist()
        if table.refuges[table.at[j]].id == refuge
    ]
    found = augmented(model, np.array(sorted(chosen)), time.monotonic() + seconds)
    assert model.allows(found)
    return {table.households[i].id for i in table.who[found].tolist()}


def row_of_houses() -> Problem:
    """Each of three could live in two of three houses, one further on than the one before."""
    women = [
        make_household(f"h{i}", vetoed_refuges={f"f{k}" for k in range(3)} - {f"f{i}", f"f{i - 1}"})
        for i in range(3)
    ]
    return make_problem(women, [make_refuge(f"f{i}") for i in range(3)])


def test_each_makes_way_for_the_next_until_a_room_is_free() -> None:
    problem = row_of_houses()

    assert placed(problem, ("h1", "f0"), ("h2", "f1")) == {"h0", "h1", "h2"}


def test_with_no_time_left_nobody_moves() -> None:
    problem = row_of_houses()

    assert placed(problem, ("h1", "f0"), ("h2", "f1"), seconds=-1) == {"h1", "h2"}


def test_a_place_for_children_is_made_by_a_household_in_another_room_of_the_house() -> None:
    rooms = [make_room(f"r{i}", bed_spaces=2) for i in range(2)]
    house = make_refuge("f1", *rooms, spare_children=1)
    other = make_refuge("f2", make_room(bed_spaces=2))
    her = make_household("her", children=(GIRL,), vetoed_refuges={"f2"})
    mother = make_household("mother", children=(GIRL,))
    problem = make_problem((her, mother), (house, other))

    model = build(problem)
    chosen = model.table.columns_of(model.table.row_of["mother"])
    in_house = chosen[[model.table.refuges[f].id == "f1" for f in model.table.at[chosen]]][:1]
    found = augmented(model, in_house, time.monotonic() + 60)

    assert len(found) == 2
    assert model.allows(found)


def test_groups_are_not_taken_apart() -> None:
    women = [make_household(f"h{i}") for i in range(3)]
    house = make_refuge("f0", make_room("r0"), make_room("r1"))
    tied = make_problem(women, (house, make_refuge("f1")), together=(("h0", "h1"),))

    assert placed(tied, ("h2", "f0")) == {"h2"}


def test_chains_come_close_to_the_most_that_can_be_placed() -> None:
    model = build(synthetic_night(3, 60, 20, 45))
    start = first_plan(model)

    found = augmented(model, start, time.monotonic() + 60)

    assert len(found) > len(start)
    assert model.allows(found)


@THOROUGH
@given(problems())
def test_chains_unplace_nobody_and_break_no_rule(problem: Problem) -> None:
    try:
        refuse_contradiction(problem)
        model = build(problem)
        start = first_plan(model)
    except ProblemError:
        return

    found = augmented(model, start, time.monotonic() + 60)

    who = model.table.who
    assert set(who[start].tolist()) <= set(who[found].tolist())
    assert model.allows(found)
