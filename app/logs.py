"""Logs as JSON lines without values: names, codes, counts and times, never what was typed."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import structlog

from config import Settings

# gunicorn keeps handlers of its own; what they write goes through the same words.
SERVER_LOGGERS = ("gunicorn.error", "gunicorn.access")


class NamesOnly(logging.Formatter):
    """A library's record as one JSON line: where it comes from and what kind of fault it tells.

    Safety: a record's arguments and an exception's text may hold a number, a name or a whole
    statement (``DETAIL: Key (phone)=(...)``), so neither is written. A text without arguments may
    have been put together beforehand, so only a pattern still to be filled is shown.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "event": record.msg if record.args and isinstance(record.msg, str) else "library",
            "logger": record.name,
            "level": record.levelname.lower(),
            "file": record.pathname,
            "line": record.lineno,
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        fault = record.exc_info[1] if record.exc_info else None
        return json.dumps(line | (described(fault) if fault else {}))


def described(fault: BaseException) -> dict[str, object]:
    """A fault by its kind, its place and what the database calls it; never by its words."""
    cause = getattr(fault, "orig", None) or fault
    place = _innermost(fault.__traceback__)
    return {
        "kind": type(fault).__name__,
        "sqlstate": getattr(cause, "sqlstate", None),
        "constraint": getattr(getattr(cause, "diag", None), "constraint_name", None),
        "raised_in": place.tb_frame.f_code.co_filename if place else None,
        "raised_at": place.tb_lineno if place else None,
    }


def _innermost(trace: TracebackType | None) -> TracebackType | None:
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace


def init_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Send our log and the libraries' warnings to ``stream`` (stderr), one JSON object a line."""
    stream = stream or sys.stderr
    level = logging.INFO if settings.is_demo else logging.WARNING
    handler = logging.StreamHandler(stream)
    handler.setFormatter(NamesOnly())
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each.formatter, NamesOnly)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in SERVER_LOGGERS:
        for each in logging.getLogger(name).handlers:
            each.setFormatter(NamesOnly())
    sys.excepthook = _last_words
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def _last_words(kind: type[BaseException], fault: BaseException, _: TracebackType | None) -> None:
    """A process that ends by a fault says which, in the same words as any other fault."""
    structlog.get_logger().critical("process_ended", **described(fault))
