"""What a kept plan answers, against every plan there is: costs, free rooms, other plans."""

from dataclasses import replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import (
    Household,
    Placement,
    Plan,
    Problem,
    ProblemError,
    Refuge,
    Room,
    alternatives,
    forced_cost,
    keep,
    parse_plan,
    score,
    value_of_one_more,
    verify,
    violations,
)
from allocation.check import MAXIMISED, rank, worth
from allocation.explanation import explain_kept
from allocation.kept import KeptPlan
from allocation.other_plans import DIFFERENT
from allocation.rules import failing_rules
from tests.unit.allocation.brute_force import allowed_plans, best_rank
from tests.unit.allocation.strategies import EXAMPLES, THOROUGH, households, problems

Loss = tuple[int, ...]


def kept_plan(problem: Problem) -> KeptPlan:
    try:
        return keep(problem)
    except ProblemError:
        assume(False)
        raise


def losses(problem: Problem, now: Plan, placements: tuple[Placement, ...]) -> Loss:
    """Return what other placements lose on each level; more is worse."""
    before = rank(problem, score(problem, now.placements))
    after = rank(problem, score(problem, placements))
    return tuple(a - b for a, b in zip(before, after, strict=True))


def first_loss(loss: Loss) -> tuple[int, int]:
    """Return the first level that loses, and how much, so that less is better."""
    return next(((-i, lost) for i, lost in enumerate(loss) if lost), (-len(loss), 0))


def cheapest(problem: Problem, now: Plan, name: str, keys: set[tuple[str, str]]) -> Loss | None:
    return min(
        (
            losses(problem, now, plan)
            for plan in allowed_plans(problem)
            if any(p.household == name and (p.refuge, p.room) in keys for p in plan)
        ),
        default=None,
    )


def replayed(now: Plan, name: str, there: tuple[str, str], cost: Any) -> tuple[Placement, ...]:
    """Return the plan that a cost speaks of, but for who gains a room."""
    rooms = {p.household: (p.refuge, p.room) for p in now.placements}
    for move in cost["moves"]:
        assert rooms[move["household"]] == (move["from"]["refuge"], move["from"]["room"])
        rooms[move["household"]] = (move["to"]["refuge"], move["to"]["room"])
    for other in cost["loses"]:
        del rooms[other]
    rooms[name] = there
    return tuple(Placement(other, *key) for other, key in sorted(rooms.items()))


def check_cost(problem: Problem, now: Plan, name: str, refuge: str, cost: Any) -> None:
    """A cost is a real plan, and where it is called proven nothing with her there costs less."""
    open_rooms = {
        key
        for key, where in problem.room_by_key.items()
        if key[0] == refuge and not failing_rules(problem, problem.household_by_id[name], *where)
    }
    best = cheapest(problem, now, name, open_rooms)
    if not cost["allowed"]:
        assert not cost["proven"] or best is None
        return
    assert best is not None
    loss = tuple(cost["loss"].values())
    assert (refuge, cost["room"]) in open_rooms
    assert not set(cost["gains"]) & {p.household for p in now.placements}
    if not cost["gains"]:
        plan = replayed(now, name, (refuge, cost["room"]), cost)
        assert violations(problem, plan) == []
        assert losses(problem, now, plan) == loss
    assert cost["decisive"] == next((x for x, lost in cost["loss"].items() if lost), None)
    assert best <= loss
    if cost["proven"]:
        assert first_loss(loss) == first_loss(best)


@THOROUGH
@given(problems(), st.booleans(), st.sampled_from([0.0, 30.0]))
def test_every_cost_is_a_real_plan_and_the_least_where_proven(
    problem: Problem, is_told: bool, seconds: float
) -> None:
    kept = kept_plan(problem)
    now = kept.solved.plan
    if is_told:
        kept = keep(problem, now)

    for household in problem.households:
        answer = explain_kept(kept, household.id, seconds=seconds)
        for entry in answer["refuges"]:
            if entry["status"] in {"possible", "full"}:
                assert seconds == 0.0 or entry["cost"]["proven"]
                check_cost(problem, now, household.id, entry["refuge"], entry["cost"])


@THOROUGH
@given(problems(), st.data())
def test_the_cost_of_forcing_a_room_is_exact(problem: Problem, data: Any) -> None:
    now = kept_plan(problem).solved.plan
    name = data.draw(st.sampled_from([h.id for h in problem.households]))
    key = data.draw(st.sampled_from(sorted(problem.room_by_key)))

    cost = forced_cost(problem, now, name, *key)
    best = cheapest(problem, now, name, {key})

    assert cost["proven"]
    assert cost["allowed"] == (best is not None)
    if best is not None:
        # Rooms of one kind are one choice, and another of them may be handed out.
        assert tuple(cost["loss"].values()) == best


@THOROUGH
@given(problems(), st.data())
def test_costs_against_a_plan_that_is_not_the_best_are_right_too(
    problem: Problem, data: Any
) -> None:
    plans = list(allowed_plans(problem))
    assume(plans)
    placements = data.draw(st.sampled_from(plans))
    now = replace(kept_plan(problem).solved.plan, placements=placements)
    household = data.draw(st.sampled_from(problem.households))

    answer = explain_kept(keep(problem, now), household.id, seconds=30)

    for entry in answer["refuges"]:
        if entry["status"] in {"possible", "full"}:
            check_cost(problem, now, household.id, entry["refuge"], entry["cost"])


ROOMS = [("f0", "r0")]


