"""The demonstration's week: laid out once, consistent, with something for everybody to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import create_app
from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.demo import layout
from app.demo.people import CAST, COORDINATOR, OFFICER, WORKER
from app.demo.seed import SEED, seed_demo
from app.demo.surge import SURGE_SIZE, send_surge
from app.demo.world import DEMO_HOUSES, Scenario, World
from app.embedded_postgres import EmbeddedPostgres
from app.models.accounts import Organisation, User
from app.models.beds import Refuge, Room
from app.models.clock import ClockShift
from app.models.events import Event
from app.models.funding import Fund
from app.models.honey import HoneyRecord, HoneyTouch
from app.models.messages import Message, MessageState, Task
from app.models.placements import Placement, PlacementState
from app.models.plans import PlanLine, PlanRun
from app.models.referrals import HandOn, Incident, Needs, Referral, ReferralLink, ReferralState
from app.services import accounts, clock, follow, invariants, matching
from app.services.reference import load_reference
from tests.conftest import settings_for

Run = Callable[..., Any]


@dataclass(frozen=True)
class Counted:
    referrals: Counter[str]
    placements: Counter[str]


WORLD = World.generate(SEED, Scenario.WEEK)
WEEK = "waymark_week"
COPY = "waymark_week_copy"


@pytest.fixture(scope="module")
def seeded(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The week, played once for this module; the line that the command prints."""
    postgres.create_database(WEEK, template=template)
    with create_app(settings_for(postgres, WEEK), role="waymark_owner").app_context():
        said = seed_demo()
        db.engine.dispose()
    yield said
    postgres.drop_database(WEEK)


