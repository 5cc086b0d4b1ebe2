"""Reasons are minimal and true, judged by every plan there is; offered changes do what they say."""

from collections.abc import Iterator
from itertools import product

from hypothesis import given

from allocation import Household, Placement, Plan, Problem, ProblemError, score, solve
from allocation.check import crowding
from allocation.reasons import verdicts_of
from allocation.rules import failing_rules
from allocation.trial import Pair
from allocation.unlock import FINDERS
from tests.unit.allocation.changes import carried_out
from tests.unit.allocation.strategies import THOROUGH, problems

COUNTED = {"children_places", "high_support_places"}
DECISIVE = 4  # the priorities; then the order of the problem up to the waiting time


def options(problem: Problem, her: Household, set_aside: set[str]) -> Iterator[list[Pair | None]]:
    """Yield what each household could be given, with some rules set aside for her alone."""
    for household in problem.households:
        open_to = [
            Pair(household, refuge, room)
            for refuge, room in problem.room_by_key.values()
            if set(failing_rules(problem, household, refuge, room))
            <= (set_aside if household is her else set())
        ]
        yield [*open_to] if household is her or household.is_fixed else [None, *open_to]


def is_allowed(problem: Problem, plan: list[Pair], her: Household, set_aside: set[str]) -> bool:
    together = problem
    if "together" in set_aside:
        groups = tuple(tuple(n for n in g if n != her.id) for g in problem.together)
        together = Problem(
            as_of=problem.as_of,
            households=problem.households,
            refuges=problem.refuges,
            together=groups,
        )
    known = [(p.household, p.refuge, p.room) for p in plan]
    without = [entry for entry in known if entry[0] is not her]
    for violation in crowding(together, known):
        if violation.code in set_aside and violation.code in COUNTED:
            continue
        if violation.code == "apart" in set_aside and her.id in violation.households:
            continue
        return False
    return not any(v.code in COUNTED for v in crowding(together, without))


def decisive(problem: Problem, placements: list[Placement]) -> tuple[int, ...]:
    values = score(problem, placements)
    signs = {"unmet_desirable": -1, "scarcity": -1, "travel_minutes": -1}
    levels = problem.levels[: DECISIVE + problem.order.index("waiting_minutes") + 1]
    return tuple(signs.get(level, 1) * values[level] for level in levels)


def can_be_placed(problem: Problem, plan: Plan, her: Household, set_aside: set[str]) -> bool:
    """Whether a better plan exists that places her and unplaces nobody before or level."""
    hers = (her.priority, -her.waiting_minutes)
    known = problem.household_by_id
    placed = {p.household for p in plan.placements}
    keep = {n for n in placed if (known[n].priority, -known[n].waiting_minutes) <= hers}
    now = decisive(problem, list(plan.placements))
    for choice in product(*options(problem, her, set_aside)):
        pairs = [pair for pair in choice if pair is not None]
        if not keep <= {pair.household.id for pair in pairs}:
            continue
        if is_allowed(problem, pairs, her, set_aside):
            then = [Placement(p.household.id, p.refuge.id, p.room.id) for p in pairs]
            if decisive(problem, then) > now:
                return True
    return False


def all_rules(problem: Problem, her: Household) -> set[str]:
    """Return every rule that may be set aside: on pairs only where no room passes them all."""
    verdicts = verdicts_of(problem, her)
    on_plan = {"apart", "together", *COUNTED}
    pair_rules = {code for _, failing in verdicts.rooms for code in failing}
    return on_plan if verdicts.passing() else on_plan | pair_rules


@THOROUGH
@given(problems())
def test_reasons_are_minimal(problem: Problem) -> None:
    try:
        plan = solve(problem)
    except ProblemError:
        return

    for entry in plan.unplaced:
        her = problem.household_by_id[entry.household]
        reasons = {reason.code for reason in entry.reasons}
        rules = all_rules(problem, her)
        if reasons == {"capacity"}:
            assert not can_be_placed(problem, plan, her, rules)
            continue
        assert reasons <= rules
        assert not can_be_placed(problem, plan, her, rules - reasons)
        for code in reasons:
            assert can_be_placed(problem, plan, her, (rules - reasons) | {code}), code


@THOROUGH
@given(problems())
def test_every_change_offered_places_her(problem: Problem) -> None:
    try:
        plan = solve(problem)
    except ProblemError:
        return

    for entry in plan.unplaced:
        for change in entry.unlock:
            assert change.code in FINDERS
            if change.code == "one_more_room":
                continue  # names a region, not a refuge; its own tests are in the unit tests
            then = solve(carried_out(problem, entry.household, change))
            assert entry.household in {p.household for p in then.placements}, change
