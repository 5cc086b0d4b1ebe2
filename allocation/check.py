"""The specification in plain Python: which plans are allowed and what each is worth. No solver."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from allocation.geography import travel_minutes
from allocation.plan import FEASIBLE, OPTIMAL, Figure, Placement, Plan
from allocation.problem import (
    PRIORITY_LEVELS,
    Household,
    Problem,
    Refuge,
    Room,
    problem_sha256,
)
from allocation.rules import RULES, failing_rules, rooms_with_reasons

MAXIMISED = frozenset((*PRIORITY_LEVELS, "waiting_minutes", "standing_kept"))


@dataclass(frozen=True, order=True)
class Violation:
    """One broken rule: its number and code, whom and where it concerns."""

    rule: str
    code: str
    households: tuple[str, ...] = ()
    refuge: str = ""
    room: str = ""
    detail: str = ""

    def __str__(self) -> str:
        where = "/".join(part for part in (self.refuge, self.room) if part)
        facts = "; ".join(part for part in (", ".join(self.households), where, self.detail) if part)
        said = RULES[self.code].text if self.code in RULES else self.code
        return f"{self.rule} {said} Broken by: {facts}." if facts else f"{self.rule} {said}"


@dataclass(frozen=True)
class RoomVerdict:
    """One room for one household, with the codes of every rule H1..H13 it fails."""

    refuge: str
    room: str
    failing: tuple[str, ...]

    @property
    def is_eligible(self) -> bool:
        """Whether she could live there as far as the rules on one household go."""
        return not self.failing


def eligible_rooms(problem: Problem, household: Household) -> list[RoomVerdict]:
    """Return every room, eligible or not, with the rules it fails for her."""
    return [
        RoomVerdict(refuge.id, room.id, failing)
        for refuge, room, failing in rooms_with_reasons(problem, household)
    ]


def unmet_desirable(household: Household, refuge: Refuge, room: Room) -> int:
    """Return how many of her wishes this room leaves unmet, London included."""
    missing = len(household.desirable - room.features - refuge.features)
    wanted = {"prefers_inside": True, "prefers_outside": False}.get(household.london)
    return missing + (wanted is not None and wanted != refuge.in_london)


def scarcity(problem: Problem, household: Household, refuge: Refuge, room: Room) -> int:
    """Return what her living here costs the others: features and beds she does not need."""
    unused = (room.features | refuge.features) - household.essential - household.desirable
    features = sum(problem.prices.get(feature, 0) for feature in unused)
    if room.shared:
        return features
    # Only an accepted offer kept against H1 could make this negative, and such a plan is refused.
    empty = max(0, room.bed_spaces - household.beds_used(room.cots))
    return features + problem.spare_bed_price * empty


def keeps_standing(household: Household, refuge: Refuge, room: Room) -> bool:
    """Whether this room is the one she has already been offered."""
    offer = household.standing
    return offer is not None and (offer.refuge, offer.room) == (refuge.id, room.id)


def worth(problem: Problem, household: Household, refuge: Refuge, room: Room) -> dict[str, int]:
    """Return what placing her here adds to each level of the objective."""
    figures = {f"placed_priority_{p}": int(household.priority == p) for p in (1, 2, 3, 4)}
    figures["waiting_minutes"] = household.waiting_minutes
    figures["standing_kept"] = int(keeps_standing(household, refuge, room))
    figures["unmet_desirable"] = unmet_desirable(household, refuge, room)
    figures["scarcity"] = scarcity(problem, household, refuge, room)
    figures["travel_minutes"] = travel_minutes(problem, household, refuge)
    return figures


def score(problem: Problem, placements: Iterable[Placement]) -> dict[str, int]:
    """Return the value of each level, in the problem's order; unknown ids count nothing."""
    total = dict.fromkeys(problem.levels, 0)
    for household, refuge, room in _known(problem, placements):
        for level, value in worth(problem, household, refuge, room).items():
            total[level] += value
    return total


def better(problem: Problem, a: Mapping[str, int], b: Mapping[str, int]) -> bool:
    """Whether score ``a`` beats score ``b``, level by level."""
    return rank(problem, a) > rank(problem, b)


def rank(problem: Problem, values: Mapping[str, int]) -> tuple[int, ...]:
    """Return the score as a tuple that is larger for the better plan."""
    return tuple(values[x] if x in MAXIMISED else -values[x] for x in problem.levels)


def violations(problem: Problem, placements: Iterable[Placement]) -> list[Violation]:
    """Return every hard rule the placements break, sorted; an empty list means allowed."""
    placed = list(placements)
    known = list(_known(problem, placed))
    found = [*_unknown(problem, placed), *_broken_pairs(problem, known)]
    return sorted([*found, *_one_room(problem, placed), *crowding(problem, known)])


def crowding(problem: Problem, known: Sequence[tuple[Household, Refuge, Room]]) -> list[Violation]:
    """Return the violations of C2..C6: what households do to one another."""
    together = [*_room_full(known), *_apart(problem, known), *_together(problem, known)]
    return [*together, *_places(known)]


def _known(
    problem: Problem, placements: Iterable[Placement]
) -> Iterator[tuple[Household, Refuge, Room]]:
    for p in placements:
        household = problem.household_by_id.get(p.household)
        where = problem.room_by_key.get((p.refuge, p.room))
        if household is not None and where is not None:
            yield household, *where


def _unknown(problem: Problem, placements: Iterable[Placement]) -> Iterator[Violation]:
    for p in placements:
        if p.household not in problem.household_by_id:
            yield Violation("C1", "one_room", (p.household,), detail="no such household")
        if (p.refuge, p.room) not in problem.room_by_key:
            yield Violation("C2", "room_full", (p.household,), p.refuge, p.room, "no such room")


