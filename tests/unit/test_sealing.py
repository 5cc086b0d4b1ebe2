"""What is sealed opens only here, only for its own row, and only as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.sealing import keyed_digest, seal, unseal


def _app(secret: str) -> Flask:
    app = Flask("app")
    app.config["SECRET_KEY"] = secret
    return app


@pytest.fixture
def _here() -> Iterator[None]:
    with _app("one secret " * 4).app_context():
        yield


@pytest.mark.usefixtures("_here")
def test_what_is_sealed_opens_for_its_own_row_and_never_looks_the_same() -> None:
    sealed = seal(b"JBSWY3DPEHPK3PXP", what="totp|7")

    assert unseal(sealed, what="totp|7") == b"JBSWY3DPEHPK3PXP"
    assert b"JBSWY3DP" not in sealed
    assert seal(b"JBSWY3DPEHPK3PXP", what="totp|7") != sealed


@pytest.mark.usefixtures("_here")
def test_of_another_row_changed_cut_or_under_another_key_it_stays_shut() -> None:
    sealed = seal(b"secret", what="totp|7")
    bent = sealed[:-1] + bytes([sealed[-1] ^ 1])

    assert unseal(sealed, what="totp|8") is None
    for spoilt in (bent, sealed[:-1], sealed[:5], b""):
        assert unseal(spoilt, what="totp|7") is None
    with _app("another secret " * 4).app_context():
        assert unseal(sealed, what="totp|7") is None


@pytest.mark.usefixtures("_here")
def test_a_digest_keeps_its_parts_apart_and_needs_the_key() -> None:
    digest = keyed_digest("a", "bc")

    assert keyed_digest("a", "bc") == digest
    assert len({digest, keyed_digest("ab", "c"), keyed_digest("a", "b", "c")}) == 3
    with _app("another secret " * 4).app_context():
        assert keyed_digest("a", "bc") != digest
