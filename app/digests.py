"""Names kept as keyed digests only: to be recognised again, and never read back."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

KEY_BYTES = 32


def keyed_digest(*parts: str) -> bytes:
    """A digest that nobody without the service's key can make, or find the parts of by guessing."""
    named = b"".join(hashlib.sha256(part.encode()).digest() for part in parts)
    return hmac.digest(_key(), named, "sha256")


def _key() -> bytes:
    """Made from SECRET_KEY: with another one nothing is recognised again."""
    made = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"waymark digest")
    return made.derive(str(current_app.config["SECRET_KEY"]).encode())
