"""One "what if" about one household: would she have a room, were one thing different?"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from allocation.check import MAXIMISED, crowding, worth
from allocation.model import Model, Pair, Row, build_from, gains
from allocation.plan import Placement
from allocation.problem import PRIORITY_LEVELS, Household, Problem, Refuge
from allocation.rules import failing_rules
from allocation.search import OutOfTime, lexicographic

# Beyond this many households the four priorities no longer fold into one small figure.
MAX_FOLDED_HOUSEHOLDS = 32
# Up to this many columns a search without prices is the faster one.
MAX_SMALL_COLUMNS = 2000


@dataclass(frozen=True)
class Picture:
    """A plan with what is needed to ask about it again and again.

    ``levels`` are those that decide who is placed; ``reached`` what the plan is worth there,
    signed so that more is better. ``deadline`` is on the clock of ``time.monotonic``.
    """

    problem: Problem
    columns: Mapping[str, tuple[Pair, ...]]
    placed: Mapping[str, Pair]
    levels: tuple[str, ...]
    reached: tuple[int, ...]
    deadline: float


@dataclass(frozen=True)
class Trial:
    """What is different: her columns, plan rules set aside for her, and refuges that changed."""

    household: Household
    pairs: tuple[Pair, ...]
    set_aside: frozenset[str] = frozenset()
    refuges: tuple[Refuge, ...] = field(default=())


class Undecided(Exception):
    """The time ran out before a trial was settled."""


def picture_of(model: Model, placements: Iterable[Placement], deadline: float) -> Picture:
    """Return the picture of a plan over the model it came from."""
    columns: dict[str, list[Pair]] = {h.id: [] for h in model.problem.households}
    for pair in model.pairs:
        columns[pair.household.id].append(pair)
    problem = model.problem
    placed = {
        p.household: Pair(
            problem.household_by_id[p.household], *problem.room_by_key[p.refuge, p.room]
        )
        for p in placements
    }
    order = problem.order
    levels = (*PRIORITY_LEVELS, *order[: order.index("waiting_minutes") + 1])
    reached = _reached(problem, levels, placed.values())
    tuples = {name: tuple(pairs) for name, pairs in columns.items()}
    return Picture(problem, tuples, placed, levels, reached, deadline)


def _reached(problem: Problem, levels: Sequence[str], placed: Iterable[Pair]) -> tuple[int, ...]:
    figures = [worth(problem, pair.household, pair.refuge, pair.room) for pair in placed]
    return _packed(problem, [_signed(level) * sum(f[level] for f in figures) for level in levels])


def _signed(level: str) -> int:
    return 1 if level in MAXIMISED else -1


def _packed(problem: Problem, values: Sequence[int]) -> tuple[int, ...]:
    """Fold the four priorities into one figure where it stays small: one search, not four."""
    base = len(problem.households) + 1
    if base > MAX_FOLDED_HOUSEHOLDS:
        return tuple(values)
    folded = 0
    for value in values[: len(PRIORITY_LEVELS)]:
        folded = folded * base + value
    return folded, *values[len(PRIORITY_LEVELS) :]


def _packed_levels(picture: Picture, model: Model) -> dict[str, list[int]]:
    by_level = [gains(model, level) for level in picture.levels]
    by_column = [_packed(picture.problem, values) for values in zip(*by_level, strict=True)]
    width = len(picture.reached)
    return {str(i): [values[i] for values in by_column] for i in range(width)}


def turn(household: Household) -> tuple[int, int]:
    """Return her place in the queue: smaller stands before, equal stands level."""
    return household.priority, -household.waiting_minutes


def places_her(picture: Picture, trial: Trial) -> bool:
    """Whether she would have a room and nobody who stands before her or level would lose one.

    The plan must also become better on the levels that decide who is placed, compared with the
    best plan without her under the same change: otherwise the change would serve somebody else.

    Raises:
        Undecided: the time ran out.
    """
    if not trial.pairs:
        return False
    fits = (_added(picture, trial, pair) for pair in trial.pairs)
    with_her = max((value for value in fits if value is not None), default=None)
    if with_her is None or with_her <= picture.reached:
        first = turn(trial.household)
        keep = {name for name, pair in picture.placed.items() if turn(pair.household) <= first}
        model = _model(picture, trial, must={*keep, trial.household.id})
        with_her = _climb(picture, model, None, picture.reached)
    if with_her is None or with_her <= picture.reached:
        return False
    return not trial.refuges or _beats_others(picture, trial, with_her)


def _beats_others(picture: Picture, trial: Trial, with_her: tuple[int, ...]) -> bool:
    """Whether no plan without her is as good under the same change."""
    model = _model(picture, replace(trial, pairs=()), must=set())
    held = {(name, p.refuge.id, p.room.id) for name, p in picture.placed.items()}
    columns = ((p.household.id, p.refuge.id, p.room.id) for p in model.pairs)
    start = frozenset(j for j, column in enumerate(columns) if column in held)
    without = _climb(picture, model, start, with_her)
    return without is not None and without < with_her


def _added(picture: Picture, trial: Trial, pair: Pair) -> tuple[int, ...] | None:
    """Return what the plan as it stands is worth with her added, which settles most trials."""
    problem = _changed(picture.problem, trial)
    inside = [p for p in picture.placed.values() if p.refuge.id == pair.refuge.id]
    known = [(p.household, pair.refuge, p.room) for p in (*inside, pair)]
    if {v.code for v in crowding(problem, known)} - trial.set_aside:
        return None
    hers = _reached(problem, picture.levels, [pair])
    return tuple(a + b for a, b in zip(picture.reached, hers, strict=True))


def _climb(
    picture: Picture, model: Model, start: frozenset[int] | None, target: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return the best value of each level, None when no plan is allowed.

    The values are right up to the first level that differs from ``target``.

    Raises:
        Undecided: the time ran out before that level was proven.
    """
    if time.monotonic() >= picture.deadline:
        raise Undecided
    levels = _packed_levels(picture, model)
    small = len(model.pairs) <= MAX_SMALL_COLUMNS
    try:
        outcome = lexicographic(
            model, levels, start, picture.deadline, target=target, by_prices=not small
        )
    except OutOfTime:
        raise Undecided from None
    if outcome.chosen is None:
        return None
    for aim, value, bound in zip(
        target, outcome.values.values(), outcome.bounds.values(), strict=True
    ):
        if value > aim:
            break
        if value < bound:
            raise Undecided
        if value < aim:
            break
    return tuple(outcome.values.values())


