"""The real worker, killed in the middle of a plan: nothing is lost and nothing is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.services import invariants
from tests.cast import Cast
from tests.conftest import DATABASE, FIELD_KEYS, INDEX_KEYS, Run
from tests.factories import make_referral
from tests.fake_twilio import FakeTwilio

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start_worker(
    postgres: EmbeddedPostgres, database: str, twilio: FakeTwilio, tmp_path: Path
) -> Iterator[Start]:
    """Starts ``flask worker`` as its own process; kills what is left of it afterwards."""
    started: list[subprocess.Popen[bytes]] = []
    environment = {
        **os.environ,
        "SECRET_KEY": "only for tests, " * 3,
        "FIELD_KEYS": FIELD_KEYS,
        "INDEX_KEYS": INDEX_KEYS,
        "DATABASE_URL": postgres.url("waymark_owner", DATABASE),
        "WORKER_DATABASE_URL": postgres.url("waymark_worker", DATABASE),
        "WEB_DATABASE_URL": postgres.url("waymark_web", DATABASE),
        "TWILIO_API_BASE_URL": twilio.url,
        "WAYMARK_DATA": str(tmp_path),
    }

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "worker"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()


def _count(query: str) -> int:
    with transaction(by=SYSTEM):
        return int(db.session.scalar(text(query)) or 0)


def _until(condition: Callable[[], bool], *, seconds: float, every: float = 0.002) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return False


@pytest.mark.slow
def test_a_plan_cut_short_is_made_again(
    app: Flask, cast: Cast, run: Run, start_worker: Start
) -> None:
    with app.app_context():
        doing = "SELECT count(*) FROM procrastinate_jobs WHERE task_name='plan' AND status='doing'"
        killed_in_the_middle = 0
        for _ in range(4):
            refs = [make_referral(cast.amara.actor).ref for _ in range(3)]
            worker = start_worker()
            assert _until(lambda: _count(doing) > 0, seconds=60)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            killed_in_the_middle += _count(doing) > 0
            if killed_in_the_middle == 2:
                break
        assert killed_in_the_middle == 2, "the worker was never caught in the middle of a plan"

        start_worker()

        seen = (
            "SELECT count(*) FROM plan_line l JOIN referral r ON r.id = l.referral_id"
            f" WHERE r.ref = '{refs[-1]}'"
        )
        assert _until(lambda: _count(seen) > 0, seconds=60, every=0.2)
        waiting = _count("SELECT count(*) FROM referral WHERE state = 'ready'")
        newest = _count(
            "SELECT count(*) FROM plan_line WHERE run_id ="
            " (SELECT id FROM plan_run ORDER BY created_at DESC LIMIT 1)"
        )
        assert newest == waiting
    assert run(invariants.broken) == {}
