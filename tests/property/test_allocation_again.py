"""A plan kept through a small change is as good as one made anew, judged by every plan there is."""

from dataclasses import replace
from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from allocation import Placement, Problem, ProblemError, Standing, keep, place_again, verify
from allocation.again import proof_holds
from allocation.check import rank
from tests.unit.allocation.brute_force import best_rank
from tests.unit.allocation.instances import make_household, make_problem, make_refuge, make_room
from tests.unit.allocation.strategies import THOROUGH, problems


def without_a_room(problem: Problem, data: Any, _: Any) -> Problem:
    refuge = data.draw(st.sampled_from(problem.refuges))
    room = data.draw(st.sampled_from(refuge.rooms))
    offered = {(h.standing.refuge, h.standing.room) for h in problem.households if h.standing}
    assume((refuge.id, room.id) not in offered)
    fewer = replace(refuge, rooms=tuple(other for other in refuge.rooms if other is not room))
    others = (fewer if other is refuge else other for other in problem.refuges)
    return replace(problem, refuges=tuple(others))


def without_a_household(problem: Problem, data: Any, _: Any) -> Problem:
    gone = data.draw(st.sampled_from(problem.households))
    groups = tuple(tuple(n for n in group if n != gone.id) for group in problem.together)
    others = tuple(h for h in problem.households if h is not gone)
    return replace(problem, households=others, together=groups)


def with_a_refusal(problem: Problem, data: Any, _: Any) -> Problem:
    her = data.draw(st.sampled_from(problem.households))
    house = data.draw(st.sampled_from(problem.refuges))
    return _with(problem, replace(her, vetoed_refuges=her.vetoed_refuges | {house.id}))


def with_an_offer(problem: Problem, data: Any, placements: tuple[Placement, ...]) -> Problem:
    placed = data.draw(st.sampled_from(placements or [None]))
    assume(placed is not None)
    her = problem.household_by_id[placed.household]
    refuge, room = placed.refuge, placed.room
    if data.draw(st.booleans()):  # any room, which may not be the plan's
        refuge, room = data.draw(st.sampled_from(sorted(problem.room_by_key)))
    offer = Standing(refuge, room, fixed=data.draw(st.booleans()))
    return _with(problem, replace(her, standing=offer))


def _with(problem: Problem, her: Any) -> Problem:
    others = (her if other.id == her.id else other for other in problem.households)
    return replace(problem, households=tuple(others))


CHANGES = (without_a_room, without_a_household, with_a_refusal, with_an_offer)


@THOROUGH
@given(problems(), st.data())
def test_a_plan_after_a_change_is_the_best_there_is(problem: Problem, data: Any) -> None:
    try:
        kept = keep(problem)
    except ProblemError:
        assume(False)
    change = data.draw(st.sampled_from(CHANGES))
    now = change(problem, data, kept.plan.placements)
    event(f"{change.__name__}: {'at once' if proof_holds(kept, now) else 'solved again'}")

    try:
        plan = place_again(kept, now)
    except ProblemError:
        assert best_rank(now) is None
        return

    assert verify(now, plan) == []
    assert rank(now, {f.level: f.value for f in plan.objective}) == best_rank(now)


def test_what_needs_no_solving_and_what_does() -> None:
    women = (make_household("a", priority=1), make_household("b"), make_household("c", priority=4))
    house = make_refuge("f1", make_room("r1"), make_room("r2"))
    empty = make_refuge("f2", make_room("r1"), region="wales")
    shut = [replace(woman, vetoed_regions=frozenset({"wales"})) for woman in women]
    problem = make_problem(shut, (house, empty))
    kept = keep(problem)
    a, b, c = shut
    room_of_a = next(p.room for p in kept.plan.placements if p.household == "a")
    accepted = replace(a, standing=Standing("f1", room_of_a, fixed=True))
    elsewhere = replace(c, standing=Standing("f2", "r1"))

    assert proof_holds(kept, replace(problem, refuges=(house,)))
    assert proof_holds(kept, replace(problem, households=(a, b)))
    assert proof_holds(kept, replace(problem, households=(accepted, b, c)))
    assert not proof_holds(kept, replace(problem, households=(a, b, elsewhere)))
    assert not proof_holds(kept, replace(problem, households=(a, c)))
    assert not proof_holds(kept, replace(problem, households=(*shut, make_household("d"))))
    assert not proof_holds(kept, replace(problem, together=(("a", "b"),)))
