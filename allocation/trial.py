"""One "what if" about one household: would she have a room, were one thing different?"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from allocation.check import MAXIMISED, crowding, worth
from allocation.face import Face
from allocation.model import Model, gains, model_of
from allocation.problem import PRIORITY_LEVELS, Household, Problem, Refuge, Room
from allocation.relaxation import OutOfTime
from allocation.search import Search
from allocation.start import turn
from allocation.table import Pairs, Table, kinds_of, lottery, pairs_of
from allocation.vectors import Ints, whole


@dataclass(frozen=True)
class Pair:
    """One household in one room."""

    household: Household
    refuge: Refuge
    room: Room


@dataclass(frozen=True, eq=False)
class Picture:
    """A plan with what is needed to ask about it again and again.

    ``levels`` are those that decide who is placed; ``reached`` what the plan is worth there,
    signed so that more is better; ``is_best`` whether that is proven; ``inside`` who lives in each
    refuge. ``deadline`` is on the clock of ``time.monotonic``.
    """

    model: Model
    placed: Mapping[str, Pair]
    levels: tuple[str, ...]
    reached: tuple[int, ...]
    is_best: bool
    deadline: float
    inside: Mapping[str, Sequence[Pair]]

    @property
    def problem(self) -> Problem:
        """The problem that the plan answers."""
        return self.model.table.problem


@dataclass(frozen=True)
class Trial:
    """What is different: her rooms, plan rules set aside for her, and refuges that changed."""

    household: Household
    pairs: tuple[Pair, ...]
    set_aside: frozenset[str] = frozenset()
    refuges: tuple[Refuge, ...] = field(default=())
    changes_nothing: bool = False


class Undecided(Exception):
    """The time ran out before a trial was settled."""


def picture_of(
    model: Model, places: Mapping[str, tuple[str, str]], proven: Sequence[str], deadline: float
) -> Picture:
    """Return the picture of a plan over the model it came from.

    ``places`` holds the (refuge id, room id) of each household placed; ``proven`` the levels whose
    value is proven best.
    """
    problem = model.table.problem
    placed = {
        name: Pair(problem.household_by_id[name], *problem.room_by_key[key])
        for name, key in places.items()
    }
    order = problem.order
    levels = (*PRIORITY_LEVELS, *order[: order.index("waiting_minutes") + 1])
    reached = [_worth(problem, levels, pair) for pair in placed.values()]
    total = tuple(int(sum(column)) for column in zip(*reached, strict=True)) or (0,) * len(levels)
    inside: dict[str, list[Pair]] = defaultdict(list)
    for pair in placed.values():
        inside[pair.refuge.id].append(pair)
    is_best = set(levels) <= set(proven)
    return Picture(model, placed, levels, total, is_best, deadline, inside)


def _worth(problem: Problem, levels: Sequence[str], pair: Pair) -> tuple[int, ...]:
    figures = worth(problem, pair.household, pair.refuge, pair.room)
    return tuple(figures[x] if x in MAXIMISED else -figures[x] for x in levels)


def places_her(picture: Picture, trial: Trial) -> bool:
    """Whether she would have a room and nobody who stands before her or level would lose one.

    The plan must also become better on the levels that decide who is placed, compared with the
    best plan without her under the same change: otherwise the change would serve somebody else.

    Raises:
        Undecided: the time ran out.
    """
    if not trial.pairs or (trial.changes_nothing and picture.is_best):
        return False
    with_her = _at_once(picture, trial)
    if with_her is None:
        first = turn(trial.household)
        keep = {name for name, pair in picture.placed.items() if turn(pair.household) <= first}
        model = _required(_model(picture, trial), {*keep, trial.household.id})
        with_her = _best(picture, model, picture.reached)
    if with_her is None or with_her <= picture.reached:
        return False
    return not trial.refuges or _beats_others(picture, trial, with_her)


def _at_once(picture: Picture, trial: Trial) -> tuple[int, ...] | None:
    """Return what the plan is worth with her added, or in the place of one who stands after her.

    That settles most trials without a search; None where it does not. The best such plan is only
    looked for where others have to be beaten by it.
    """
    is_tied = any(trial.household.id in group for group in picture.problem.together)
    if is_tied and "together" not in trial.set_aside:
        return None
    best = None
    for worth_then in _small_changes(picture, trial):
        if worth_then > picture.reached and (best is None or worth_then > best):
            best = worth_then
            if not trial.refuges:
                break
    return best


def _small_changes(picture: Picture, trial: Trial) -> Iterator[tuple[int, ...]]:
    """Yield what allowed plans are worth in which she joins or replaces one household."""
    problem, first = picture.problem, turn(trial.household)
    tied = {name for group in problem.together for name in group}
    for pair in trial.pairs:
        hers = _worth(problem, picture.levels, pair)
        inside = picture.inside.get(pair.refuge.id, ())
        if _fits(picture, trial, pair, inside):
            yield tuple(a + b for a, b in zip(picture.reached, hers, strict=True))
            continue
        for other in inside:
            fixed_or_tied = other.household.is_fixed or other.household.id in tied
            if fixed_or_tied or turn(other.household) <= first:
                continue
            if _fits(picture, trial, pair, [p for p in inside if p is not other]):
                theirs = _worth(problem, picture.levels, other)
                swapped = zip(picture.reached, hers, theirs, strict=True)
                yield tuple(a + b - c for a, b, c in swapped)


def _fits(picture: Picture, trial: Trial, pair: Pair, inside: Sequence[Pair]) -> bool:
    """Whether she could join those inside the refuge, as the trial changes it."""
    if not pair.room.shared and any(p.room.id == pair.room.id for p in inside):
        return False
    now = {refuge.id: refuge for refuge in trial.refuges}.get(pair.refuge.id, pair.refuge)
    known = [(p.household, now, p.room) for p in (*inside, pair)]
    broken = {v.code for v in crowding(picture.problem, known)} - {"together"}
    return not broken - trial.set_aside


def _beats_others(picture: Picture, trial: Trial, with_her: tuple[int, ...]) -> bool:
    """Whether no plan without her is as good under the same change."""
    model = _model(picture, replace(trial, pairs=()))
    table = model.table
    kind_of = {(table.row_of[name], table.kind_of_room.get((pair.refuge.id, pair.room.id)))
               for name, pair in picture.placed.items()}  # fmt: skip
    columns = enumerate(zip(table.who.tolist(), table.where.tolist(), strict=True))
    start = whole(j for j, column in columns if column in kind_of)
    search = _search(picture, model, start if model.allows(start) else None)
    if _cannot_beat(search, with_her, or_reach=True):
        return True
    without = _climbed(search)
    return without is not None and without < with_her


def _search(picture: Picture, model: Model, start: Ints | None) -> Search:
    levels = [gains(model.table, level) for level in picture.levels]
    return Search(Face.of(model), levels, start, picture.deadline)


def _best(picture: Picture, model: Model, better_than: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the best value of each level, None when no plan is allowed or none is better.

    Raises:
        Undecided: the time ran out first.
    """
    search = _search(picture, model, None)
    return None if _cannot_beat(search, better_than) else _climbed(search)


