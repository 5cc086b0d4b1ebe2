"""What has had its time is purged, to the second; what is held stays; figures do not move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotFound, Unreadable
from app.events import Fact
from app.fields import open_field
from app.models.events import Event
from app.models.keys import Buried, Tombstone
from app.models.messages import Message
from app.models.placements import Placement
from app.models.plans import PlanLine
from app.models.referrals import Caller, FormKey, LinkKind, Needs, Referral, ReferralLink, Safety
from app.models.retention import HoldReason, LegalHold, RetentionRule
from app.services import closing, follow, matching, referrals
from app.services.forecasting import forecast
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral
from tests.integration.services.keeping import (
    DAY,
    SECOND,
    Time,
    broken_now,
    closed_at,
    count,
    moved_on,
    only,
    row_of,
    withdrawn,
)
from tests.known_world import World


@pytest.mark.parametrize(("closed", "days"), [(withdrawn, 28), (moved_on, 90)], ids=["28", "90"])
def test_a_record_goes_when_its_time_has_passed_and_not_a_second_before(
    closed: Callable[[Run, Cast], str],
    days: int,
    run: Run,
    cast: Cast,
    time: Time,
    purge: Callable[[], int],
) -> None:
    ref = closed(run, cast)

    time.is_after(ref, days * DAY - 5 * SECOND)
    assert purge() == 0
    assert run(count, Needs) == 1
    time.is_after(ref, days * DAY)
    assert purge() == 1
    assert [run(count, model) for model in (Needs, Safety, Caller)] == [0, 0, 0]
    assert purge() == 0


def test_an_open_request_is_kept_however_old_it_is(
    run: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    run(make_referral, cast.amara.actor)
    time.passes(400 * DAY)

    assert purge() == 0
    assert run(count, Needs) == 1


def test_what_is_left_is_a_row_that_names_nobody(
    run: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    ref = moved_on(run, cast)
    before, placed, caller = run(row_of, ref), run(only, Placement), run(only, Caller)
    time.is_after(ref, 90 * DAY)
    purge()

    left, stay = run(only, Referral), run(only, Placement)

    assert (left.needs_id, left.safety_id, left.caller_id) == (None, None, None)
    assert left.ref != ref
    assert stay.offer_code != placed.offer_code
    assert (left.region_code, left.state, left.urgency) == ("E12000007", "moved_on", "emergency")
    assert (left.submitted_at, left.closed_at) == (before.submitted_at, before.closed_at)
    assert (stay.arrived_at, stay.ended_at) == (placed.arrived_at, placed.ended_at)
    with pytest.raises(Unreadable, match="purged"):
        run(_open, caller)
    assert run(count, FormKey) == run(count, Message) == run(count, PlanLine) == 0
    assert broken_now(run) == {}


def _open(caller: Caller) -> str:
    with transaction(by=SYSTEM):
        return open_field(caller, "callback_phone")


def test_the_purge_is_written_down_with_a_tombstone_for_her_and_for_her_keys(
    run: Run, run_as_worker: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    ref = withdrawn(run, cast)
    referral, caller = run(row_of, ref), run(only, Caller)
    time.is_after(ref, 28 * DAY)
    purge()

    assert run_as_worker(_tombstones) == {
        (Buried.REFERRAL, referral.public_id),
        (Buried.KEY, caller.key_id),
    }
    [event] = run(_events, Fact.REFERRAL_PURGED)
    assert (event.referral_id, event.actor_role, event.detail) == (referral.id, "system", {})


def _tombstones() -> set[tuple[str, Any]]:
    with transaction(by=SYSTEM):
        return {(row.kind, row.id) for row in db.session.scalars(select(Tombstone))}


def _events(fact: Fact) -> list[Event]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Event).where(Event.kind == fact.value)))


def test_a_purged_request_exists_for_nobody(
    run: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    ref = withdrawn(run, cast)
    time.is_after(ref, 28 * DAY)
    purge()
    left = run(only, Referral).ref

    for known in (ref, left):
        with pytest.raises(NotFound):
            run(follow.show_request, known, by=cast.amara.actor)
        with pytest.raises(NotFound):
            run(closing.reopen, known, by=cast.dee.actor)
    assert run(follow.list_requests, by=cast.amara.actor) == ([], [])


def test_women_found_together_are_purged_one_by_one(
    run: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    ref = withdrawn(run, cast)
    run(make_referral, cast.amara.actor, same_as=ref, tie=LinkKind.TOGETHER)
    assert run(count, ReferralLink) == 1
    time.is_after(ref, 28 * DAY)

    assert purge() == 1

    assert run(count, ReferralLink) == 0
    assert run(count, Needs) == run(count, Caller) == 1


# Rules are dated, and a hold beats them.


def _rule(kind: str, days: int, valid_from: date) -> None:
    with transaction(by=SYSTEM):
        db.session.add(RetentionRule(kind=kind, days=days, valid_from=valid_from, text="A test."))


@pytest.mark.parametrize(
    ("days_later", "kept_days"), [(14, 14), (60, 28)], ids=["shortened", "lengthened"]
)
def test_of_two_rules_the_shorter_holds(
    days_later: int,
    kept_days: int,
    run: Run,
    run_as_owner: Run,
    cast: Cast,
    time: Time,
    purge: Callable[[], int],
) -> None:
    ref = withdrawn(run, cast)
    closed = run_as_owner(closed_at, ref)
    run_as_owner(_rule, "never_placed", days_later, (closed + 2 * DAY).date())

    time.is_after(ref, kept_days * DAY - 5 * SECOND)
    assert purge() == 0
    time.is_after(ref, kept_days * DAY)
    assert purge() == 1


def test_a_rule_of_a_day_to_come_changes_nothing_yet(
    run: Run, run_as_owner: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    ref = withdrawn(run, cast)
    closed = run_as_owner(closed_at, ref)
    run_as_owner(_rule, "never_placed", 1, (closed + 20 * DAY).date())

    time.is_after(ref, 19 * DAY)
    assert purge() == 0
    time.is_after(ref, 21 * DAY)
    assert purge() == 1


def _hold(ref: str, cast: Cast) -> None:
    with transaction(by=SYSTEM):
        referral = db.session.scalars(select(Referral).where(Referral.ref == ref)).one()
        db.session.add(
            LegalHold(
                referral_id=referral.id,
                reason=HoldReason.COURT_ORDER,
                placed_by_id=cast.dee.actor.user_id,
            )
        )


def _lift(cast: Cast) -> None:
    with transaction(by=SYSTEM) as now:
        hold = db.session.scalars(select(LegalHold)).one()
        hold.lift_asked_at, hold.lift_asked_by_id = now, cast.dee.actor.user_id
        hold.lifted_at, hold.lifted_by_id = now, cast.ada.actor.user_id


def test_a_legal_hold_beats_the_purge_until_it_is_lifted(
    run: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    held, other = withdrawn(run, cast), withdrawn(run, cast)
    run(_hold, held, cast)
    time.is_after(other, 200 * DAY)

    assert purge() == 1
    assert run(row_of, held).purged_at is None
    assert broken_now(run) == {}
    run(_lift, cast)
    assert purge() == 1


def test_a_record_that_outlived_its_time_breaks_an_invariant(
    run: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    ref = withdrawn(run, cast)
    time.is_after(ref, 29 * DAY + 5 * SECOND)

    assert broken_now(run) == {"I13 a record kept for longer than its rule": 1}
    purge()
    assert broken_now(run) == {}


# Figures do not move.


@pytest.fixture
def world(cast: Cast, run: Run, run_as_owner: Run) -> World:
    found = World(cast=cast, web=run, owner=run_as_owner)
    found.at(20, 12)
    return found


def test_figures_are_the_same_before_and_after(
    world: World, cast: Cast, run: Run, run_as_worker: Run, time: Time, purge: Callable[[], int]
) -> None:
    lived, waits, unmet = world.ask(), world.ask(), world.ask(needs=("step_free",))
    world.arrive(placement := world.promise(lived))
    run_as_worker(matching.make_plan)
    run_as_worker(matching.explain_newest_plan)
    world.at(24, 9)
    world.depart(placement)
    run(closing.close_unmet, unmet, _unmet_reason(run), by=cast.dee.actor)
    run(referrals.withdraw, waits, "things_changed", by=cast.amara.actor)
    time.is_after(lived, 89 * DAY)
    before = figures_of(world)
    rows = run(_report_rows)

    assert purge() == 2  # the two that were never placed
    assert figures_of(world) == before
    time.is_after(lived, 90 * DAY)
    assert purge() == 1

    assert run(_report_rows) == rows
    assert rows["report_unmet_reason"] > 0
    assert run(count, Needs) == 0


def figures_of(world: World) -> list[dict[str, Any]]:
    """Without the moments they were asked at, which go on."""
    return [
        {name: part for name, part in vars(world.figures(days)).items() if name != "period"}
        for days in (7, 28, 90)
    ]


def _unmet_reason(run: Run) -> str:
    def read() -> str:
        with transaction(by=SYSTEM):
            return str(
                db.session.scalar(text("SELECT code FROM reason WHERE kind = 'unmet' LIMIT 1"))
            )

    return run(read)  # type: ignore[no-any-return]


def _report_rows() -> dict[str, Any]:
    """Every row of every view for figures; of reasons why nothing was found the codes."""
    found: dict[str, Any] = {}
    with transaction(by=SYSTEM, as_report=True):
        for view in ("report_referral", "report_stay", "report_use", "report_place"):
            found[view] = sorted(map(repr, db.session.execute(text(f"SELECT * FROM {view}"))))
        codes = "SELECT count(*) FROM report_unmet_reason, jsonb_array_elements(reasons) AS r"
        found["report_unmet_reason"] = db.session.scalar(text(f"{codes} WHERE r ->> 'code' > ''"))
    return found


def test_the_forecast_still_counts_every_woman_who_asked(
    run: Run, cast: Cast, time: Time, purge: Callable[[], int]
) -> None:
    ref = withdrawn(run, cast)
    run(make_referral, cast.amara.actor)
    time.is_after(ref, 28 * DAY)
    before = run(_forecast)
    purge()

    assert run(_forecast) == before


def _forecast() -> Any:
    with transaction(by=SYSTEM) as now:
        found = forecast(now)
        return found.basis["women_seen"], found.document["towns"]
