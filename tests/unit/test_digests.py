"""A keyed digest is the same again only here, and only for the same parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.digests import keyed_digest


def _app(secret: str) -> Flask:
    app = Flask("app")
    app.config["SECRET_KEY"] = secret
    return app


@pytest.fixture
def _here() -> Iterator[None]:
    with _app("one secret " * 4).app_context():
        yield


@pytest.mark.usefixtures("_here")
def test_a_digest_keeps_its_parts_apart_and_needs_the_key() -> None:
    digest = keyed_digest("a", "bc")

    assert keyed_digest("a", "bc") == digest
    assert len({digest, keyed_digest("ab", "c"), keyed_digest("a", "b", "c")}) == 3
    with _app("another secret " * 4).app_context():
        assert keyed_digest("a", "bc") != digest
