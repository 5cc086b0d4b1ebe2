"""People who sign in in earnest: with a password, an app's codes or a passkey."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import select, text, update

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.models.accounts import SignIn, User
from app.models.events import Event
from app.services import authenticators, clock, own_passkeys, passkeys, passwords, sign_ins
from tests.cast import Cast, Person
from tests.conftest import Run
from tests.soft_passkey import SoftPasskey

PASSWORD = "four plain words here"
SITE = passkeys.Site("localhost", "http://localhost:8000")


@dataclass
class Hand:
    """Does for a person what they would do at their own screen, without pages."""

    run: Run

    def give_password(self, person: Person, password: str = PASSWORD) -> None:
        def give() -> None:
            hashed = passwords.hash_password(password, about=())
            with transaction(by=SYSTEM):
                db.session.execute(
                    update(User).where(User.id == person.actor.user_id).values(password_hash=hashed)
                )

        self.run(give)

    def signed_in(self, person: Person) -> Actor:
        """A one-tap sign-in that has just proved itself, as its actor."""
        actor = self.actor(self.run(sign_ins.as_demo_person, self.public_id(person)))
        return self.actor(self.run(sign_ins.prove_as_demo_person, by=actor))

    def actor(self, token: str) -> Actor:
        found: Actor | None = self.run(sign_ins.who_is, token)
        assert found is not None
        return found

    def public_id(self, person: Person) -> Any:
        def find() -> Any:
            with transaction(by=SYSTEM):
                return db.session.get_one(User, person.actor.user_id).public_id

        return self.run(find)

    def give_app(self, person: Person) -> pyotp.TOTP:
        """An authenticator app whose first code was taken two steps ago."""
        by = self.signed_in(person)
        app = pyotp.TOTP(self.run(authenticators.begin, by=by).secret)
        self.run(authenticators.confirm, app.now(), by=by)
        self.let_codes_be_new()
        return app

    def let_codes_be_new(self) -> None:
        """As if all codes so far had been taken long ago."""

        def forget() -> None:
            with transaction(by=SYSTEM):
                db.session.execute(text("UPDATE totp SET last_step = 0"))

        self.run(forget)

    def give_passkey(self, person: Person) -> SoftPasskey:
        key, by = SoftPasskey(), self.signed_in(person)
        asked = self.run(own_passkeys.ask_to_add, SITE, by=by)
        self.run(
            own_passkeys.add,
            key.make(asked.options),
            "Work phone",
            challenge_id=asked.challenge_id,
            site=SITE,
            by=by,
        )
        return key

    def use_passkey(self, key: SoftPasskey) -> str:
        """The token of a sign-in by passkey."""
        asked = self.run(passkeys.ask_to_sign_in, SITE)
        return self.run(  # type: ignore[no-any-return]
            passkeys.sign_in,
            key.answer(asked.options),
            challenge_id=asked.challenge_id,
            site=SITE,
        )

    def facts(self, kind: str) -> list[tuple[str, int | None]]:
        """Who did it, and whom it is about, oldest first."""

        def read() -> list[tuple[str, int | None]]:
            with transaction(by=SYSTEM):
                rows = db.session.scalars(
                    select(Event).where(Event.kind == kind).order_by(Event.id)
                ).all()
                return [(row.actor_role, row.subject_user_id) for row in rows]

        return self.run(read)  # type: ignore[no-any-return]

    def rows(self) -> list[SignIn]:
        def read() -> list[SignIn]:
            with transaction(by=SYSTEM):
                return list(db.session.scalars(select(SignIn).order_by(SignIn.id)))

        return self.run(read)  # type: ignore[no-any-return]


@pytest.fixture
def hand(run: Run, cast: Cast) -> Hand:
    return Hand(run)


@pytest.fixture
def later(run_as_owner: Run) -> Callable[..., None]:
    """``later(minutes=15)``: the service's clock has moved on by so much."""

    def move(**how: float) -> None:
        run_as_owner(clock.shift_by, timedelta(**how))

    return move


@pytest.fixture
def steady() -> None:
    """Begin just after a new code: none may become old while a test looks at it."""
    time.sleep(max(0.0, 30 - time.time() % 30) if time.time() % 30 > 25 else 0)
