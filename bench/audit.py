"""The audit trail: what sealing costs those who write, and how fast a whole trail is checked.

Writers work as in the service, one act and one row in a transaction, on a database with fsync off:
what is compared is sealing or not, in turns within one run, not one machine with another.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from app import create_app
from app.actors import SYSTEM
from app.cli import bring_up_to_date
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.events import Fact, record
from app.services import trail, trail_check
from app.worker import SEAL_EVERY_SECONDS
from config import Settings

DATABASE = "waymark_audit_bench"
SECRET_KEY = "only for a benchmark, " * 2
OWNER, WEB, WORKER = "waymark_owner", "waymark_web", "waymark_worker"
WRITERS, SECONDS, TURNS = 4, 4.0, 5
ROWS = 100_000
_MANY = text(
    "INSERT INTO event (kind, actor_role, referral_id, detail)"
    " SELECT 'referral_viewed', 'officer', number, jsonb_build_object('shown', md5(number::text),"
    " 'live', number % 2 = 0) FROM generate_series(1, :rows) AS number"
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Acts a second without and with a sealer beside them, by turn; rows a second for the rest."""

    without: list[float]
    sealed: list[float]
    left_unsealed: int
    rows: int
    seal_seconds: float
    verify_seconds: float
    is_whole: bool


def measure() -> Measured:
    """Run everything on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="waymark-audit-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        try:
            bring_up_to_date(server.create_database(DATABASE), SECRET_KEY)
            return _measured({role: _app(server, role) for role in (OWNER, WEB, WORKER)})
        finally:
            server.remove()


def _app(server: EmbeddedPostgres, role: str) -> Flask:
    return create_app(
        Settings(
            database_url=server.url(OWNER, DATABASE),
            web_database_url=server.url(WEB, DATABASE),
            worker_database_url=server.url(WORKER, DATABASE),
            secret_key=SECRET_KEY,
        ),
        role=role,
    )


def _measured(apps: dict[str, Flask]) -> Measured:
    without, sealed, left = [], [], 0
    _acts_per_second(apps[WEB], 1.0)
    for _ in range(TURNS):
        _seal_all(apps[WORKER])
        without.append(_acts_per_second(apps[WEB], SECONDS))
        _seal_all(apps[WORKER])
        with _sealer(apps[WORKER]):
            sealed.append(_acts_per_second(apps[WEB], SECONDS))
        left = max(left, _seal_all(apps[WORKER]))
    with apps[OWNER].app_context(), transaction(by=SYSTEM):
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        db.session.execute(_MANY, {"rows": ROWS})
    started = time.perf_counter()
    count = _seal_all(apps[WORKER])
    seal_seconds = time.perf_counter() - started
    started = time.perf_counter()
    with apps[WORKER].app_context():
        found = trail_check.verify([], [])
    verify_seconds = time.perf_counter() - started
    for each in apps.values():
        with each.app_context():
            db.engine.dispose()
    return Measured(
        without=without,
        sealed=sealed,
        left_unsealed=left,
        rows=found.rows,
        seal_seconds=seal_seconds * found.rows / count,
        verify_seconds=verify_seconds,
        is_whole=found.broken is None and found.unsealed == 0,
    )


def _acts_per_second(app: Flask, seconds: float) -> float:
    until = time.perf_counter() + seconds

    def write(_: int) -> int:
        done = 0
        with app.app_context():
            while time.perf_counter() < until:
                with transaction(by=SYSTEM):
                    record(Fact.REFERRAL_VIEWED, by=SYSTEM, referral_id=done, detail={"n": done})
                done += 1
        return done

    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(write, range(WRITERS))) / seconds


@contextmanager
def _sealer(app: Flask) -> Iterator[None]:
    """Seals beside the writers as the worker does, though in their process and on their cores."""
    stopped = threading.Event()

    def work() -> None:
        with app.app_context():
            while not stopped.wait(SEAL_EVERY_SECONDS):
                while trail.seal() == trail.BATCH:
                    pass

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _seal_all(app: Flask) -> int:
    with app.app_context():
        return trail.seal_all()


def report(found: Measured) -> str:
    """The table; ratios are of medians over the turns."""
    without, sealed = statistics.median(found.without), statistics.median(found.sealed)
    turns = sorted(b / a for a, b in zip(found.without, found.sealed, strict=True))
    return "\n".join(
        [
            f"## Audit trail ({WRITERS} writers, {TURNS} turns of {SECONDS:.0f} s,"
            f" {os.cpu_count()} cores)",
            "",
            "| what | measured |",
            "|---|---|",
            f"| acts a second, nothing sealed | {without:.0f} |",
            f"| acts a second, sealed beside | {sealed:.0f} |",
            f"| sealed beside / nothing sealed | {sealed / without:.2f}"
            f" (turns {turns[0]:.2f} to {turns[-1]:.2f}) |",
            f"| rows not sealed yet when the writers stopped | {found.left_unsealed} at most |",
            f"| sealing {ROWS:,} rows from the first | {_for(found, found.seal_seconds):.1f} s |",
            f"| checking {ROWS:,} rows | {_for(found, found.verify_seconds):.1f} s |",
            f"| the trail | {'whole' if found.is_whole else 'BROKEN'} |",
        ]
    )


def _for(found: Measured, seconds: float) -> float:
    return seconds * ROWS / found.rows
