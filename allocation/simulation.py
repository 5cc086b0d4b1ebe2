"""Plays a scenario under a policy: beds are used again, and every decision is checked."""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from statistics import fmean

from allocation.arrivals import DAY_MINUTES, Arrival, draw
from allocation.check import unmet_desirable, violations
from allocation.houses import Houses
from allocation.plan import Placement
from allocation.problem import Household, Problem
from allocation.scenario import Scenario
from allocation.world import World

# How much one household of each priority counts in the weighted share.
WEIGHTS: Mapping[int, int] = {1: 8, 2: 4, 3: 2, 4: 1}
Given = tuple[Arrival, int]


class BrokenRule(RuntimeError):
    """A policy gave a room against the rules: a fault of ours."""


@dataclass(frozen=True)
class Night:
    """What a policy sees when it decides: those who wait, by arrival, and the houses."""

    waiting: tuple[Arrival, ...]
    houses: Houses
    as_of: datetime
    minute: int

    @cached_property
    def problem(self) -> Problem:
        """The night as the engine is told it, without prices."""
        return Problem(
            as_of=self.as_of,
            households=tuple(self._household(arrival) for arrival in self.waiting),
            refuges=self.houses.refuges(),
        )

    def _household(self, arrival: Arrival) -> Household:
        return replace(
            self.houses.kind(arrival),
            id=arrival.id,
            priority=arrival.priority,
            waiting_minutes=self.minute - arrival.minute,
        )


Policy = Callable[[Night], Sequence[Given]]


