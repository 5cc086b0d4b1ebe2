"""The queue by clock: whoever's clock runs out first stands first, and its line says which."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from app.models.reference import Urgency
from app.services import board, clock, escalation
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room

BrowserOf = Callable[[str], Browser]


def look(browser_of: BrowserOf, cast: Cast, path: str) -> str:
    """What Dee reads there now, newly signed in: the clock may have moved by hours."""
    return text_of(browser_of(cast.dee.email).get(path))


def minutes(run_as_owner: Run, number: float) -> None:
    run_as_owner(clock.shift_by, timedelta(minutes=number))


def queue(cast: Cast, run: Run) -> list[tuple[str, str]]:
    lines = run(board.look, by=cast.dee.actor).lines
    return [(line.person.ref, line.person.clock.clock) for line in lines]


def test_the_clock_that_runs_out_first_stands_first_whatever_the_urgency(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    urgent = run(make_referral, cast.amara.actor, urgency=Urgency.URGENT).ref
    minutes(run_as_owner, 44.5)
    first = run(make_referral, cast.amara.actor).ref
    minutes(run_as_owner, 1)
    second = run(make_referral, cast.amara.actor).ref

    # 60 minutes from the first moment, 15 from half a minute before and from half a minute after.
    assert [ref for ref, _ in queue(cast, run)] == [first, urgent, second]


def test_what_is_late_stands_first_and_what_nobody_waits_for_last(
    browser_of: BrowserOf, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    told = run(make_referral, cast.amara.actor).ref
    offer = run(offer_room, told, by=cast.dee.actor)
    minutes(run_as_owner, 91)
    late = run(make_referral, cast.amara.actor, urgency=Urgency.URGENT).ref
    minutes(run_as_owner, 61)
    new = run(make_referral, cast.amara.actor).ref

    waiting = queue(cast, run)
    said = look(browser_of, cast, "/desk/board")

    assert waiting == [(late, "acknowledge"), (new, "acknowledge")]
    assert "Acknowledge by" in said
    assert "1 minute late)" in said
    assert "14 minutes left)" in said or "15 minutes left)" in said
    assert "Reply due" in said
    assert offer.offer_expires_at is not None


def test_each_state_has_its_clock(
    browser_of: BrowserOf, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    offer = run(offer_room, ref, by=cast.dee.actor)
    asked = look(browser_of, cast, "/desk/board")
    run(accept, offer, by=cast.bea.actor)
    promised = look(browser_of, cast, "/desk/board")
    minutes(run_as_owner, 91)
    late = look(browser_of, cast, f"/desk/requests/{ref}")
    run_as_worker(escalation.escalate)

    assert "Reply due" in asked
    assert "Arrival due" in promised
    assert "1 minute late" in late
    assert "manager level" not in late


def test_a_request_that_every_manager_was_told_of_says_so(
    browser_of: BrowserOf, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    minutes(run_as_owner, 46)
    duty = look(browser_of, cast, f"/desk/requests/{ref}")
    minutes(run_as_owner, 46)

    assert "Duty manager level" in duty
    assert "Regional manager level" in look(browser_of, cast, f"/desk/requests/{ref}")
