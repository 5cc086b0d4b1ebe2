"""Safety rules as data: each hard rule on one household and one room, with who may lift it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from allocation.geography import great_circle_km, travel_minutes
from allocation.problem import DEFAULT_ORDER, DangerZone, Household, Problem, Refuge, Room

Test = Callable[[Problem, Household, Refuge, Room], str | None]


@dataclass(frozen=True)
class Rule:
    """One rule: its code, its number in docs/allocation.md, and what it says.

    ``lift`` is who may set it aside: ``her`` (her own wish), ``refuge`` (a limit of the house),
    ``coordinator`` (a matter of supply), or ``nobody`` (safety, or plain arithmetic).
    ``by_refuge`` marks rules that look at the refuge only, never at the room.
    """

    code: str
    number: str
    text: str
    hard: bool
    lift: str
    by_refuge: bool = False
    test: Test | None = None


def it_fits(_: Problem, household: Household, __: Refuge, room: Room) -> str | None:
    """H1. Bed spaces suffice; a child under 2 takes a cot, or a bed space where no cot is left."""
    return "size" if household.beds_used(room.cots) > room.bed_spaces else None


def essentials_are_there(
    _: Problem, household: Household, refuge: Refuge, room: Room
) -> str | None:
    """H2. Every essential feature is in the room or the refuge."""
    there = household.essential <= room.features or household.essential <= (
        room.features | refuge.features
    )
    return None if there else "essential_missing"


def nothing_excluded(_: Problem, household: Household, refuge: Refuge, room: Room) -> str | None:
    """H3. Nothing she excludes is in the room or the refuge."""
    clear = household.excludes.isdisjoint(room.features | refuge.features)
    return None if clear else "excluded_present"


def far_from_danger(_: Problem, household: Household, refuge: Refuge, __: Room) -> str | None:
    """H4. Wherever in its cell the house stands, it lies outside every danger zone."""
    near = any(in_danger(zone, refuge) for zone in household.danger_zones)
    return "safety_distance" if near else None


def in_danger(zone: DangerZone, refuge: Refuge) -> bool:
    """Whether some part of the refuge's cell may lie in the zone."""
    # Safety: exactly on the edge is inside; the cell's radius counts against the refuge.
    return great_circle_km(zone, refuge.location) <= zone.radius_km + refuge.cell_radius_km


def boys_are_taken(_: Problem, household: Household, refuge: Refuge, __: Room) -> str | None:
    """H5. No boy is older than the refuge takes."""
    oldest = max((c.age for c in household.children if c.sex == "m"), default=0)
    return "boys_age" if oldest > refuge.boys_to_age else None


def not_vetoed(_: Problem, household: Household, refuge: Refuge, __: Room) -> str | None:
    """H6. She has said no neither to the refuge nor to its region."""
    vetoed = refuge.id in household.vetoed_refuges or refuge.region in household.vetoed_regions
    return "vetoed" if vetoed else None


def london_as_she_said(_: Problem, household: Household, refuge: Refuge, __: Room) -> str | None:
    """H7. Inside London only, or outside only, where she said so."""
    wanted = {"inside_only": True, "outside_only": False}.get(household.london)
    return None if wanted is None or refuge.in_london == wanted else "london"


def within_travel(problem: Problem, household: Household, refuge: Refuge, _: Room) -> str | None:
    """H8. The journey is no longer than she can make."""
    limit = household.max_travel_minutes
    if limit is None or travel_minutes(problem, household, refuge) <= limit:
        return None
    return "travel"


def free_in_time(problem: Problem, household: Household, _: Refuge, room: Room) -> str | None:
    """H9. The room is free when she needs it."""
    needed_by = household.needed_by
    return None if needed_by is None or free_at(problem, room) <= needed_by else "not_free_in_time"


def free_at(problem: Problem, room: Room) -> datetime:
    """Return when the room is free: now, unless the refuge gave a time."""
    return room.free_from or problem.as_of


def no_common_network(_: Problem, household: Household, refuge: Refuge, __: Room) -> str | None:
    """H10. No exploiter she must not meet has a known link to the house."""
    return None if household.networks.isdisjoint(refuge.networks) else "network"


def apart_from_residents(_: Problem, household: Household, refuge: Refuge, __: Room) -> str | None:
    """H11. Nobody she must be kept apart from lives there."""
    return None if household.apart_from.isdisjoint(refuge.residents) else "apart_resident"


def shares_willingly(_: Problem, household: Household, __: Refuge, room: Room) -> str | None:
    """H12. A shared room only for a household that accepts one."""
    return "sharing" if room.shared and not household.may_share else None


def accepted_offer_stays(
    _: Problem, household: Household, refuge: Refuge, room: Room
) -> str | None:
    """H13. An offer she has accepted is the only room she can be given."""
    offer = household.standing
    if offer is None or not offer.fixed or (offer.refuge, offer.room) == (refuge.id, room.id):
        return None
    return "fixed_elsewhere"


