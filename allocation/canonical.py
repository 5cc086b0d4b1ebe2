"""One text for each document: what is hashed, compared and kept, and which format it is of."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from allocation.reading import ProblemError, shown


def check_format(document: Mapping[str, Any], wanted: str) -> None:
    """Refuse a document of another format."""
    if "format" not in document:
        raise ProblemError("format", f'is missing; it must be "{wanted}"')
    if document["format"] != wanted:
        raise ProblemError("format", f'must be "{wanted}", not {shown(document["format"])}')


def plain(value: Any) -> Any:
    """Return a frozen dataclass as JSON would hold it: sets sorted, moments in UTC as texts."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    return dict(_fields(value)) if hasattr(value, "__dataclass_fields__") else value


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    for f in fields(value):
        entry = getattr(value, f.name)
        if f.init and entry is not None:
            yield f.name, plain(entry)


def canonical_json(document: Mapping[str, Any]) -> str:
    """Return the document with sorted keys, no spaces, and characters as they are."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()
