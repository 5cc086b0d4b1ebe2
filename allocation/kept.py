"""A plan kept in memory, with answers at once: what a choice costs, where an urgent woman fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from allocation.chains import Chains
from allocation.check import crowding, violations
from allocation.face import Face
from allocation.model import build
from allocation.plan import OPTIMAL, Placement, Plan
from allocation.problem import Household, Problem, Room
from allocation.reading import ProblemError, shown
from allocation.search import Step
from allocation.solver import Solved, climb, placements_of
from allocation.vectors import Flags, Houses, Ints, Rooms, whole


@dataclass(frozen=True)
class Choice:
    """What comes of giving her one of some rooms: the plan then, and the loss of each level.

    ``loss`` is signed so that more is worse. ``is_proven`` says that no plan with her there loses
    less on the first level that loses anything.
    """

    placements: tuple[Placement, ...]
    loss: Mapping[str, int]
    is_proven: bool


@dataclass(frozen=True)
class Place:
    """A free room for an urgent household, with what it leaves unmet, uses up, and the journey."""

    refuge: str
    room: str
    unmet_desirable: int
    scarcity: int
    travel_minutes: int


class KeptPlan:
    """One problem with its plan, as told or as just made."""

    def __init__(self, solved: Solved) -> None:
        self.solved = solved
        self.model, self.table = solved.model, solved.model.table
        self.problem = self.table.problem
        self._last: tuple[int, Chains] | None = None

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.solved.plan

    @classmethod
    def of(cls, problem: Problem, plan: Plan) -> KeptPlan:
        """Return a plan made earlier, ready to be asked.

        Raises:
            ProblemError: the plan breaks a rule of this problem.
        """
        broken = violations(problem, plan.placements)
        if broken:
            raise ProblemError("", f"the plan breaks a rule of this problem: {broken[0]}")
        model = build(problem)
        table = model.table
        wanted = {
            (table.row_of[p.household], table.kind_of_room[p.refuge, p.room])
            for p in plan.placements
        }
        chosen = whole(
            int(j) for i, k in wanted for j in table.columns_of(i) if table.where[j] == k
        )
        return cls(Solved(model, np.sort(chosen), None, plan))

    def row_of(self, household_id: str) -> int:
        """Return the index of a household.

        Raises:
            ProblemError: there is no such household.
        """
        if household_id not in self.table.row_of:
            raise ProblemError("", f"there is no household {shown(household_id)}")
        return self.table.row_of[household_id]

    def columns_in(self, her: int, rooms: set[tuple[str, str]]) -> Ints:
        """Return her columns in rooms given by (refuge id, room id); none that a rule forbids."""
        kinds = [self.table.kind_of_room[key] for key in sorted(rooms)]
        columns = self.table.columns_of(her)
        return columns[np.isin(self.table.where[columns], kinds)]

    def quick_choice(self, her: int, columns: Ints) -> Choice | None:
        """Return a plan with her in one of these columns, found by a chain of moves."""
        chosen = self._chains(her).plans(columns)
        if chosen is None:
            return None
        return Choice(self._told(chosen), self.loss(chosen), self._is_least(her, columns, chosen))

    def _told(self, chosen: Ints) -> tuple[Placement, ...]:
        """Return these columns as placements; whoever stays in her kind stays in her room.

        Only kinds with somebody new or gone are handed out again.
        """
        table, old = self.table, self.solved.plan.placements
        moved = np.setxor1d(chosen, self.solved.chosen)
        changed = set(table.where[moved].tolist())
        inside = chosen[np.isin(table.where[chosen], table.where[moved])]
        again = [p for p in old if table.kind_of_room[p.refuge, p.room] in changed]
        rest = [p for p in old if table.kind_of_room[p.refuge, p.room] not in changed]
        placements = [*rest, *placements_of(self.model, inside, again)]
        return tuple(sorted(placements, key=lambda p: p.household))

    def proven_choice(self, her: int, columns: Ints, deadline: float) -> Choice | None:
        """Return the quick choice where the relaxation, with her in there, allows no smaller loss.

        Questions about one level after another are answered fastest.

        Raises:
            OutOfTime: the deadline came first.
        """
        chosen = self._chains(her).plans(columns)
        if chosen is None or not self._is_least_relaxed(her, columns, chosen, deadline):
            return None
        return Choice(self._told(chosen), self.loss(chosen), is_proven=True)

    def best_choice(self, her: int, columns: Ints, deadline: float) -> Choice | None:
        """Solve again with her in one of these columns; None where no plan allows it.

        Raises:
            OutOfTime: the deadline came before either was known.
        """
        quick = self._chains(her).plans(columns)
        face = self._with_her(Face.of(self.model), her, columns)
        chosen, bounds, _ = climb(face, self.solved.levels, quick, deadline)
        if chosen is None:
            return None
        values = {level: int(gain[chosen].sum()) for level, gain in self.solved.levels.items()}
        return Choice(self._told(chosen), self.loss(chosen), values == bounds)

    def _with_her(self, face: Face, her: int, columns: Ints) -> Face:
        """Return the plans of a face with her in one of these columns."""
        forced = face.copy()
        forced.upper[np.setdiff1d(self.table.columns_of(her), columns)] = 0
        forced.low[her] = 1  # the rows of C1 come first, one for each household
        return forced

    def _chains(self, her: int) -> Chains:
        if self._last is None or self._last[0] != her:
            chains = Chains(self.model, self.solved.levels, self.solved.chosen, her)
            self._last = her, chains
        return self._last[1]

    def loss(self, chosen: Ints) -> dict[str, int]:
        """Return what other columns lose against the plan's on each level; more is worse."""
        now = self.solved.chosen
        return {
            level: int(gain[now].sum()) - int(gain[chosen].sum())
            for level, gain in self.solved.levels.items()
        }

    def _is_least(self, her: int, columns: Ints, chosen: Ints) -> bool:
        """Whether the prices of the plan's own proof allow no smaller loss than these columns'."""
        if not any(self.loss(chosen).values()):
            return bool(self._proof)
        for step in self._proof:
            if step.prices is None or step.weighed is None:
                continue  # settled together with an earlier level
            if not step.is_strict:
                return False
            charge = self._charge(step, her, columns)
            most = (step.prices.bound - charge) // step.prices.scale
            now = int(step.weighed[self.solved.chosen].sum())
            lost = now - int(step.weighed[chosen].sum())
            if now - most > 0 or lost:
                return lost == now - most
        return False

    def _is_least_relaxed(self, her: int, columns: Ints, chosen: Ints, deadline: float) -> bool:
        """Ask the same of the relaxation of the first level that loses, with her in there.

        Raises:
            OutOfTime: the deadline came first.
        """
        climbed, now = self.solved.climbed, self.solved.chosen
        for step in self._proof:
            if step.weighed is None:
                continue  # settled together with an earlier level
            worth = int(step.weighed[chosen].sum())
            if climbed is None or not step.is_strict:
                return False
            if worth < int(step.weighed[now].sum()):
                face = self._with_her(step.face, her, columns)
                relaxed = climbed.relaxation.solve(face, step.weighed, deadline, worth)
                return relaxed is None or relaxed.prices.best <= worth
        return False

    @property
    def _proof(self) -> Sequence[Step]:
        """The levels climbed, where they prove the plan best."""
        climbed = self.solved.climbed
        return climbed.steps if climbed and self.plan.status == OPTIMAL else ()

    def _charge(self, step: Step, her: int, columns: Ints) -> int:
        """Return the least that the prices of a level charge for her in one of these columns.

        That is for taking the column and for leaving all her others.
        """
        if step.prices is None or not len(columns):
            return 0
        reduced, mine = step.prices.reduced, self.table.columns_of(her)
        left = np.maximum(0, reduced) * step.face.upper
        least = int((np.maximum(0, -reduced[columns]) - left[columns]).min())
        others: list[int] = left[mine].tolist()
        return least + sum(others)  # which may be too large for 64 bits

    def urgent(self, household: Household, most: int = 5) -> list[Place]:
        """Return free rooms for a household that nobody has planned for, the best first.

        Nobody of the plan is moved. The order is that of the problem's levels.
        """
        table, women = self.table, [household]
        minutes = self._houses.minutes(women)
        good = self._houses.allowed(women, minutes)[0, table.home] & self._rooms.allowed(women)[0]
        kinds = np.flatnonzero(good & self._may_have_room)
        at, her = table.home[kinds], np.zeros_like(kinds)
        figures = {
            "unmet_desirable": self._rooms.missing(women, her, kinds)
            + self._houses.wrong_side(women)[0, at],
            "scarcity": self._rooms.scarcity(women, her, kinds),
            "travel_minutes": minutes[0, at],
        }
        keys = [figures[level] for level in reversed(self.problem.order) if level in figures]
        found = []
        for i in np.lexsort(keys).tolist():
            place = self._place(household, int(kinds[i]))
            if place is not None:
                found.append(Place(*place, *(int(figure[i]) for figure in figures.values())))
            if len(found) == most:
                break
        return found

    def _place(self, household: Household, kind: int) -> tuple[str, str] | None:
        """Return refuge and room of this kind, where the house as planned can take her in."""
        refuge = self.table.refuges[self.table.kinds[kind].refuge]
        inside = self._inside[refuge.id]
        if any(h.id in household.apart_from or household.id in h.apart_from for h, _ in inside):
            return None
        taken = {room.id for _, room in inside if not room.shared}
        for name in self.table.kinds[kind].ids:
            room = self.problem.room_by_key[refuge.id, name][1]
            known = [(h, refuge, r) for h, r in (*inside, (household, room))]
            if name not in taken and not crowding(self._nobody, known):
                return refuge.id, name
        return None

    @cached_property
    def _nobody(self) -> Problem:
        """A problem without pairs and groups: the plan keeps its own, and she is in none."""
        return Problem(as_of=self.problem.as_of, households=(), refuges=())

    @cached_property
    def _inside(self) -> Mapping[str, list[tuple[Household, Room]]]:
        """Who would live where in each refuge."""
        inside: dict[str, list[tuple[Household, Room]]] = {f.id: [] for f in self.problem.refuges}
        for p in self.solved.plan.placements:
            room = self.problem.room_by_key[p.refuge, p.room][1]
            inside[p.refuge].append((self.problem.household_by_id[p.household], room))
        return inside

    @cached_property
    def _may_have_room(self) -> Flags:
        table = self.table
        used = np.bincount(table.where[self.solved.chosen], minlength=len(table.kinds))
        places = [len(used) + 1 if kind.room.shared else kind.places for kind in table.kinds]
        free: Flags = used < np.array(places)
        return free

    @cached_property
    def _houses(self) -> Houses:
        return Houses(self.problem, self.table.refuges)

    @cached_property
    def _rooms(self) -> Rooms:
        kinds = self.table.kinds
        return Rooms(self.problem, [(self.table.refuges[k.refuge], k.room) for k in kinds])
