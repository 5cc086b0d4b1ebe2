"""Who is asked first: the refuge whose answer would change the plan most, and never for nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

import allocation
from allocation import Doubt, Watch, chance_still_free, keep, questions
from allocation.asking import Question
from allocation.check import rank, score
from allocation.problem import Problem
from tests.unit.allocation.instances import (
    make_household,
    make_problem,
    make_refuge,
    make_room,
    synthetic_night,
)

NETWORK = Watch(hours=2000, gone=10)
LOOKS = st.builds(Watch, hours=st.floats(0, 1e5), gone=st.integers(0, 200))


@given(LOOKS, LOOKS, st.floats(0, 1e4), st.floats(0, 1e3))
def test_the_chance_falls_with_time_and_stays_a_chance(
    watch: Watch, network: Watch, hours: float, later: float
) -> None:
    first = chance_still_free(watch, network, hours)
    then = chance_still_free(watch, network, hours + later)
    assert 0 <= then <= first <= 1
    assert chance_still_free(watch, network, 0) == 1


@given(LOOKS, st.floats(0.1, 1e3))
def test_a_refuge_that_loses_beds_unsaid_is_believed_less(watch: Watch, hours: float) -> None:
    worse = replace(watch, gone=watch.gone + 1)
    assert chance_still_free(worse, NETWORK, hours) < chance_still_free(watch, NETWORK, hours)


def test_what_is_believed_comes_near_what_happens() -> None:
    """After many looks at beds that last 40 hours on average: half are gone after 28."""
    seen = Watch(hours=40_000, gone=1_000)
    assert chance_still_free(seen, NETWORK, 27.7) == pytest.approx(0.5, abs=0.01)


def test_an_unknown_refuge_is_believed_as_the_network_is() -> None:
    assert chance_still_free(Watch(), NETWORK, 100) == pytest.approx(0.66, abs=0.03)


def _two_houses(**second: int) -> Problem:
    """Two women, two rooms; the first is the more urgent and each fits one house only."""
    women = [
        make_household("h1", priority=1, essential=frozenset({"step_free"})),
        make_household("h2", **{"priority": 3, **second}),
    ]
    houses = [
        make_refuge("f1", make_room("r1", features=frozenset({"step_free"}))),
        make_refuge("f2", make_room("r2"), make_room("r3")),
    ]
    return make_problem(women, houses)


def test_the_room_of_the_most_urgent_is_asked_after_first() -> None:
    kept = keep(_two_houses())
    doubts = [Doubt("f1", "r1", 0.9), Doubt("f2", "r2", 0.1), Doubt("f2", "r3", 0.1)]

    asked = questions(kept, doubts, seconds=30)

    assert asked[0].refuge == "f1"
    assert asked[0].chance_gone == pytest.approx(0.1)
    assert asked[0].loss[0] == pytest.approx(0.1)


def test_a_room_that_another_can_stand_in_for_is_not_worth_a_text() -> None:
    kept = keep(_two_houses())
    used = next(p.room for p in kept.plan.placements if p.refuge == "f2")

    assert questions(kept, [Doubt("f2", used, 0.1)], seconds=30) == []


def test_a_room_that_nobody_would_get_is_not_asked_after() -> None:
    kept = keep(_two_houses())
    empty = ({"r2", "r3"} - {p.room for p in kept.plan.placements}).pop()

    assert questions(kept, [Doubt("f2", empty, 0.01)], seconds=30) == []


def test_a_room_that_is_offered_already_is_not_asked_after_twice() -> None:
    offer = allocation.Standing(refuge="f1", room="r1")
    kept = keep(make_problem(make_household("h1", standing=offer), make_refuge()))

    assert questions(kept, [Doubt("f1", "r1", 0.1)], seconds=30) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_order_is_that_of_solving_every_answer(seed: int) -> None:
    kept = keep(synthetic_night(seed, 10, 4, 8))
    doubts = [
        Doubt(p.refuge, p.room, chance)
        for p, chance in zip(kept.plan.placements, (0.2, 0.5, 0.9, 0.6) * 5, strict=False)
    ]

    asked = questions(kept, doubts, seconds=60)

    for question in asked:
        of_it = [d for d in doubts if d.refuge == question.refuge]
        assert question.loss == pytest.approx(_expected_if_all_or_none(kept.problem, of_it))
    assert asked == sorted(asked, key=lambda q: [-x for x in q.loss])


def _expected_if_all_or_none(problem: Problem, doubts: list[Doubt]) -> list[float]:
    """Every combination of answers: the house as told, or without any room in doubt."""
    gone = sum(
        prod(d.chance if free else 1 - d.chance for d, free in zip(doubts, answer, strict=True))
        for answer in product((True, False), repeat=len(doubts))
        if not all(answer)
    )
    rooms = {d.room for d in doubts}
    houses = tuple(
        replace(f, rooms=tuple(r for r in f.rooms if r.id not in rooms or f.id != doubts[0].refuge))
        for f in problem.refuges
    )
    now, then = (_worth(each) for each in (problem, replace(problem, refuges=houses)))
    return [gone * (a - b) for a, b in zip(now, then, strict=True)]


def _worth(problem: Problem) -> tuple[int, ...]:
    return rank(problem, score(problem, allocation.place(problem).placements))


def test_time_that_runs_out_leaves_out_and_never_fails() -> None:
    kept = keep(_two_houses())

    assert questions(kept, [Doubt("f1", "r1", 0.5)], seconds=0) == []


def test_nothing_in_doubt_asks_nobody() -> None:
    found: list[Question] = questions(keep(_two_houses()), [], seconds=1)
    assert found == []
