"""Trouble with the provider, or a worker that is gone, stands on the board within a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import outbox
from app.services.clock import shift_by
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of
from tests.fake_twilio import FakeTwilio

STUCK = "1 text does not go out. Ring the houses you have asked"


@pytest.mark.parametrize("trouble", ["500_before", "429", "no worker"])
def test_an_offer_whose_text_is_not_taken_is_shown(
    desk: Browser,
    cast: Cast,
    run: Run,
    run_as_owner: Run,
    run_as_worker: Run,
    twilio: FakeTwilio,
    trouble: str,
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor)
    if trouble != "no worker":
        twilio.plan(trouble)
        run_as_worker(outbox.send_due, twilio.gateway(), public_url="http://127.0.0.1:9")
    soon = text_of(desk.get("/desk/board"))
    run_as_owner(shift_by, timedelta(seconds=31))
    late = text_of(desk.get("/desk/board"))
    worker = cast.bea if run(placement_of, ref).refuge_id == cast.rowan_id else cast.chloe
    run(accept, run(placement_of, ref), by=worker.actor)
    settled = text_of(desk.get("/desk/board"))

    assert STUCK not in soon
    assert STUCK in late
    assert STUCK not in settled


def test_a_text_that_went_out_is_no_trouble(
    desk: Browser, cast: Cast, run: Run, run_as_owner: Run, run_as_worker: Run, twilio: FakeTwilio
) -> None:
    run(offer_room, run(make_referral, cast.amara.actor).ref, by=cast.dee.actor)
    run_as_worker(outbox.send_due, twilio.gateway(), public_url="http://127.0.0.1:9")
    run_as_owner(shift_by, timedelta(seconds=31))

    assert "not go out" not in text_of(desk.get("/desk/board"))
