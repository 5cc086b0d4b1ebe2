"""Clearly different plans stand beside the plan, with what they cost and whom they move."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.beds import Refuge
from app.services import matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, make_refuge
from tests.integration.views.coordinator.conftest import Planned

SCOTLAND, YORKSHIRE, NORTH_EAST = "S92000003", "E12000003", "E12000001"


def _close(alias: str) -> None:
    with transaction(by=SYSTEM):
        db.session.execute(update(Refuge).where(Refuge.alias == alias).values(is_open=False))


def test_a_different_plan_is_said_with_its_cost_and_without_minutes(
    desk: Browser, planned: Planned, run_as_worker: Run
) -> None:
    assert "Other good plans" not in text_of(desk.get("/desk/board"))

    run_as_worker(matching.explain_newest_plan)

    said = text_of(desk.get("/desk/board"))
    # She could live nowhere but in Rowan and Cedar, so there is one, and "no room" is none.
    assert "Other good plans (1)" in said
    assert f"Longer journeys. {planned.ref} Cedar, room 1 (Wales, outside London)" in said
    assert "more travel" not in said


@pytest.mark.parametrize("closed", [("Cedar",), ("Rowan", "Cedar")])
def test_where_no_other_plan_exists_none_is_said(
    desk: Browser,
    cast: Cast,
    closed: tuple[str, ...],
    run: Run,
    run_as_owner: Run,
    run_as_worker: Run,
) -> None:
    for alias in closed:
        run_as_owner(_close, alias)
    run(make_referral, cast.amara.actor)
    run_as_worker(matching.make_plan)

    run_as_worker(matching.explain_newest_plan)

    said = text_of(desk.get("/desk/board"))
    assert "seconds: 1 room proposed" in said if len(closed) == 1 else "0 rooms proposed" in said
    assert "Other good plans" not in said


def test_three_are_said_the_best_first_and_all_different(
    desk: Browser, cast: Cast, run: Run, run_as_owner: Run, run_as_worker: Run
) -> None:
    charity = run_as_owner(_charity_of, cast.rowan_id)
    for alias, region in (("Hazel", YORKSHIRE), ("Alder", NORTH_EAST), ("Thorn", SCOTLAND)):
        run_as_owner(make_refuge, alias, organisation_id=charity, region=region)
    ref = run(make_referral, cast.amara.actor).ref
    run_as_worker(matching.make_plan)

    run_as_worker(matching.explain_newest_plan)

    _, is_there, said = text_of(desk.get("/desk/board")).partition("Other good plans (3)")
    assert is_there
    shown = [said.index(f"{ref} {alias}, room 1") for alias in ("Cedar", "Hazel", "Alder")]
    assert shown == sorted(shown)
    assert f"{ref} Thorn" not in said


def _charity_of(refuge_id: int) -> int:
    with transaction(by=SYSTEM):
        return db.session.get_one(Refuge, refuge_id).organisation_id