def _cannot_beat(search: Search, target: tuple[int, ...], *, or_reach: bool = False) -> bool:
    try:
        return search.cannot_beat(target, or_reach=or_reach)
    except OutOfTime:
        raise Undecided from None


def _climbed(search: Search) -> tuple[int, ...] | None:
    try:
        allowed = search.climb()
    except OutOfTime:
        raise Undecided from None
    return search.values if allowed else None


def _required(model: Model, must: set[str]) -> Model:
    """Return the model in which every household of ``must`` gets a room."""
    low = model.low.copy()
    row_of = model.table.row_of  # the rows of C1 come first, one for each household
    low[[row_of[name] for name in sorted(must)]] = 1
    return replace(model, low=low)


def _model(picture: Picture, trial: Trial) -> Model:
    base = picture.model.table
    table = copy.copy(base)
    for cached in ("kind_of_room", "kept"):
        table.__dict__.pop(cached, None)
    her = base.row_of[trial.household.id]
    table.kinds = list(base.kinds)
    parts = [base.pairs.of((base.who != her) & ~_in_refuges(base, trial.refuges))]
    for refuge in trial.refuges:
        parts.append(_with_refuge(table, refuge, her))
    table._index(Pairs.joined([*parts, _hers(table, her, trial.pairs)]))
    _set_aside(table, her, trial.set_aside)
    return model_of(table)


def _in_refuges(table: Table, refuges: Sequence[Refuge]) -> Ints:
    names = {refuge.id for refuge in refuges}
    inside = np.array([refuge.id in names for refuge in table.refuges], dtype=bool)
    found: Ints = inside[table.at]
    return found


def _with_refuge(table: Table, refuge: Refuge, her: int) -> Pairs:
    """Put a changed refuge's kinds into the table; return everybody else's pairs there."""
    number = next(f for f, old in enumerate(table.refuges) if old.id == refuge.id)
    table.refuges = [refuge if f == number else old for f, old in enumerate(table.refuges)]
    kinds = list(kinds_of(table.problem, [refuge], lottery(table.problem)))
    pairs = pairs_of(table.problem, table.households, [refuge], kinds)
    first = len(table.kinds)
    for k, old in enumerate(table.kinds):
        if old.refuge == number:  # its rooms are told anew below
            table.kinds[k] = replace(old, ids=())
    table.kinds += [replace(kind, refuge=number) for kind in kinds]
    moved = replace(pairs, where=pairs.where + first)
    return moved.of(moved.who != her)


def _hers(table: Table, her: int, pairs: Sequence[Pair]) -> Pairs:
    kinds: dict[int, tuple[int, int, int]] = {}
    kind_of_room = {
        (table.refuges[kind.refuge].id, name): k
        for k, kind in enumerate(table.kinds)
        for name in kind.ids
    }
    for pair in pairs:
        figures = worth(table.problem, pair.household, pair.refuge, pair.room)
        three = (figures["unmet_desirable"], figures["scarcity"], figures["travel_minutes"])
        kinds[kind_of_room[pair.refuge.id, pair.room.id]] = three
    columns = list(zip(*kinds.values(), strict=True)) or [(), (), ()]
    return Pairs(whole([her] * len(kinds)), whole(kinds), *(whole(column) for column in columns))


def _set_aside(table: Table, her: int, codes: frozenset[str]) -> None:
    """Take her out of the rules on the whole plan that are set aside."""
    if "apart" in codes:
        table.apart = [pair for pair in table.apart if her not in pair]
    if "together" in codes:
        table.together = [tuple(i for i in group if i != her) for group in table.together]
    if "children_places" in codes:
        table.children = _zero_at(table.children, her)
    if "high_support_places" in codes:
        table.high_support = _zero_at(table.high_support, her)


def _zero_at(figures: Ints, i: int) -> Ints:
    changed = figures.copy()
    changed[i] = 0
    return changed
