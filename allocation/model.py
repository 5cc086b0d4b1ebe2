"""The problem as whole-number columns and rows: one function per constraint and per level."""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from allocation.check import MAXIMISED, keeps_standing, scarcity, unmet_desirable
from allocation.geography import travel_minutes
from allocation.problem import Household, Problem, Refuge, Room
from allocation.rules import rooms_with_reasons

TICKET_BITS = 20
LOTTERY = ("lottery_1", "lottery_2")


@dataclass(frozen=True)
class Pair:
    """One column: this household in this room, allowed by every rule H1..H13."""

    household: Household
    refuge: Refuge
    room: Room


@dataclass(frozen=True)
class Row:
    """``low <= sum of coefficient x column <= high``; ``None`` means no limit on that side."""

    constraint: str
    terms: tuple[tuple[int, int], ...]  # (column, coefficient), columns ascending
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Model:
    """Columns that are 0 or 1, and the rows they must satisfy."""

    problem: Problem
    pairs: tuple[Pair, ...]
    rows: tuple[Row, ...]


Columns = Mapping[str, Sequence[int]]
Constraint = Callable[[Problem, Sequence[Pair]], Iterator[Row]]
Level = Callable[[Problem, Pair], int]


def build(problem: Problem, constraints: Sequence[Constraint] | None = None) -> Model:
    """Return the model; columns stand in the order of ids, never in that of the input."""
    eligible = (
        Pair(household, refuge, room)
        for household in problem.households
        for refuge, room, failing in rooms_with_reasons(problem, household)
        if not failing
    )
    return build_from(problem, eligible, constraints)


def build_from(
    problem: Problem, pairs: Iterable[Pair], constraints: Sequence[Constraint] | None = None
) -> Model:
    """Return the model over the given columns, whatever the rules say about them."""
    columns = tuple(sorted(pairs, key=lambda p: (p.household.id, p.refuge.id, p.room.id)))
    chosen = CONSTRAINTS if constraints is None else constraints
    rows = tuple(row for constraint in chosen for row in constraint(problem, columns))
    return Model(problem, columns, rows)


def one_room_each(problem: Problem, pairs: Sequence[Pair]) -> Iterator[Row]:
    r"""C1. A household gets at most one room, and exactly its own once it has accepted it.

    .. math:: \sum_{r \in E_h} x_{hr} \le 1, \quad = 1 \text{ if the offer of } h \text{ is fixed}
    """
    columns = _by(pairs, lambda p: p.household.id)
    for household in sorted(problem.households, key=lambda h: h.id):
        mine = columns.get(household.id, [])
        low = 1 if household.is_fixed else None
        if mine or low:
            yield _row("C1", ((j, 1) for j in mine), low, 1)


def rooms_are_not_overfilled(problem: Problem, pairs: Sequence[Pair]) -> Iterator[Row]:
    r"""C2. A private room takes one household; in a shared room beds and cots suffice for all.

    .. math:: \sum_h x_{hr} \le 1 \ (r \text{ private}); \quad
        \sum_h s_h x_{hr} \le B_r, \ \sum_h (s_h + i_h) x_{hr} \le B_r + K_r \ (r \text{ shared})

    ``s`` sleepers (adults and children of 2 or more), ``i`` children under 2, ``B`` bed spaces,
    ``K`` cots. The two shared rows together say the same as s + max(0, i - K) <= B.
    """
    for mine in _by(pairs, lambda p: (p.refuge.id, p.room.id)).values():
        room = pairs[mine[0]].room
        if not room.shared:
            yield _row("C2", ((j, 1) for j in mine), None, 1)
            continue
        beds = ((j, pairs[j].household.sleepers) for j in mine)
        yield _row("C2", beds, None, room.bed_spaces)
        heads = ((j, pairs[j].household.sleepers + pairs[j].household.infants) for j in mine)
        yield _row("C2", heads, None, room.bed_spaces + room.cots)


def some_are_kept_apart(problem: Problem, pairs: Sequence[Pair]) -> Iterator[Row]:
    r"""C3. Households that must be kept apart never share a refuge.

    .. math:: \sum_{r \in f} (x_{ar} + x_{br}) \le 1 \quad \forall f, \ \{a, b\} \text{ apart}
    """
    columns = _by(pairs, lambda p: (p.household.id, p.refuge.id))
    refuges = sorted(refuge.id for refuge in problem.refuges)
    for a, b in sorted(problem.apart_pairs):
        for f in refuges:
            of_a, of_b = columns.get((a, f), []), columns.get((b, f), [])
            if of_a and of_b:
                yield _row("C3", ((j, 1) for j in (*of_a, *of_b)), None, 1)


def groups_stay_together(problem: Problem, pairs: Sequence[Pair]) -> Iterator[Row]:
    r"""C4. A group goes to one refuge whole, or nobody of it is placed.

    .. math:: \sum_{r \in f} x_{gr} = \sum_{r \in f} x_{hr} \quad \forall f, \ g, h \text{ together}
    """
    columns = _by(pairs, lambda p: (p.household.id, p.refuge.id))
    refuges = sorted(refuge.id for refuge in problem.refuges)
    for group in sorted(tuple(sorted(names)) for names in problem.together):
        for first, second in itertools.pairwise(group):
            for f in refuges:
                plus = [(j, 1) for j in columns.get((first, f), [])]
                minus = [(j, -1) for j in columns.get((second, f), [])]
                if plus or minus:
                    yield _row("C4", plus + minus, 0, 0)


