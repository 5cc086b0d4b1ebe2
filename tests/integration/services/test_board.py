"""What the board reads: which rooms are free, whose line still holds, and for whom it is at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotAllowed
from app.models.accounts import Organisation
from app.models.beds import Room
from app.services import board, case, closing, desk_rooms, matching, tasks
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, make_refuge, offer_room, room_of


def _rooms(cast: Cast) -> dict[str, desk_rooms.RoomShown]:
    with transaction(by=cast.dee.actor) as now:
        return {room.name: room for room in desk_rooms.rooms_shown(cast.dee.actor, now).values()}


def _close_room(alias: str, code: str) -> None:
    public_id = room_of(alias, code).public_id
    with transaction(by=SYSTEM):
        db.session.scalars(select(Room).where(Room.public_id == public_id)).one().is_open = False


def _hostel() -> None:
    with transaction(by=SYSTEM):
        charity = db.session.scalars(
            select(Organisation.id).where(Organisation.name == "Harbour")
        ).one()
    make_refuge("Hazel", organisation_id=charity, rooms=(("1", 2, 0, True),))


def test_a_private_room_is_free_whole_or_not_at_all(cast: Cast, run: Run) -> None:
    before = run(_rooms, cast)
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor, room=run(room_of, "Rowan", "2").public_id)

    after = run(_rooms, cast)

    assert before["Rowan, room 2"].is_free
    assert not after["Rowan, room 2"].is_free
    assert after["Rowan, room 1"].is_free


def test_a_shared_room_is_free_while_a_bed_is_left(cast: Cast, run: Run, run_as_owner: Run) -> None:
    run_as_owner(_hostel)
    room = run(room_of, "Hazel", "1").public_id
    free = []
    for _ in range(2):
        ref = run(make_referral, cast.amara.actor, may_share=True).ref
        run(offer_room, ref, by=cast.dee.actor, room=room)
        free.append(run(_rooms, cast)["Hazel, room 1"].is_free)

    assert free == [True, False]


def test_a_closed_room_is_not_free(cast: Cast, run: Run, run_as_owner: Run) -> None:
    run_as_owner(_close_room, "Rowan", "1")

    assert not run(_rooms, cast)["Rowan, room 1"].is_free


def test_a_line_older_than_her_last_change_says_nothing(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    run_as_worker(matching.make_plan)
    run(closing.close_unmet, ref, "no_safe_bed", by=cast.dee.actor)
    run(closing.reopen, ref, by=cast.dee.actor)

    (line,) = run(board.look, by=cast.dee.actor).lines

    assert not line.is_planned
    assert line.room is None
    assert run(case.show_case, ref, by=cast.dee.actor).line.is_planned is False


def test_she_keeps_her_wait_when_she_is_put_back(cast: Cast, run: Run) -> None:
    ref = run(make_referral, cast.amara.actor).ref
    (before,) = run(board.look, by=cast.dee.actor).lines
    run(closing.close_unmet, ref, "no_safe_bed", by=cast.dee.actor)
    run(closing.reopen, ref, by=cast.dee.actor)

    (after,) = run(board.look, by=cast.dee.actor).lines

    assert after.person.submitted_at == before.person.submitted_at
    assert after.person.clock.turn > before.person.clock.turn


def test_the_plan_is_described_by_its_own_figures(cast: Cast, run: Run, run_as_worker: Run) -> None:
    run(make_referral, cast.amara.actor)
    run(make_referral, cast.amara.actor, needs=("wheelchair",))
    run_id = run_as_worker(matching.make_plan)

    plan = run(board.look, by=cast.dee.actor).plan

    assert plan is not None
    assert (plan.run_id, plan.status) == (run_id, "optimal")
    assert (plan.proposed, plan.left_out) == (1, 1)


USE_CASES: list[tuple[str, Callable[..., Any]]] = [
    ("look", lambda by: board.look(by=by)),
    ("case", lambda by: case.show_case("R-2222222", by=by)),
    ("news", lambda by: case.news("R-2222222", "", by=by)),
    ("offer", lambda by: case.offer_of("R-2222222", uuid4(), by=by)),
    ("reopen", lambda by: closing.reopen("R-2222222", by=by)),
    ("unmet", lambda by: closing.close_unmet("R-2222222", "no_safe_bed", by=by)),
    ("tasks", lambda by: tasks.list_tasks(by=by)),
    ("done", lambda by: tasks.finish_task(uuid4(), by=by)),
]


@pytest.mark.parametrize("use_case", [each[1] for each in USE_CASES], ids=[e[0] for e in USE_CASES])
def test_the_desk_is_for_the_coordinator_alone(
    cast: Cast, run: Run, use_case: Callable[..., Any]
) -> None:
    for name, person in cast.everybody().items():
        if name != "dee":
            with pytest.raises(NotAllowed):
                run(use_case, person.actor)