def _broken_pairs(
    problem: Problem, known: Iterable[tuple[Household, Refuge, Room]]
) -> Iterator[Violation]:
    for household, refuge, room in known:
        for code in failing_rules(problem, household, refuge, room):
            yield Violation(RULES[code].number, code, (household.id,), refuge.id, room.id)


def _one_room(problem: Problem, placements: Sequence[Placement]) -> Iterator[Violation]:
    rooms = Counter(p.household for p in placements)
    for name, count in rooms.items():
        if count > 1:
            yield Violation("C1", "one_room", (name,), detail=f"{count} rooms")
    for household in problem.households:
        if household.is_fixed and household.id not in rooms:
            yield Violation("C1", "one_room", (household.id,), detail="her accepted offer is lost")


def _room_full(known: Iterable[tuple[Household, Refuge, Room]]) -> Iterator[Violation]:
    inside: dict[tuple[str, str], list[tuple[Household, Room]]] = defaultdict(list)
    for household, refuge, room in known:
        inside[refuge.id, room.id].append((household, room))
    for (refuge_id, room_id), entries in inside.items():
        room = entries[0][1]
        names = tuple(sorted(h.id for h, _ in entries))
        if not room.shared and len(entries) > 1:
            detail = "a private room takes one household"
            yield Violation("C2", "room_full", names, refuge_id, room_id, detail)
        sleepers = sum(h.sleepers for h, _ in entries)
        needed = sleepers + max(0, sum(h.infants for h, _ in entries) - room.cots)
        if room.shared and needed > room.bed_spaces:
            detail = f"{needed} bed spaces needed, {room.bed_spaces} there"
            yield Violation("C2", "room_full", names, refuge_id, room_id, detail)


def _apart(
    problem: Problem, known: Iterable[tuple[Household, Refuge, Room]]
) -> Iterator[Violation]:
    homes: dict[str, set[str]] = defaultdict(set)
    for household, refuge, _ in known:
        homes[household.id].add(refuge.id)
    for a, b in problem.apart_pairs:
        for refuge_id in homes[a] & homes[b]:
            yield Violation("C3", "apart", (a, b), refuge_id)


def _together(
    problem: Problem, known: Iterable[tuple[Household, Refuge, Room]]
) -> Iterator[Violation]:
    home = {household.id: refuge.id for household, refuge, _ in known}
    for group in problem.together:
        if len({home.get(name) for name in group}) > 1:
            yield Violation("C4", "together", tuple(sorted(group)))


def _places(known: Iterable[tuple[Household, Refuge, Room]]) -> Iterator[Violation]:
    children: Counter[str] = Counter()
    support: Counter[str] = Counter()
    refuges: dict[str, Refuge] = {}
    for household, refuge, _ in known:
        refuges[refuge.id] = refuge
        children[refuge.id] += len(household.children)
        support[refuge.id] += household.high_support
    for name, refuge in refuges.items():
        if refuge.spare_children is not None and children[name] > refuge.spare_children:
            detail = f"{children[name]} children, places for {refuge.spare_children}"
            yield Violation("C5", "children_places", (), name, detail=detail)
        if refuge.spare_high_support is not None and support[name] > refuge.spare_high_support:
            detail = f"{support[name]} households, places for {refuge.spare_high_support}"
            yield Violation("C6", "high_support_places", (), name, detail=detail)


def verify(problem: Problem, plan: Plan) -> list[str]:
    """Return what is wrong with a plan, one line each: broken rules, wrong figures, wrong status.

    The proof behind the bounds is not repeated here: that takes a solver.
    """
    wrong = [str(violation) for violation in violations(problem, plan.placements)]
    if plan.problem_sha256 != problem_sha256(problem):
        wrong.append("problem_sha256: the plan was made for another problem")
    wrong += _wrong_lists(problem, plan)
    wrong += _wrong_figures(problem, plan)
    return wrong


def _wrong_lists(problem: Problem, plan: Plan) -> Iterator[str]:
    placed = {p.household for p in plan.placements}
    listed = Counter(u.household for u in plan.unplaced)
    for household in problem.households:
        if (household.id in placed) == (household.id in listed):
            both = household.id in placed
            side = "both placed and unplaced" if both else "neither placed nor unplaced"
            yield f"unplaced: {household.id} is {side}"
    for name, count in listed.items():
        if name not in problem.household_by_id:
            yield f"unplaced: there is no household {name}"
        elif count > 1:
            yield f"unplaced: {name} stands {count} times"


def _wrong_figures(problem: Problem, plan: Plan) -> Iterator[str]:
    told = [figure.level for figure in plan.objective]
    if told != list(problem.levels):
        yield f"objective: the levels must be {', '.join(problem.levels)}, in this order"
        return
    actual = score(problem, plan.placements)
    for figure in plan.objective:
        if figure.value != actual[figure.level]:
            yield f"objective: {figure.level} is {actual[figure.level]}, not {figure.value}"
        if _beats_bound(figure):
            yield f"objective: {figure.level} {figure.value} beats its own bound {figure.bound}"
    proven = OPTIMAL if all(f.value == f.bound for f in plan.objective) else FEASIBLE
    if plan.status != proven:
        yield f"status: the bounds make this plan {proven}, not {plan.status}"


def _beats_bound(figure: Figure) -> bool:
    if figure.level in MAXIMISED:
        return figure.value > figure.bound
    return figure.value < figure.bound
