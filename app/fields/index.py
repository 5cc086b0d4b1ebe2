"""The blind index: finding an equal number again without keeping it where it can be read.

For inbound numbers and lists of people who must not see a record, and for nothing else: whoever
steals its key tries every number there is within the hour (docs/encryption.md).
"""

from __future__ import annotations

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from app.fields.providers import index_keys

PHONE = "phone"  # one purpose for all numbers, so that a text finds the phone it came from


def newest_fingerprint(purpose: str, value: str) -> tuple[str, bytes]:
    """(key id, fingerprint) to be kept. ``purpose`` keeps two columns from being compared."""
    return next(iter(index_keys().digests(purpose, value).items()))


def fingerprints(purpose: str, value: str) -> list[bytes]:
    """Under every key that is still known, so that a change of keys hides nothing."""
    return list(index_keys().digests(purpose, value).values())


def any_of(
    column: InstrumentedAttribute[bytes] | InstrumentedAttribute[bytes | None],
    purpose: str,
    value: str,
) -> ColumnElement[bool]:
    """``column`` is a fingerprint of ``value``."""
    return column.in_(fingerprints(purpose, value))
