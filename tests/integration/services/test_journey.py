"""The main job through the services: asked, planned, decided, offered, accepted, arrived, left."""

from __future__ import annotations

from app.models.placements import Channel
from app.models.referrals import ReferralState
from app.services import follow, invariants, matching, offers
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, placement_of


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