def children_have_places(problem: Problem, pairs: Sequence[Pair]) -> Iterator[Row]:
    r"""C5. A refuge takes no more children than it has places for.

    .. math:: \sum_{h} \sum_{r \in f} c_h x_{hr} \le C_f \quad \forall f
    """
    yield from _house_limit(
        "C5", pairs, lambda h: len(h.children), lambda refuge: refuge.spare_children
    )


def high_support_has_places(problem: Problem, pairs: Sequence[Pair]) -> Iterator[Row]:
    r"""C6. A refuge takes no more women in need of high support than it has staff for.

    .. math:: \sum_{h \text{ high}} \sum_{r \in f} x_{hr} \le S_f \quad \forall f
    """
    yield from _house_limit(
        "C6", pairs, lambda h: int(h.high_support), lambda refuge: refuge.spare_high_support
    )


def _house_limit(
    name: str,
    pairs: Sequence[Pair],
    load: Callable[[Household], int],
    limit: Callable[[Refuge], int | None],
) -> Iterator[Row]:
    for mine in _by(pairs, lambda p: p.refuge.id).values():
        spare = limit(pairs[mine[0]].refuge)
        terms = [(j, load(pairs[j].household)) for j in mine if load(pairs[j].household)]
        if spare is not None and terms:
            yield _row(name, terms, None, spare)


CONSTRAINTS: tuple[Constraint, ...] = (
    one_room_each,
    rooms_are_not_overfilled,
    some_are_kept_apart,
    groups_stay_together,
    children_have_places,
    high_support_has_places,
)


def _placed(priority: int) -> Level:
    def o1_to_o4(_: Problem, pair: Pair) -> int:
        return int(pair.household.priority == priority)

    return o1_to_o4


def o5_waiting(_: Problem, pair: Pair) -> int:
    """O5. Minutes she has waited (max)."""
    return pair.household.waiting_minutes


def o6_standing(_: Problem, pair: Pair) -> int:
    """O6. 1 where the offer already made is kept (max)."""
    return int(keeps_standing(pair.household, pair.refuge, pair.room))


def o7_unmet(_: Problem, pair: Pair) -> int:
    """O7. Wishes left unmet (min)."""
    return unmet_desirable(pair.household, pair.refuge, pair.room)


def o8_scarcity(problem: Problem, pair: Pair) -> int:
    """O8. What her living here costs the others (min)."""
    return scarcity(problem, pair.household, pair.refuge, pair.room)


def o9_travel(problem: Problem, pair: Pair) -> int:
    """O9. Minutes of travel (min)."""
    return travel_minutes(problem, pair.household, pair.refuge)


def ticket(round_number: int) -> Level:
    """Return one round of the lottery: a ticket of 20 bits for each pair (max).

    The ticket is drawn by SHA-256 from the UTC date and the three ids, so it depends on nothing
    that a person or a solver could steer, and changes from night to night.
    """

    def draw(problem: Problem, pair: Pair) -> int:
        night = problem.as_of.astimezone(UTC).date().isoformat()
        parts = (night, pair.household.id, pair.refuge.id, pair.room.id)
        digest = hashlib.sha256("\n".join(("waymark-lottery/1", *parts)).encode()).digest()
        number = int.from_bytes(digest[:8], "big")
        return (number >> TICKET_BITS * (round_number - 1)) & ((1 << TICKET_BITS) - 1)

    return draw


LEVELS: Mapping[str, Level] = {
    "placed_priority_1": _placed(1),
    "placed_priority_2": _placed(2),
    "placed_priority_3": _placed(3),
    "placed_priority_4": _placed(4),
    "waiting_minutes": o5_waiting,
    "standing_kept": o6_standing,
    "unmet_desirable": o7_unmet,
    "scarcity": o8_scarcity,
    "travel_minutes": o9_travel,
    "lottery_1": ticket(1),
    "lottery_2": ticket(2),
}


def gains(model: Model, level: str) -> list[int]:
    """Return what each column adds to a level, signed so that more is better."""
    value = LEVELS[level]
    sign = 1 if level in MAXIMISED or level in LOTTERY else -1
    return [sign * value(model.problem, pair) for pair in model.pairs]


def _by(pairs: Sequence[Pair], key: Callable[[Pair], object]) -> dict[object, list[int]]:
    columns: dict[object, list[int]] = defaultdict(list)
    for j, pair in enumerate(pairs):
        columns[key(pair)].append(j)
    return columns


def _row(
    name: str,
    terms: Iterator[tuple[int, int]] | list[tuple[int, int]],
    low: int | None,
    high: int | None,
) -> Row:
    return Row(name, tuple(sorted(terms)), low, high)
