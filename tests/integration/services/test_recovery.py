"""Her minimum right to recover: the rule of her first day, at the edges of each, and frozen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Invalid, NotAllowed, NotFound
from app.models.placements import Placement
from app.services import clock, offers, recovery
from app.services.asked import DecisionDays, LongerRecovery
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of

ENGLAND, WALES, SCOTLAND = "E12000007", "W92000004", "S92000003"
NORTHERN_IRELAND, IRELAND, MAN = "N92000002", "IE", "IM"
Shown = recovery.RecoveryShown | None


@pytest.fixture
def arrive(cast: Cast, run: Run) -> Callable[[], Placement]:
    """A woman arrives at Rowan, as an officer records it."""

    def come() -> Placement:
        referral = run(make_referral, cast.amara.actor)
        room = run(room_of, "Rowan", "1").public_id
        stay = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
        run(accept, stay, by=cast.bea.actor)
        run(offers.record_arrival, stay.public_id, by=cast.amara.actor)
        return run(placement_of, referral.ref)  # type: ignore[no-any-return]

    return come


def shown(placement: Placement) -> Shown:
    with transaction(by=SYSTEM):
        return recovery.recovery_of(placement)


def began(placement: Placement, region: str, day: date) -> Shown:
    """What is frozen for a stay in ``region`` that began on ``day``; the owner's rights."""
    with transaction(by=SYSTEM):
        run = db.session.execute
        run(
            text("UPDATE refuge SET region_code = :region WHERE id = :id"),
            {"region": region, "id": placement.refuge_id},
        )
        run(
            text("UPDATE placement SET arrived_at = :at WHERE id = :id"),
            {"at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "id": placement.id},
        )
        run(text("DELETE FROM recovery"))
        run(text("SELECT freeze_recovery(:id)"), {"id": placement.id})
        return recovery.recovery_of(placement)


def test_the_rule_of_the_first_day_holds_to_the_day(
    arrive: Callable[[], Placement], run_as_owner: Run
) -> None:
    stay = arrive()
    cases = [
        *[(ENGLAND, date(2007, 10, 2), None), (ENGLAND, date(2007, 10, 3), 30)],
        *[(ENGLAND, date(2009, 3, 31), 30), (WALES, date(2009, 4, 1), 45)],
        *[(ENGLAND, date(2022, 12, 12), 45), (ENGLAND, date(2022, 12, 13), 30)],
        *[(WALES, date(2022, 12, 12), 45), (WALES, date(2022, 12, 13), 30)],
        *[(SCOTLAND, date(2018, 3, 31), 45), (SCOTLAND, date(2018, 4, 1), 90)],
        *[(SCOTLAND, date(2022, 12, 13), 90), (NORTHERN_IRELAND, date(2009, 3, 31), 30)],
        *[(NORTHERN_IRELAND, date(2009, 4, 1), 45), (NORTHERN_IRELAND, date(2022, 12, 13), 45)],
        *[(IRELAND, date(2008, 6, 6), None), (IRELAND, date(2008, 6, 7), 60)],
        *[(IRELAND, date(2026, 1, 1), 60), (MAN, date(2026, 1, 1), None)],
    ]

    for region, day, days in cases:
        found = run_as_owner(began, stay, region, day)
        assert (found.days if found else None) == days, (region, day)
        if found:
            assert (found.starts_on, found.at_least_until) == (day, day + timedelta(days=days or 0))


def test_a_night_arrival_counts_by_londons_calendar(
    arrive: Callable[[], Placement], run: Run, run_as_owner: Run
) -> None:
    run_as_owner(clock.shift_to, datetime(2009, 3, 31, 23, 30, tzinfo=UTC))  # 00:30 in London

    found = run(shown, arrive())

    assert (found.starts_on, found.days) == (date(2009, 4, 1), 45)


def test_a_new_law_never_shortens_a_stay_that_began_before_it(
    arrive: Callable[[], Placement], run: Run, run_as_owner: Run
) -> None:
    run_as_owner(clock.shift_to, datetime(2022, 12, 12, 12, tzinfo=UTC))
    stay = arrive()
    run_as_owner(clock.shift_to, datetime(2022, 12, 20, 12, tzinfo=UTC))

    assert run(shown, stay).days == 45


def test_nobody_may_change_what_is_frozen(
    arrive: Callable[[], Placement], run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    arrive()

    def change(statement: str) -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text(statement))

    for role in (run, run_as_worker):
        with pytest.raises(DBAPIError, match="permission denied"):
            role(change, "UPDATE recovery SET days = 1")
    with pytest.raises(Exception, match="changed in the meantime"):
        run_as_owner(change, "UPDATE recovery_rule SET days = days - 1")


def test_the_minimum_can_be_made_longer_and_never_shorter(
    arrive: Callable[[], Placement], run: Run, cast: Cast
) -> None:
    stay = arrive()
    first = run(shown, stay).at_least_until
    longer = LongerRecovery(until=first + timedelta(days=14), extension_reason="recovery_health")

    run(recovery.extend_recovery, stay.public_id, longer, by=cast.bea.actor)

    found = run(shown, stay)
    assert found.at_least_until == first + timedelta(days=14)
    assert found.because == ["She is ill or has been hurt"]
    for day in (first, first + timedelta(days=14)):
        with pytest.raises(Invalid, match="never made shorter"):
            run(
                recovery.extend_recovery,
                stay.public_id,
                LongerRecovery(until=day, extension_reason="recovery_health"),
                by=cast.bea.actor,
            )
    with pytest.raises(Invalid, match="Choose a reason"):
        run(
            recovery.extend_recovery,
            stay.public_id,
            LongerRecovery(until=first + timedelta(days=20), extension_reason="full"),
            by=cast.bea.actor,
        )


def test_only_her_own_house_writes_of_her(
    arrive: Callable[[], Placement], run: Run, cast: Cast
) -> None:
    stay = arrive()
    longer = LongerRecovery(until=date(2099, 1, 1), extension_reason="recovery_health")

    for write, given in (
        (recovery.extend_recovery, longer),
        (recovery.date_decisions, DecisionDays()),
    ):
        with pytest.raises(NotFound):
            run(write, stay.public_id, given, by=cast.chloe.actor)
        for other in (cast.amara, cast.dee, cast.mara):
            with pytest.raises(NotAllowed):
                run(write, stay.public_id, given, by=other.actor)
