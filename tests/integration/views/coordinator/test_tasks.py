"""What needs a person: it is listed with whom to ring, and ticked off once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.messages import Contact, Message, MessageState, Task, TaskKind
from app.outbox import open_task
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room
from tests.integration.views.coordinator.conftest import events_of


def _open_all(cast: Cast) -> str:
    """One task of each kind about Rowan and one woman; returns her reference."""
    referral = make_referral(cast.amara.actor)
    placement = offer_room(referral.ref, by=cast.dee.actor)
    with transaction(by=SYSTEM) as now:
        phone = db.session.scalars(
            select(Contact).where(Contact.refuge_id == placement.refuge_id)
        ).one()
        text = db.session.scalars(select(Message).where(Message.placement_id == placement.id)).one()
        text.state, text.error_code = MessageState.FAILED, "30003"
        for kind in (TaskKind.OFFER_LAPSED, TaskKind.NOT_ARRIVED):
            open_task(kind, referral_id=referral.id, placement_id=placement.id)
        open_task(
            TaskKind.TEXT_FAILED,
            contact_id=phone.id,
            placement_id=placement.id,
            message_id=text.id,
        )
        for kind in (TaskKind.PHONE_STOPPED, TaskKind.WRONG_CODES):
            open_task(kind, contact_id=phone.id)
        text.created_at = now - timedelta(hours=47)
    return referral.ref


def _tasks() -> list[Task]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Task).order_by(Task.id)))


def test_each_kind_says_what_to_do_and_whom_to_ring(desk: Browser, cast: Cast, run: Run) -> None:
    ref = run(_open_all, cast)

    said = text_of(desk.get("/desk/tasks"))

    for words in (
        "A house did not answer in time",
        "Somebody did not arrive",
        "A text could not be delivered",
        "A house's phone has stopped texts",
        "Too many wrong codes from one phone",
    ):
        assert words in said
    assert ref in said
    assert "Duty line of Rowan" in said
    assert "020 7946 0101" in said
    assert "Officer 07700 900555" in said
    assert "30003" in said
    (look,) = run(events_of, "referrals_listed")
    assert look.actor_user_id == cast.dee.actor.user_id
    assert len(look.detail["referral_ids"]) == 1


def test_a_text_that_failed_long_ago_is_not_shown(desk: Browser, cast: Cast, run: Run) -> None:
    def age() -> None:
        with transaction(by=SYSTEM) as now:
            text = db.session.scalars(select(Message)).one()
            text.created_at = now - timedelta(hours=49)

    run(_open_all, cast)
    run(age)

    assert "30003" not in text_of(desk.get("/desk/tasks"))


def test_done_takes_it_off_the_list_once(desk: Browser, cast: Cast, run: Run) -> None:
    run(_open_all, cast)
    desk.get("/desk/tasks")
    first = run(_tasks)[0]

    for _ in range(2):
        assert desk.post(f"/desk/tasks/{first.public_id}/done").status_code == 303

    done = run(_tasks)[0]
    assert done.done_at is not None
    assert done.done_by_id == cast.dee.actor.user_id
    assert [event.detail["task_id"] for event in run(events_of, "task_done")] == [first.id]
    assert "A house did not answer in time" not in text_of(desk.get("/desk/tasks"))


def test_the_board_counts_what_is_open(desk: Browser, cast: Cast, run: Run) -> None:
    before = text_of(desk.get("/desk/board"))
    run(_open_all, cast)

    assert "need a person" not in before
    assert "5 things need a person" in text_of(desk.get("/desk/board"))


def test_an_unknown_task_is_not_there(desk: Browser) -> None:
    desk.get("/desk/board")

    assert desk.post(f"/desk/tasks/{uuid4()}/done").status_code == 404


@pytest.mark.parametrize("who", ["amara", "bea", "mara", "ada"])
def test_nobody_else_ticks_it_off(cast: Cast, browser_of: Any, run: Run, who: str) -> None:
    run(_open_all, cast)
    browser = browser_of(cast.everybody()[who].email)
    browser.get("/about-the-data")

    response = browser.post(f"/desk/tasks/{run(_tasks)[0].public_id}/done")

    assert response.status_code == 404
    assert run(_tasks)[0].done_at is None
