"""Fields that nobody reads in the database: sealed under a key for each record, opened on purpose.

``seal`` and ``open_field`` are the two doors; ``docs/encryption.md`` says what is sealed and why.
"""

from __future__ import annotations

from app.fields.index import PHONE, any_of, fingerprints, newest_fingerprint
from app.fields.providers import index_keys, init_fields, provider
from app.fields.records import (
    SEALED,
    index,
    open_field,
    open_fields,
    seal,
    shred,
    wrapped_as,
)

__all__ = [
    "PHONE",
    "SEALED",
    "any_of",
    "fingerprints",
    "index",
    "index_keys",
    "init_fields",
    "newest_fingerprint",
    "open_field",
    "open_fields",
    "provider",
    "seal",
    "shred",
    "wrapped_as",
]
