"""What the synthetic world is made of: houses, forces and women, as plain facts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RoomPlan:
    """What one household takes; ``code`` is unique within its refuge."""

    code: str
    bed_spaces: int
    cots: int = 0
    is_shared: bool = False
    features: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RefugePlan:
    """A house. ``opens_on_day`` counts from the scenario's first day; ``phone`` gets the texts.

    ``features`` holds the house's own and ``lang:xx`` for each language its staff speak.
    """

    alias: str
    charity: str
    region_code: str
    in_london: bool
    island: str
    cell_lat: float
    cell_lon: float
    cell_radius_km: int
    boys_to_age: int
    max_children: int
    max_high_support: int
    features: tuple[str, ...]
    duty_line: str
    phone: str
    handover_point: str
    rooms: tuple[RoomPlan, ...]
    opens_on_day: int = 0


@dataclass(frozen=True, kw_only=True)
class ForcePlan:
    code: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ChildPlan:
    """``age`` in whole years, ``sex`` f or m."""

    age: int
    sex: str


@dataclass(frozen=True, kw_only=True)
class ZonePlan:
    """A place she must not be near: a district and a distance from its middle."""

    district: str
    radius_km: int


@dataclass(frozen=True, kw_only=True)
class WomanPlan:
    """One person found, and what will be true of her.

    ``arrives_minute`` counts from the scenario's start and is negative for residents of before.
    ``stay_days`` is how long she would stay; ``link`` is together, apart or nothing, to the first
    woman of her incident; ``says_no`` is why she refuses a bed, empty when she does not.
    ``under_18`` persons are handed on: nothing else of theirs is used.
    """

    key: str
    incident: str
    arrives_minute: int
    force: str
    district: str
    urgency: str
    under_18: bool
    children: tuple[ChildPlan, ...]
    language: str
    essential: tuple[str, ...]
    zones: tuple[ZonePlan, ...]
    london: str
    may_share: bool
    link: str
    says_no: str
    stay_days: int
    will_arrive: bool
    leaves_because: str


@dataclass(frozen=True, kw_only=True)
class ResidentPlan:
    """A woman who lived in a house before it all began: the house's alias, the room's code."""

    woman: WomanPlan
    refuge: str
    room: str
