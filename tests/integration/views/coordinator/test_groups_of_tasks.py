"""Everything that needs a person in one place: the most urgent first, whoever may be in danger."""

from __future__ import annotations

import re

from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.messages import Contact, TaskKind
from app.models.reference import Urgency
from app.outbox import open_task
from app.services import tasks
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral


def _open(cast: Cast) -> tuple[str, str]:
    """The older task is about the less urgent request; then one of each other group."""
    planned = make_referral(cast.amara.actor, urgency=Urgency.PLANNED)
    emergency = make_referral(cast.amara.actor)
    with transaction(by=SYSTEM):
        phone = db.session.scalars(select(Contact).where(Contact.refuge_id == cast.rowan_id)).one()
        open_task(TaskKind.PHONE_STOPPED, contact_id=phone.id)
        open_task(TaskKind.TRAIL_BROKEN)
        open_task(TaskKind.NOT_ARRIVED, referral_id=planned.id)
        open_task(TaskKind.DUTY_MANAGER, referral_id=emergency.id)
    return planned.ref, emergency.ref


def test_a_woman_who_waits_stands_before_all_else_and_the_most_urgent_first(
    desk: Browser, cast: Cast, run: Run
) -> None:
    planned, emergency = run(_open, cast)

    page = run(tasks.list_tasks, by=cast.dee.actor)
    said = text_of(desk.get("/desk/tasks"))

    assert [(group.about, [task.ref for task in group.tasks]) for group in page.groups] == [
        ("women", [emergency, planned]),
        ("intruders", [""]),
        ("houses", [""]),
    ]
    order = [
        "A woman waits for this (2)",
        "Somebody may be where they should not be (1)",
        "Houses and their phones (1)",
    ]
    assert [said.index(words) for words in order] == sorted(said.index(words) for words in order)


def test_every_kind_of_task_is_in_one_group() -> None:
    named = [kind for kinds in tasks.GROUPS.values() for kind in kinds]

    assert len(named) == len(set(named))
    assert {TaskKind.OVERDUE, TaskKind.RING_HOUSE, TaskKind.CALL_BACK}.isdisjoint(named)


def test_there_is_a_way_past_what_comes_first_to_a_place_that_is_there(
    desk: Browser, cast: Cast, run: Run
) -> None:
    ref, _ = run(_open, cast)

    for path in ("/desk/tasks", "/desk/board", f"/desk/requests/{ref}"):
        page = desk.get(path).get_data(as_text=True)
        ways = re.findall(r'href="#([^"]+)" class="govuk-skip-link"', page)
        assert len(ways) > 2, path
        assert [way for way in ways if f'id="{way}"' not in page] == []


def test_no_key_does_anything_by_itself(desk: Browser, cast: Cast, run: Run) -> None:
    ref, _ = run(_open, cast)

    for path in ("/desk/tasks", "/desk/board", f"/desk/requests/{ref}", "/desk/waiting"):
        assert "accesskey" not in desk.get(path).get_data(as_text=True)
