"""AES-256-GCM on bytes. Pure: what a text is bound to is the caller's to say."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import Unreadable

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = b"\x01"
TAMPERED = (
    "What was kept here is not what was sealed: it was changed, or moved from another record."
    " It is not shown. Tell the person on call."
)


def new_key() -> bytes:
    """256 random bits."""
    return AESGCM.generate_key(bit_length=8 * KEY_BYTES)


def encrypt(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    """Format byte, nonce, ciphertext and tag. A key seals few texts, so a random nonce is safe."""
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def decrypt(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """The text again.

    Raises:
        Unreadable: it was changed, or was sealed for another place or under another key.
    """
    if sealed[:1] != FORMAT:
        raise Unreadable(TAMPERED)
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, bound_to)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise Unreadable(TAMPERED) from None