def _changed(problem: Problem, trial: Trial) -> Problem:
    if "together" not in trial.set_aside:
        return problem
    name = trial.household.id
    groups = tuple(tuple(n for n in group if n != name) for group in problem.together)
    return replace(problem, together=groups)


def _model(picture: Picture, trial: Trial, must: set[str]) -> Model:
    problem = _changed(picture.problem, trial)
    hers = trial.household.id
    others = [pair for name, pairs in picture.columns.items() if name != hers for pair in pairs]
    if trial.refuges:
        others = _over(picture.problem, others, trial.refuges, hers)
    model = build_from(problem, (*others, *trial.pairs))
    rows = (_without_her(row, model.pairs, hers, trial.set_aside) for row in model.rows)
    kept = tuple(row for row in rows if row is not None)
    return require(replace(model, rows=kept), must)


def _over(
    problem: Problem, pairs: list[Pair], refuges: tuple[Refuge, ...], hers: str
) -> list[Pair]:
    """Return the other households' columns with some refuges changed."""
    changed = {refuge.id for refuge in refuges}
    same = [pair for pair in pairs if pair.refuge.id not in changed]
    fresh = [
        Pair(household, refuge, room)
        for household in problem.households
        if household.id != hers
        for refuge in refuges
        for room in refuge.rooms
        if not failing_rules(problem, household, refuge, room)
    ]
    return same + fresh


_SET_ASIDE_ROWS = {"C3": "apart", "C5": "children_places", "C6": "high_support_places"}


def _without_her(
    row: Row, pairs: Sequence[Pair], hers: str, set_aside: frozenset[str]
) -> Row | None:
    if _SET_ASIDE_ROWS.get(row.constraint) not in set_aside:
        return row
    terms = tuple((j, weight) for j, weight in row.terms if pairs[j].household.id != hers)
    if row.constraint == "C3" and len(terms) < len(row.terms):
        return None
    return replace(row, terms=terms)


def require(model: Model, must: set[str]) -> Model:
    """Return the model in which every household of ``must`` gets a room."""

    def required(row: Row) -> Row:
        theirs = row.constraint == "C1" and row.terms
        name = model.pairs[row.terms[0][0]].household.id if theirs else ""
        return replace(row, low=1) if name in must else row

    return replace(model, rows=tuple(required(row) for row in model.rows))
