"""Houses are asked for their beds when the plan hangs on them, and are believed as they deserve."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact
from app.models.beds import Refuge, Room
from app.models.events import Event
from app.models.placements import Channel
from app.models.reference import InventoryPolicy
from app.services import matching, offers
from app.services.beds import confirm_beds
from app.services.clock import shift_by, shift_to
from app.services.matching.doubting import chances_free
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of

AGEING, STALE_NEVER_ASKED = timedelta(hours=13), timedelta(hours=30)


def _now() -> Any:
    with transaction(by=SYSTEM) as now:
        return now


def _silent_for(silence: timedelta) -> None:
    with transaction(by=SYSTEM) as now:
        db.session.execute(
            update(Refuge).values(beds_confirmed_at=now - silence, created_at=now - silence)
        )


def _asks_per_hour(asks: int) -> None:
    with transaction(by=SYSTEM):
        db.session.execute(update(InventoryPolicy).values(asks_per_hour=asks))


def _asked() -> list[str]:
    with transaction(by=SYSTEM):
        return list(
            db.session.scalars(
                select(Refuge.alias)
                .join(Event, Event.refuge_id == Refuge.id)
                .where(Event.kind == Fact.BEDS_ASKED_FOR)
                .order_by(Event.id)
            )
        )


def _chance(alias: str) -> float:
    with transaction(by=SYSTEM) as now:
        rooms = db.session.scalars(
            select(Room).join(Refuge, Refuge.id == Room.refuge_id).where(Refuge.alias == alias)
        ).all()
        return max(chances_free(rooms, now).values())


@pytest.fixture
def planned(cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run) -> Callable[[], None]:
    """Somebody waits at noon, and the newest plan has a room for her."""
    run_as_owner(shift_to, run(_now).replace(month=12, hour=12))
    run(make_referral, cast.amara.actor)

    def plan() -> None:
        run_as_worker(matching.make_plan)
        run_as_worker(matching.explain_newest_plan)

    return plan


def test_the_house_that_the_plan_hangs_on_is_asked_once(
    planned: Callable[[], None], run: Run, run_as_worker: Run
) -> None:
    planned()
    run(_silent_for, AGEING)

    assert run_as_worker(matching.ask_what_matters) == 1
    assert len(run(_asked)) == 1
    assert run_as_worker(matching.ask_what_matters) == 0  # it rests before it is asked again


@pytest.mark.parametrize("silence", [timedelta(0), timedelta(hours=11, minutes=59)])
def test_a_house_that_has_just_spoken_is_left_in_peace(
    planned: Callable[[], None], run: Run, run_as_worker: Run, silence: timedelta
) -> None:
    planned()
    run(_silent_for, silence)

    assert run_as_worker(matching.ask_what_matters) == 0


def test_nobody_is_asked_without_a_plan_at_night_or_beyond_the_budget(
    planned: Callable[[], None], run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run(_silent_for, AGEING)
    assert run_as_worker(matching.ask_what_matters) == 0
    planned()
    run_as_owner(_asks_per_hour, 0)
    assert run_as_worker(matching.ask_what_matters) == 0
    run_as_owner(_asks_per_hour, 1)
    run_as_owner(shift_by, timedelta(hours=12))
    assert run_as_worker(matching.ask_what_matters) == 0
    run_as_owner(shift_by, timedelta(hours=12))
    assert run_as_worker(matching.ask_what_matters) == 1


def test_a_house_whose_rooms_were_gone_is_believed_less_than_one_that_took_somebody(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    for staff in (cast.bea, cast.chloe):
        run(confirm_beds, by=staff.actor)
    run_as_owner(shift_by, AGEING)

    for alias, staff in (("Rowan", cast.bea), ("Cedar", cast.chloe)):
        ref = run(make_referral, cast.amara.actor).ref
        room = run(room_of, alias, "1").public_id
        placement = run(offer_room, ref, by=cast.dee.actor, room=room)
        if alias == "Rowan":
            run(
                offers.decline_offer,
                public_id=placement.public_id,
                reason="full",
                channel=Channel.WEB,
                by=staff.actor,
            )
        else:
            run(accept, placement, by=staff.actor)

    assert run(_chance, "Rowan") < run(_chance, "Cedar") - 0.01


def test_what_a_house_says_makes_it_sure_again(cast: Cast, run: Run) -> None:
    run(_silent_for, STALE_NEVER_ASKED)
    before = run(_chance, "Rowan")
    run(confirm_beds, by=cast.bea.actor)

    assert before < run(_chance, "Rowan")
    assert run(_chance, "Rowan") == pytest.approx(1, abs=1e-4)
