"""The peers: allowed plans, each by its own rule; the proven ones beside every plan there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation import Child, Household, Placement, Problem, Standing, score, violations
from allocation.check import MAXIMISED, rank
from allocation.problem import DEFAULT_ORDER
from bench.nights import night
from bench.peers import METHODS, OURS, method
from bench.peers import Standing as Proof
from bench.peers.assignment import assignment_bound
from bench.peers.mip import Infeasible, level_by_level
from bench.peers.plain_cp_sat import WEIGHTS, plain_cp_sat
from bench.peers.queues import best_fit, first_come_first_served, least_capable, priority_list
from tests.unit.allocation.brute_force import allowed_plans, best_rank
from tests.unit.allocation.instances import (
    make_household,
    make_problem,
    make_refuge,
    make_room,
)
from tests.unit.allocation.strategies import THOROUGH, problems

SECONDS = 30.0
few = st.sampled_from


@st.composite
def crowded(draw: st.DrawFn) -> Problem:
    """Everybody could live everywhere, but not all at once: only C1..C6 decide."""
    houses = [
        make_refuge(
            f"f{i}",
            *(
                make_room(f"r{j}", bed_spaces=draw(few((4, 3, 2))), cots=draw(few((0, 1, 2))),
                          shared=draw(few((True, True, False))))
                for j in range(draw(few((1, 2))))
            ),
            spare_children=draw(few((None, 0, 1, 2, 3))),
            spare_high_support=draw(few((1, 2, None, 0))),
        )
        for i in range(draw(few((1, 2))))
    ]  # fmt: skip
    names = [f"h{i}" for i in range(draw(few((3, 4, 5))))]
    women = [
        make_household(
            name,
            priority=draw(few((1, 2, 3, 4))),
            waiting_minutes=draw(few((0, 60, 90))),
            children=tuple(Child(age) for age in draw(few(((), (), (0,), (0, 1), (5,), (0, 5))))),
            apart_from=frozenset(draw(st.lists(few(names), max_size=1))) - {name},
            may_share=draw(few((True, True, True, False))),
            high_support=draw(few((True, True, False))),
        )
        for name in names
    ]
    groups = draw(few(((), (), (tuple(names[:2]),), (tuple(names[1:3]), tuple(names[:2])))))
    return make_problem(women, houses, together=groups, spare_bed_price=draw(few((0, 2))))


nights = st.one_of(problems(), crowded())
QUEUES = (first_come_first_served, priority_list, best_fit, least_capable)
PLANNERS = [name for name in METHODS if name != "assignment bound"]


@pytest.mark.parametrize("name", PLANNERS)
@pytest.mark.parametrize("seed", range(4))
def test_every_peer_keeps_every_rule_and_places_somebody(name: str, seed: int) -> None:
    problem = night("S", seed, mode="raid" if seed % 2 else "steady")
    answer = method(name)(problem, SECONDS)

    assert answer.placements
    assert violations(problem, answer.placements) == []


@pytest.mark.parametrize("name", [name for name in PLANNERS if name != OURS])
def test_no_peer_beats_the_engine_or_the_bound(name: str) -> None:
    problem = night("S", 1)
    theirs = method(name)(problem, SECONDS).placements or ()
    ours = method(OURS)(problem, SECONDS).placements or ()

    assert rank(problem, score(problem, theirs)) <= rank(problem, score(problem, ours))
    bounds = assignment_bound(problem, SECONDS).bounds or {}
    reached = score(problem, ours)
    assert tuple(reached[level] for level in bounds) <= tuple(bounds.values())


@THOROUGH
@given(nights)
def test_the_level_by_level_programme_finds_the_best_of_all_plans(problem: Problem) -> None:
    best = best_rank(problem)
    try:
        answer = level_by_level(problem, SECONDS)
    except Infeasible:
        assert best is None
        return

    assert answer.standing == Proof.OPTIMAL
    assert answer.placements is not None
    assert violations(problem, answer.placements) == []
    assert rank(problem, score(problem, answer.placements)) == best


@THOROUGH
@given(nights)
def test_plain_cp_sat_finds_the_best_of_all_plans_for_its_own_weights(problem: Problem) -> None:
    answer = plain_cp_sat(problem, SECONDS)
    worths = [_weighted(problem, plan) for plan in allowed_plans(problem)]

    if answer.placements is None:
        assert worths == []
        return
    assert answer.standing == Proof.WEIGHTED
    assert violations(problem, answer.placements) == []
    assert _weighted(problem, answer.placements) == max(worths)


def _weighted(problem: Problem, plan: tuple[Placement, ...]) -> int:
    values = score(problem, plan)
    return sum(
        WEIGHTS[level] * (value if level in MAXIMISED else -value)
        for level, value in values.items()
    )


@THOROUGH
@given(nights)
def test_no_plan_beats_the_assignment_bound(problem: Problem) -> None:
    bounds = assignment_bound(problem, SECONDS).bounds
    assert bounds is not None
    for plan in allowed_plans(problem):
        values = score(problem, plan)
        assert [values[level] for level in bounds] <= list(bounds.values())


@THOROUGH
@given(crowded())
def test_every_queue_keeps_every_rule_on_the_whole_plan(problem: Problem) -> None:
    for queue in QUEUES:
        answer = queue(problem, SECONDS)
        assert answer.placements is not None
        assert violations(problem, answer.placements) == []


@THOROUGH
@given(problems())
def test_every_queue_keeps_every_rule_or_says_that_it_has_no_plan(problem: Problem) -> None:
    for queue in QUEUES:
        answer = queue(problem, SECONDS)
        if answer.placements is None:
            # It does not search: only where an offer has been accepted may it find no way.
            assert any(h.is_fixed for h in problem.households)
        else:
            assert violations(problem, answer.placements) == []


def _where(answer_of: object, problem: Problem) -> dict[str, str]:
    answer = answer_of(problem, SECONDS)  # type: ignore[operator]
    return {p.household: f"{p.refuge}/{p.room}" for p in answer.placements}


def test_each_queue_has_its_own_order_and_its_own_choice() -> None:
    """One room for two: who comes first. Three rooms for one: which she is given."""
    waited = make_household("waited", priority=4, waiting_minutes=600)
    urgent = make_household("urgent", priority=1, waiting_minutes=5)
    one_room = make_problem([urgent, waited], [make_refuge("f", make_room("r"))])

    assert set(_where(first_come_first_served, one_room)) == {"waited"}
    for queue in (priority_list, best_fit, least_capable):
        assert set(_where(queue, one_room)) == {"urgent"}

    her = make_household("her", desirable=frozenset({"a"}))
    rooms = (
        make_room("listed_first", features=frozenset({"b"})),
        make_room("wished", features=frozenset({"a", "b"})),
        make_room("plain"),
    )
    three = make_problem([her], [make_refuge("f", *rooms)], prices={"a": 3, "b": 5})

    assert _where(first_come_first_served, three) == {"her": "f/listed_first"}
    assert _where(priority_list, three) == {"her": "f/listed_first"}
    assert _where(best_fit, three) == {"her": "f/wished"}
    assert _where(least_capable, three) == {"her": "f/plain"}


def test_a_group_is_served_whole_and_beside_the_one_who_has_accepted() -> None:
    rooms = [make_room("r0"), make_room("r1")]
    houses = [make_refuge("near", make_room("r0")), make_refuge("both", *rooms)]
    pair = [make_household("h0"), make_household("h1")]
    free = make_problem(pair, houses, together=(("h0", "h1"),))
    accepted: list[Household] = [
        make_household("h0", standing=Standing("both", "r1", fixed=True)),
        make_household("h1"),
    ]
    bound = make_problem(accepted, houses, together=(("h0", "h1"),))

    assert {room.split("/")[0] for room in _where(best_fit, free).values()} == {"both"}
    assert _where(best_fit, bound) == {"h0": "both/r1", "h1": "both/r0"}


def test_a_queue_that_cannot_keep_what_was_accepted_has_no_plan() -> None:
    accepted = make_household("h0", standing=Standing("f", "r0", fixed=True))
    problem = make_problem(
        [accepted, make_household("h1")],
        [make_refuge("f", make_room("r0"))],
        together=(("h0", "h1"),),
    )

    assert {queue(problem, SECONDS).placements for queue in QUEUES} == {None}
    with pytest.raises(Infeasible):
        level_by_level(problem, SECONDS)


def test_out_of_time_the_programme_does_not_call_its_plan_proven() -> None:
    answer = level_by_level(night("M", 0), 0.0)

    assert answer.standing in (Proof.FOUND, Proof.NOTHING)


def test_the_weights_name_every_level() -> None:
    assert set(WEIGHTS) == {*night("S", 0).levels} == {*WEIGHTS, *DEFAULT_ORDER}
