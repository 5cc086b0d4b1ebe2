"""Jobs put in line inside our own transaction, so that they exist exactly when their cause does."""

from __future__ import annotations

from enum import StrEnum

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import before_commit


class Job(StrEnum):
    """What the worker does. Each job looks for its own work, so one waiting job is enough."""

    PLAN = "plan"
    EXPLAIN = "explain"
    ASK = "ask"
    COST = "cost"
    REHEARSE = "rehearse"
    PRICE = "price"
    SEND_TEXTS = "send_texts"
    HANDLE_TEXTS = "handle_texts"
    ROTATE_KEYS = "rotate_keys"
    PURGE = "purge"
    SWEEP = "sweep"
    ANCHOR = "anchor"
    CHECK_TRAIL = "check_trail"


# Only its job manager is used here, on our connection; the worker opens one of its own.
jobs = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def defer(job: Job) -> None:
    """Put ``job`` in line when this transaction commits; once, however often it is asked for."""
    before_commit(job.value, lambda session: _enqueue(session, job))


def _enqueue(session: Session, job: Job) -> None:
    """Find the job in line and hold it there until we commit, or put a new one in line.

    A job found in line must not begin before what we write can be seen: the worker skips locked
    rows. A second one of the kind, put in line this very moment by another, is looked for again.
    """
    held = text(
        "SELECT id FROM procrastinate_jobs WHERE queueing_lock = :job AND status = 'todo' FOR SHARE"
    )
    for _ in range(2):
        if session.execute(held, {"job": job.value}).first() is not None:
            return
        try:
            # A savepoint, because "already in line" arrives as a broken statement, and a broken
            # transaction would end in a silent rollback. It is set once the session uses it.
            with session.begin_nested():
                connection = session.connection().connection.driver_connection
                jobs.configure_task(
                    job.value, queueing_lock=job.value, connection=connection
                ).defer()
        except AlreadyEnqueued:
            continue
        return
