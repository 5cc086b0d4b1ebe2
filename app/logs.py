"""Logs as JSON lines without values: names, codes, counts and times, never what was typed."""

from __future__ import annotations

import logging
import sys

import structlog

from config import Settings


def init_logs(settings: Settings) -> None:
    """Send our log and the libraries' warnings to stderr, one JSON object a line."""
    level = logging.INFO if settings.is_demo else logging.WARNING
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
