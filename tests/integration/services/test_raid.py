"""A raid: up to 40 women at once, some tied together, some to be kept apart, on one board."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.placements import Placement
from app.models.plans import PlanLine
from app.models.referrals import LinkKind, Referral
from app.services import invariants, matching
from app.services.board import look
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, make_refuge

HOUSES, ROOMS = 8, 6


@dataclass(frozen=True)
class Raid:
    """The first woman's request, those who stay with her, those she must not meet, and all."""

    first: str
    with_her: list[str]
    not_with_her: list[str]
    refs: list[str]


def _raid(run: Run, cast: Cast, women: int) -> Raid:
    """As officers do it: "another woman, same place" for each after the first."""
    first = run(make_referral, cast.amara.actor).ref
    ties = {1: LinkKind.TOGETHER, 2: LinkKind.TOGETHER, 3: LinkKind.APART, 4: LinkKind.APART}
    languages = ("sq", "vi", "ro")
    refs = [first]
    for number in range(1, women):
        woman = run(
            make_referral,
            cast.amara.actor,
            same_as=first,
            tie=ties.get(number),
            language=languages[number % 3],
        )
        refs.append(woman.ref)
    return Raid(first, refs[1:3], refs[3:5], refs)


def _houses(run_as_owner: Run) -> None:
    rooms = tuple((str(number), 1, 0, False) for number in range(1, ROOMS + 1))
    for number in range(HOUSES):
        phone = f"+447700900{120 + number}"
        run_as_owner(
            make_refuge, f"House {number}", organisation_id=1, phone=phone, rooms=rooms,
            max_high_support=2,
        )  # fmt: skip


def _house_of(run_id: UUID) -> dict[str, int | None]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Referral.ref, PlanLine.refuge_id)
            .join(Referral, Referral.id == PlanLine.referral_id)
            .where(PlanLine.run_id == run_id)
        )
        return dict(rows.all())


@pytest.mark.parametrize("women", [12, 40])
def test_a_raid_is_planned_shown_and_asked_for_in_one_go(
    cast: Cast, browser_of: object, run: Run, run_as_worker: Run, run_as_owner: Run, women: int
) -> None:
    _houses(run_as_owner)
    raid = _raid(run, cast, women)

    run_id = run_as_worker(matching.make_plan)

    houses = run(_house_of, run_id)
    assert len(houses) == women
    assert all(houses.values())
    assert {houses[ref] for ref in raid.with_her} == {houses[raid.first]}
    assert houses[raid.first] not in {houses[ref] for ref in raid.not_with_her}

    desk: Browser = browser_of(cast.dee.email)  # type: ignore[operator]
    page = desk.get("/desk/board")
    html = page.get_data(as_text=True)
    assert f"{women} waiting, a room proposed for {women}" in text_of(page)
    assert html.count('name="line"') == women - len(raid.with_her)
    lines = [line.person.ref for line in run(look, by=cast.dee.actor).lines]
    at = lines.index(raid.first)
    assert set(lines[at : at + 3]) == {raid.first, *raid.with_her}

    desk.post("/desk/board", {"run": str(run_id), "shown": raid.refs, "which": "all"})

    assert f"{women} offers sent" in text_of(desk.get("/desk/board"))
    assert run(_asked) == women
    assert run(invariants.broken) == {}


def _asked() -> int:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(func.count()).where(Placement.live)).one()


def test_a_raid_that_finds_too_few_rooms_says_why_of_each(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    """Four rooms in two houses: a group of three fits into no house, and waits whole."""
    raid = _raid(run, cast, 12)

    run_id = run_as_worker(matching.make_plan)

    houses = run(_house_of, run_id)
    assert sum(house is not None for house in houses.values()) == 4
    assert {houses[ref] for ref in (raid.first, *raid.with_her)} == {None}

    def unexplained() -> int:
        with transaction(by=SYSTEM):
            query = "SELECT count(*) FROM plan_line WHERE room_id IS NULL AND reasons = '[]'"
            return int(db.session.scalars(text(query)).one())

    assert run(unexplained) == 0
