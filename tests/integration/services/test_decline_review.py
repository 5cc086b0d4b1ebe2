"""Declines worth a call: each rule just inside and just outside, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotAllowed, NotFound
from app.models.beds import Room
from app.models.declines import DeclineReview
from app.models.placements import Channel
from app.services import clock, decline_review, invariants, offers
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of

No = Callable[..., None]


@pytest.fixture
def no(cast: Cast, run: Run) -> No:
    """``no("outside_hours")``: Rowan is asked for a woman, and says no for that reason."""

    def decline(reason: str, *needs: str) -> None:
        ref = run(make_referral, cast.amara.actor, needs=needs).ref
        offer = run(offer_room, ref, by=cast.dee.actor)
        run(
            offers.decline_offer, by=cast.bea.actor, channel=Channel.WEB, reason=reason,
            public_id=offer.public_id,
        )  # fmt: skip

    return decline


@pytest.fixture
def found(run: Run, run_as_worker: Run) -> Callable[[], list[tuple[str, str, int]]]:
    """The worker looks; (rule, about, declines) of all that there is to ask about."""

    def look() -> list[tuple[str, str, int]]:
        run_as_worker(decline_review.find)
        return run(_open)  # type: ignore[no-any-return]

    return look


def _open() -> list[tuple[str, str, int]]:
    with transaction(by=SYSTEM):
        rows = db.session.scalars(
            select(DeclineReview).where(DeclineReview.seen_at.is_(None)).order_by(DeclineReview.id)
        )
        return [(row.rule, row.about, row.declines) for row in rows]


def _close(code: str) -> None:
    public_id = room_of("Rowan", code).public_id
    with transaction(by=SYSTEM):
        db.session.scalars(select(Room).where(Room.public_id == public_id)).one().is_open = False


def days(run_as_owner: Run, number: float) -> None:
    run_as_owner(clock.shift_by, timedelta(days=number))


def test_full_while_a_room_is_shown_as_free_is_asked_about(no: No, found: Any, run: Run) -> None:
    no("full")

    assert found() == [("full_but_free", "full", 1)]
    assert found() == [("full_but_free", "full", 1)]
    assert run(invariants.broken) == {}


def test_full_is_believed_when_no_room_that_could_hold_her_is_shown(
    no: No, found: Any, run: Run, run_as_owner: Run
) -> None:
    no("full")
    for code in ("1", "2"):
        run_as_owner(_close, code)

    assert found() == []


@pytest.mark.parametrize(("after", "asked"), [(0.99, 1), (1.01, 0)])
def test_full_is_asked_about_within_its_day(
    no: No, found: Any, run_as_owner: Run, after: float, asked: int
) -> None:
    no("full")
    days(run_as_owner, after)

    assert len(found()) == asked


def test_three_times_the_same_reason_in_seven_days_and_not_two(no: No, found: Any) -> None:
    no("outside_hours")
    no("outside_hours")
    no("area_not_safe")
    before = found()

    no("outside_hours")

    assert before == []
    assert found() == [("same_reason", "outside_hours", 3)]


@pytest.mark.parametrize(("after", "asked"), [(6.9, 1), (7.1, 0)])
def test_the_first_of_three_counts_for_seven_days(
    no: No, found: Any, run_as_owner: Run, after: float, asked: int
) -> None:
    no("outside_hours")
    days(run_as_owner, after)
    no("outside_hours")
    no("outside_hours")

    assert len(found()) == asked


REASONS = ("outside_hours", "area_not_safe", "not_enough_told")


def test_no_to_every_woman_with_one_need(no: No, found: Any) -> None:
    for reason in REASONS[:2]:
        no(reason, "women_only_staff")
    before = found()

    no(REASONS[2], "women_only_staff")

    assert before == []
    assert found() == [("same_need", "women_only_staff", 3)]


def test_one_yes_is_enough(no: No, found: Any, cast: Cast, run: Run) -> None:
    for reason in REASONS:
        no(reason, "women_only_staff")
    ref = run(make_referral, cast.amara.actor, needs=("women_only_staff",)).ref
    run(accept, run(offer_room, ref, by=cast.dee.actor), by=cast.bea.actor)

    assert found() == []


def test_what_was_seen_is_counted_anew(no: No, found: Any, cast: Cast, run: Run) -> None:
    for _ in range(3):
        no("outside_hours")
    found()
    (shown,) = run(decline_review.list_reviews, by=cast.dee.actor).open
    run(decline_review.see, shown.public_id, "Nights begin at ten now", by=cast.dee.actor)
    for _ in range(2):
        no("outside_hours")
    before = found()

    no("outside_hours")

    assert before == []
    assert found() == [("same_reason", "outside_hours", 3)]
    (seen,) = run(decline_review.list_reviews, by=cast.dee.actor).seen
    assert (seen.seen_by, seen.outcome) == ("Dee", "Nights begin at ten now")
    assert run(invariants.broken) == {}


def test_the_page_says_what_to_do_and_keeps_what_was_typed(
    no: No, found: Any, cast: Cast, browser_of: Any
) -> None:
    no("full")
    found()
    desk: Browser = browser_of(cast.dee.email)
    board = text_of(desk.get("/desk/board"))
    page = desk.get("/desk/declines")
    path = page.get_data(as_text=True).split('action="/desk/declines/')[1].split('"')[0]

    short = desk.post(f"/desk/declines/{path}", {"outcome": "ok"})
    done = desk.post(f"/desk/declines/{path}", {"outcome": "They forgot to tell us."})

    assert "1 decline to ask about" in board
    assert "Ring and ask which is right" in text_of(page)
    assert "Duty line of Rowan" in text_of(page)
    assert (short.status_code, done.status_code) == (422, 303)
    assert ">ok</textarea>" in short.get_data(as_text=True)
    assert "They forgot to tell us." in text_of(desk.get("/desk/declines"))
    assert "to ask about" not in text_of(desk.get("/desk/board"))


def test_declines_are_the_desks(cast: Cast, run: Run) -> None:
    for name, person in cast.everybody().items():
        if name != "dee":
            with pytest.raises(NotAllowed):
                run(decline_review.list_reviews, by=person.actor)
            with pytest.raises(NotAllowed):
                run(decline_review.see, UUID(int=7), "seen", by=person.actor)
    with pytest.raises(NotFound):
        run(decline_review.see, UUID(int=7), "seen", by=cast.dee.actor)