@dataclass(frozen=True)
class Outcome:
    """What became of one household that counts; ``decided`` is None where she got no room."""

    arrival: Arrival
    decided: int | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a policy did in the days that count. Shares are of those some room could take.

    ``impossible`` counts the others. ``unmet_wishes`` is level 7 for each household placed.
    ``passed_over``: times somebody was left waiting while a room she could have had stayed free.
    ``unneeded_feature_nights``: nights on which a feature somebody in the demand must have was
    used by a household that did not need it.
    """

    seed: int
    arrived: int
    impossible: int
    placed: int
    weighted_share: float
    share: float
    by_priority: Mapping[str, float]
    by_need: Mapping[str, float]
    mean_wait_hours: float
    longest_tenth_wait_hours: float
    unmet_wishes: float
    passed_over: int
    unneeded_feature_nights: Mapping[str, int]
    decisions: int

    @property
    def worst_need(self) -> str:
        """The need whose bearers are placed least often."""
        return min(self.by_need, key=lambda need: (self.by_need[need], need), default="")


def simulate(
    scenario: Scenario, policy: Policy, seed: int | None = None, world: World | None = None
) -> Report:
    """Play the scenario once; the same seed gives every policy the same women and stays.

    ``world`` saves judging the same houses again. Houses are empty on the first day, so the
    warm-up should be a few mean stays.

    Raises:
        BrokenRule: the policy gave a room that ``violations`` refuses.
    """
    seed = scenario.seed if seed is None else seed
    world = world or World(scenario.refuges, scenario.scaled_demand())
    play = Play(world, scenario, draw(scenario, seed), policy)
    play.run()
    return play.report(seed)


class Play:
    """One run of one policy."""

    def __init__(
        self, world: World, scenario: Scenario, arrivals: Sequence[Arrival], policy: Policy
    ) -> None:
        self._world, self._scenario, self._policy = world, scenario, policy
        self._arrivals = arrivals
        self._houses = Houses(world)
        self._waiting: list[Arrival] = []
        self._leaving: list[tuple[int, int, Given, tuple[int, int]]] = []
        self._decided: dict[int, int] = {}
        self._unmet: dict[int, int] = {}
        self._unneeded: Counter[str] = Counter()
        self._passed_over = self._decisions = 0
        self._first = scenario.warm_up_days * DAY_MINUTES
        self._last = scenario.all_days * DAY_MINUTES
        self._features = _asked_for(world)

    def run(self) -> None:
        """Decide at equal steps until the last of those who count has a room or is lost."""
        step = DAY_MINUTES // self._scenario.decisions_per_day
        limit = round(self._scenario.waiting_limit_days * DAY_MINUTES)
        coming = deque(self._arrivals)
        for minute in range(step, self._last + limit + step, step):
            self._let_out(minute)
            while coming and coming[0].minute <= minute:
                self._waiting.append(coming.popleft())
            self._waiting = [a for a in self._waiting if minute - a.minute <= limit]
            if self._waiting:
                self._decide(minute)

    def _let_out(self, minute: int) -> None:
        while self._leaving and self._leaving[0][0] <= minute:
            _, _, given, taken = heapq.heappop(self._leaving)
            self._houses.move_out(*given, taken)

    def _decide(self, minute: int) -> None:
        as_of = self._scenario.starts + timedelta(minutes=minute)
        night = Night(tuple(self._waiting), self._houses, as_of, minute)
        given = self._policy(night)
        self._refuse_broken(night, given)
        for arrival, room in given:
            taken = self._houses.move_in(arrival, room)
            leaves = minute + arrival.stay_minutes
            heapq.heappush(self._leaving, (leaves, arrival.number, (arrival, room), taken))
            self._decided[arrival.number] = minute
            where = self._world.rooms[room]
            self._unmet[arrival.number] = unmet_desirable(self._houses.kind(arrival), *where)
            self._count_unneeded(arrival, room, minute, leaves)
        self._waiting = [a for a in self._waiting if a.number not in self._decided]
        self._passed_over += sum(self._houses.open_to(a).size > 0 for a in self._waiting)
        self._decisions += 1

    def _refuse_broken(self, night: Night, given: Sequence[Given]) -> None:
        """Hold what was given against check.py, which knows nothing of this simulation."""
        if not given:
            return
        rooms = self._world.rooms
        placements = [Placement(a.id, rooms[r][0].id, rooms[r][1].id) for a, r in given]
        broken = violations(night.problem, placements)
        if broken:
            raise BrokenRule("; ".join(map(str, broken)))

    def _count_unneeded(self, arrival: Arrival, room: int, start: int, end: int) -> None:
        inside = min(end, self._last) - max(start, self._first)
        if inside <= 0:
            return
        refuge, place = self._world.rooms[room]
        needed = self._houses.kind(arrival).essential
        for feature in ((refuge.features | place.features) & self._features) - needed:
            self._unneeded[feature] += round(inside / DAY_MINUTES)

    def report(self, seed: int) -> Report:
        """Return what became of those who arrived in the days that count."""
        counted = [a for a in self._arrivals if self._first <= a.minute < self._last]
        possible = [a for a in counted if self._houses.eligible(a).any()]
        placed = [a for a in possible if a.number in self._decided]
        waits = sorted((self._decided[a.number] - a.minute) / 60 for a in placed)
        return Report(
            seed=seed,
            arrived=len(counted),
            impossible=len(counted) - len(possible),
            placed=len(placed),
            weighted_share=_share(_weight(placed), _weight(possible)),
            share=_share(len(placed), len(possible)),
            by_priority=_by(placed, possible, lambda a: [str(a.priority)]),
            by_need=_by(placed, possible, self._needs),
            mean_wait_hours=round(fmean(waits), 2) if waits else 0.0,
            longest_tenth_wait_hours=round(waits[len(waits) * 9 // 10], 2) if waits else 0.0,
            unmet_wishes=_share(sum(self._unmet[a.number] for a in placed), len(placed)),
            passed_over=self._passed_over,
            unneeded_feature_nights=dict(sorted(self._unneeded.items())),
            decisions=self._decisions,
        )

    def _needs(self, arrival: Arrival) -> list[str]:
        household = self._houses.kind(arrival)
        needs = sorted(household.essential)
        needs += ["children"] if household.children else []
        needs += ["high_support"] if household.high_support else []
        return needs or ["nothing_special"]


def _asked_for(world: World) -> frozenset[str]:
    return frozenset().union(*(kind.essential for kind in world.forecast.types))


def _weight(arrivals: Sequence[Arrival]) -> int:
    return sum(WEIGHTS[arrival.priority] for arrival in arrivals)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _by(
    placed: Sequence[Arrival],
    possible: Sequence[Arrival],
    groups: Callable[[Arrival], Sequence[str]],
) -> dict[str, float]:
    part = Counter(group for arrival in placed for group in groups(arrival))
    whole = Counter(group for arrival in possible for group in groups(arrival))
    return {group: _share(part[group], count) for group, count in sorted(whole.items())}
