"""HTTP connections that begin no request whose time has passed, however long they stood still.

A process can be frozen at any moment. What was true when it last asked is looked at once more when
the line is open and the next bytes would go out, so that hardly anything can come in between.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_BEGIN_BY: ContextVar[float] = ContextVar("begin_by", default=math.inf)


class TooLate(Exception):
    """The request was not begun in time: certainly nothing whole was sent."""


@contextmanager
def begun_by(moment: float) -> Iterator[None]:
    """Requests inside go out before this reading of ``time.monotonic()``, or raise TooLate."""
    before = _BEGIN_BY.set(moment)
    try:
        yield
    finally:
        _BEGIN_BY.reset(before)


class PunctualAdapter(HTTPAdapter):
    """For a session's ``mount``: nothing is tried again, and nothing goes out too late."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Connection(HTTPConnection):
    def send(self, data: Any) -> None:
        _look_at_the_clock(self)
        super().send(data)


class _SecureConnection(HTTPSConnection):
    def send(self, data: Any) -> None:
        _look_at_the_clock(self)
        super().send(data)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _look_at_the_clock(line: HTTPConnection) -> None:
    if line.sock is None:
        line.connect()  # which may take its time, so it comes first
    if time.monotonic() > _BEGIN_BY.get():
        raise TooLate
