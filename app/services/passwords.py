"""Passwords: how they are kept, and which are too easy to guess. None ever has to be changed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Invalid

SHORTEST = 15
LONGEST = 1000
MUST_REMAIN = 5
MUST_DIFFER = 4
TOO_SHORT = f"Use at least {SHORTEST} characters: four words will do."
TOO_EASY = (
    "That is too easy to guess: it is made of your own name, a common password, or a row of keys."
    " Four words that have nothing to do with each other will do."
)
# What most common passwords are made of. Source: the top of SecLists' 10k-most-common list, and
# words of this service.
COMMON = (
    *("password", "passwort", "letmein", "welcome", "iloveyou", "trustno", "changeme", "monkey"),
    *("dragon", "baseball", "football", "mustang", "shadow", "master", "superman", "batman"),
    *("sunshine", "princess", "secret", "starwars", "liverpool", "arsenal", "chelsea", "everton"),
    *("summer", "winter", "autumn", "spring", "january", "february", "november", "december"),
    *("login", "admin", "computer", "internet", "access", "freedom", "whatever", "charlie"),
    *("waymark", "police", "officer", "refuge", "constable", "coordinator", "england", "london"),
)
ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
IN_A_ROW = {
    row[at : at + 4]
    for line in ROWS
    for row in (line, line[::-1])
    for at in range(len(row) - 3)
}  # fmt: skip
LOOKS_LIKE = str.maketrans("@4310$57", "aaeiosst")

# OWASP's second argon2id profile: 50 to 70 ms on the machine this was measured on.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def hash_password(password: str, *, about: Iterable[str]) -> str:
    """The argon2id hash of a new password; ``about`` is the person's name, address and work.

    Raises:
        Invalid: too short, or too easy to guess.
    """
    if len(password) < SHORTEST:
        raise Invalid(TOO_SHORT, field="password")
    if is_easy(password, about=about):
        raise Invalid(TOO_EASY, field="password")
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is the right one; takes as long for somebody who has none."""
    try:
        _hasher.verify(password_hash or _NOBODY, password)
        return password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def is_easy(password: str, *, about: Iterable[str]) -> bool:
    """Whether too little is left without common words, the person's own, key rows and repeats."""
    text = password.casefold()
    own = {word for each in about for word in re.findall(r"[^\W\d_]{3,}", each.casefold())}
    known = sorted({*COMMON, *own}, key=len, reverse=True)
    left = min((_without(spelt, known) for spelt in (text, text.translate(LOOKS_LIKE))), key=len)
    return len(left) < MUST_REMAIN or len(set(left)) < MUST_DIFFER


def _without(text: str, known: list[str]) -> str:
    for word in known:
        text = text.replace(word, "")
    rows = [at for at in range(len(text)) if text[at : at + 4] in IN_A_ROW]
    covered = {at + step for at in rows for step in range(4)}
    text = "".join(sign for at, sign in enumerate(text) if at not in covered and sign.isalnum())
    return re.sub(r"(.+?)\1+", r"\1", text)
