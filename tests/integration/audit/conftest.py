"""A trail in a folder of its own, somebody who tampers with it, and the verifier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.services import anchors, trail, trail_check
from config import Settings
from tests.conftest import DATABASE, Run, settings_for
from tests.integration.audit.written import ROWS, seals, write


@pytest.fixture
def settings(postgres: EmbeddedPostgres, tmp_path: Path) -> Settings:
    """Settings whose key and anchors lie in a folder of this test."""
    return settings_for(postgres, DATABASE, data_dir=tmp_path)


@pytest.fixture
def verdict(settings: Settings, run_as_worker: Run) -> Callable[[], trail_check.Verdict]:
    def verify() -> trail_check.Verdict:
        found: trail_check.Verdict = run_as_worker(
            trail_check.verify,
            anchors.read_anchors(settings.anchor_folder),
            anchors.trusted_keys(settings),
        )
        return found

    return verify


@pytest.fixture
def tamper(run_as_owner: Run) -> Callable[[str], None]:
    """What somebody who rules the database can do: no trigger stops them."""

    def work(statement: str) -> None:
        with transaction(by=SYSTEM):
            for table in ("event", "event_seal", "event_anchor"):
                db.session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            db.session.execute(text(statement))
            for table in ("event", "event_seal", "event_anchor"):
                db.session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))

    return lambda statement: run_as_owner(work, statement)


@pytest.fixture
def sealed(run: Run, run_as_worker: Run) -> list[tuple[int, int]]:
    """A trail of twelve rows, each with its seal."""
    run(write, ROWS)
    assert run_as_worker(trail.seal_all) == ROWS
    found: list[tuple[int, int]] = run(seals)
    assert [position for position, _ in found] == list(range(1, ROWS + 1))
    return found
