"""What is kept of people who worked here goes too, to the second, and a hold keeps who it names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotAllowed
from app.events import Fact
from app.models.accounts import SignIn, User
from app.models.events import Event
from app.models.retention import HoldReason, LegalHold
from app.services import accounts
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral
from tests.integration.services.keeping import DAY, SECOND, Time, count

Purge = Callable[[], int]
YEAR = 365 * DAY


def stop(run: Run, cast: Cast, email: str) -> None:
    run(accounts.set_active, run(person, email).public_id, False, by=cast.ada.actor)


def person(email: str) -> User:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(User).where(User.email == email)).one()


def person_of(public_id: UUID) -> User:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(User).where(User.public_id == public_id)).one()


def stopped_at() -> datetime:
    with transaction(by=SYSTEM):
        query = select(Event.at).where(Event.kind == Fact.USER_DISABLED.value)
        return db.session.scalars(query.order_by(Event.at.desc())).first()  # type: ignore[return-value]


def until(run_as_owner: Run, moment: datetime) -> None:
    from app.services import clock

    run_as_owner(clock.shift_to, moment)


def test_an_account_is_emptied_a_year_after_it_was_stopped_and_not_a_second_before(
    run: Run, run_as_owner: Run, cast: Cast, purge: Purge, time: Time
) -> None:
    before = run(person, cast.chloe.email)
    stop(run, cast, cast.chloe.email)
    at = run(stopped_at)

    until(run_as_owner, at + YEAR - 5 * SECOND)
    purge()
    assert run(person_of, before.public_id).name == before.name
    until(run_as_owner, at + YEAR)
    purge()

    left = run(person_of, before.public_id)
    assert (left.name, left.password_hash, left.is_active) == (accounts.FORMER, None, False)
    assert before.email not in left.email
    assert left.email == accounts.former_email(before.public_id)
    with pytest.raises(NotAllowed, match="Make a new one"):
        run(accounts.set_active, before.public_id, True, by=cast.ada.actor)


def test_an_account_that_works_again_or_still_does_is_kept(
    run: Run, cast: Cast, purge: Purge, time: Time
) -> None:
    stop(run, cast, cast.chloe.email)
    chloe = run(person, cast.chloe.email).public_id
    run(accounts.set_active, chloe, True, by=cast.ada.actor)
    time.passes(3 * YEAR)

    purge()

    assert run(person_of, chloe).email == cast.chloe.email
    assert run(person, cast.bea.email).name


@pytest.mark.parametrize("who", ["amara", "bea"])
def test_a_hold_keeps_whoever_touched_what_is_held(
    run: Run, run_as_owner: Run, cast: Cast, purge: Purge, time: Time, who: str
) -> None:
    referral = run(make_referral, cast.amara.actor)
    email = cast.everybody()[who].email
    held = run_as_owner(hold, referral.id, cast.hana.actor.user_id)
    stop(run, cast, email)
    time.passes(2 * YEAR)

    purge()
    assert run_as_owner(named, email) is (who == "amara"), "Bea has had nothing to do with it"
    run_as_owner(lift, held, cast.hana.actor.user_id, cast.dee.actor.user_id)
    purge()

    assert run_as_owner(named, email) is False


def hold(referral_id: int, by_id: int) -> int:
    with transaction(by=SYSTEM):
        row = LegalHold(referral_id=referral_id, reason=HoldReason.COMPLAINT, placed_by_id=by_id)
        db.session.add(row)
        db.session.flush()
        return row.id


def lift(hold_id: int, asked_by: int, agreed_by: int) -> None:
    with transaction(by=SYSTEM) as now:
        row = db.session.get_one(LegalHold, hold_id)
        row.lift_asked_at, row.lift_asked_by_id = now, asked_by
        row.lifted_at, row.lifted_by_id = now, agreed_by


def named(email: str) -> bool:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(User.id).where(User.email == email)) is not None


def test_a_sign_in_is_forgotten_90_days_after_it_was_over(
    run: Run, run_as_owner: Run, cast: Cast, purge: Purge, browser_of: Callable[[str], Browser]
) -> None:
    browser_of(cast.bea.email)
    last: Any = run(last_seen)

    until(run_as_owner, last + timedelta(days=90) - 5 * SECOND)
    purge()
    assert run(count, SignIn) == 1
    until(run_as_owner, last + timedelta(days=90))
    purge()

    assert run(count, SignIn) == 0
    assert run(person, cast.bea.email).is_active


def last_seen() -> datetime:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(SignIn.last_seen_at)).one()
