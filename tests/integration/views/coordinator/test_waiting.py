"""The waiting list: for how long, what was tried, why plans had no room, sorted and filtered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.models.placements import Channel
from app.models.reference import Urgency
from app.services import clock, matching, offers, waiting
from app.services.waiting import Order
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of
from tests.integration.views.coordinator.conftest import events_of


def refs(run: Run, cast: Cast, **asked: object) -> list[str]:
    page = run(waiting.show_waiting, by=cast.dee.actor, **asked)
    return [row.person.ref for row in page.rows]


def test_what_has_been_tried_is_told_with_who_said_no_and_why(
    browser_of: object, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    first = run(offer_room, ref, by=cast.dee.actor)
    run(
        offers.decline_offer, by=cast.bea.actor, channel=Channel.WEB, reason="full",
        public_id=first.public_id,
    )  # fmt: skip
    run(offer_room, ref, by=cast.dee.actor, room=run(room_of, "Cedar", "1").public_id)
    run_as_owner(clock.shift_by, timedelta(minutes=30))
    run_as_worker(offers.lapse_offers)

    (row,) = run(waiting.show_waiting, by=cast.dee.actor).rows

    assert [(each.alias, each.state) for each in row.tried] == [
        ("Cedar", "lapsed"), ("Rowan", "declined"),
    ]  # fmt: skip
    assert row.tried[1].reason
    assert row.plans_without_room == 0


def test_plans_that_had_no_room_are_counted_with_their_main_reason(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    run(make_referral, cast.amara.actor, needs=("wheelchair",))
    run_as_worker(matching.make_plan)
    run_as_worker(matching.explain_newest_plan)

    (row,) = run(waiting.show_waiting, by=cast.dee.actor).rows
    said = text_of(desk.get("/desk/waiting"))

    assert row.plans_without_room == 1
    assert row.main_reason
    assert f"1 plan had no room for her. Mostly: {row.main_reason}" in said
    assert "No house has been asked yet." in said
    assert "Waiting for 0 minutes" in said
    assert "Acknowledge by" in said


def test_who_is_promised_a_room_waits_no_more(cast: Cast, run: Run) -> None:
    ready, asked, promised = (run(make_referral, cast.amara.actor).ref for _ in range(3))
    run(offer_room, asked, by=cast.dee.actor)
    offer = run(offer_room, promised, by=cast.dee.actor, room=run(room_of, "Cedar", "1").public_id)
    run(accept, offer, by=cast.chloe.actor)

    assert set(refs(run, cast)) == {ready, asked}


def test_it_is_sorted_and_filtered_as_asked(cast: Cast, run: Run, run_as_owner: Run) -> None:
    planned = run(make_referral, cast.amara.actor, urgency=Urgency.PLANNED).ref
    run_as_owner(clock.shift_by, timedelta(minutes=50))
    urgent = run(make_referral, cast.amara.actor, urgency=Urgency.URGENT, place="M14").ref
    run_as_owner(clock.shift_by, timedelta(minutes=50))
    now = run(make_referral, cast.amara.actor).ref

    assert refs(run, cast) == [urgent, now, planned]  # in 10, in 15 minutes, tomorrow
    assert refs(run, cast, order=Order.LONGEST) == [planned, urgent, now]
    assert refs(run, cast, order=Order.URGENCY) == [now, urgent, planned]
    assert refs(run, cast, urgency=Urgency.URGENT) == [urgent]
    assert refs(run, cast, region="E12000002") == [urgent]
    assert refs(run, cast, urgency=Urgency.PLANNED, region="E12000002") == []


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("", 2), ("urgency=urgent", 1), ("region=E12000007&order=longest", 2),
     ("urgency=nonsense&region=%27&order=1", 2), ("region=E99", 0)],
)  # fmt: skip
def test_a_plain_address_is_enough(
    desk: Browser, cast: Cast, run: Run, asked: str, shown: int
) -> None:
    run(make_referral, cast.amara.actor)
    run(make_referral, cast.amara.actor, urgency=Urgency.URGENT)

    page = desk.get(f"/desk/waiting?{asked}")

    assert page.status_code == 200
    assert page.get_data(as_text=True).count("Waiting for 0 minutes") == shown
    assert "2 wait without a promise" in text_of(page)


def test_the_look_is_written_down(desk: Browser, cast: Cast, run: Run) -> None:
    run(make_referral, cast.amara.actor)
    desk.get("/desk/waiting")

    (look,) = run(events_of, "referrals_listed")
    assert look.actor_user_id == cast.dee.actor.user_id
    assert len(look.detail["referral_ids"]) == 1
