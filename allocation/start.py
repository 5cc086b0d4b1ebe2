"""A first allowed plan, found at once: the queue in order, each to her best room still open."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from allocation.check import scarcity, unmet_desirable
from allocation.geography import travel_minutes
from allocation.model import Model, Pair
from allocation.problem import Household


class Draft:
    """Columns taken so far, and how full that makes every row with an upper limit."""

    def __init__(self, model: Model, taken: Iterable[int]) -> None:
        self._model = model
        self._rows_of: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for i, row in enumerate(model.rows):
            if row.constraint != "C4":  # groups are placed whole, see _places
                for j, weight in row.terms:
                    self._rows_of[j].append((i, weight))
        self._load: dict[int, int] = defaultdict(int)
        self.taken: set[int] = set()
        for j in taken:
            self.take(j)

    def has_room(self, j: int) -> bool:
        """Whether no row would overflow."""
        rows = self._model.rows
        for i, weight in self._rows_of[j]:
            high = rows[i].high
            if high is not None and self._load[i] + weight > high:
                return False
        return True

    def take(self, j: int, sign: int = 1) -> None:
        """Take a column, or give it back with sign -1."""
        (self.taken.add if sign > 0 else self.taken.discard)(j)
        for i, weight in self._rows_of[j]:
            self._load[i] += sign * weight


def greedy(model: Model, base: frozenset[int]) -> frozenset[int]:
    """Return an allowed plan that holds ``base`` and adds households in the order of the queue."""
    draft = Draft(model, base)
    columns: dict[str, list[int]] = defaultdict(list)
    for j, pair in enumerate(model.pairs):
        columns[pair.household.id].append(j)
    done = {model.pairs[j].household.id for j in base}
    for unit in _units(model):
        if done.isdisjoint(h.id for h in unit):
            _place(draft, model, [columns[h.id] for h in unit])
    return frozenset(draft.taken)


def _units(model: Model) -> Iterator[list[Household]]:
    """Yield those who are placed together, by the first of them in the queue."""
    problem = model.problem
    unit_of = {h.id: {h.id} for h in problem.households}
    for group in problem.together:
        merged = set().union(*(unit_of[name] for name in group))
        for name in merged:
            unit_of[name] = merged
    queue = sorted(problem.households, key=lambda h: (h.priority, -h.waiting_minutes, h.id))
    seen: set[str] = set()
    for household in queue:
        if household.id not in seen:
            seen |= unit_of[household.id]
            yield [h for h in queue if h.id in unit_of[household.id]]


def _place(draft: Draft, model: Model, columns: list[list[int]]) -> None:
    refuges = sorted({model.pairs[j].refuge.id for j in columns[0]}) if len(columns) > 1 else [None]
    for refuge in refuges:
        added: list[int] = []
        for mine in columns:
            there = [j for j in mine if refuge in (None, model.pairs[j].refuge.id)]
            fitting = [j for j in there if draft.has_room(j)]
            if not fitting:
                break
            best = min(fitting, key=lambda j: (_cost(model, model.pairs[j]), j))
            draft.take(best)
            added.append(best)
        if len(added) == len(columns):
            return
        for j in added:
            draft.take(j, sign=-1)


def _cost(model: Model, pair: Pair) -> tuple[int, int, int]:
    place = (pair.household, pair.refuge, pair.room)
    return (
        unmet_desirable(*place),
        scarcity(model.problem, *place),
        travel_minutes(model.problem, pair.household, pair.refuge),
    )
