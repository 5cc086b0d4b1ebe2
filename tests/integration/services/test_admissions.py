"""The officer's number goes when the handover is over: the edge, to the minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.services import admissions, clock, offers
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of


@pytest.mark.parametrize(("minutes", "shown"), [(719, True), (721, False)])
def test_the_officers_number_is_kept_for_half_a_day_after_arrival(
    cast: Cast,
    run: Run,
    run_as_owner: Run,
    browser_of: Callable[[str], Browser],
    minutes: int,
    shown: bool,
) -> None:
    referral = run(make_referral, cast.amara.actor)
    room = run(room_of, "Rowan", "1").public_id
    stay = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    run(accept, stay, by=cast.bea.actor)
    run(offers.record_arrival, stay.public_id, by=cast.bea.actor)

    run_as_owner(clock.shift_by, timedelta(minutes=minutes))

    page = run(admissions.show_stay, stay.public_id, by=cast.bea.actor)
    assert (page.meeting is not None) is shown
    assert page.asks is not None
    read = browser_of(cast.bea.email).get(f"/refuge/stays/{stay.public_id}")
    assert read.status_code == 200
    assert ("The officer who brought her" in text_of(read)) is shown
