"""Draws the refuges of the synthetic world: aliases, cells, rooms, features. No address exists."""

from __future__ import annotations

import random
from dataclasses import dataclass

from app.demo.places import LONDON, draw_spot, moved, spots_of_region
from app.demo.plans import RefugePlan, RoomPlan
from app.services.reference import calibration, read_rows

POPPY_LIKE = "Larkspur Trust (demonstration)"
NETWORK = ("Fernwood Charity (demonstration)", "Tidewater Charity (demonstration)")
WALES, YORKSHIRE = "W92000004", "E12000003"
# Regions of the wider network: outside London, every nation once.
NETWORK_REGIONS = (
    "E12000002", "E12000005", "E12000008", "E12000006", "S92000003",
    "E12000009", "N92000002", "IE", "E12000001", "E12000004",
)  # fmt: skip
ALIASES = (
    "Rowan House", "Cedar House", "Hazel House", "Linden House", "Juniper House", "Alder House",
    "Maple House", "Willow House", "Heather House", "Primrose House", "Bluebell House",
    "Hawthorn House", "Lavender House", "Larch House", "Clover House", "Elder House",
    "Foxglove House", "Aspen House", "Iris House", "Jasmine House",
)  # fmt: skip
CELL_RADIUS_KM = 7
# Ofcom keeps these numbers for drama. 03069 belongs to no town: an area code would tell the region.
DUTY_LINE, MOBILE = "+443069990{:03d}", "+447700900{:03d}"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a house stands, for whom it works and how many households it takes."""

    region_code: str
    charity: str
    households: int
    is_specialist: bool
    opens_on_day: int = 0


def week_sites(rng: random.Random) -> list[Site]:
    """35 Poppy-like places in and outside London, and a wider network."""
    laid_out = calibration()["refuges"]["households_in_houses"]
    london = [_specialist(LONDON, size) for size in laid_out["poppy_week_london"]]
    outside = [
        _specialist(region, size)
        for region, size in zip((YORKSHIRE, WALES), laid_out["poppy_week_outside"], strict=True)
    ]
    network = [
        Site(
            region_code=region,
            charity=NETWORK[index % len(NETWORK)],
            households=rng.randint(3, 6),
            is_specialist=False,
        )
        for index, region in enumerate(NETWORK_REGIONS)
    ]
    return london + outside + network


def half_year_sites(*, grows_on_day: int) -> list[Site]:
    """35 places in London, then the 54 of 2009: 5 more there, 5 in Wales, 9 in Yorkshire."""
    laid_out = calibration()["refuges"]["households_in_houses"]
    first = [_specialist(LONDON, size) for size in laid_out["poppy_2007"]]
    later = [
        _specialist(region, size, opens_on_day=grows_on_day)
        for region, name in (
            (LONDON, "added_2009_london"),
            (WALES, "added_2009_wales"),
            (YORKSHIRE, "added_2009_yorkshire"),
        )
        for size in laid_out[name]
    ]
    return first + later


def _specialist(region: str, households: int, *, opens_on_day: int = 0) -> Site:
    return Site(
        region_code=region,
        charity=POPPY_LIKE,
        households=households,
        is_specialist=True,
        opens_on_day=opens_on_day,
    )


def draw_refuges(rng: random.Random, sites: list[Site]) -> tuple[RefugePlan, ...]:
    return tuple(_refuge(rng, number, site) for number, site in enumerate(sites))


def _refuge(rng: random.Random, number: int, site: Site) -> RefugePlan:
    spot = draw_spot(rng, list(spots_of_region(site.region_code)))
    lat, lon = moved(rng, spot, up_to_km=CELL_RADIUS_KM)
    rooms = _rooms(rng, site)
    return RefugePlan(
        alias=ALIASES[number],
        charity=site.charity,
        region_code=site.region_code,
        in_london=site.region_code == LONDON,
        island=spot.island,
        cell_lat=lat,
        cell_lon=lon,
        cell_radius_km=CELL_RADIUS_KM,
        boys_to_age=_boys_to_age(rng),
        max_children=max(3, sum(room.bed_spaces - 1 + room.cots for room in rooms)),
        max_high_support=max(2, len(rooms) // 2),
        features=_house_features(rng, site),
        duty_line=DUTY_LINE.format(101 + number),
        phone=MOBILE.format(101 + number),
        handover_point=f"Meeting point {chr(ord('A') + number)}, agreed by phone",
        rooms=rooms,
        opens_on_day=site.opens_on_day,
    )


def _boys_to_age(rng: random.Random) -> int:
    takes_older = rng.random() < calibration()["refuges"]["takes_boys_over_12"]
    return rng.choice((14, 16, 18)) if takes_older else 12


def _house_features(rng: random.Random, site: Site) -> tuple[str, ...]:
    kind = "specialist_features" if site.is_specialist else "network_features"
    shares: dict[str, float] = calibration()["refuges"][kind]
    own = [feature for feature, share in shares.items() if rng.random() < share]
    return tuple(sorted(own) + [f"lang:{code}" for code in _languages(rng)])


def _languages(rng: random.Random) -> list[str]:
    """English and what else the staff speak, drawn as the women's languages are."""
    bounds = calibration()["refuges"]["staff_languages_per_refuge"]
    more = bounds["max"] - bounds["min"]
    each = (bounds["mean"] - bounds["min"]) / more
    wanted = bounds["min"] + sum(rng.random() < each for _ in range(more))
    rows = [row for row in read_rows("languages.csv") if float(row["share_2007"]) > 0]
    spoken = {"en"}
    while len(spoken) < wanted:
        spoken.add(
            rng.choices([row["code"] for row in rows], [float(row["share_2007"]) for row in rows])[
                0
            ]
        )
    return sorted(spoken)


def _rooms(rng: random.Random, site: Site) -> tuple[RoomPlan, ...]:
    kinds = calibration()["refuges"]["unit_kinds"]
    rooms = []
    for number in range(1, site.households + 1):
        is_single = rng.random() < (kinds["single"] if site.is_specialist else 0.4)
        rooms.append(_room(rng, str(number), 1 if is_single else rng.choice((2, 2, 3, 4))))
    if not site.is_specialist:
        rooms.append(RoomPlan(code=str(site.households + 1), bed_spaces=2, is_shared=True))
    return tuple(rooms)


def _room(rng: random.Random, code: str, bed_spaces: int) -> RoomPlan:
    shares: dict[str, float] = calibration()["refuges"]["room_features"]
    has = {feature for feature, share in shares.items() if rng.random() < share}
    if "wheelchair" in has:
        has |= {"step_free", "ground_floor"}
    if "self_contained" in has:
        has.add("ensuite")
    cots = 1 if "cot" in has else 0
    return RoomPlan(
        code=code,
        bed_spaces=bed_spaces,
        cots=cots,
        features=tuple(sorted(has - {"cot"})),
    )