def _plan(code: str, number: str, lift: str, text: str) -> Rule:
    return Rule(code, number, text, hard=True, lift=lift)


def _level(code: str, number: str, text: str) -> Rule:
    return Rule(code, number, text, hard=False, lift="coordinator")


# Columns: code, number, who may lift it, looks at the refuge only, test, what it says.
_PAIR_TABLE: tuple[tuple[str, str, str, bool, Test, str], ...] = (
    ("size", "H1", "nobody", False, it_fits,
     "The room has a bed space for everyone, or a cot for a child under 2."),
    ("essential_missing", "H2", "her", False, essentials_are_there,
     "Everything she must have is there."),
    ("excluded_present", "H3", "her", False, nothing_excluded,
     "Nothing she excludes is there."),
    ("safety_distance", "H4", "nobody", True, far_from_danger,
     "The refuge lies at a safe distance."),
    ("boys_age", "H5", "refuge", True, boys_are_taken,
     "The refuge takes boys as old as hers."),
    ("vetoed", "H6", "her", True, not_vetoed,
     "She has not said no to the refuge or its region."),
    ("london", "H7", "her", True, london_as_she_said,
     "Inside or outside London, as she said."),
    ("travel", "H8", "her", True, within_travel,
     "The journey is no longer than she can make."),
    ("not_free_in_time", "H9", "coordinator", False, free_in_time,
     "The room is free when she needs it."),
    ("network", "H10", "nobody", True, no_common_network,
     "No exploiter known to her is linked to the house."),
    ("apart_resident", "H11", "nobody", True, apart_from_residents,
     "Nobody she must be kept apart from lives there."),
    ("sharing", "H12", "her", False, shares_willingly,
     "A shared room only if she accepts one."),
    ("fixed_elsewhere", "H13", "nobody", False, accepted_offer_stays,
     "An offer she has accepted stays."),
)  # fmt: skip
PAIR_RULES = tuple(
    Rule(code, number, said, hard=True, lift=lift, by_refuge=by_refuge, test=test)
    for code, number, lift, by_refuge, test, said in _PAIR_TABLE
)
PLAN_RULES = (
    _plan("one_room", "C1", "nobody",
          "A household gets at most one room; exactly its own when she has accepted it."),
    _plan("room_full", "C2", "nobody",
          "A private room takes one household; a shared room as many as it has beds and cots for."),
    _plan("apart", "C3", "nobody",
          "Households that must be kept apart never share a refuge."),
    _plan("together", "C4", "her",
          "A group that belongs together goes to one refuge whole, or waits whole."),
    _plan("children_places", "C5", "refuge",
          "A refuge takes no more children than it has places for."),
    _plan("high_support_places", "C6", "refuge",
          "A refuge takes no more households with high support needs than it has staff for."),
)  # fmt: skip
LEVEL_RULES = tuple(
    _level(f"placed_priority_{p}", f"O{p}", f"As many of priority {p} as possible are placed.")
    for p in (1, 2, 3, 4)
) + tuple(
    _level(code, f"O{n}", text)
    for n, (code, text) in enumerate(
        zip(
            DEFAULT_ORDER,
            (
                "Those who have waited longest are placed.",
                "Offers already made are kept.",
                "What she wishes for is there.",
                "Scarce rooms are left to those who need them.",
                "Journeys are short.",
            ),
            strict=True,
        ),
        start=5,
    )
)
RULES: dict[str, Rule] = {rule.code: rule for rule in (*PAIR_RULES, *PLAN_RULES, *LEVEL_RULES)}


def failing_rules(
    problem: Problem, household: Household, refuge: Refuge, room: Room
) -> tuple[str, ...]:
    """Return the codes of every rule H1..H13 that this household in this room would break."""
    tests = (rule.test for rule in PAIR_RULES if rule.test is not None)
    codes = (test(problem, household, refuge, room) for test in tests)
    return tuple(code for code in codes if code is not None)


def rooms_with_reasons(
    problem: Problem, household: Household
) -> Iterator[tuple[Refuge, Room, tuple[str, ...]]]:
    """Yield every room with the codes of the rules it fails for her; none means it is eligible."""
    for refuge in problem.refuges:
        if not refuge.rooms:
            continue
        house = _failing(problem, household, refuge, refuge.rooms[0], by_refuge=True)
        for room in refuge.rooms:
            yield refuge, room, house + _failing(problem, household, refuge, room, by_refuge=False)


def _failing(
    problem: Problem, household: Household, refuge: Refuge, room: Room, *, by_refuge: bool
) -> tuple[str, ...]:
    codes = []
    for rule in PAIR_RULES:
        if rule.by_refuge == by_refuge and rule.test is not None:
            code = rule.test(problem, household, refuge, room)
            if code is not None:
                codes.append(code)
    return tuple(codes)
