"""A promised room is kept for her: so long, longer when somebody asks, and never given away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app import outbox
from app.errors import Conflict, NotAllowed, NotFound
from app.models.messages import TaskKind
from app.models.reference import Urgency
from app.services import clock, holds, invariants, offers
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of
from tests.integration.stays.conftest import Promised, now, of, request_of, tasks, until, written

HOLD = timedelta(minutes=90)  # of an emergency


@pytest.mark.parametrize(
    ("urgency", "length"),
    [
        (Urgency.EMERGENCY, HOLD),
        (Urgency.URGENT, timedelta(hours=4)),
        (Urgency.PLANNED, timedelta(days=1)),
    ],
)
def test_the_hold_begins_with_the_yes_and_is_as_long_as_her_clock(
    cast: Cast, run: Run, urgency: Urgency, length: timedelta
) -> None:
    ref = run(make_referral, cast.amara.actor, urgency=urgency).ref
    offer = run(offer_room, ref, by=cast.dee.actor)
    assert offer.hold_until is None

    run(accept, offer, by=cast.bea.actor)

    stay = run(placement_of, ref)
    assert stay.hold_until == stay.answered_at + length


def test_house_and_officer_renew_only_so_often_and_the_desk_always(
    promised: Promised, cast: Cast, run: Run
) -> None:
    first = until(promised())
    for by in (cast.amara, cast.bea, cast.amara):
        run(holds.renew, promised().public_id, until(promised()), by=by.actor)

    assert until(promised()) == first + 3 * HOLD
    for by in (cast.amara, cast.bea, cast.rowan_manager, cast.sergeant):
        with pytest.raises(Conflict, match="Ring the duty coordinator"):
            run(holds.renew, promised().public_id, until(promised()), by=by.actor)
    for _ in range(2):
        run(holds.renew, promised().public_id, until(promised()), by=cast.dee.actor)
    assert until(promised()) == first + 5 * HOLD
    assert [(each.actor_role, each.detail["renewals"]) for each in run(of, "hold_renewed")] == [
        *[("officer", 1), ("refuge_worker", 2), ("officer", 3)],
        *[("coordinator", 3), ("coordinator", 3)],
    ]


def test_two_taps_are_one_renewal(promised: Promised, cast: Cast, run: Run) -> None:
    seen = until(promised())
    run(holds.renew, promised().public_id, seen, by=cast.amara.actor)

    for tapped in (seen, None):
        with pytest.raises(Conflict, match="Look at it as it is now"):
            run(holds.renew, promised().public_id, tapped, by=cast.amara.actor)

    assert until(promised()) == seen + HOLD


def test_a_hold_that_is_over_leaves_her_the_room_and_asks_a_person_once_for_each_hold(
    promised: Promised, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_owner(clock.shift_by, HOLD + timedelta(minutes=1))
    assert run_as_worker(holds.ask_after_the_overdue) == 1
    assert run_as_worker(offers.lapse_offers) == 0
    assert promised().state == "accepted"
    assert run(tasks, TaskKind.OVERDUE) == [False]

    run(holds.renew, promised().public_id, until(promised()), by=cast.amara.actor)

    assert run(tasks, TaskKind.OVERDUE) == [True]
    assert until(promised()) - run(now) == pytest.approx(HOLD, abs=timedelta(seconds=30))
    assert run_as_worker(holds.ask_after_the_overdue) == 0
    run_as_owner(clock.shift_by, HOLD)
    assert run_as_worker(holds.ask_after_the_overdue) == 1
    assert run_as_worker(holds.ask_after_the_overdue) == 0
    run_as_worker(outbox.expire_unsent)
    assert run(tasks, TaskKind.OVERDUE) == [True, False]
    assert run(invariants.broken) == {}


def test_nobody_else_renews_and_nothing_but_a_promise_is_renewed(
    promised: Promised, cast: Cast, run: Run
) -> None:
    stay = promised()
    for by, error in (
        (cast.bram, NotFound),
        (cast.cora, NotFound),
        (cast.chloe, NotFound),
        (cast.mara, NotAllowed),
        (cast.ada, NotAllowed),
        (cast.hana, NotAllowed),
    ):
        with pytest.raises(error):
            run(holds.renew, stay.public_id, until(stay), by=by.actor)
    run(offers.record_arrival, stay.public_id, by=cast.bea.actor)
    with pytest.raises(Conflict, match="already arrived"):
        run(holds.renew, stay.public_id, until(stay), by=cast.bea.actor)


AGAINST_THE_RULES = (
    ("bea", "hold_until = hold_until + interval '1 hour'"),  # not counted
    ("bea", "hold_until = hold_until + interval '1 hour', hold_renewals = 2"),  # counted twice
    ("bea", "hold_until = hold_until - interval '1 minute', hold_renewals = 1"),
    ("dee", "hold_until = hold_until - interval '1 minute'"),
    ("dee", "hold_until = NULL"),
    ("bea", "hold_renewals = 1"),  # for nothing
)


def test_the_database_refuses_a_hold_that_is_not_renewed_by_the_rules(
    promised: Promised, cast: Cast, run: Run
) -> None:
    promised()

    for who, change in AGAINST_THE_RULES:
        by = cast.everybody()[who].actor
        with pytest.raises(Conflict):
            run(written, text(f"UPDATE placement SET {change}"), by)


def test_the_database_refuses_one_renewal_more_than_the_rules_allow(
    promised: Promised, cast: Cast, run: Run
) -> None:
    promised()

    longer = text(
        "UPDATE placement SET hold_renewals = hold_renewals + 1,"
        " hold_until = hold_until + interval '1 hour'"
    )

    for _ in range(3):
        run(written, longer, cast.bea.actor)
    with pytest.raises(Conflict):
        run(written, longer, cast.bea.actor)


def test_each_of_them_reads_until_when_and_keeps_it_longer_with_one_tap(
    promised: Promised, cast: Cast, run: Run, browser_of: Any
) -> None:
    stay = promised()
    ref = run(request_of, stay).ref
    desk = f"/desk/requests/{ref}"
    pages = {
        "amara": (f"/police/requests/{ref}", f"/police/requests/{ref}/renew"),
        "bea": (f"/refuge/stays/{stay.public_id}", f"/refuge/stays/{stay.public_id}/renew"),
        "dee": (desk, f"{desk}/offers/{stay.public_id}/renew"),
    }
    for who, (page, button) in pages.items():
        browser: Browser = browser_of(cast.everybody()[who].email)
        drawn = browser.get(page)
        assert "The room is kept for her until" in text_of(drawn), who
        seen = until(promised())
        assert f'name="seen" value="{seen.isoformat()}"' in drawn.get_data(as_text=True)

        assert browser.post(button, {"seen": seen.isoformat()}).status_code == 303

        assert until(promised()) == seen + HOLD
        assert "The room is kept longer for her." in text_of(browser.get(page))
        tapped_twice = browser.post(button, {"seen": seen.isoformat()}, follow_redirects=True)
        assert "Look at it as it is now" in text_of(tapped_twice)
    tonight = text_of(browser_of(cast.bea.email).get("/refuge/"))
    assert "Kept for her until" in tonight
