"""Why a household is left without a room: a minimal set of rules, proven by solving again."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from allocation.plan import Reason
from allocation.problem import Household, Problem
from allocation.rules import RULES, rooms_with_reasons
from allocation.start import turn
from allocation.trial import Pair, Picture, Trial, Undecided, places_her
from allocation.words import reason

# Which rules are kept in the reason when several would each do: the ones nobody may lift.
_LIFTED_FIRST = {"coordinator": 0, "refuge": 1, "her": 2, "nobody": 3}


@dataclass(frozen=True)
class Verdicts:
    """Every room with the rules it fails for one household."""

    household: Household
    rooms: tuple[tuple[Pair, frozenset[str]], ...]

    def passing(self, set_aside: Iterable[str] = ()) -> tuple[Pair, ...]:
        """Return the rooms that fail nothing once some rules are set aside."""
        allowed = frozenset(set_aside)
        return tuple(pair for pair, failing in self.rooms if failing <= allowed)

    @cached_property
    def by_refuge(self) -> Mapping[str, Sequence[tuple[Pair, frozenset[str]]]]:
        """The same rooms under the id of their refuge."""
        found: dict[str, list[tuple[Pair, frozenset[str]]]] = defaultdict(list)
        for pair, failing in self.rooms:
            found[pair.refuge.id].append((pair, failing))
        return found


def verdicts_of(problem: Problem, household: Household) -> Verdicts:
    """Return every room with the rules it fails for her, by id."""
    rooms = (
        (Pair(household, refuge, room), frozenset(failing))
        for refuge, room, failing in rooms_with_reasons(problem, household)
    )
    by_id = sorted(rooms, key=lambda entry: (entry[0].refuge.id, entry[0].room.id))
    return Verdicts(household, tuple(by_id))


def reasons_for(picture: Picture, verdicts: Verdicts) -> tuple[Reason, ...]:
    """Return a minimal set of reasons that together leave her without a room.

    Setting aside any one of them, on top of every rule outside the set, would place her without
    unplacing anyone who stands before her. ``proven`` is false where the time ran out.
    """
    candidates = _candidates(picture.problem, verdicts)
    tried: dict[tuple[frozenset[str], frozenset[str]], bool] = {}

    def blocked(enforced: frozenset[str]) -> bool:
        set_aside = frozenset(candidates) - enforced
        pairs = verdicts.passing(set_aside)
        names = frozenset(f"{p.refuge.id}\n{p.room.id}" for p in pairs)
        key = (names, set_aside & _PLAN_CODES)
        if key not in tried:
            trial = Trial(verdicts.household, pairs, key[1], changes_nothing=not set_aside)
            tried[key] = not places_her(picture, trial)
        return tried[key]

    try:
        if not blocked(frozenset(candidates)):
            return (reason("not_proven"),)
        if not candidates or blocked(frozenset()):
            return (_capacity(picture, verdicts),)
        kept = _shrunk(candidates, blocked)
    except Undecided:
        return _unproven(picture, verdicts, candidates)
    return tuple(why(code, verdicts) for code in kept)


_PLAN_CODES = frozenset(("apart", "together", "children_places", "high_support_places"))


def _candidates(problem: Problem, verdicts: Verdicts) -> list[str]:
    """Return the rules that could be to blame, the most easily lifted first."""
    her = verdicts.household
    codes = {
        "apart": any(her.id in pair for pair in problem.apart_pairs),
        "together": any(her.id in group for group in problem.together),
        "children_places": bool(her.children),
        "high_support_places": her.high_support,
    }
    found = {code for code, applies in codes.items() if applies}
    if not verdicts.passing():
        found |= {code for _, failing in verdicts.rooms for code in failing}
    return sorted(found, key=lambda code: (_LIFTED_FIRST[RULES[code].lift], code))


def _shrunk(candidates: Sequence[str], blocked: Callable[[frozenset[str]], bool]) -> list[str]:
    """Drop every rule without which she is still blocked; what is left is minimal."""
    kept = list(candidates)
    for code in candidates:
        fewer = [other for other in kept if other != code]
        if blocked(frozenset(fewer)):
            kept = fewer
    return sorted(kept, key=lambda code: int(RULES[code].number[1:]))


def _unproven(
    picture: Picture, verdicts: Verdicts, candidates: Sequence[str]
) -> tuple[Reason, ...]:
    """Return what the rules alone say, without solving: no proof that others could make way."""
    if verdicts.passing() or not candidates:
        return (_capacity(picture, verdicts, proven=False),)
    kept = _shrunk(candidates, lambda enforced: not verdicts.passing(set(candidates) - enforced))
    return tuple(why(code, verdicts, proven=False) for code in kept)


def _capacity(picture: Picture, verdicts: Verdicts, **proven: bool) -> Reason:
    """Count the rooms that would suit her and who has them; names nobody."""
    fitting = verdicts.passing()
    wanted = {(p.refuge.id, p.room.id) for p in fitting or (pair for pair, _ in verdicts.rooms)}
    hers = turn(verdicts.household)
    inside = [
        pair.household
        for pair in picture.placed.values()
        if (pair.refuge.id, pair.room.id) in wanted
    ]
    before = Counter(str(h.priority) for h in inside if turn(h) < hers)
    level = sum(turn(h) == hers for h in inside)
    after = sum(turn(h) > hers for h in inside)
    counts = {"before": dict(sorted(before.items())), "level": level, "after": after}
    rooms = {"rooms": len(fitting), "of": len(verdicts.rooms)}
    return reason("capacity", **rooms, **counts, **proven)


def why(code: str, verdicts: Verdicts, **proven: bool) -> Reason:
    """Return one rule as a reason, with how many rooms fail on it."""
    failing = sum(code in codes for _, codes in verdicts.rooms)
    counts = {"rooms": failing, "of": len(verdicts.rooms)} if failing else {}
    details = _DETAILS[code](verdicts.household) if code in _DETAILS else {}
    return reason(code, **details, **counts, **proven)


_DETAILS: dict[str, Callable[[Household], dict[str, object]]] = {
    "size": lambda h: {"bed_spaces": h.sleepers + h.infants, "cots": h.infants},
    "essential_missing": lambda h: {"features": sorted(h.essential)},
    "excluded_present": lambda h: {"features": sorted(h.excludes)},
    "boys_age": lambda h: {"age": max(c.age for c in h.children if c.sex == "m")},
    "london": lambda h: {"london": h.london},
    "travel": lambda h: {"minutes": h.max_travel_minutes},
    "children_places": lambda h: {"children": len(h.children)},
}
