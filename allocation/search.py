"""The exact search: the best value of one level after another, each proven before it is told.

For each level the linear relaxation proves a bound. A whole bound is taken on trust at first, and
the search goes on among the plans that would reach it. A level whose bound is not whole is settled
by branch and bound over the few columns that the prices leave, together with as many later levels
as whole numbers can hold at once. The plan found there reaches every bound that was taken on
trust; where there is none, the search goes back by one level and settles that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from allocation.core import Best, Hunt, best_of
from allocation.face import Face, Goal, Prices, narrow
from allocation.model import FREE, Model
from allocation.relaxation import OutOfTime, Relaxation, Relaxed, starters
from allocation.vectors import Ints

_ALL_INSIDE = 40_000  # up to so many columns the relaxation is fastest with all of them
_STARTERS = (12, 4)  # beyond: columns of each household and of each kind that it begins with
_RATIO = 1000  # the first of several levels settled at once weighs so many units of the next
_LARGEST = 10**12  # a total that floating point still tells apart to the last unit
_ROUNDING = 1e-4
_PROBES = 40  # so many households are tried one by one, at a few milliseconds each
_STEEPNESS = 4  # how much more each level weighs than the next where the search begins


@dataclass
class Step:
    """One level on the way: its gains, the face it was met on, and the bound proven there.

    ``value`` is what the best plan there is worth, or None while the bound is taken on trust.
    ``prices`` are those of ``weighed``: the level itself, or it and later ones settled with it,
    each outweighing all after it where ``is_strict``.
    """

    gain: Ints
    face: Face
    bound: int = FREE
    value: int | None = None
    in_doubt: bool = False
    prices: Prices | None = None
    weighed: Ints | None = None
    is_strict: bool = True


class Search:
    """Climbs levels, most important first; ``best`` is the best plan known, as column numbers.

    ``gains`` holds what each column adds to each level. A plan on a later face beats every plan
    that is only on an earlier one. ``deadline`` is on the clock of ``time.monotonic``. Each better
    plan on the way is told to ``better``, with the steps until then. ``relaxation`` may be asked
    more about the faces of ``steps`` afterwards.
    """

    def __init__(
        self,
        face: Face,
        gains: Sequence[Ints],
        start: Ints | None,
        deadline: float,
        better: Callable[[Ints, Sequence[Step]], None] = lambda *_: None,
    ) -> None:
        model = face.model
        self.best = start
        self.steps: list[Step] = []
        self._face = face
        self._model = model
        self._gains = gains
        self._deadline = deadline
        self._better = better
        self._promise = np.zeros(model.columns, dtype=np.int64)
        # How many levels, from the first on, look only at who is placed and not at where.
        people = [_counts_people(gain, model.table.who) for gain in gains]
        self._people = people.index(False) if False in people else len(people)
        inside = _first_columns(model)
        self.relaxation = Relaxation(model, inside if start is None else np.union1d(inside, start))

    def climb(self) -> bool:
        """Climb every level; False when no plan is allowed at all.

        Raises:
            OutOfTime: ``best`` and ``steps`` hold what was found until then.
        """
        first = self._face
        if not self._model.columns:
            self.best = np.zeros(0, dtype=np.int64)
            self.steps = [Step(gain, first, 0, 0) for gain in self._gains]
            return first.allows(self.best)
        guide = self.relaxation.solve(first, _guide(self._gains), self._deadline)
        if guide is None:
            return False
        self._promise = np.abs(np.minimum(0, guide.prices.reduced))
        face: Face | None = first
        while len(self.steps) < len(self._gains) or face is None:
            if face is not None:
                self.steps.append(Step(self._gains[len(self.steps)], face))
            elif len(self.steps) == 1:
                return False
            else:  # no plan reaches the bound that was taken on trust: the true one is lower
                self.steps.pop()
                self.steps[-1].in_doubt = True
                self.steps[-1].bound -= 1
            face = self._take(len(self.steps) - 1)
            if face is not None and len(self.steps) == self._people < len(self._gains):
                face = self._settled_queue(face)
        return True

    @property
    def values(self) -> tuple[int, ...] | None:
        """What the best plan known is worth on each level."""
        return None if self.best is None else tuple(_sum(gain, self.best) for gain in self._gains)

    def cannot_beat(self, target: Sequence[int], *, or_reach: bool = False) -> bool:
        """Whether prices alone show that no plan is better than the target (or even as good).

        ``target`` holds one value for each level. False says nothing.

        Raises:
            OutOfTime: the deadline came first.
        """
        face = self._face
        if not self._model.columns:
            return False
        for gain, aim in zip(self._gains, target, strict=True):
            relaxed = self.relaxation.solve(face, gain, self._deadline)
            if relaxed is None or relaxed.prices.best < aim:
                return True
            if relaxed.prices.best > aim:
                return False
            face = narrow(relaxed.face, relaxed.prices, aim, [Goal.exactly(gain, aim)])
        return not or_reach

    def _settled_queue(self, face: Face) -> Face:
        """Say outright who is placed, where only one set of households can keep the goals.

        Goals that count people make every later relaxation weak; a settled list of them does not.
        Each household outside the list is shown to fit into no relaxed plan that keeps the goals.
        """
        who = self._model.table.who
        others = [goal for goal in face.goals if not _counts_people(goal.gain, who)]
        if len(others) == len(face.goals) or self.best is None:
            return face
        placed = np.unique(who[self.best])
        outside = np.setdiff1d(np.unique(who[face.upper > 0]), placed)
        if len(outside) > _PROBES or not face.allows(self.best):
            return face
        for i in outside.tolist():
            relaxed = self.relaxation.solve(face, (who == i).astype(np.int64), self._deadline)
            if relaxed is None or relaxed.prices.best >= 1:
                return face
        settled = face.copy()
        settled.goals = others
        settled.upper[np.isin(who, outside)] = 0
        settled.low[placed] = 1  # the rows of C1 come first, one for each household
        return settled

    def _take(self, i: int) -> Face | None:
        """Return the face of the best plans of level ``i``, or None where there is no plan."""
        step = self.steps[i]
        known = self._worth(step.face, step.gain)
        relaxed = self.relaxation.solve(step.face, step.gain, self._deadline, known)
        if relaxed is None:
            return None
        step.face = relaxed.face
        step.bound = min(step.bound, relaxed.prices.best)
        if relaxed.is_whole:
            self._improve(step.face, step.gain, relaxed.used)
        step.value = self._worth(step.face, step.gain)
        if step.value != step.bound:
            is_whole = abs(relaxed.value - step.bound) < _ROUNDING
            is_last = i == len(self._gains) - 1
            if step.in_doubt or not is_whole or is_last or self._must_name(i):
                return self._settle(i, relaxed)
            step.value = None
        step.prices, step.weighed = relaxed.prices, step.gain
        return narrow(step.face, relaxed.prices, step.bound, [Goal.exactly(step.gain, step.bound)])

    def _must_name(self, i: int) -> bool:
        """Whether it pays to find out who is placed before the levels that ask where."""
        asks_where = self._people < len(self._gains)
        goals = self.steps[i].face.goals
        counts = any(_counts_people(goal.gain, self._model.table.who) for goal in goals)
        return asks_where and counts and i == self._people - 1

    def _worth(self, face: Face, gain: Ints) -> int | None:
        """Return what the best plan known is worth, or None where it is not on this face."""
        if self.best is None or not face.allows(self.best):
            return None
        return int(gain[self.best].sum())

    def _improve(self, face: Face, gain: Ints, chosen: Ints) -> None:
        worth = self._worth(face, gain)
        if face.allows(chosen) and (worth is None or int(gain[chosen].sum()) > worth):
            self.best = chosen
            self._better(chosen, self.steps)

    def _settle(self, i: int, alone: Relaxed) -> Face | None:
        """Find and prove the best plan of the face; None where there is none.

        Levels are settled together because a row that holds one level at its value makes the
        relaxation of the next one weak. Where that leaves very many columns, level ``i`` is proven
        alone first, which brings the bound of the others closer.
        """
        step = self.steps[i]
        gains, total, is_strict = self._tail(step.face, i)
        first = self._branch(step.face, step, total, first_only=True)
        if first is None:
            return None
        if not is_strict or self._open_still(step.face, total, first) > _ALL_INSIDE:
            while self._finds_better(step, alone):
                pass
            step.bound = _sum(step.gain, self.best)
        value = _sum(step.gain, self.best)
        relaxed = self._branch(step.face, step, total)
        if _sum(step.gain, self.best) < value:  # the first weight was too small to be strict
            face = step.face.copy()
            face.goals.append(Goal(step.gain, value, FREE))
            relaxed = self._branch(face, step, total)
        if relaxed is None:
            raise AssertionError("the plan found above is on this face")
        goals = [Goal.exactly(gain, _sum(gain, self.best)) for gain in gains]
        step.value = step.bound = goals[0].low
        step.prices, step.weighed, step.is_strict = relaxed, total, is_strict
        for k, goal in enumerate(goals[1:], start=1):
            later = step.face.copy()
            later.goals += goals[:k]
            self.steps.append(Step(goal.gain, later, goal.low, goal.low))
        step.face = step.face.grown(self.relaxation.model)
        return narrow(step.face, relaxed, _sum(total, self.best), goals)

    def _tail(self, face: Face, i: int) -> tuple[list[Ints], Ints, bool]:
        """Return level ``i`` with the later ones that fit beside it, and their weighted total.

        Each later level outweighs all that follow it. So does the first, where whole numbers have
        room for that: the last answer says whether.
        """
        end = self._people if i < self._people else len(self._gains)
        spreads = [self._spread(face, gain) for gain in self._gains[i:end]]
        weights = [1]
        while len(weights) < len(spreads):
            apart = [w * spreads[len(weights)] for w in weights[1:]] + [1]
            if _RATIO * apart[0] * spreads[0] > _LARGEST:
                break
            weights = [_RATIO * apart[0], *apart]
        strict = 1 if len(weights) == 1 else weights[1] * spreads[1]
        weights[0] = min(strict, max(weights[0], _LARGEST // spreads[0]))
        gains = list(self._gains[i : i + len(weights)])
        total = np.zeros_like(gains[0])
        for weight, gain in zip(weights, gains, strict=True):
            total += weight * gain
        return gains, total, weights[0] == strict

    def _open_still(self, face: Face, total: Ints, prices: Prices) -> int:
        """Return how many columns a plan better than the best known could use."""
        spare = prices.bound - (_sum(total, self.best) + 1) * prices.scale
        return int(np.count_nonzero((face.upper > 0) & (-prices.reduced <= spare)))

    def _spread(self, face: Face, gain: Ints) -> int:
        """Return how many values the level can take at most on the face."""
        who, open_gain = self._model.table.who, np.where(face.upper > 0, gain, 0)
        most = np.zeros(len(self._model.table.households), dtype=np.int64)
        least = most.copy()
        np.maximum.at(most, who, open_gain)
        np.minimum.at(least, who, open_gain)
        return int(most.sum() - least.sum()) + 1

    def _branch(
        self, face: Face, step: Step, total: Ints, *, first_only: bool = False
    ) -> Prices | None:
        """Find the best plan of the face by the total; return the prices that prove it.

        With ``first_only`` the first plan found among promising columns will do.
        """
        capped = face.copy()
        capped.goals.append(Goal(step.gain, -FREE, step.bound))
        relaxed = self.relaxation.solve(capped, total, self._deadline)
        if relaxed is None:
            return None
        start = None if self._worth(face, total) is None else self.best
        hunt = Hunt(relaxed.face, total, relaxed.prices, self._promise, self._deadline)
        found = hunt.first(start) if first_only else hunt.best(start)
        self._keep(found, relaxed.face, total)
        return None if found.chosen is None else relaxed.prices

    def _finds_better(self, step: Step, alone: Relaxed) -> bool:
        """Whether a plan of the face is worth more on this level than the best known."""
        goal = Goal(step.gain, _sum(step.gain, self.best) + 1, step.bound)
        if goal.low > goal.high:
            return False
        face = narrow(alone.face, alone.prices, goal.low, [goal])
        if np.any(face.lower > face.upper):
            return False
        found = best_of(face, step.gain, np.flatnonzero(face.upper), None, self._deadline)
        before = self.best
        self._keep(found, face, step.gain)
        return self.best is not before

    def _keep(self, found: Best, face: Face, gain: Ints) -> None:
        if found.chosen is not None:
            self._improve(face, gain, found.chosen)
        if not found.is_settled:
            raise OutOfTime


def _first_columns(model: Model) -> Ints:
    if model.columns <= _ALL_INSIDE:
        return np.arange(model.columns)
    pairs = model.table.pairs
    cost = pairs.unmet * 10**8 + pairs.scarce * 10**4 + pairs.minutes
    return starters(model, cost, *_STARTERS)


def _guide(gains: Sequence[Ints]) -> Ints:
    """Return one level that looks like all of them, for a first basis near every level's own."""
    guide = np.zeros(len(gains[0]))
    for gain in gains:
        guide = _STEEPNESS * guide + gain / max(1, int(np.abs(gain).max(initial=0)))
    return np.rint(1000 * guide).astype(np.int64)


def _counts_people(gain: Ints, who: Ints) -> bool:
    """Whether a household adds the same wherever it is placed."""
    return bool(np.all((gain[1:] == gain[:-1]) | (who[1:] != who[:-1])))


def _sum(gain: Ints, chosen: Ints | None) -> int:
    return 0 if chosen is None else int(gain[chosen].sum())
