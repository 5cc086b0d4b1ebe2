"""Signed heads of the audit trail, kept where whoever holds the database cannot reach them."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import DomainError
from app.events import Fact, record
from app.models.events import EventAnchor
from app.services import trail
from config import Settings

KEY_FILE = "audit-signing-key"
TIMEOUT_SECONDS = (3.0, 5.0)  # to connect, to answer: a worker that stops has twenty seconds


class NotAnchored(DomainError):
    """The head could not be put where it must be; the trail itself is whole and goes on."""


class NotKept(requests.RequestException):
    """What was sent cannot be read again where the answer says that it is."""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A signed head as it was found in ``file``. ``hash`` is in hexadecimal digits."""

    file: str
    position: int
    hash: str
    at: str
    key: str
    signature: str
    is_restart: bool = False

    def is_signed_by(self, keys: Sequence[str]) -> bool:
        """Whether one of ``keys``, as ``public_key`` gives them, has signed exactly this."""
        if self.key not in keys:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(_bytes(self.key)).verify(
                _bytes(self.signature),
                _message(self.position, self.hash, self.at, is_restart=self.is_restart),
            )
        except (InvalidSignature, ValueError):
            return False
        return True


def public_key(settings: Settings) -> str:
    """What those who check the anchors need, in one line."""
    return _text(_key(settings).public_key().public_bytes_raw())


def trusted_keys(settings: Settings) -> list[str]:
    """The public key of now, and those that signed before it."""
    return [public_key(settings), *settings.audit_old_keys.replace(",", " ").split()]


def anchor_head(settings: Settings, *, is_restart: bool = False) -> int:
    """Seal what is left, sign the head and put it out of reach; the head's position.

    ``is_restart`` says that everything after this head was lost by restoring an older copy: older
    anchors beyond it are then no proof of a cut. Nobody without the key can say so.

    Raises:
        NotAnchored: the place for anchors took nothing.
    """
    trail.seal_all()
    with transaction(by=SYSTEM) as now:
        position, head = trail.head_of_chain()
    content = _signed(_key(settings), position, head, now, is_restart=is_restart)
    try:
        _keep(settings.anchor_folder, f"{position:012d}-{head.hex()[:16]}", content)
        if settings.audit_anchor.startswith("https://"):
            _send(settings.audit_anchor, content)
    except (OSError, requests.RequestException) as fault:
        raise NotAnchored(
            f"The head of the audit trail could not be kept outside ({type(fault).__name__})."
            " Look at AUDIT_ANCHOR."
        ) from None
    with transaction(by=SYSTEM):
        db.session.add(EventAnchor(position=position, hash=head))
        record(Fact.HEAD_ANCHORED, by=SYSTEM, detail={"position": position})
    return position


def _keep(folder: Path, name: str, content: bytes) -> None:
    """Write a file that no later one takes the place of. A head that is there already is kept."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    suffix = ".restart.json" if json.loads(content)["is_restart"] else ".json"
    try:
        handle = os.open(folder / (name + suffix), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _send(url: str, content: bytes) -> None:
    answer = requests.post(
        url,
        data=content,
        headers={"Content-Type": "application/json"},
        timeout=TIMEOUT_SECONDS,
        allow_redirects=False,
    )
    answer.raise_for_status()
    if answer.is_redirect:
        raise requests.TooManyRedirects("an anchor is not sent elsewhere")
    _read_back(url, answer.headers.get("Location", ""), content)


def _read_back(url: str, where: str, content: bytes) -> None:
    """A place that takes everything and keeps nothing must be noticed while the head is known."""
    kept_at = urljoin(url, where)
    if not where or urlsplit(kept_at)[:2] != urlsplit(url)[:2]:
        raise NotKept("the answer does not say where on that server the head can be read")
    with requests.get(kept_at, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as kept:
        kept.raise_for_status()
        if kept.is_redirect or kept.raw.read(len(content) + 1, decode_content=True) != content:
            raise NotKept("another head was read than was sent")


def read_anchors(folder: Path) -> list[Anchor]:
    """Every anchor kept in ``folder``, by position. One that cannot be read has position 0."""
    if not folder.is_dir():
        return []
    found = [_read(path) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda anchor: (anchor.position, anchor.at))


def _read(path: Path) -> Anchor:
    try:
        kept = json.loads(path.read_bytes())
        return Anchor(
            file=path.name,
            position=int(kept["position"]),
            hash=str(kept["hash"]),
            at=str(kept["at"]),
            key=str(kept["key"]),
            signature=str(kept["signature"]),
            is_restart=kept["is_restart"] is True,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Anchor(file=path.name, position=0, hash="", at="", key="", signature="")


def _signed(
    key: Ed25519PrivateKey, position: int, head: bytes, now: datetime, *, is_restart: bool
) -> bytes:
    at = now.isoformat()
    message = _message(position, head.hex(), at, is_restart=is_restart)
    told = {
        "position": position,
        "hash": head.hex(),
        "at": at,
        "is_restart": is_restart,
        "key": _text(key.public_key().public_bytes_raw()),
        "signature": _text(key.sign(message)),
    }
    return json.dumps(told, indent=1).encode() + b"\n"


def _message(position: int, head: str, at: str, *, is_restart: bool) -> bytes:
    """What is signed: lines, so that no two heads can ever read the same."""
    what = "restart" if is_restart else "head"
    return f"Waymark audit trail {what}, version 1\n{position}\n{head}\n{at}\n".encode()


def _key(settings: Settings) -> Ed25519PrivateKey:
    told = settings.audit_signing_key or _key_of_the_demonstration(settings.data_dir / KEY_FILE)
    return Ed25519PrivateKey.from_private_bytes(_bytes(told))


def _key_of_the_demonstration(path: Path) -> str:
    """Made once and kept beside the data; settings let no production come here."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(_text(Ed25519PrivateKey.generate().private_bytes_raw()))
        try:
            os.link(draft, path)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text("ascii").strip()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
