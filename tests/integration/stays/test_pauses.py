"""A request that waits until a day: out of the plan, its clocks standing still, awake by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.referrals import Referral, ReferralState
from app.models.stays import Pause
from app.services import clock, invariants, matching, offers, pauses, referrals
from app.services.asked import NewPause
from app.services.snapshot import take
from tests.browser_without_a_window import text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room
from tests.integration.stays.conftest import now, of, written

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def ref(cast: Cast, run: Run, run_as_owner: Run) -> str:
    """A request that waits since noon."""
    run_as_owner(clock.shift_to, NOON)
    return str(run(make_referral, cast.amara.actor).ref)


def hospital(until: datetime = NOON + DAY) -> NewPause:
    return NewPause(reason="pause_hospital", until=until)


def state_of(ref: str) -> ReferralState:
    with transaction(by=SYSTEM):
        query = select(Referral.state).where(Referral.ref == ref)
        return ReferralState(db.session.scalars(query).one())


def rows() -> list[Pause]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Pause).order_by(Pause.id)))


def waiting() -> dict[str, int]:
    """Minutes of waiting by reference, as the plan is told."""
    with transaction(by=SYSTEM) as at:
        return {each["id"]: each["waiting_minutes"] for each in take(at).problem["households"]}


def test_it_leaves_the_plan_and_wakes_by_itself_by_the_databases_clock(
    ref: str, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run(pauses.pause, ref, hospital(), by=cast.amara.actor)
    assert run(state_of, ref) == ReferralState.PAUSED
    assert run_as_worker(waiting) == {}
    [event] = run(of, "referral_paused")
    assert event.detail["reason"] == "pause_hospital"

    run_as_owner(clock.shift_to, NOON + DAY - timedelta(minutes=1))
    assert run_as_worker(pauses.wake_the_due) == 0
    run_as_owner(clock.shift_to, NOON + DAY)
    assert run_as_worker(pauses.wake_the_due) == 1
    assert run_as_worker(pauses.wake_the_due) == 0

    assert run(state_of, ref) == ReferralState.READY
    run_as_owner(clock.shift_to, NOON + DAY + timedelta(minutes=30))
    assert run_as_worker(waiting) == {ref: 30}, "the day in hospital is no waiting for a bed"
    [row] = run(rows)
    assert row.ended_by_id is None
    assert [each.actor_role for each in run(of, "referral_resumed")] == ["system"]
    assert run(invariants.broken) == {}


def test_a_person_wakes_it_earlier_and_may_pause_it_again(ref: str, cast: Cast, run: Run) -> None:
    run(pauses.pause, ref, hospital(), by=cast.dee.actor)
    run(pauses.resume, ref, by=cast.amara.actor)
    with pytest.raises(Conflict, match="not paused any more"):
        run(pauses.resume, ref, by=cast.amara.actor)
    run(pauses.pause, ref, hospital(), by=cast.sergeant.actor)
    run(pauses.resume, ref, by=cast.dee.actor)

    assert [row.ended_by_id for row in run(rows)] == [
        cast.amara.actor.user_id,
        cast.dee.actor.user_id,
    ]
    assert run(state_of, ref) == ReferralState.READY


def test_a_paused_request_may_be_withdrawn_and_nothing_else_happens_to_it(
    ref: str, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run(pauses.pause, ref, hospital(), by=cast.amara.actor)
    with pytest.raises(Conflict, match="not waiting for a room"):
        run(offer_room, ref, by=cast.dee.actor)
    run(referrals.withdraw, ref, "lost_touch", by=cast.amara.actor)

    [row] = run(rows)
    assert row.ended_at is not None
    run_as_owner(clock.shift_to, NOON + DAY)
    assert run_as_worker(pauses.wake_the_due) == 0
    assert run(state_of, ref) == ReferralState.WITHDRAWN
    assert run(invariants.broken) == {}


def test_only_who_waits_is_paused(ref: str, cast: Cast, run: Run) -> None:
    run(offer_room, ref, by=cast.dee.actor)

    with pytest.raises(Conflict, match="moved on in the meantime"):
        run(pauses.pause, ref, hospital(), by=cast.amara.actor)


NO_PAUSES = (
    hospital(NOON),
    hospital(NOON + timedelta(days=31, minutes=1)),
    NewPause(reason="full", until=NOON + DAY),
)


def test_what_is_no_pause_is_refused(ref: str, cast: Cast, run: Run) -> None:
    for new in NO_PAUSES:
        with pytest.raises(Invalid):
            run(pauses.pause, ref, new, by=cast.amara.actor)
    assert run(state_of, ref) == ReferralState.READY


def test_nobody_else_pauses_or_reads_of_it(ref: str, cast: Cast, run: Run) -> None:
    run(pauses.pause, ref, hospital(), by=cast.amara.actor)

    for by, error in (
        (cast.bram, NotFound),
        (cast.cora, NotFound),
        (cast.bea, NotAllowed),
        (cast.mara, NotAllowed),
    ):
        with pytest.raises(error):
            run(pauses.resume, ref, by=by.actor)
    for by in (cast.bram, cast.cora, cast.bea, cast.chloe, cast.mara, cast.ada):
        assert run(seen_by, by.actor) == 0, by.email
    for by in (cast.amara, cast.sergeant, cast.dee):
        assert run(seen_by, by.actor) == 1, by.email


def seen_by(by: Any) -> int:
    with transaction(by=by):
        return len(db.session.scalars(select(Pause.id)).all())


HALF_PAUSES = (
    "UPDATE referral SET state = 'paused'",
    "INSERT INTO pause (referral_id, reason_code, until_at, paused_by_id)"
    " SELECT id, 'pause_asked', waymark_now() + interval '1 h', officer_id FROM referral",
)


def test_the_database_refuses_a_pause_that_is_half_one(ref: str, cast: Cast, run: Run) -> None:
    for statement in HALF_PAUSES:
        with pytest.raises(Conflict):
            run(written, text(statement), cast.dee.actor)


def test_one_who_sleeps_past_her_time_is_noticed(
    ref: str, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    run(pauses.pause, ref, hospital(), by=cast.amara.actor)
    assert run(invariants.broken) == {}
    run_as_owner(clock.shift_to, NOON + DAY + timedelta(minutes=2))

    assert [name.split()[0] for name in run(invariants.broken)] == ["I31"]


def test_the_database_refuses_a_room_for_a_paused_request(
    ref: str, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    run(offer_room, ref, by=cast.dee.actor)
    half = (
        "WITH p AS (INSERT INTO pause (referral_id, reason_code, until_at, paused_by_id)"
        " SELECT id, 'pause_asked', waymark_now() + interval '1 h', officer_id FROM referral)"
        " UPDATE referral SET state = 'paused'"
    )
    run_as_owner(written, text("ALTER TABLE referral DISABLE TRIGGER referral_moves"), SYSTEM)

    with pytest.raises(Conflict):
        run(written, text(half), cast.dee.actor)


def test_officer_and_desk_pause_it_and_the_board_shows_it_under_its_own_heading(
    ref: str, cast: Cast, run: Run, run_as_worker: Run, browser_of: Any
) -> None:
    amara, dee = browser_of(cast.amara.email), browser_of(cast.dee.email)
    assert "Pause: she cannot come yet" in text_of(amara.get(f"/police/requests/{ref}"))
    typed = {"pause_reason": "pause_interview", "until_day": "25/11/2026", "until_time": "1800"}
    for wrong, kept in (({"until_day": "31/02/2026"}, "31/02/2026"), ({"until_time": "9"}, "9")):
        answer = amara.post(f"/police/requests/{ref}/pause", typed | wrong)
        assert answer.status_code == 422
        assert f'value="{kept}"' in answer.get_data(as_text=True)
    assert amara.post(f"/police/requests/{ref}/pause", typed).status_code == 303

    assert "Paused She is being interviewed or giving evidence. Until today 18:00" in text_of(
        amara.get(f"/police/requests/{ref}")
    )
    board = text_of(dee.get("/desk/board"))
    assert "Paused (1)" in board
    assert "Nobody is waiting" in board
    assert dee.post(f"/desk/requests/{ref}/resume").status_code == 303
    assert "Paused (1)" not in text_of(dee.get("/desk/board"))
    assert dee.post(f"/desk/requests/{ref}/pause", typed).status_code == 303
    assert "until today 18:00" in text_of(dee.get("/desk/board"))
    amara.get(f"/police/requests/{ref}")
    assert amara.post(f"/police/requests/{ref}/resume").status_code == 303
    run_as_worker(matching.make_plan)
    assert run_as_worker(offers.lapse_offers) == 0
    assert "1 waiting" in text_of(dee.get("/desk/board"))
    assert run(now) < NOON + DAY
