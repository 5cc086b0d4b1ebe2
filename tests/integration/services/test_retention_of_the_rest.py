"""Texts, plans, forms and pre-alerts have their time too; and what a restore brings back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, NotFound
from app.models.keys import Buried, RecordKey, Tombstone
from app.models.messages import SmsInbox
from app.models.placements import Placement
from app.models.plans import PlanRun
from app.models.pre_alerts import PreAlert
from app.models.referrals import FormKey, Needs, Referral
from app.services import matching, offers, retention, texts
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room
from tests.integration.services.keeping import (
    DAY,
    Time,
    broken_now,
    count,
    only,
    row_of,
)


def test_a_text_loses_what_it_said_and_keeps_its_id(
    run: Run, run_as_worker: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    run(texts.receive_text, "SM" + "1" * 32, "+447700900101", "+447700900000", "hello")
    run_as_worker(texts.handle_waiting)
    keys = run(count, RecordKey)

    time.passes(28 * DAY - timedelta(minutes=1))
    purge()
    assert run(only, SmsInbox).body_sealed is not None
    time.passes(timedelta(minutes=1))
    purge()

    row = run(only, SmsInbox)
    assert (row.body_sealed, row.from_phone_sealed, row.from_phone_index) == (None, None, None)
    assert run(count, RecordKey) == keys - 1
    assert run(texts.receive_text, "SM" + "1" * 32, "+447700900101", "+44", "again") is False


def test_a_plan_loses_its_problem_and_is_no_longer_replayed(
    run: Run, run_as_worker: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    run(make_referral, cast.amara.actor)
    run_id = run_as_worker(matching.make_plan)

    time.passes(28 * DAY - timedelta(minutes=1))
    purge()
    assert run_as_worker(_plan, run_id).problem["households"]
    time.passes(timedelta(minutes=1))
    purge()

    kept = run_as_worker(_plan, run_id)
    assert (kept.problem, kept.plan, kept.other_plans) == ({}, {}, [])
    assert kept.problem_sha256
    assert run_as_worker(matching.kept_runs) == []
    with pytest.raises(NotFound, match="purged"):
        run_as_worker(matching.replay, run_id)
    assert run_as_worker(matching.make_plan) != run_id


def _plan(run_id: Any) -> PlanRun:
    with transaction(by=SYSTEM):
        return db.session.get_one(PlanRun, run_id)


def test_a_form_is_forgotten_after_a_week_and_a_pre_alert_after_its_time(
    run: Run, run_as_owner: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    run(make_referral, cast.amara.actor)
    run_as_owner(_pre_alert, cast)

    time.passes(7 * DAY - timedelta(minutes=1))
    purge()
    assert (run(count, FormKey), run(count, PreAlert)) == (1, 1)
    time.passes(timedelta(minutes=1))
    purge()
    assert (run(count, FormKey), run(count, PreAlert)) == (0, 1)
    time.passes(21 * DAY)
    purge()
    assert run(count, PreAlert) == 0


def _pre_alert(cast: Cast) -> None:
    with transaction(by=SYSTEM) as now:
        db.session.add(
            PreAlert(
                form_key=uuid4(),
                created_by_id=cast.dee.actor.user_id,
                women_least=1,
                women_most=2,
                with_children=0,
                region_code="E12000007",
                expected_from=now - DAY,
                expected_until=now,
                ended_at=now,
                ended_how="expired",
            )
        )


# After a restore.


def test_what_an_old_backup_brings_back_is_purged_again_and_keeps_no_bed(
    run: Run, run_as_owner: Run, cast: Cast
) -> None:
    ref = str(run(make_referral, cast.amara.actor).ref)
    placement = run(offer_room, ref, by=cast.dee.actor)
    run(accept, placement, by=cast.bea.actor)
    run(offers.record_arrival, placement.public_id, by=cast.amara.actor)
    referral = run(row_of, ref)

    assert run_as_owner(retention.bury_again, [("referral", referral.public_id)]) == 1

    left, stay = run(only, Referral), run(only, Placement)
    assert (left.state, stay.state, left.purged_at is not None) == ("moved_on", "departed", True)
    assert run(count, Needs) == 0
    assert broken_now(run) == {}
    assert run_as_owner(retention.bury_again, [("referral", referral.public_id)]) == 0


def test_no_request_is_half_purged(run_as_owner: Run, cast: Cast, run: Run) -> None:
    run(make_referral, cast.amara.actor)

    with pytest.raises(Conflict):
        run_as_owner(_half_purge)


def _half_purge() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text("UPDATE referral SET needs_id = NULL"))


def test_something_purged_that_came_back_breaks_an_invariant(
    run: Run, run_as_owner: Run, cast: Cast
) -> None:
    ref = str(run(make_referral, cast.amara.actor).ref)
    referral = run(row_of, ref)

    run_as_owner(_bury_in_name_only, referral.public_id)

    assert broken_now(run) == {"I13 a record kept for longer than its rule": 1}


def _bury_in_name_only(public_id: UUID) -> None:
    with transaction(by=SYSTEM):
        db.session.add(Tombstone(kind=Buried.REFERRAL, id=public_id))
