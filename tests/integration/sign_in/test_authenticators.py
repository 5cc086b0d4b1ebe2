"""An app's secret opens for its own person alone, whatever somebody at the database moves."""

from __future__ import annotations

import pyotp
import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Unreadable
from app.models.factors import Totp
from app.services import authenticators
from tests.cast import Cast, Person
from tests.conftest import Run
from tests.integration.sign_in.conftest import Hand


def _row(person: Person) -> Totp:
    return db.session.scalars(select(Totp).where(Totp.user_id == person.actor.user_id)).one()


def test_the_secret_is_nowhere_in_the_open_and_counts_for_its_person(
    hand: Hand, cast: Cast, run: Run
) -> None:
    secret = run(authenticators.begin, by=hand.signed_in(cast.bea)).secret

    def look() -> str:
        with transaction(by=SYSTEM):
            return repr({c.name: getattr(_row(cast.bea), c.key) for c in Totp.__table__.columns})

    assert secret not in run(look)
    run(authenticators.confirm, pyotp.TOTP(secret).now(), by=hand.signed_in(cast.bea))


def test_a_secret_moved_to_another_person_does_not_open(
    hand: Hand, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    secret = run(authenticators.begin, by=hand.signed_in(cast.amara)).secret
    run(authenticators.begin, by=hand.signed_in(cast.bea))

    def move() -> None:
        with transaction(by=SYSTEM):
            hers, mine = _row(cast.bea), _row(cast.amara)
            hers.secret_sealed, hers.key_id = mine.secret_sealed, mine.key_id

    run_as_owner(move)
    with pytest.raises(Unreadable):
        run(authenticators.confirm, pyotp.TOTP(secret).now(), by=hand.signed_in(cast.bea))
