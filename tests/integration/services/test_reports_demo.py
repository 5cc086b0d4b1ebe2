"""The seeded week counted a second time, in plain Python over the raw rows: every figure agrees."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.actors import SYSTEM, Actor, Role
from app.db import Base, db, transaction
from app.demo.seed import seed_demo
from app.models.accounts import User
from app.models.beds import Bed, BedUse, Refuge, Room
from app.models.events import Event
from app.models.funding import Fund
from app.models.honey import HoneyRecord
from app.models.placements import Placement
from app.models.plans import PlanLine, PlanRun
from app.models.reference import District, Reason, Region
from app.models.referrals import HandOn, Needs, Referral
from app.services import reports
from app.services.report_figures import Area, Figures
from tests.conftest import Run

pytestmark = pytest.mark.slow
LONDON = ZoneInfo("Europe/London")
Here = Callable[[bool], bool]


@dataclass
class Raw:
    """Every row that a figure may rest on, read whole; nothing is filtered or counted by SQL."""

    rows: dict[type[Base], list[Any]]
    since: datetime
    now: datetime
    charity: int | None

    def of(self, table: type[Base]) -> list[Any]:
        return self.rows[table]

    def __post_init__(self) -> None:
        nights, day = [], self.since.astimezone(LONDON).date()
        while day <= self.now.astimezone(LONDON).date():
            at = datetime(day.year, day.month, day.day, 3, tzinfo=LONDON).astimezone(
                self.now.tzinfo
            )
            nights += [at] if self.since < at <= self.now else []
            day += timedelta(days=1)
        self.nights = nights
        regions = {region.code: region for region in self.of(Region)}
        districts = {district.code: regions[district.region_code] for district in self.of(District)}
        self.region_of_needs = {
            needs.id: districts[needs.district_code] for needs in self.of(Needs)
        }
        self.houses = {house.id: house for house in self.of(Refuge)}
        self.uses: dict[int, list[BedUse]] = {}
        for use in self.of(BedUse):
            self.uses.setdefault(use.bed_id, []).append(use)
        self.stays = {stay.id: stay for stay in self.of(Placement)}

    def in_period(self, at: datetime | None) -> bool:
        return at is not None and self.since < at <= self.now

    def requests(self, here: Here) -> list[Referral]:
        planted = {each.referral_id for each in self.of(HoneyRecord)}  # is in no figure
        return [
            r
            for r in self.of(Referral)
            if r.id not in planted and here(self.region_of_needs[r.needs_id].in_london)
        ]

    def places(self, here: Here) -> list[tuple[Bed, Room]]:
        rooms = {room.id: room for room in self.of(Room)}
        return [
            (bed, rooms[bed.room_id])
            for bed in self.of(Bed)
            if bed.kind == "bed"
            and (bed.number == 1 or rooms[bed.room_id].is_shared)
            and self.houses[bed.refuge_id].organisation_id == self.charity
            and here(self.houses[bed.refuge_id].in_london)
        ]

    def opened(self, room: Room) -> datetime:
        told = [e.at for e in self.of(Event) if e.kind == "room_opened" and e.room_id == room.id]
        found: datetime = min(told, default=self.houses[room.refuge_id].created_at)
        return found

    def slept_in(self, bed: Bed, at: datetime) -> bool:
        stays = [self.stays[u.placement_id] for u in self.uses.get(bed.id, []) if u.placement_id]
        return any(
            s.arrived_at and s.arrived_at <= at and (s.ended_at is None or at < s.ended_at)
            for s in stays
        )


TABLES = (
    *(Bed, BedUse, Refuge, Room, Event, Fund, Placement, PlanLine, PlanRun),
    *(District, Reason, Region, HandOn, HoneyRecord, Needs, Referral),
)


@pytest.fixture
def demo(run_as_owner: Run, run: Run) -> tuple[Run, Actor]:
    run_as_owner(seed_demo)

    def manager() -> Actor:
        with transaction(by=SYSTEM):
            user = db.session.scalars(select(User).where(User.role == Role.CHARITY_MANAGER)).first()
            assert user is not None
            return user.as_actor()

    return run, run(manager)


def read(figures: Figures, charity: int | None) -> Raw:
    with transaction(by=SYSTEM):
        rows: dict[type[Base], list[Any]] = {
            table: list(db.session.scalars(select(table))) for table in TABLES
        }
        return Raw(rows, figures.period.since, figures.period.until, charity)


def test_the_demonstrations_figures_agree_with_a_second_count(
    demo: tuple[Run, Actor], run_as_owner: Run
) -> None:
    run, manager = demo
    for days in (7, 28, 90):
        found = run(reports.exact_figures, days, by=manager)
        raw = run_as_owner(read, found, manager.organisation_id)

        assert list(found.period.nights.values()) == raw.nights
        check_area(found.everywhere, raw, lambda in_london: True)
        check_area(found.inside, raw, lambda in_london: in_london)
        check_area(found.outside, raw, lambda in_london: not in_london)
        check_regions(found)
        check_pace(found, raw)
        check_reasons(found, raw)
        check_money(found, raw)
        assert found.everywhere.requests.received >= 30, "the demonstration has something to count"
        assert found.everywhere.nights.occupied > 50


def check_area(area: Area, raw: Raw, here: Here) -> None:
    received = [r for r in raw.requests(here) if raw.in_period(r.submitted_at)]
    state = Counter(str(r.state) for r in received)
    asked = area.requests
    assert asked.received == len(received)
    assert asked.placed == state["confirmed"] + state["resident"] + state["moved_on"]
    assert asked.arrived == state["resident"] + state["moved_on"]
    assert asked.waiting == state["ready"] + state["offered"]
    assert (asked.withdrawn, asked.unmet, asked.not_arrived) == (
        state["withdrawn"],
        state["unmet"],
        state["not_arrived"],
    )
    ids = {r.id for r in received}
    stays = [
        raw.houses[s.refuge_id]
        for s in raw.stays.values()
        if s.referral_id in ids and s.state in ("accepted", "arrived", "departed")
    ]
    assert asked.placed_inside == sum(house.in_london for house in stays)
    assert asked.placed_outside == sum(not house.in_london for house in stays)
    assert asked.placed_with_us == sum(house.organisation_id == raw.charity for house in stays)
    now = Counter(str(r.state) for r in raw.requests(here))
    assert area.waiting_now == now["ready"] + now["offered"]
    assert area.on_the_way == now["confirmed"]
    check_places(area, raw, here)


def check_places(area: Area, raw: Raw, here: Here) -> None:
    now_is: Counter[str] = Counter()
    nights: Counter[str] = Counter()
    for bed, room in raw.places(here):
        uses = raw.uses.get(bed.id, [])
        live = [use for use in uses if use.live and raw.now in use.during]
        stay = next((raw.stays[use.placement_id] for use in live if use.placement_id), None)
        taken = "occupied" if stay and stay.state == "arrived" else "held" if stay else ""
        is_open = room.kind == "house"  # a surge or hotel place counts while somebody has it
        if taken or is_open:
            now_is[taken or ("void" if live else "free")] += 1
        opened = raw.opened(room)
        for at in raw.nights:
            void = any(u.void_id and at in u.during for u in raw.uses.get(bed.id, []))
            if raw.slept_in(bed, at):
                nights.update(["occupied", "open"])
            elif void and is_open:
                nights["void"] += 1
            elif opened <= at and is_open and not void:
                nights["open"] += 1
    places, counted = area.places, area.nights
    assert (places.occupied, places.held) == (now_is["occupied"], now_is["held"])
    assert (places.free, places.void) == (now_is["free"], now_is["void"])
    assert (counted.occupied, counted.open) == (nights["occupied"], nights["open"])
    assert counted.void == nights["void"]
    assert counted.waited == sum(waits(raw, here, at) for at in raw.nights)


def waits(raw: Raw, here: Here, at: datetime) -> int:
    arrived = {s.referral_id for s in raw.stays.values() if s.arrived_at and s.arrived_at <= at}
    return sum(
        r.submitted_at <= at and (r.closed_at is None or at < r.closed_at) and r.id not in arrived
        for r in raw.requests(here)
    )


def check_regions(found: Figures) -> None:
    """London and the rest are the same rows cut finer."""
    for whole, parts in (
        (found.inside, [a for a in found.regions if a.name == "London"]),
        (found.outside, [a for a in found.regions if a.name != "London"]),
    ):
        assert whole.requests.received == sum(a.requests.received for a in parts)
        assert whole.requests.placed == sum(a.requests.placed for a in parts)
        assert whole.waiting_now == sum(a.waiting_now for a in parts)
        assert whole.places.open == sum(a.places.open for a in parts)
        assert whole.nights.open == sum(a.nights.open for a in parts)
        assert whole.nights.waited == sum(a.nights.waited for a in parts)


def check_pace(found: Figures, raw: Raw) -> None:
    minutes = sorted(
        int((r.confirmed_at - r.submitted_at).total_seconds() // 60)
        for r in raw.requests(lambda _: True)
        if r.confirmed_at is not None
        and raw.in_period(r.submitted_at)
        and r.state in ("confirmed", "resident", "moved_on")
    )
    rank = [math.ceil(Fraction(tenths, 10) * len(minutes)) - 1 for tenths in (5, 9)]
    assert found.pace == (minutes[rank[0]], minutes[rank[1]])


def check_reasons(found: Figures, raw: Raw) -> None:
    text = {reason.code: reason.text for reason in raw.of(Reason)}
    ended = Counter(
        text[r.closed_reason]
        for r in raw.requests(lambda _: True)
        if raw.in_period(r.closed_at) and r.state in ("withdrawn", "not_arrived", "unmet")
    )
    noes = {
        reason.code
        for reason in raw.of(Reason)
        if reason.kind.startswith(("declined_by", "withdrawn_by", "lapsed"))
    }
    said_no = Counter(
        text[s.reason_code]
        for s in raw.stays.values()
        if raw.in_period(s.ended_at)
        and s.state in ("declined", "lapsed", "withdrawn")
        and s.reason_code in noes
    )
    assert {each.text: each.count for each in found.ended} == ended
    assert {each.text: each.count for each in found.said_no} == said_no
    assert found.hand_ons == Counter(
        each.who for each in raw.of(HandOn) if raw.in_period(each.created_at)
    )
    made = {run.id: run.as_of for run in raw.of(PlanRun)}
    asked_for = {
        r.id
        for r in raw.requests(lambda _: True)
        if r.state == "ready" or (r.state == "unmet" and raw.in_period(r.closed_at))
    }
    newest: dict[int, PlanLine] = {}
    for line in sorted(raw.of(PlanLine), key=lambda line: made[line.run_id]):
        if line.room_id is None and line.referral_id in asked_for:
            newest[line.referral_id] = line
    without = {ref for ref, line in newest.items() if line.reasons}
    assert bool(found.no_room) == bool(without)
    assert max((each.count for each in found.no_room), default=0) <= len(without)


def check_money(found: Figures, raw: Raw) -> None:
    dates = [at.astimezone(LONDON).date() - timedelta(days=1) for at in raw.nights]
    own = [fund for fund in raw.of(Fund) if fund.organisation_id == raw.charity]
    bought = []
    for fund in own:
        share = Fraction(
            sum(fund.starts_on <= night <= fund.ends_on for night in dates),
            (fund.ends_on - fund.starts_on).days + 1,
        )
        bought.append(math.floor(share * fund.amount_pence / fund.bed_night_pence))
    assert found.funded == sum(bought)
    assert sum(part.funded for part in found.parts) == found.funded
    assert found.needed == sum(part.occupied + part.waited for part in found.parts)
    grant = next(fund for fund in found.funds if fund.amount_pence == 10_000_000)
    assert grant.source == "The Guardian, 4 October 2007"
    assert grant.nights == 1020
