"""Guesses wait; nobody is locked out. Counted in the database, so that all workers count alike.

Every browser that has signed in before holds a device cookie and is counted on its own, so that
somebody who guesses from elsewhere never makes the account's owner wait.
Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from app.actors import SYSTEM
from app.db import db, transaction
from app.digests import keyed_digest
from app.errors import TooMany
from app.models.factors import SignInTry

# Seconds before the next guess is heard, after the first, the second, ... and every later one.
WAITS = (0, 0, 0, 10, 30, 60)
MOST_PEOPLE = 8  # of a shared computer, remembered in its device cookie
FORGOTTEN_AFTER = timedelta(hours=24)
WAIT = (
    "That was tried too often in a short time. Wait a minute, then try again."
    " A passkey signs you in without waiting."
)


@dataclass(frozen=True)
class Turn:
    """A guess that is heard; ``tries`` counts it and all that failed before it."""

    key: bytes
    tries: int


def take_turn(*subject: str) -> Turn:
    """Count a guess about ``subject`` before it is looked at; ``forgive`` it when it was right.

    Raises:
        TooMany: the wait after the last guess is not over; this one is not looked at.
    """
    key = keyed_digest("sign-in try", *subject)
    with transaction(by=SYSTEM) as now:
        _forget_old(now)
        found = db.session.scalars(
            insert(SignInTry)
            .values(key=key, next_at=now, last_at=now)
            .on_conflict_do_update(index_elements=["key"], set_={"last_at": now})
            .returning(SignInTry)
        ).one()
        if found.next_at > now:
            left = ceil((found.next_at - now).total_seconds())
            raise TooMany(WAIT, retry_after_seconds=left)
        found.tries += 1
        if wait := WAITS[min(found.tries, len(WAITS)) - 1]:
            found.next_at = now + timedelta(seconds=wait)
        return Turn(key, found.tries)


def forgive(turn: Turn) -> None:
    """It was right: nothing is held against this browser any more. A step of a transaction."""
    db.session.execute(delete(SignInTry).where(SignInTry.key == turn.key))


def _forget_old(now: datetime) -> None:
    db.session.execute(delete(SignInTry).where(SignInTry.last_at < now - FORGOTTEN_AFTER))


def introduce(cookie: str, user_id: int) -> str:
    """The device cookie of a browser in which this person has now signed in as well."""
    nonce, *marks = cookie.split(".") if cookie else [secrets.token_urlsafe(16)]
    kept = [mark for mark in marks if mark != _mark(nonce, user_id)][-(MOST_PEOPLE - 1) :]
    return ".".join([nonce, *kept, _mark(nonce, user_id)])


def recognise(cookie: str, user_id: int) -> str:
    """What this browser is counted by for this person; "" where they never signed in with it."""
    nonce, *marks = cookie.split(".")
    return nonce if _mark(nonce, user_id) in marks else ""


def _mark(nonce: str, user_id: int) -> str:
    """Nobody can make one without the service's key, and it does not say whose it is."""
    return keyed_digest("device cookie", nonce, str(user_id)).hex()[:32]
