"""The keys that wrap the keys of records: from the environment, or from a file in the demo."""

from __future__ import annotations

import base64
import hmac
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.errors import Unreadable
from app.fields.sealing import decrypt, encrypt, new_key
from config import SettingsError, key_ring

UNKNOWN_KEY = (
    "What was kept here was sealed with a key that this service does not have ({kek_id})."
    " Nothing is lost: put that key back into FIELD_KEYS."
)


@dataclass(frozen=True)
class Wrapped:
    """A record's key as it is kept; ``bound_to`` is the record key it was wrapped as."""

    kek_id: str
    body: bytes = field(repr=False)
    bound_to: bytes


class KeyProvider(Protocol):
    """Wraps and unwraps keys of records; the keys it does this with never leave it."""

    def known_ids(self) -> list[str]:
        """The names of the keys that still unwrap, the newest first: it wraps from now on."""

    def wrap(self, key: bytes, bound_to: bytes) -> Wrapped:
        """``key``, to be unwrapped under the same ``bound_to`` only."""

    def unwrap(self, wrapped: Sequence[Wrapped]) -> list[bytes]:
        """The keys again, in order.

        Raises:
            Unreadable: one was wrapped by a key that is not known, or was changed.
            Busy: the keys are elsewhere, and do not answer.
        """


class IndexKeys(Protocol):
    """Makes fingerprints by which an equal value is found again without being kept."""

    def digests(self, purpose: str, value: str) -> dict[str, bytes]:
        """Key id -> 32 bytes, the newest key first; equal for equal values alone."""


class LocalKeys:
    """Keys in this process's memory, newest first."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)

    def known_ids(self) -> list[str]:
        return list(self._keys)

    def wrap(self, key: bytes, bound_to: bytes) -> Wrapped:
        kek_id = self.known_ids()[0]
        body = encrypt(self._keys[kek_id], key, _named(bound_to, kek_id))
        return Wrapped(kek_id, body, bound_to)

    def unwrap(self, wrapped: Sequence[Wrapped]) -> list[bytes]:
        return [self._unwrap(each) for each in wrapped]

    def _unwrap(self, wrapped: Wrapped) -> bytes:
        key = self._keys.get(wrapped.kek_id)
        if key is None:
            raise Unreadable(UNKNOWN_KEY.format(kek_id=wrapped.kek_id))
        return decrypt(key, wrapped.body, _named(wrapped.bound_to, wrapped.kek_id))


def _named(bound_to: bytes, kek_id: str) -> bytes:
    return b"|".join((bound_to, kek_id.encode()))


class LocalIndex:
    """HMAC-SHA256 under keys in this process's memory, newest first."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)

    def digests(self, purpose: str, value: str) -> dict[str, bytes]:
        message = f"{purpose}|{value}".encode()
        return {key_id: hmac.digest(key, message, "sha256") for key_id, key in self._keys.items()}


def environment_keys(field_keys: str, index_keys: str) -> tuple[LocalKeys, LocalIndex]:
    """What ``FIELD_KEYS`` and ``INDEX_KEYS`` hold. Raises SettingsError when they hold none."""
    return (
        LocalKeys(key_ring("FIELD_KEYS", field_keys)),
        LocalIndex(key_ring("INDEX_KEYS", index_keys)),
    )


def file_keys(path: Path) -> tuple[LocalKeys, LocalIndex]:
    """Keys invented once and kept in ``path``, for the demonstration alone.

    Raises:
        SettingsError: others may read the file, or it holds no keys.
    """
    if not path.exists():
        _invent(path)
    if path.stat().st_mode & 0o077:
        raise SettingsError(f"{path} must be its owner's alone: chmod 600 {path}")
    try:
        kept = json.loads(path.read_text("utf-8"))
        return environment_keys(str(kept["fields"]), str(kept["index"]))
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"{path} holds no keys. Put the file back from a copy.") from None


def _invent(path: Path) -> None:
    """Whole under its name or not at all: several processes may begin at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {name: f"demo-1:{base64.b64encode(new_key()).decode()}" for name in ("fields", "index")}
    handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(made, file)
        path.hardlink_to(unfinished)
    except FileExistsError:
        return  # somebody was faster, and theirs are the keys
    finally:
        os.unlink(unfinished)
