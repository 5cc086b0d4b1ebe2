"""The main job through the services: asked, planned, decided, offered, accepted, arrived, left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.placements import Channel
from app.models.plans import PlanLine
from app.models.referrals import Referral, ReferralState
from app.services import clock, follow, invariants, matching, offers
from app.services.matching import planning
from app.services.snapshot import Snapshot
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import at_once, make_referral, placement_of, room_of


def test_a_woman_gets_a_bed_tonight(cast: Cast, run: Run, run_as_worker: Run) -> None:
    referral = run(make_referral, cast.amara.actor)
    run_id = run_as_worker(matching.make_plan)

    outcome = run(matching.confirm_plan, run_id, [referral.ref], by=cast.dee.actor)
    assert outcome.offered == [referral.ref]
    placement = run(placement_of, referral.ref)
    house = cast.bea if placement.refuge_id == cast.rowan_id else cast.chloe
    run(offers.accept_offer, by=house.actor, channel=Channel.WEB, code=placement.offer_code)
    page = run(follow.show_request, referral.ref, by=cast.amara.actor)
    assert page.status.placement is not None
    assert page.status.placement.alias in ("Rowan", "Cedar")
    run(offers.record_arrival, placement.public_id, by=cast.amara.actor)
    run(offers.record_departure, placement.public_id, "planned_move", by=house.actor)

    state = run(follow.request_status, referral.ref, by=cast.amara.actor)[0]
    assert state == ReferralState.MOVED_ON
    assert run(invariants.broken) == {}


def test_a_person_may_ask_a_silent_house_again(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    referral = run(make_referral, cast.amara.actor)
    rowan = run(room_of, "Rowan", "1").public_id
    run(matching.override, referral.ref, at_once(rowan), by=cast.dee.actor)
    run_as_owner(clock.shift_by, timedelta(minutes=21))
    assert run_as_worker(offers.lapse_offers) == 1
    run_as_worker(matching.make_plan)
    assert run(_proposed, referral.ref) == cast.cedar_id  # the plan lets the silent house rest

    run(matching.override, referral.ref, at_once(rowan), by=cast.dee.actor)

    assert run(placement_of, referral.ref).refuge_id == cast.rowan_id


def _proposed(ref: str) -> int | None:
    with transaction(by=SYSTEM):
        query = select(PlanLine.refuge_id).join(Referral).where(Referral.ref == ref)
        return db.session.scalars(query.order_by(PlanLine.id.desc())).first()


def test_a_plan_of_an_older_moment_never_replaces_a_newer_one(
    cast: Cast, run: Run, run_as_worker: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(make_referral, cast.amara.actor)
    solve = planning._solve

    def overtaken(snapshot: Snapshot) -> Any:
        """While this plan is being worked out, a second request comes and is planned."""
        monkeypatch.setattr(planning, "_solve", solve)
        run(make_referral, cast.amara.actor)
        run_as_worker(matching.make_plan)
        return solve(snapshot)

    monkeypatch.setattr(planning, "_solve", overtaken)
    kept = run_as_worker(matching.make_plan)

    assert run_as_worker(_lines_of, kept) == 2


def _lines_of(run_id: UUID) -> int:
    with transaction(by=SYSTEM):
        newest = matching.newest_run()
        assert newest is not None
        assert newest.id == run_id
        return len(db.session.scalars(select(PlanLine).where(PlanLine.run_id == run_id)).all())
