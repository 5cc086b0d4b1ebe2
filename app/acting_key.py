"""The key with which a process signs who acts, and the database's copy of it.

Without it whoever can run SQL as the web's login could tell the database that he is anybody. The
database's copy lies where only its owner reads; ``act_as()`` and ``proven_context()`` look at it
with the owner's eyes. See ``docs/access.md``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

import psycopg
from sqlalchemy import make_url

KEPT = 2  # the key in use and the one before it, so that processes can be restarted one by one
_INNER, _OUTER, _BLOCK = 0x36, 0x5C, 64  # Source: RFC 2104
# The database's own key, which no process ever has: it proves what act_as() has compared.
_OWN_KEY = """
    INSERT INTO waymark_private.context_key (kind, inner_pad, outer_pad)
    SELECT 'database', %s, %s WHERE NOT EXISTS (
        SELECT FROM waymark_private.context_key WHERE kind = 'database')"""
_SHARE = """
    INSERT INTO waymark_private.context_key (kind, inner_pad, outer_pad)
    VALUES ('process', %s, %s)
    ON CONFLICT (inner_pad) DO UPDATE SET shared_at = clock_timestamp()"""
_FORGET = """
    DELETE FROM waymark_private.context_key WHERE kind = 'process' AND inner_pad NOT IN (
        SELECT inner_pad FROM waymark_private.context_key WHERE kind = 'process'
         ORDER BY shared_at DESC LIMIT %s)"""


def key_of(secret_key: str) -> bytes:
    """The key that follows from ``SECRET_KEY``; nothing else is signed with it."""
    return hmac.digest(secret_key.encode(), b"waymark: who acts", "sha256")


def signature(key: bytes, connection: psycopg.Connection[Any], told: dict[str, str]) -> str:
    """Of who acts, good on this connection; the database makes it good for one transaction."""
    names = ("user_id", "role", "organisation_id", "refuge_id")
    words = "|".join([str(connection.info.backend_pid), *(told[name] for name in names)])
    return hmac.new(key, words.encode(), hashlib.sha256).hexdigest()


def share_key(owner_url: str, secret_key: str) -> None:
    """Give the database the key of ``SECRET_KEY`` and take away all but the one before it."""
    address = make_url(owner_url).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        connection.execute("LOCK TABLE waymark_private.context_key IN EXCLUSIVE MODE")
        connection.execute(_OWN_KEY, _pads(secrets.token_bytes(32)))
        connection.execute(_SHARE, _pads(key_of(secret_key)))
        connection.execute(_FORGET, [KEPT])


def _pads(key: bytes) -> list[bytes]:
    """The inner and the outer key of HMAC."""
    block = key.ljust(_BLOCK, b"\0")
    return [bytes(byte ^ pad for byte in block) for pad in (_INNER, _OUTER)]
