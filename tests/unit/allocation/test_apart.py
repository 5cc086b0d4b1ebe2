"""C3 as rows: one row a refuge for households that are all apart from one another."""

import pytest

from allocation import Problem, solve
from allocation.model import build
from tests.unit.allocation.instances import make_household, make_problem, make_refuge, make_room


def night(women: int, refuges: int, *, without: frozenset[str] = frozenset()) -> Problem:
    """Return households all apart from one another, but for one pair."""
    names = [f"h{i}" for i in range(women)]
    everybody = [
        make_household(
            name, apart_from=set(names) - {name} - (without if name in without else set())
        )
        for name in names
    ]
    rooms = [make_room(f"r{i}") for i in range(3)]
    return make_problem(everybody, [make_refuge(f"f{i}", *rooms) for i in range(refuges)])


def test_households_all_apart_make_one_row_a_refuge() -> None:
    model = build(night(6, 2))

    assert list(model.names).count("C3") == 2


@pytest.mark.parametrize(("without", "placed"), [(frozenset(), 2), (frozenset({"h0", "h1"}), 3)])
def test_as_many_are_placed_as_there_are_refuges(without: frozenset[str], placed: int) -> None:
    plan = solve(night(6, 2, without=without))

    assert plan.status == "optimal"
    assert len(plan.placements) == placed
