"""She has set out: one tap, a time where somebody knows one, and her room is kept until then."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.messages import TaskKind
from app.models.referrals import ReferralState
from app.services import clock, follow, holds, invariants, offers, referrals
from tests.browser_without_a_window import text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.stays.conftest import Promised, now, of, request_of, tasks, until, written

NIGHT = datetime(2026, 11, 25, 2, 30, tzinfo=UTC)  # winter: London's own time


@pytest.fixture(autouse=True)
def at_night(run_as_owner: Run, database: str) -> None:
    run_as_owner(clock.shift_to, NIGHT)


def test_her_room_is_kept_until_she_is_expected_and_an_hour_longer(
    promised: Promised, cast: Cast, run: Run
) -> None:
    run(holds.set_out, promised().public_id, time(4, 30), by=cast.amara.actor)

    stay = promised()
    assert stay.expected_at == NIGHT + timedelta(hours=2)
    assert until(stay) == NIGHT + timedelta(hours=3)
    assert run(request_of, stay).state == ReferralState.IN_TRANSIT
    [event] = run(of, "set_out")
    assert (event.actor_role, event.detail) == ("officer", {"has_time": True})

    run(holds.set_out, stay.public_id, time(2, 0), by=cast.bea.actor)  # a puncture: tomorrow
    assert promised().expected_at == NIGHT + timedelta(hours=23, minutes=30)
    assert promised().set_out_at == stay.set_out_at
    assert run(invariants.broken) == {}


def test_without_a_time_the_hold_begins_anew_and_a_question_is_answered(
    promised: Promised, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_owner(clock.shift_by, timedelta(minutes=91))
    assert run_as_worker(holds.ask_after_the_overdue) == 1

    run(holds.set_out, promised().public_id, None, by=cast.dee.actor)

    assert until(promised()) - run(now) == pytest.approx(
        timedelta(minutes=90), abs=timedelta(seconds=30)
    )
    assert promised().expected_at is None
    assert run(tasks, TaskKind.OVERDUE) == [True]
    run_as_owner(clock.shift_by, timedelta(minutes=91))
    assert run_as_worker(holds.ask_after_the_overdue) == 1


def test_the_way_ends_as_a_promise_does(promised: Promised, cast: Cast, run: Run) -> None:
    run(holds.set_out, promised().public_id, None, by=cast.amara.actor)
    run(offers.record_not_arrived, promised().public_id, "transport_failed", by=cast.amara.actor)

    assert run(request_of, promised()).state == ReferralState.NOT_ARRIVED
    with pytest.raises(Conflict, match="not arrived"):
        run(holds.set_out, promised().public_id, None, by=cast.amara.actor)
    assert run(invariants.broken) == {}


@pytest.mark.parametrize("end", ["arrives", "withdrawn", "taken back"])
def test_from_the_way_she_arrives_or_the_request_ends_or_goes_back(
    promised: Promised, cast: Cast, run: Run, end: str
) -> None:
    stay = promised()
    run(holds.set_out, stay.public_id, time(4, 0), by=cast.amara.actor)
    page = run(follow.show_request, run(request_of, stay).ref, by=cast.amara.actor)
    assert page.status.placement is not None, "the duty line stands on the officer's phone"
    assert page.referral.may_withdraw

    if end == "arrives":
        run(offers.record_arrival, stay.public_id, by=cast.bea.actor)
    elif end == "withdrawn":
        ref = run(request_of, stay).ref
        run(referrals.withdraw, ref, "lost_touch", by=cast.amara.actor)
    else:
        run(offers.withdraw_offer, stay.public_id, "bed_lost", by=cast.dee.actor)

    assert (
        run(request_of, stay).state
        == {
            "arrives": ReferralState.RESIDENT,
            "withdrawn": ReferralState.WITHDRAWN,
            "taken back": ReferralState.READY,
        }[end]
    )
    assert run(invariants.broken) == {}


def test_nobody_else_says_so(promised: Promised, cast: Cast, run: Run) -> None:
    for by, error in (
        (cast.bram, NotFound),
        (cast.cora, NotFound),
        (cast.chloe, NotFound),
        (cast.mara, NotAllowed),
        (cast.ada, NotAllowed),
    ):
        with pytest.raises(error):
            run(holds.set_out, promised().public_id, None, by=by.actor)


def test_a_time_that_nobody_can_place_within_a_day_is_refused(
    promised: Promised, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    # The clocks go back on 25 October 2026: from half past two to half past two are 25 hours.
    run_as_owner(clock.shift_to, datetime(2026, 10, 24, 13, 31, tzinfo=UTC))

    with pytest.raises(Invalid, match="within the next 24 hours"):
        run(holds.set_out, promised().public_id, time(14, 30), by=cast.amara.actor)


CANNOT_BE = (
    "set_out_at = waymark_now(), expected_at = waymark_now() + interval '25 h',"
    " hold_until = waymark_now() + interval '26 h'",  # too far
    "set_out_at = waymark_now(), expected_at = waymark_now() + interval '2 h',"
    " hold_until = waymark_now() + interval '9 h'",  # kept too long
    "expected_at = waymark_now() + interval '2 h', hold_until = waymark_now() + interval '3 h'",
    "set_out_at = waymark_now(), hold_until = waymark_now()",  # shorter
)


def test_the_database_refuses_a_way_that_cannot_be(
    promised: Promised, cast: Cast, run: Run
) -> None:
    promised()

    for change in CANNOT_BE:
        with pytest.raises(Conflict):
            run(written, text(f"UPDATE placement SET {change}"), cast.bea.actor)


def test_the_database_refuses_a_way_without_a_promise(
    promised: Promised, cast: Cast, run: Run
) -> None:
    stay = promised()
    run(holds.set_out, stay.public_id, None, by=cast.amara.actor)

    for change in (
        f"UPDATE placement SET state = 'withdrawn' WHERE id = {stay.id}",
        f"UPDATE placement SET state = 'arrived' WHERE id = {stay.id}",
    ):
        with pytest.raises(Conflict):
            run(written, text(change), cast.dee.actor)
    with pytest.raises(Conflict):  # and nobody sets out without a promise
        run(written, text("UPDATE referral SET state = 'offered'"), cast.dee.actor)


def test_one_tap_of_the_officer_stands_on_the_house_and_the_desk(
    promised: Promised, cast: Cast, run: Run, browser_of: Any
) -> None:
    stay, amara = promised(), browser_of(cast.amara.email)
    ref = run(request_of, stay).ref
    assert "She has set out" in text_of(amara.get(f"/police/requests/{ref}"))

    wrong = amara.post(f"/police/requests/{ref}/set-out", {"expected": "25:00"})
    assert wrong.status_code == 422
    assert 'value="25:00"' in wrong.get_data(as_text=True)
    assert run(request_of, stay).state == ReferralState.CONFIRMED
    assert amara.post(f"/police/requests/{ref}/set-out", {"expected": "04:30"}).status_code == 303

    bea, dee = browser_of(cast.bea.email), browser_of(cast.dee.email)
    for browser, page in (
        (amara, f"/police/requests/{ref}"),
        (bea, "/refuge/"),
        (bea, f"/refuge/stays/{stay.public_id}"),
        (dee, "/desk/board"),
        (dee, f"/desk/requests/{ref}"),
    ):
        assert "expected about today 04:30" in text_of(browser.get(page)), page
    house = text_of(bea.get(f"/refuge/stays/{stay.public_id}")) + text_of(bea.get("/refuge/"))
    assert "Peckham" not in house
    assert "SE15" not in house
    typed = {"expected": "5.15"}
    assert bea.post(f"/refuge/stays/{stay.public_id}/set-out", typed).status_code == 303
    where = f"/desk/requests/{ref}/offers/{stay.public_id}/set-out"
    assert "expected about today 05:15" in text_of(dee.get(f"/desk/requests/{ref}"))
    assert dee.post(where, {}).status_code == 303
    assert dee.post(where, {"expected": "soon"}).status_code == 422
    amara.get(f"/police/requests/{ref}")
    assert amara.post(f"/police/requests/{ref}/arrived").status_code == 303
    assert run(request_of, stay).state == ReferralState.RESIDENT