@pytest.fixture
def week(seeded: str, postgres: EmbeddedPostgres) -> Iterator[Callable[[str], Run]]:
    """``week("waymark_web")(use_case, ...)``: call as that role, on a copy of the week."""
    postgres.create_database(COPY, template=WEEK)
    apps: dict[str, Flask] = {}

    def as_role(role: str) -> Run:
        flask = apps.setdefault(role, create_app(settings_for(postgres, COPY), role=role))

        def run(use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            with flask.app_context():
                return use_case(*args, **kwargs)

        return run

    yield as_role
    for flask in apps.values():
        with flask.app_context():
            db.engine.dispose()
    postgres.drop_database(COPY)


@pytest.fixture
def owner(week: Callable[[str], Run]) -> Run:
    return week("waymark_owner")


def counted() -> Counted:
    with transaction(by=SYSTEM):
        return Counted(
            Counter(db.session.scalars(select(Referral.state)).all()),
            Counter(db.session.scalars(select(Placement.state)).all()),
        )


def count(model: Any) -> int:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def open_offers() -> dict[str, timedelta]:
    with transaction(by=SYSTEM) as now:
        rows = db.session.execute(
            select(Refuge.alias, Placement.offer_expires_at)
            .join(Placement, Placement.refuge_id == Refuge.id)
            .where(Placement.state == PlacementState.OFFERED)
        ).all()
        return {alias: expires - now for alias, expires in rows if expires}


def proposals() -> tuple[int, int]:
    """(with a room, without one) in the newest plan."""
    with transaction(by=SYSTEM):
        newest = select(PlanRun.id).order_by(PlanRun.created_at.desc()).limit(1)
        rows = db.session.scalars(
            select(PlanLine.room_id).where(PlanLine.run_id == newest.scalar_subquery())
        ).all()
        return sum(room is not None for room in rows), sum(room is None for room in rows)


def test_the_week_is_whole_and_breaks_no_invariant(seeded: str, owner: Run) -> None:
    found = owner(counted)

    assert seeded.startswith("A week has been played: 16 houses")
    assert owner(invariants.broken) == {}
    assert found.referrals[ReferralState.RESIDENT] >= 40
    assert found.placements[PlacementState.DECLINED] >= 1
    asked = len(WORLD.residents) + 40 - 3  # 3 are under 18
    assert sum(found.referrals.values()) == asked + len(layout.HONEY)
    assert (owner(count, HoneyRecord), owner(count, HoneyTouch)) == (2, 0)
    assert owner(count, HandOn) == 3
    assert found.referrals[ReferralState.UNMET] >= 1
    assert owner(count, ReferralLink) >= 1


def test_everybody_of_the_tour_finds_something_to_do(owner: Run) -> None:
    offers = owner(open_offers)
    placed, left_out = owner(proposals)
    officer = owner(layout.actor, OFFICER.email)
    open_requests, _ = owner(follow.list_requests, by=officer)

    assert set(DEMO_HOUSES) <= set(offers)
    assert all(
        left > timedelta(minutes=30) for house, left in offers.items() if house in DEMO_HOUSES
    )
    assert placed >= 2
    assert placed + left_out >= 3
    assert len(open_requests) >= 4


def test_the_people_of_the_tour_can_sign_in_and_nobody_else(owner: Run) -> None:
    people = owner(accounts.demo_people)

    assert [person.role for person in people][:5] == [
        Role.OFFICER,
        Role.COORDINATOR,
        Role.REFUGE_WORKER,
        Role.REFUGE_MANAGER,
        Role.CHARITY_MANAGER,
    ]
    assert len(people) == len(CAST)
    assert (
        owner(count, User) == len(CAST) + 17 + 1
    )  # one officer for each other force; one has left
    assert people[2].refuge == WORKER.refuge == "Rowan House"


def test_the_grant_of_2007_is_in_the_books(owner: Run) -> None:
    def grants() -> dict[str, tuple[int, str]]:
        with transaction(by=SYSTEM):
            return {
                fund.source: (fund.amount_pence, fund.name)
                for fund in db.session.scalars(select(Fund))
            }

    found = owner(grants)

    assert found["The Guardian, 4 October 2007"][0] == 100_000 * 100
    assert len(found) == 2


def test_the_clock_is_put_back_and_history_lies_in_the_past(owner: Run) -> None:
    def times() -> tuple[timedelta, bool, timedelta]:
        with transaction(by=SYSTEM) as now:
            shift = db.session.scalars(select(ClockShift.shift)).one()
            latest = db.session.scalar(select(func.max(Referral.submitted_at)))
            first = db.session.scalar(select(func.min(Referral.submitted_at)))
            assert latest is not None
            assert first is not None
            return shift, latest < now, latest - first

    shift, is_past, length = owner(times)

    assert shift == timedelta(0)
    assert is_past
    assert length > timedelta(days=7)


def test_old_texts_are_done_and_open_offers_still_owe_theirs(owner: Run) -> None:
    def owed() -> tuple[int, int, int]:
        with transaction(by=SYSTEM) as now:
            new = Message.state == MessageState.NEW
            total = db.session.scalar(select(func.count(Message.id)).where(new)) or 0
            late = select(func.count(Message.id)).where(new, Message.not_after <= now)
            stale = select(func.count(Message.id)).where(
                new, Message.due_at < now - timedelta(minutes=2)
            )
            return total, db.session.scalar(late) or 0, db.session.scalar(stale) or 0

    total, late, stale = owner(owed)

    assert total >= 2
    assert (late, stale) == (0, 0)


def test_every_change_left_its_audit_row_and_the_desk_is_tidy(owner: Run) -> None:
    def facts() -> tuple[Counter[str], int]:
        with transaction(by=SYSTEM) as now:
            kinds = Counter(db.session.scalars(select(Event.kind)).all())
            old = select(func.count(Task.id)).where(
                Task.done_at.is_(None), Task.opened_at < now - timedelta(hours=2)
            )
            return kinds, db.session.scalar(old) or 0

    kinds, old_tasks = owner(facts)

    assert kinds["referral_made"] == len(WORLD.residents) + 37 + len(layout.HONEY)
    assert kinds["person_handed_on"] == 3
    assert kinds["offer_made"] == owner(count, Placement)
    assert kinds["room_opened"] == owner(count, Room)
    assert old_tasks == 0


def test_seeding_again_changes_nothing(owner: Run) -> None:
    before = owner(count, Event)

    said = owner(seed_demo)

    assert said == "The database is not empty: nothing was added."
    assert owner(count, Event) == before


def test_a_seed_that_was_cut_short_says_what_to_do(owner: Run) -> None:
    owner(clock.shift_by, timedelta(hours=-5))

    assert "delete its data folder" in owner(seed_demo)


def test_one_organisation_is_enough_to_leave_a_database_alone(run_as_owner: Run) -> None:
    run_as_owner(accounts.create_organisation, "Somebody's own", kind="charity", by=SYSTEM)

    run_as_owner(seed_demo)

    assert run_as_owner(count, Organisation) == 1


def test_a_surge_is_one_incident_of_the_officer_and_much_of_it_finds_a_room(
    week: Callable[[str], Run], owner: Run
) -> None:
    refs = week("waymark_web")(send_surge)
    owner(matching.make_plan)

    def raid() -> tuple[set[str], int, int]:
        with transaction(by=SYSTEM):
            rows = db.session.execute(
                select(Referral.incident_id, Needs.language_code)
                .join(Needs, Needs.id == Referral.needs_id)
                .where(Referral.ref.in_(refs))
            ).all()
            ids = select(Referral.id).where(Referral.ref.in_(refs))
            placed = db.session.scalar(
                select(func.count(PlanLine.room_id)).where(
                    PlanLine.referral_id.in_(ids),
                    PlanLine.run_id
                    == select(PlanRun.id)
                    .order_by(PlanRun.created_at.desc())
                    .limit(1)
                    .scalar_subquery(),
                )
            )
            return {row[1] for row in rows}, len({row[0] for row in rows}), placed or 0

    languages, incidents, placed = owner(raid)

    assert len(refs) == len(set(refs)) == SURGE_SIZE == 12
    assert incidents == 1
    assert len(languages) == 3
    assert placed >= 3
    assert owner(count, Incident) >= 1


def test_a_surge_without_a_demonstration_says_what_to_do(run: Run, database: str) -> None:
    with pytest.raises(Exception, match="flask --app wsgi seed"):
        run(send_surge)


def test_reference_data_can_be_loaded_again_over_a_used_database(owner: Run) -> None:
    counts = owner(load_reference)

    assert counts["police_force"] == 61
    assert counts["district"] == 3002 + 139
    assert owner(layout.actor, COORDINATOR.email).role is Role.COORDINATOR
