"""Sealing the audit trail: each event's hash takes in the hash before it, and one process does it.

A row is sealed after it was committed and in the order of sealing, which is not the order of ids:
an event may be committed after one with a higher id. So no act waits for another's hash.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction

LEADER = 0x5EA1  # any number that no other advisory lock here has
BATCH = 2_000
# A look for what is not sealed goes back so many ids, which takes milliseconds; now and then one
# goes back to the first, for an act that took longer than so many others.
LOOK_BACK = 5_000
GENESIS = hashlib.sha256(b"Waymark audit trail, version 1").digest()

# The whole row, so that a column added later is sealed too; nulls are left out, so that adding one
# changes no row sealed before. PostgreSQL prints jsonb in one way: keys sorted, one space between.
CANONICAL = """(
    jsonb_strip_nulls(to_jsonb(e) - 'detail' - 'at') || jsonb_build_object(
        'detail', e.detail,
        'at', to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    )::text"""

# A look from the first, and the first after many rows came at once, may be slow; nobody waits.
_TAKE_TIME = text("SET LOCAL statement_timeout = '60s'")
_LEAD = text("SELECT pg_try_advisory_xact_lock(:key)")
_HEAD = text("SELECT position, hash FROM event_seal ORDER BY position DESC LIMIT 1")
# nosemgrep: built-sql - what is put in is the constant above
_UNSEALED = text(
    f"""SELECT e.id, {CANONICAL} FROM event e
          LEFT JOIN event_seal s ON s.event_id = e.id AND s.event_id > :since
         WHERE s.event_id IS NULL AND e.id > :since ORDER BY e.id LIMIT :batch"""  # noqa: S608
)
_NEWEST_SEALED = text("SELECT coalesce(max(event_id), 0) FROM event_seal")
_SEAL = text(
    "INSERT INTO event_seal (position, event_id, hash)"
    " SELECT * FROM unnest(CAST(:positions AS bigint[]), CAST(:ids AS bigint[]),"
    " CAST(:hashes AS bytea[]))"
)


def next_hash(before: bytes, canonical: str) -> bytes:
    """The hash of an event's row, printed as ``CANONICAL`` does, after the hash before it."""
    return hashlib.sha256(before + canonical.encode()).digest()


def seal(*, from_the_first: bool = False) -> int:
    """Seal what was committed and is not sealed yet; how many rows, at most ``BATCH``.

    Of several processes the one that holds the lock seals; for the others nothing is left to do.
    """
    with transaction(by=SYSTEM):
        if not db.session.scalar(_LEAD, {"key": LEADER}):
            return 0
        position, head = head_of_chain()
        db.session.execute(_TAKE_TIME)
        since = 0 if from_the_first else (db.session.scalar(_NEWEST_SEALED) or 0) - LOOK_BACK
        rows = db.session.execute(_UNSEALED, {"since": since, "batch": BATCH}).all()
        if not rows:
            return 0
        hashes = []
        for _, canonical in rows:
            head = next_hash(head, canonical)
            hashes.append(head)
        first = position + 1
        db.session.execute(
            _SEAL,
            {
                "positions": list(range(first, first + len(rows))),
                "ids": [row[0] for row in rows],
                "hashes": hashes,
            },
        )
        return len(rows)


def seal_all() -> int:
    """Seal everything there is; how many rows."""
    total = 0
    for from_the_first in (False, True):
        while sealed := seal(from_the_first=from_the_first):
            total += sealed
    return total


def head_of_chain() -> tuple[int, bytes]:
    """Position and hash of the newest seal; a step for use inside a transaction."""
    found = db.session.execute(_HEAD).first()
    return (found.position, found.hash) if found is not None else (0, GENESIS)
