"""Authenticator apps (TOTP, RFC 6238): a code of 30 seconds, taken once, a step early or late."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pyotp
from sqlalchemy import func, select, update

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.errors import Invalid, NotFound
from app.events import Fact, record
from app.fields import open_field, seal
from app.models.accounts import User
from app.models.factors import Totp
from app.services.factors import end_authenticators, refuse_to_change_factors
from app.services.throttle import forgive, take_turn

STEP_SECONDS = 30
STEPS_APART = (0, -1, 1)
ISSUER = "Waymark"
WRONG_CODE = "That code is not right. Wait for the next one in the app and type it here."


@dataclass(frozen=True, kw_only=True)
class NewAuthenticator:
    """Shown once, to be scanned or typed into the app."""

    secret: str
    uri: str


def begin(*, by: Actor) -> NewAuthenticator:
    """Make a secret that counts once ``confirm`` has seen a code of it; an older one still counts.

    Raises:
        ProofNeeded: somebody with a second factor must prove with it first.
    """
    secret = pyotp.random_base32()
    with transaction(by=by) as now:
        refuse_to_change_factors(by, now)
        user = db.session.get_one(User, by.user_id)
        end_authenticators(Totp.user_id == user.id, Totp.confirmed_at.is_(None), now=now)
        made = Totp(user_id=user.id)
        seal(made, secret=secret)
        db.session.add(made)
        name = user.email
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    return NewAuthenticator(secret=secret, uri=uri)


def pending(*, by: Actor) -> NewAuthenticator:
    """The secret that still waits for its first code.

    Raises:
        NotFound: there is none.
    """
    with transaction(by=by) as now:
        refuse_to_change_factors(by, now)
        found = _find(by, is_confirmed=False)
        secret = open_field(found, "secret")
        user = db.session.get_one(User, by.user_id)
    if not secret:
        raise NotFound("Begin again: there is no authenticator app waiting for its first code.")
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)
    return NewAuthenticator(secret=secret, uri=uri)


def confirm(code: str, *, by: Actor) -> None:
    """The first right code: from now on this app counts, and none before it.

    Raises:
        Invalid: the code is wrong.
        TooMany: too many wrong ones.
    """
    turn = take_turn("authenticator", str(by.user_id), str(by.sign_in_id))
    with transaction(by=SYSTEM) as now:  # guesses are counted in rows of Waymark's own
        refuse_to_change_factors(by, now)
        found = _find(by, is_confirmed=False)
        if found is None or not _take(found, code):
            raise Invalid(WRONG_CODE, field="code")
        end_authenticators(Totp.user_id == by.user_id, Totp.confirmed_at.is_not(None), now=now)
        found.confirmed_at = now
        record(Fact.AUTHENTICATOR_ADDED, by=by, subject_user_id=by.user_id)
        forgive(turn)


def remove(*, by: Actor) -> None:
    """The app no longer counts. Doing it twice is harmless.

    Raises:
        ProofNeeded: not before a fresh proof.
    """
    with transaction(by=by) as now:
        refuse_to_change_factors(by, now)
        if end_authenticators(Totp.user_id == by.user_id, now=now):
            record(Fact.AUTHENTICATOR_REMOVED, by=by, subject_user_id=by.user_id)


def is_right(user: Actor, code: str) -> bool:
    """Whether ``code`` is the app's now; it is used up by this. A step of a transaction."""
    found = _find(user, is_confirmed=True)
    return found is not None and _take(found, code)


def _find(user: Actor, *, is_confirmed: bool) -> Totp | None:
    wanted = Totp.confirmed_at.is_not(None) if is_confirmed else Totp.confirmed_at.is_(None)
    return db.session.scalar(
        select(Totp).where(Totp.user_id == user.user_id, Totp.ended_at.is_(None), wanted)
    )


def _take(found: Totp, code: str) -> bool:
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit()):
        return False
    # People's phones keep real time: the demonstration's shifted clock is not asked.
    seconds = db.session.scalar(select(func.extract("epoch", func.clock_timestamp())))
    step_now = int(float(seconds or 0)) // STEP_SECONDS
    app = pyotp.HOTP(open_field(found, "secret"))
    for step in (step_now + apart for apart in STEPS_APART):
        if secrets.compare_digest(app.at(step), digits):
            return _use_up(found, step)
    return False


def _use_up(found: Totp, step: int) -> bool:
    """Two workers with the same code: one of them."""
    taken = db.session.scalar(
        update(Totp)
        .where(Totp.id == found.id, Totp.last_step < step)
        .values(last_step=step)
        .returning(Totp.id)
    )
    return taken is not None
