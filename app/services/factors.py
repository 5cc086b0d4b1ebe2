"""What a person can prove with: which factors they have, and what that lets them do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select, update

from app.actors import PASSKEY_ONLY, Actor, Role
from app.db import db
from app.models.accounts import How, SignIn, User
from app.models.factors import Passkey, Totp
from app.services.proof import refuse_unless_proved


@dataclass(frozen=True, kw_only=True)
class Factors:
    """What somebody has set up."""

    has_passkey: bool
    has_authenticator: bool
    has_password: bool

    @property
    def has_second(self) -> bool:
        return self.has_passkey or self.has_authenticator


def has_passkey() -> ColumnElement[bool]:
    """Whether the User of the query has a passkey that works."""
    return exists().where(Passkey.user_id == User.id, Passkey.ended_at.is_(None))


def has_authenticator() -> ColumnElement[bool]:
    """Whether the User of the query has an authenticator app that works."""
    return exists().where(
        Totp.user_id == User.id, Totp.confirmed_at.is_not(None), Totp.ended_at.is_(None)
    )


def factors_of(user_id: int | None) -> Factors:
    """What this person has set up; a step for use inside a transaction."""
    row = db.session.execute(
        select(has_passkey(), has_authenticator(), User.password_hash.is_not(None)).where(
            User.id == user_id
        )
    ).one()
    return Factors(has_passkey=row[0], has_authenticator=row[1], has_password=row[2])


def is_set_up(role: Role, how: How, found: Factors) -> bool:
    """Whether a sign-in by these may do more than choose what to sign in with."""
    if how in (How.DEMO, How.FORCE) or found.has_passkey:
        return True
    return role not in PASSKEY_ONLY and found.has_authenticator and found.has_password


def may_sign_in_by_password(role: Role, found: Factors) -> bool:
    """Whether a right password counts at all, with its code where there is an authenticator app.

    Nobody who has a passkey gets in by a password alone, and some roles not by a password at all.
    """
    if found.has_passkey:
        return role not in PASSKEY_ONLY and found.has_authenticator
    return True


def refuse_to_change_factors(by: Actor, now: datetime) -> None:
    """Raises ProofNeeded when somebody who has a second factor has not just proved with it."""
    if factors_of(by.user_id).has_second:
        refuse_unless_proved(by, now)


def end_everything(user_id: int, now: datetime) -> None:
    """Passkeys, authenticator app, password and sign-ins are worth nothing from now on."""
    db.session.execute(
        update(Passkey)
        .where(Passkey.user_id == user_id, Passkey.ended_at.is_(None))
        .values(ended_at=now)
    )
    end_authenticators(Totp.user_id == user_id, now=now)
    db.session.execute(update(User).where(User.id == user_id).values(password_hash=None))
    db.session.execute(
        update(SignIn)
        .where(SignIn.user_id == user_id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_authenticators(*which: ColumnElement[bool], now: datetime) -> bool:
    """End these and wipe their secrets; whether there were any. A step of a transaction."""
    ended: Iterable[int] = db.session.scalars(
        update(Totp)
        .where(*which, Totp.ended_at.is_(None))
        .values(ended_at=now, secret_sealed=None)
        .returning(Totp.id)
    )
    return bool(list(ended))
