"""Small secrets sealed before the database sees them, and names kept as keyed digests only."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

NONCE_BYTES = 12
KEY_BYTES = 32


def seal(secret: bytes, *, what: str) -> bytes:
    """Encrypt; ``what`` names the row, so that a sealed value is of no use in another."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_key("seal")).encrypt(nonce, secret, what.encode())


def unseal(sealed: bytes, *, what: str) -> bytes | None:
    """What was sealed; None where it was sealed for another row, by another key or not at all."""
    nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(_key("seal")).decrypt(nonce, rest, what.encode())
    except (InvalidTag, ValueError):
        return None


def keyed_digest(*parts: str) -> bytes:
    """A digest that nobody without the service's key can make, or find the parts of by guessing."""
    named = b"".join(hashlib.sha256(part.encode()).digest() for part in parts)
    return hmac.digest(_key("digest"), named, "sha256")


def _key(use: str) -> bytes:
    """One key for each use, from SECRET_KEY: with another SECRET_KEY nothing here opens again."""
    made = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=f"waymark {use}".encode())
    return made.derive(str(current_app.config["SECRET_KEY"]).encode())
