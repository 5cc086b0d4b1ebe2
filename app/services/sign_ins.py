"""Signing in, staying signed in and ending it: rows in the database that can be taken away."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.errors import Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.models.accounts import How, Organisation, SignIn, User
from app.models.messages import TaskKind
from app.outbox import open_task
from app.services import authenticators, passwords
from app.services.accounts import DEMO_DOMAIN
from app.services.factors import (
    Factors,
    has_authenticator,
    has_passkey,
    is_set_up,
    may_sign_in_by_password,
    refuse_to_change_factors,
)
from app.services.throttle import Turn, forgive, recognise, take_turn

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(seconds=30)
MOST_AT_ONCE = 5
ATTACK_TRIES = 10
PROVES = (How.PASSKEY, How.CODE, How.FORCE)
WRONG = (
    "Those details do not belong together. Check all of them and try again."
    " If you have a passkey, sign in with that."
)
NOT_PROVED = "That did not prove it. Wait for the next code in the app and type it here."


@dataclass(frozen=True, kw_only=True)
class OpenSignIn:
    """One browser in which somebody is signed in. Where it is, is not kept."""

    public_id: UUID
    how: str
    started_at: datetime
    last_seen_at: datetime
    is_this: bool


def by_password(email: str, password: str, *, code: str = "", device: str = "") -> str:
    """The token of a new sign-in, to be kept by the browser only.

    ``code`` is the authenticator app's, ``device`` the browser's device cookie.

    Raises:
        NotAllowed: something is wrong, or the account is stopped; all of it reads the same.
        TooMany: it was tried too often, by whoever has no device cookie of this account.
    """
    email = email.strip().lower()
    with transaction(by=SYSTEM):
        user, found = _find(email)
    turn = take_turn("password", email, recognise(device, user.id) if user else "")
    # The hash is checked outside the transaction, and for nobody too, so that time tells nothing.
    is_right = passwords.matches(user.password_hash if user else None, password)
    if user is not None and user.is_active and is_right:
        with transaction(by=SYSTEM) as now:
            if _is_enough(user, found, code):
                forgive(turn)
                return start(user, How.CODE if found.has_authenticator else How.PASSWORD, now)
    _refused(user, turn)
    raise NotAllowed(WRONG)


def _find(email: str) -> tuple[User | None, Factors]:
    row = db.session.execute(
        select(User, has_passkey(), has_authenticator()).where(func.lower(User.email) == email)
    ).first()
    if row is None:
        return None, Factors(has_passkey=False, has_authenticator=False, has_password=False)
    user = row[0]
    return user, Factors(
        has_passkey=row[1], has_authenticator=row[2], has_password=user.password_hash is not None
    )


def _is_enough(user: User, found: Factors, code: str) -> bool:
    """The password is right; is what else this person has set up right too?"""
    if not may_sign_in_by_password(user.as_actor().role, found):
        return False
    return not found.has_authenticator or authenticators.is_right(user.as_actor(), code)


def _refused(user: User | None, turn: Turn) -> None:
    """Write down the guess; when somebody keeps guessing, have a person ring the owner."""
    with transaction(by=SYSTEM):
        user_id = user.id if user else None
        record(Fact.SIGN_IN_REFUSED, by=SYSTEM, subject_user_id=user_id)
        if user_id is not None and turn.tries == ATTACK_TRIES:
            record(Fact.SIGN_IN_ATTACKED, by=SYSTEM, subject_user_id=user_id)
            open_task(TaskKind.SIGN_IN_ATTACKED, user_id=user_id)


def as_demo_person(public_id: UUID) -> str:
    """One tap, no password. The view that calls this exists in demo mode only."""
    with transaction(by=SYSTEM) as now:
        user = db.session.scalar(
            select(User).where(
                User.public_id == public_id, User.is_active, User.email.endswith(DEMO_DOMAIN)
            )
        )
        if user is None:
            raise NotFound("We cannot find that person of the demonstration.")
        return start(user, How.DEMO, now)


def start(user: User, how: How, now: datetime) -> str:
    """A new row and its token; the oldest make room for it. A step of a transaction."""
    # Two at once for one person take turns, or both would find room.
    db.session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"sign_in|{user.id}", 0)))
    )
    oldest = (
        select(SignIn.id)
        .where(SignIn.user_id == user.id, _is_live(now))
        .order_by(SignIn.last_seen_at.desc(), SignIn.id.desc())
        .offset(MOST_AT_ONCE - 1)
    )
    _end(SignIn.id.in_(oldest), now=now)
    token = secrets.token_urlsafe(32)
    proved_at = now if how in PROVES else None
    made = SignIn(token_sha256=_digest(token), user_id=user.id, how=how, proved_at=proved_at)
    db.session.add(made)
    db.session.flush()
    by = replace(user.as_actor(), sign_in_id=made.id)
    record(Fact.SIGNED_IN, by=by, subject_user_id=user.id, detail={"how": how})
    return token


def who_is(token: str, *, is_present: bool = True) -> Actor | None:
    """The person whose live sign-in this is; None when it ended, idled out or was stopped.

    ``is_present`` is False for what a page left open asks by itself: it keeps no sign-in alive.
    """
    with transaction(by=SYSTEM) as now:
        row = db.session.execute(
            select(SignIn, User, has_passkey(), has_authenticator())
            .join(User, User.id == SignIn.user_id)
            .where(SignIn.token_sha256 == _digest(token), _is_live(now), User.is_active)
        ).first()
        if row is None:
            return None
        found, user, passkey, authenticator = row
        if is_present and found.last_seen_at < now - SEEN_EVERY:
            found.last_seen_at = now
        actor = user.as_actor()
        factors = Factors(
            has_passkey=passkey,
            has_authenticator=authenticator,
            has_password=user.password_hash is not None,
        )
        return replace(
            actor,
            sign_in_id=found.id,
            proved_at=found.proved_at,
            is_set_up=is_set_up(actor.role, How(found.how), factors),
        )


def idled_out(token: str, now: datetime) -> int | None:
    """Whose sign-in this was, where only its quarter of an hour without a tap has ended it."""
    return db.session.scalar(
        select(SignIn.user_id).where(
            SignIn.token_sha256 == _digest(token),
            SignIn.ended_at.is_(None),
            SignIn.last_seen_at <= now - IDLE,
            SignIn.started_at > now - LONGEST,
        )
    )


def _is_live(now: datetime) -> ColumnElement[bool]:
    return (
        SignIn.ended_at.is_(None)
        & (SignIn.last_seen_at > now - IDLE)
        & (SignIn.started_at > now - LONGEST)
    )


def prove_by_code(code: str, *, by: Actor) -> str:
    """A fresh proof by the authenticator app; the sign-in goes on under the token that comes back.

    Raises:
        NotAllowed: the code is wrong, or there is no app.
        TooMany: too many wrong ones.
    """
    turn = take_turn("proof", str(by.user_id), str(by.sign_in_id))
    with transaction(by=SYSTEM) as now:  # guesses are counted in rows of Waymark's own
        if authenticators.is_right(by, code):
            forgive(turn)
            return renew(by, now)
    with transaction(by=by):
        record(Fact.PROOF_REFUSED, by=by, subject_user_id=by.user_id)
    raise NotAllowed(NOT_PROVED)


def prove_as_demo_person(*, by: Actor) -> str:
    """One tap. The view that calls this exists in demo mode only.

    Raises:
        NotFound: this person did not sign in by one tap.
    """
    with transaction(by=by) as now:
        if db.session.get_one(SignIn, by.sign_in_id).how != How.DEMO:
            raise NotFound("This is for the people of the demonstration.")
        return renew(by, now)


def renew(by: Actor, now: datetime, *, how: How | None = None) -> str:
    """Somebody has just proved who they are: note it, under a new token. A step of a transaction.

    Raises:
        NotFound: the sign-in has ended meanwhile.
    """
    found, token = _rotate(by, now)
    found.proved_at = now
    found.how = how or found.how
    record(Fact.PROVED, by=by, subject_user_id=by.user_id)
    return token


def _rotate(by: Actor, now: datetime) -> tuple[SignIn, str]:
    token = secrets.token_urlsafe(32)
    found = db.session.scalar(
        select(SignIn).where(SignIn.id == by.sign_in_id, _is_live(now)).with_for_update()
    )
    if found is None:
        raise NotFound("Your sign-in has ended. Sign in again.")
    found.token_sha256 = _digest(token)
    return found, token


def change_password(new: str, *, current: str, by: Actor) -> str:
    """A new password; every other sign-in ends, and this one goes on under the token returned.

    Raises:
        Invalid: the new one is too easy to guess, or the current one is wrong.
        ProofNeeded: somebody with a second factor must prove with it first.
        TooMany: too many wrong ones.
    """
    turn = take_turn("password change", str(by.user_id), str(by.sign_in_id))
    with transaction(by=by) as now:
        refuse_to_change_factors(by, now)
        user, organisation = db.session.execute(
            select(User, Organisation.name)
            .join(Organisation, Organisation.id == User.organisation_id)
            .where(User.id == by.user_id)
        ).one()
    if user.password_hash and not passwords.matches(user.password_hash, current):
        raise Invalid("That is not your password now.", field="current")
    password_hash = passwords.hash_password(new, about=(user.name, user.email, organisation))
    with transaction(by=SYSTEM) as now:
        forgive(turn)
        db.session.execute(
            update(User).where(User.id == by.user_id).values(password_hash=password_hash)
        )
        _end(SignIn.user_id == by.user_id, SignIn.id != by.sign_in_id, now=now)
        record(Fact.PASSWORD_CHANGED, by=by, subject_user_id=by.user_id)
        _, token = _rotate(by, now)
        return token


def list_open(*, by: Actor) -> list[OpenSignIn]:
    """Where this person is signed in now, the latest first."""
    with transaction(by=by) as now:
        rows = db.session.scalars(
            select(SignIn)
            .where(SignIn.user_id == by.user_id, _is_live(now))
            .order_by(SignIn.last_seen_at.desc(), SignIn.id.desc())
        ).all()
        return [
            OpenSignIn(
                public_id=row.public_id,
                how=row.how,
                started_at=row.started_at,
                last_seen_at=row.last_seen_at,
                is_this=row.id == by.sign_in_id,
            )
            for row in rows
        ]


def end_one(public_id: UUID, *, by: Actor) -> None:
    """End one of one's own sign-ins; one that has ended already stays so."""
    with transaction(by=by) as now:
        _end(SignIn.public_id == public_id, SignIn.user_id == by.user_id, now=now)
        record(Fact.SIGN_INS_ENDED, by=by, subject_user_id=by.user_id)


def end_everywhere(*, by: Actor) -> None:
    """End every sign-in of this person, the one that asks too."""
    with transaction(by=by) as now:
        _end(SignIn.user_id == by.user_id, now=now)
        record(Fact.SIGN_INS_ENDED, by=by, subject_user_id=by.user_id)


def sign_out(token: str, *, by: Actor) -> None:
    """End this sign-in; the cookie is worth nothing afterwards."""
    with transaction(by=by) as now:
        _end(SignIn.token_sha256 == _digest(token), now=now)
        record(Fact.SIGNED_OUT, by=by, subject_user_id=by.user_id)


def _end(*which: ColumnElement[bool], now: datetime) -> None:
    db.session.execute(update(SignIn).where(*which, SignIn.ended_at.is_(None)).values(ended_at=now))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
