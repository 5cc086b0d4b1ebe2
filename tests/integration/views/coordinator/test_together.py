"""Women who must stay together are one decision: asked for with one tick, or the board says why."""

from __future__ import annotations

from typing import Any

import pytest

from app.models.referrals import LinkKind, ReferralState
from app.services import invariants, matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, make_refuge, offer_room, room_of
from tests.integration.views.coordinator.conftest import proposed_room, referral_of


def box(ref: str) -> str:
    return f'name="line" value="{ref}"'


@pytest.fixture
def pair(cast: Cast, run: Run, run_as_worker: Run) -> tuple[str, str, Any]:
    """Two women who stay together, and the plan that proposes rooms of one house for them."""
    first = run(make_referral, cast.amara.actor).ref
    second = run(make_referral, cast.amara.actor, same_as=first, tie=LinkKind.TOGETHER).ref
    return first, second, run_as_worker(matching.make_plan)


def test_one_tick_stands_for_both_and_asks_for_both(
    desk: Browser, pair: tuple[str, str, Any], run: Run
) -> None:
    first, second, run_id = pair
    page = desk.get("/desk/board")
    html = page.get_data(as_text=True)
    assert box(first) in html
    assert box(second) not in html
    assert f"{first} and with her {second}" in text_of(page)
    assert f"They stay together: asked for with the tick at {first}." in text_of(page)

    desk.post("/desk/board", {"run": str(run_id), "line": first})

    assert {run(referral_of, ref).state for ref in (first, second)} == {ReferralState.OFFERED}
    assert "2 offers sent" in text_of(desk.get("/desk/board"))


def test_a_tick_sent_for_the_other_asks_for_both_too(
    desk: Browser, pair: tuple[str, str, Any], run: Run
) -> None:
    first, second, run_id = pair
    desk.get("/desk/board")

    desk.post("/desk/board", {"run": str(run_id), "line": second})

    assert {run(referral_of, ref).state for ref in (first, second)} == {ReferralState.OFFERED}


def test_the_board_says_beforehand_that_a_companions_room_is_gone(
    desk: Browser, pair: tuple[str, str, Any], cast: Cast, run: Run
) -> None:
    first, second, _ = pair
    other = run(make_referral, cast.amara.actor).ref
    run(offer_room, other, by=cast.dee.actor, room=run(proposed_room, second))

    page = desk.get("/desk/board")

    assert box(first) not in page.get_data(as_text=True)
    assert f'name="shown" value="{first}"' not in page.get_data(as_text=True)
    assert f"The room of {second}, who must stay with her, was taken" in text_of(page)


def test_a_taken_bed_drops_the_group_and_no_other_line(
    desk: Browser, pair: tuple[str, str, Any], cast: Cast, run: Run, run_as_worker: Run,
    run_as_owner: Run,
) -> None:  # fmt: skip
    first, second, _ = pair
    run_as_owner(make_refuge, "Alder", organisation_id=1, phone="+447700900103")
    alone = run(make_referral, cast.amara.actor).ref
    run_id = run_as_worker(matching.make_plan)
    desk.get("/desk/board")
    thief = run(make_referral, cast.amara.actor).ref
    run(offer_room, thief, by=cast.dee.actor, room=run(proposed_room, second))

    desk.post("/desk/board", {"run": str(run_id), "line": [first, alone]})
    said = text_of(desk.get("/desk/board"))

    assert "1 offer sent, 2 not sent" in said
    assert f"{second} : not sent. {matching.STALE}" in said
    assert f"{first} : not sent. {matching.PARTED}" in said
    states = [run(referral_of, ref).state for ref in (first, second, alone)]
    assert states == [ReferralState.READY, ReferralState.READY, ReferralState.OFFERED]
    assert run(invariants.broken) == {}


def test_a_companion_who_was_sent_elsewhere_keeps_the_other_from_being_parted(
    desk: Browser, pair: tuple[str, str, Any], cast: Cast, run: Run, run_as_worker: Run,
    run_as_owner: Run,
) -> None:  # fmt: skip
    first, second, run_id = pair
    desk.get("/desk/board")
    taken = run(proposed_room, second)
    elsewhere = next(
        room
        for room in (run(room_of, alias, "1").public_id for alias in ("Rowan", "Cedar"))
        if room not in (taken, run(proposed_room, first))
    )
    run(offer_room, second, by=cast.dee.actor, room=elsewhere)

    desk.post("/desk/board", {"run": str(run_id), "line": first})

    assert f"{first} : not sent. {matching.PARTED}" in text_of(desk.get("/desk/board"))
    assert run(referral_of, first).state == ReferralState.READY


def test_a_companion_the_plan_has_not_seen_is_waited_for(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    first = run(make_referral, cast.amara.actor).ref
    run_as_worker(matching.make_plan)
    second = run(make_referral, cast.amara.actor, same_as=first, tie=LinkKind.TOGETHER).ref

    page = desk.get("/desk/board")

    assert box(first) not in page.get_data(as_text=True)
    assert f"{second}, who must stay with her, is newer than this plan" in text_of(page)


def test_women_kept_apart_are_ticked_one_by_one(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    first = run(make_referral, cast.amara.actor).ref
    second = run(make_referral, cast.amara.actor, same_as=first, tie=LinkKind.APART).ref
    run_as_worker(matching.make_plan)

    html = desk.get("/desk/board").get_data(as_text=True)

    assert box(first) in html
    assert box(second) in html
