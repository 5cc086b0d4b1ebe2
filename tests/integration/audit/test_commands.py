"""The commands and the worker itself: sealed at once, anchored at the end, checked by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.services import accounts, trail
from tests.cast import Cast
from tests.conftest import DATABASE, Run
from tests.fake_twilio import FakeTwilio
from tests.integration.audit.test_honey import _public_id
from tests.integration.audit.written import seals, write

ROOT = Path(__file__).resolve().parents[3]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(
    postgres: EmbeddedPostgres, database: str, twilio: FakeTwilio, tmp_path: Path
) -> dict[str, str]:
    return {
        **os.environ,
        "SECRET_KEY": "only for tests, " * 3,
        "DATABASE_URL": postgres.url("waymark_owner", DATABASE),
        "WORKER_DATABASE_URL": postgres.url("waymark_worker", DATABASE),
        "WEB_DATABASE_URL": postgres.url("waymark_web", DATABASE),
        "TWILIO_API_BASE_URL": twilio.url,
        "WAYMARK_DATA": str(tmp_path),
    }


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    def flask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return flask


def _wait_until(is_so: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def _delete_the_third() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text("ALTER TABLE event DISABLE TRIGGER USER"))
        db.session.execute(
            text("DELETE FROM event USING event_seal s WHERE s.event_id = id AND position = 3")
        )
        db.session.execute(text("ALTER TABLE event ENABLE TRIGGER USER"))


def _has_checked() -> bool:
    with transaction(by=SYSTEM):
        return bool(
            db.session.scalar(text("SELECT count(*) FROM event WHERE kind = 'trail_checked'"))
        )


def test_the_worker_seals_checks_and_anchors_and_the_command_names_what_is_gone(
    environment: dict[str, str], command: Command, run: Run, run_as_owner: Run, tmp_path: Path
) -> None:
    run(write, 3)
    worker = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "worker"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until(lambda: bool(run(_has_checked)))
        run(write)
        _wait_until(lambda: len(run(seals)) >= 5, seconds=10)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.wait()
    anchored = list((tmp_path / "anchors").glob("*.json"))
    assert anchored != []

    whole = command("audit", "verify")
    assert (whole.returncode, "The trail is whole" in whole.stdout) == (0, True), whole.stderr
    run_as_owner(_delete_the_third)
    broken = command("audit", "verify")

    assert broken.returncode == 1
    assert "position 3, event 3: the event is missing" in broken.stderr


def test_the_head_can_be_written_down_and_anchored_by_hand(
    command: Command, run: Run, run_as_worker: Run, tmp_path: Path
) -> None:
    run(write, 2)
    run_as_worker(trail.seal_all)

    shown = command("audit", "head").stdout
    anchored = command("audit", "anchor")

    assert "position 2\n" in shown
    assert "public key " in shown
    assert anchored.stdout == "Anchored at position 2.\n", anchored.stderr
    assert len(list((tmp_path / "anchors").iterdir())) == 1


def test_a_record_is_planted_by_command_in_the_name_of_somebody_stopped(
    command: Command, cast: Cast, run: Run
) -> None:
    words = ("honey", "add", "--place", "SE15", "--callback-phone", "+447700900999", "--officer")
    refused = command(*words, cast.bram.email)
    run(accounts.set_active, run(_public_id, cast.bram.email), False, by=cast.ada.actor)

    planted = command(*words, cast.bram.email)

    assert (refused.returncode, "stopped" in refused.stderr) == (1, True)
    assert planted.stdout.startswith("Planted R-"), planted.stderr
