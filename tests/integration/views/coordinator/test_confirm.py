"""Confirming: a person decides, line by line; what went stale is said and nothing else is lost."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from app.models.referrals import ReferralState
from app.services import invariants, matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room, placement_of
from tests.integration.views.coordinator.conftest import Planned, proposed_room, referral_of


def test_a_ticked_line_is_offered_and_said(
    desk: Browser, planned: Planned, cast: Cast, run: Run
) -> None:
    desk.get("/desk/board")
    response = desk.post("/desk/board", {"run": str(planned.run_id), "line": planned.ref})

    assert response.status_code == 303
    said = text_of(desk.get("/desk/board"))
    placement = run(placement_of, planned.ref)
    assert placement.decided_by_id == cast.dee.actor.user_id
    assert placement.run_id == planned.run_id
    assert "1 offer sent" in said
    assert f"{planned.ref} : offered to " in said
    assert "1 offer sent" not in text_of(desk.get("/desk/board"))


def test_all_means_the_lines_that_stood_on_the_page(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    shown = [run(make_referral, cast.amara.actor).ref for _ in range(2)]
    run_id = run_as_worker(matching.make_plan)
    newer = run(make_referral, cast.amara.actor).ref
    desk.get("/desk/board")

    desk.post("/desk/board", {"run": str(run_id), "shown": shown, "which": "all"})

    states = [run(referral_of, ref).state for ref in (*shown, newer)]
    assert states == [ReferralState.OFFERED, ReferralState.OFFERED, ReferralState.READY]


def test_a_stale_line_is_dropped_with_its_reason_and_the_other_stands(
    desk: Browser, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    stale, good = (run(make_referral, cast.amara.actor).ref for _ in range(2))
    run_id = run_as_worker(matching.make_plan)
    desk.get("/desk/board")
    other = run(make_referral, cast.amara.actor)
    run(offer_room, other.ref, by=cast.dee.actor, room=run(proposed_room, stale))

    response = desk.post("/desk/board", {"run": str(run_id), "line": [stale, good]})
    said = text_of(desk.get("/desk/board"))

    assert response.status_code == 303
    assert "1 offer sent, 1 not sent" in said
    assert f"{stale} : not sent. {matching.STALE}" in said
    assert run(referral_of, stale).state == ReferralState.READY
    assert run(referral_of, good).state == ReferralState.OFFERED
    assert run(invariants.broken) == {}


def test_the_same_line_twice_says_that_it_is_gone(desk: Browser, planned: Planned) -> None:
    desk.get("/desk/board")
    for _ in range(2):
        desk.post("/desk/board", {"run": str(planned.run_id), "line": planned.ref})

    assert f"{planned.ref} : not sent." in text_of(desk.get("/desk/board"))


def test_another_confirmation_this_moment_keeps_the_ticks(
    desk: Browser, planned: Planned, postgres: Any, database: str
) -> None:
    import psycopg

    desk.get("/desk/board")
    with psycopg.connect(postgres.url("waymark_web", database).replace("+psycopg", "")) as rival:
        rival.execute("SELECT pg_advisory_xact_lock(hashtext('waymark_commit_plan'))")
        response = desk.post("/desk/board", {"run": str(planned.run_id), "line": planned.ref})

    html = response.get_data(as_text=True)
    assert response.status_code == 422
    assert "Another person is confirming a plan this moment." in text_of(response)
    assert f'value="{planned.ref}" checked' in html
    assert f"/desk/board/live?tick={planned.ref}" in html


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"run": "THE RUN"}, "Tick at least one line to confirm."),
        ({"run": "no uuid", "line": "THE LINE"}, "Look at the newest one."),
        ({"line": "THE LINE"}, "Look at the newest one."),
        ({"run": str(uuid4()), "line": "THE LINE"}, "Look at the newest one."),
        ({"run": "THE RUN", "line": "R-\u0130\U0001f6cf"}, "Look at the newest one."),
        ({"run": "THE RUN", "line": "x" * 9000}, "Look at the newest one."),
        ({"run": "THE RUN", "line": "R-\x00ABCDEF"}, "take out the characters"),
    ],
)
def test_bad_input_is_answered_on_the_board(
    desk: Browser, planned: Planned, run: Run, sent: dict[str, str], said: str
) -> None:
    given = {"THE RUN": str(planned.run_id), "THE LINE": planned.ref}
    desk.get("/desk/board")

    response = desk.post("/desk/board", {k: given.get(v, v) for k, v in sent.items()})

    assert response.status_code == 422
    assert said in text_of(response)
    assert planned.ref in text_of(response)
    assert run(referral_of, planned.ref).state == ReferralState.READY


@pytest.mark.parametrize("who", ["amara", "bea", "mara", "ada"])
def test_nobody_else_confirms(
    cast: Cast, browser_of: Any, planned: Planned, run: Run, who: str
) -> None:
    browser = browser_of(cast.everybody()[who].email)
    browser.get("/about-the-data")
    response = browser.post("/desk/board", {"run": str(planned.run_id), "line": planned.ref})

    assert response.status_code == 404
    assert run(referral_of, planned.ref).state == ReferralState.READY