@THOROUGH
@given(problems(), households("new", ROOMS), st.integers(1, 5))
def test_an_urgent_household_gets_the_best_rooms_left(
    problem: Problem, her: Household, most: int
) -> None:
    her = replace(her, standing=None)
    kept = kept_plan(problem)
    placements = kept.solved.plan.placements
    joined = replace(problem, households=(*problem.households, her))

    found = kept.urgent(her, most)

    def price(key: tuple[str, str]) -> tuple[int, ...]:
        figures = worth(joined, her, *joined.room_by_key[key])
        return tuple(figures[x] for x in joined.order if x not in MAXIMISED)

    free = {
        key: price(key)
        for key in problem.room_by_key
        if not violations(joined, (*placements, Placement(her.id, *key)))
    }
    keys = [(place.refuge, place.room) for place in found]
    assert set(keys) <= free.keys()
    assert len(set(keys)) == len(keys)
    for place, key in zip(found, keys, strict=True):
        figures = worth(joined, her, *joined.room_by_key[key])
        assert place.unmet_desirable == figures["unmet_desirable"]
        assert place.scarcity == figures["scarcity"]
        assert place.travel_minutes == figures["travel_minutes"]
    kinds = {kept.table.kind_of_room[key]: value for key, value in free.items()}
    assert [free[key] for key in keys] == sorted(kinds.values())[:most]


def differing(now: Plan, placements: tuple[Placement, ...]) -> int:
    there = {p.household: p.refuge for p in placements}
    return sum(there.get(p.household) != p.refuge for p in now.placements)


def enough(problem: Problem, plan: Plan) -> int:
    fixed = sum(h.is_fixed for h in problem.households)
    placed = len(plan.placements)
    return max(min(2, placed - fixed), round(DIFFERENT * placed), 1)


@THOROUGH
@given(problems(), st.data())
def test_other_plans_are_the_best_of_those_that_differ_enough(problem: Problem, data: Any) -> None:
    plans = list(allowed_plans(problem))
    now = kept_plan(problem).solved.plan
    if data.draw(st.booleans()):
        now = replace(now, placements=data.draw(st.sampled_from(plans)))

    found = alternatives(problem, now, count=3, seconds=60)

    shown = [now]
    for entry in found:
        plan = parse_plan(entry["plan"])
        best = max(rank(problem, score(problem, p)) for p in left(problem, plans, shown))
        assert verify(problem, plan) == []
        assert rank(problem, score(problem, plan.placements)) == best
        assert tuple(entry["loss"].values()) == losses(problem, now, plan.placements)
        assert entry["decisive"] == next((x for x, lost in entry["loss"].items() if lost), None)
        for other in shown:
            assert differing(other, plan.placements) >= enough(problem, other)
        before = {p.household: p.refuge for p in now.placements}
        after = {p.household: p.refuge for p in plan.placements}
        everybody = {h.id for h in problem.households}
        assert entry["differs"] == sorted(n for n in everybody if before.get(n) != after.get(n))
        shown.append(plan)
    if len(found) < 3:
        assert not left(problem, plans, shown)


def left(
    problem: Problem, plans: list[tuple[Placement, ...]], shown: list[Plan]
) -> list[tuple[Placement, ...]]:
    return [
        plan
        for plan in plans
        if all(differing(other, plan) >= enough(problem, other) for other in shown)
    ]


@settings(THOROUGH, max_examples=max(1, EXAMPLES // 3))
@given(problems())
def test_one_room_fewer_costs_what_doing_without_it_costs(problem: Problem) -> None:
    now = best_rank(problem)
    assume(now is not None)
    assert now is not None

    answer = value_of_one_more(problem, seconds=60)

    assert answer["proven"]
    told = {(row["region"], row["bed_spaces"]): row["gain"] for row in answer["one_fewer_room"]}
    assert {key: tuple(gain.values()) for key, gain in told.items()} == one_fewer(problem, now)
    for row in answer["one_fewer_room"]:
        assert first_loss(tuple(-gain for gain in row["gain"].values()))[1] >= 0
    for row in answer["one_more_room"]:
        assert tuple(row["gain"].values()) == one_more(problem, now, row)
        assert first_loss(tuple(row["gain"].values()))[1] >= 0


def gained(now: Loss, then: Loss) -> Loss:
    return tuple(b - a for a, b in zip(now, then, strict=True))


def one_fewer(problem: Problem, now: Loss) -> dict[tuple[str, int], Loss]:
    """Return, for each region and size, the least loss of doing without one such room."""
    offered = {(h.standing.refuge, h.standing.room) for h in problem.households if h.standing}
    found: dict[tuple[str, int], list[Loss]] = {}
    for key, (refuge, room) in problem.room_by_key.items():
        if room.shared or key in offered:
            continue
        rooms = tuple(other for other in refuge.rooms if other is not room)
        then = best_rank(with_rooms(problem, refuge, rooms))
        if then is not None:
            found.setdefault((refuge.region, room.bed_spaces), []).append(gained(now, then))
    return {key: max(losses) for key, losses in found.items()}


def one_more(problem: Problem, now: Loss, row: Any) -> Loss:
    refuge = problem.refuge_by_id[row["refuge"]]
    size = {"bed_spaces": row["bed_spaces"], "cots": row["cots"]}
    room = Room(id="more", features=frozenset(row["features"]), **size)
    then = best_rank(with_rooms(problem, refuge, (*refuge.rooms, room)))
    assert then is not None
    return gained(now, then)


def with_rooms(problem: Problem, refuge: Refuge, rooms: tuple[Room, ...]) -> Problem:
    houses = (replace(f, rooms=rooms) if f is refuge else f for f in problem.refuges)
    return replace(problem, refuges=tuple(houses))
