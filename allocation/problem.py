"""What the allocation is told: households, refuges and rooms, refused when they make no sense."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from allocation.canonical import check_format, plain, sha256_of
from allocation.document import load_document
from allocation.reading import (
    ProblemError,
    check_fields,
    counted,
    flag,
    join,
    key_text,
    listed,
    mapped,
    moment,
    number,
    one_of,
    optional,
    shown,
    text,
    told,
    whole,
    words,
)

PROBLEM_FORMAT = "waymark.problem/1"
MAX_KM = 20_100.0  # half the way round the earth: no two places are further apart
# Ten times the country on its worst night, as MAX_ENTRIES is for households and refuges. With these
# limits no level can add up to 10^15.
MAX_ROOMS = 50_000
MAX_GROUP = MAX_ZONES = MAX_CHILDREN = 100
MAX_PRICES = 1000
PRIORITIES = (1, 2, 3, 4)
PRIORITY_LEVELS = tuple(f"placed_priority_{p}" for p in PRIORITIES)
DEFAULT_ORDER = (
    "waiting_minutes",
    "standing_kept",
    "unmet_desirable",
    "scarcity",
    "travel_minutes",
)
LONDON = ("either", "inside_only", "outside_only", "prefers_inside", "prefers_outside")


def _read(reader: Any) -> dict[str, Any]:
    return {"read": reader}


@dataclass(frozen=True)
class Place:
    """A point on the globe in degrees."""

    lat: float = field(metadata=_read(number(-90, 90)))
    lon: float = field(metadata=_read(number(-180, 180)))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class DangerZone:
    """A circle, given in km, in which she must not live."""

    lat: float = field(metadata=_read(number(-90, 90)))
    lon: float = field(metadata=_read(number(-180, 180)))
    radius_km: float = field(metadata=_read(number(0, MAX_KM)))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Child:
    """A child by age in whole years; ``sex`` is ``f``, ``m`` or not told."""

    age: int = field(metadata=_read(whole(0, 120)))
    sex: str | None = field(default=None, metadata=_read(optional(one_of("f", "m"))))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Standing:
    """An offer already made; a fixed one has been accepted and may not move."""

    refuge: str = field(metadata=_read(text))
    room: str = field(metadata=_read(text))
    fixed: bool = field(default=False, metadata=_read(flag))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Household:
    """A woman alone or with children; placed whole or not at all. Priority 1 comes first."""

    id: str = field(metadata=_read(text))
    priority: int = field(metadata=_read(whole(1, 4)))
    location: Place = field(metadata=_read(told(Place)))
    waiting_minutes: int = field(default=0, metadata=_read(whole(0, 10_000_000)))
    adults: int = field(default=1, metadata=_read(whole(1, 1000)))
    children: tuple[Child, ...] = field(
        default=(), metadata=_read(listed(told(Child), at_most=MAX_CHILDREN))
    )
    island: str = field(default="GB", metadata=_read(one_of("GB", "IE")))
    essential: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    desirable: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    excludes: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    danger_zones: tuple[DangerZone, ...] = field(
        default=(), metadata=_read(listed(told(DangerZone), at_most=MAX_ZONES))
    )
    vetoed_refuges: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    vetoed_regions: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    london: str = field(default="either", metadata=_read(one_of(*LONDON)))
    max_travel_minutes: int | None = field(default=None, metadata=_read(optional(whole(0))))
    needed_by: datetime | None = field(default=None, metadata=_read(optional(moment)))
    networks: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    apart_from: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    may_share: bool = field(default=False, metadata=_read(flag))
    high_support: bool = field(default=False, metadata=_read(flag))
    standing: Standing | None = field(default=None, metadata=_read(optional(told(Standing))))

    def __post_init__(self) -> None:
        check_fields(self)
        if self.id in self.apart_from:
            raise ProblemError("apart_from", "a household cannot be kept apart from itself")

    @cached_property
    def infants(self) -> int:
        """Children under 2: each takes a cot, or a bed space where no cot is left."""
        return sum(child.age < 2 for child in self.children)

    @cached_property
    def sleepers(self) -> int:
        """Adults and children aged 2 or more: each takes a bed space."""
        return self.adults + len(self.children) - self.infants

    @cached_property
    def is_fixed(self) -> bool:
        """Whether she has accepted an offer that may not move."""
        return self.standing is not None and self.standing.fixed

    def beds_used(self, cots: int) -> int:
        """Return the bed spaces she takes in a room with so many cots to herself."""
        return self.sleepers + max(0, self.infants - cots)


@dataclass(frozen=True, kw_only=True)
class Room:
    """One room; ``free_from`` none means free now."""

    id: str = field(metadata=_read(text))
    bed_spaces: int = field(metadata=_read(whole(1, 10_000)))
    cots: int = field(default=0, metadata=_read(whole(0, 1000)))
    shared: bool = field(default=False, metadata=_read(flag))
    features: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    free_from: datetime | None = field(default=None, metadata=_read(optional(moment)))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Refuge:
    """A house known only by its cell: a centre and how far from it the house may be, in km."""

    id: str = field(metadata=_read(text))
    region: str = field(metadata=_read(text))
    in_london: bool = field(metadata=_read(flag))
    location: Place = field(metadata=_read(told(Place)))
    rooms: tuple[Room, ...] = field(metadata=_read(listed(told(Room), at_most=MAX_ROOMS)))
    cell_radius_km: float = field(default=0.0, metadata=_read(number(0, MAX_KM)))
    island: str = field(default="GB", metadata=_read(one_of("GB", "IE")))
    features: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    networks: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    residents: frozenset[str] = field(default=frozenset(), metadata=_read(words))
    boys_to_age: int = field(default=18, metadata=_read(whole(0, 120)))
    spare_children: int | None = field(default=None, metadata=_read(optional(whole(0))))
    spare_high_support: int | None = field(default=None, metadata=_read(optional(whole(0))))

    def __post_init__(self) -> None:
        check_fields(self)
        _refuse_repeats([room.id for room in self.rooms], "rooms", "id")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Tonight's picture: who waits, which rooms there are, and the order of the lower levels."""

    as_of: datetime = field(metadata=_read(moment))
    households: tuple[Household, ...] = field(metadata=_read(listed(told(Household))))
    refuges: tuple[Refuge, ...] = field(metadata=_read(listed(told(Refuge))))
    together: tuple[tuple[str, ...], ...] = field(
        default=(), metadata=_read(listed(listed(text, at_most=MAX_GROUP)))
    )
    prices: Mapping[str, int] = field(
        default_factory=dict, metadata=_read(counted(0, at_most=MAX_PRICES))
    )
    spare_bed_price: int = field(default=0, metadata=_read(whole(0)))
    travel_minutes: Mapping[str, Mapping[str, int]] = field(
        default_factory=dict,
        metadata=_read(mapped(counted(0))),
    )
    order: tuple[str, ...] = field(default=DEFAULT_ORDER, metadata=_read(listed(text)))
    _told_sha256: str | None = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_fields(self)
        _refuse_repeats([h.id for h in self.households], "households", "id")
        _refuse_repeats([r.id for r in self.refuges], "refuges", "id")
        _refuse_too_many_rooms(self)
        _check_order(self.order)
        _check_together(self)
        _check_travel(self)
        _check_standing(self)

    @cached_property
    def household_by_id(self) -> Mapping[str, Household]:
        """Every household under its id."""
        return {h.id: h for h in self.households}

    @cached_property
    def refuge_by_id(self) -> Mapping[str, Refuge]:
        """Every refuge under its id."""
        return {r.id: r for r in self.refuges}

    @cached_property
    def room_by_key(self) -> Mapping[tuple[str, str], tuple[Refuge, Room]]:
        """Every room with its refuge under (refuge id, room id)."""
        return {(f.id, r.id): (f, r) for f in self.refuges for r in f.rooms}

    @cached_property
    def apart_pairs(self) -> frozenset[tuple[str, str]]:
        """Pairs of households (smaller id first) that must not live under one roof."""
        known = self.household_by_id
        return frozenset(
            (min(h.id, other), max(h.id, other))
            for h in self.households
            for other in h.apart_from
            if other in known
        )

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The nine levels of the objective, most important first."""
        return (*PRIORITY_LEVELS, *self.order)


def _refuse_repeats(ids: list[str], path: str, key: str) -> None:
    seen: dict[str, int] = {}
    for i, name in enumerate(ids):
        if name in seen:
            wanted = f"{shown(name)} is already used by {path}[{seen[name]}]"
            raise ProblemError(f"{path}[{i}].{key}", wanted)
        seen[name] = i


def _refuse_too_many_rooms(problem: Problem) -> None:
    rooms = sum(len(refuge.rooms) for refuge in problem.refuges)
    if rooms > MAX_ROOMS:
        raise ProblemError("refuges", f"must hold at most {MAX_ROOMS} rooms, not {rooms}")


def _check_order(order: tuple[str, ...]) -> None:
    if sorted(order) != sorted(DEFAULT_ORDER):
        raise ProblemError("order", f"must name each of {', '.join(DEFAULT_ORDER)} once")


def _check_together(problem: Problem) -> None:
    for i, group in enumerate(problem.together):
        for j, name in enumerate(group):
            path = f"together[{i}][{j}]"
            if name not in problem.household_by_id:
                raise ProblemError(path, f"there is no household {shown(name)}")
            if name in group[:j]:
                raise ProblemError(path, f"{shown(name)} stands twice in this group")


def _check_travel(problem: Problem) -> None:
    for household, row in problem.travel_minutes.items():
        path = join("travel_minutes", key_text(household))
        if household not in problem.household_by_id:
            raise ProblemError(path, f"there is no household {shown(household)}")
        for refuge in sorted(row.keys() - problem.refuge_by_id.keys()):
            raise ProblemError(join(path, key_text(refuge)), f"there is no refuge {shown(refuge)}")


def _check_standing(problem: Problem) -> None:
    for i, household in enumerate(problem.households):
        offer = household.standing
        if offer is None:
            continue
        path = f"households[{i}].standing"
        if offer.refuge not in problem.refuge_by_id:
            raise ProblemError(f"{path}.refuge", f"there is no refuge {shown(offer.refuge)}")
        if (offer.refuge, offer.room) not in problem.room_by_key:
            wanted = f"there is no room {shown(offer.room)} in refuge {shown(offer.refuge)}"
            raise ProblemError(f"{path}.room", wanted)


def parse_problem(source: str | bytes | Mapping[str, Any]) -> Problem:
    """Read a ``waymark.problem/1`` document.

    Raises:
        ProblemError: the document cannot be used; the text names the place and what is wanted.
    """
    document = load_document(source)
    check_format(document, PROBLEM_FORMAT)
    told_part = {key: value for key, value in document.items() if key != "format"}
    problem: Problem = told(Problem)(told_part, "")
    object.__setattr__(problem, "_told_sha256", sha256_of(document))
    return problem


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Return the document that ``parse_problem`` reads back as an equal problem."""
    return {"format": PROBLEM_FORMAT, **plain(problem)}


def problem_sha256(problem: Problem) -> str:
    """Return the SHA-256 of the document the problem was read from, else of its own document."""
    return problem._told_sha256 or sha256_of(problem_to_json(problem))
