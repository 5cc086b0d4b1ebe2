"""Changing keys: under load, killed half-way, and never a record that cannot be read."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select, update

from app import create_app
from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.fields import SEALED, open_field, seal
from app.models.events import Event
from app.models.keys import RecordKey
from app.models.referrals import Caller
from app.services import key_rotation
from app.services.invariants import broken
from tests.cast import Cast
from tests.conftest import DATABASE, FIELD_KEYS, INDEX_KEYS, settings_for

ROOT = Path(__file__).resolve().parents[2]


def made(word: str) -> str:
    return f"{word}:{base64.b64encode(hashlib.sha256(word.encode()).digest()).decode()}"


NEW_FIELDS, NEW_INDEX = f"{made('test-2')},{FIELD_KEYS}", f"{made('index-2')},{INDEX_KEYS}"


@pytest.fixture
def rotated(postgres: EmbeddedPostgres, cast: Cast) -> Iterator[Flask]:
    """A worker that has the new keys before the old ones."""
    flask = create_app(
        settings_for(postgres, DATABASE, field_keys=NEW_FIELDS, index_keys=NEW_INDEX),
        role="waymark_worker",
    )
    yield flask
    with flask.app_context():
        db.engine.dispose()


@pytest.fixture
def only_new(postgres: EmbeddedPostgres) -> Iterator[Flask]:
    """A service from which the old keys were taken away."""
    flask = create_app(
        settings_for(postgres, DATABASE, field_keys=made("test-2"), index_keys=made("index-2"))
    )
    yield flask
    with flask.app_context():
        db.engine.dispose()


def add_callers(count: int) -> None:
    """Needs the owner's rights: nobody else adds a caller without a request."""
    with transaction(by=SYSTEM):
        for number in range(count):
            caller = Caller(id=uuid4())
            seal(caller, callback_phone=f"+4477009{number:05}", incident_ref=f"OP {number}")
            db.session.add(caller)


def read_all() -> int:
    """Opens every sealed field there is; how many rows."""
    with transaction(by=SYSTEM):
        count = 0
        for model, shape in SEALED.items():
            for row in db.session.scalars(select(model)):
                assert [open_field(row, name) for name in shape.fields]
                count += 1
        return count


def keys_by_kek() -> dict[str, int]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(RecordKey.kek_id, func.count()).group_by(RecordKey.kek_id)
        ).all()
        return {row[0]: row[1] for row in rows}


def test_after_a_rotation_the_old_keys_can_go(
    rotated: Flask, only_new: Flask, owner_app: Flask
) -> None:
    with owner_app.app_context():
        add_callers(7)
    with rotated.app_context():
        before = {row.id: row.callback_phone_sealed for row in _callers()}

        done = key_rotation.rotate()

        assert (done.rewrapped, done.reindexed, done.unreadable) == (11, 2, 0)
        assert done.is_done
        assert {row.id: row.callback_phone_sealed for row in _callers()} == before
        again = key_rotation.rotate()
        assert (again.rewrapped, again.reindexed, again.is_done) == (0, 0, True)
    with only_new.app_context():
        assert read_all() == 11
        assert keys_by_kek() == {"test-2": 11}
        assert broken() == {}


def _callers() -> list[Caller]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Caller)))


def test_it_is_written_down_without_naming_a_record(rotated: Flask) -> None:
    with rotated.app_context():
        key_rotation.rotate()
        with transaction(by=SYSTEM):
            events = db.session.scalars(
                select(Event).where(Event.kind == "field_keys_rotated")
            ).all()

    assert [event.detail for event in events] == [{"rewrapped": 4, "reindexed": 2}]


def test_records_are_read_and_written_while_it_runs(
    rotated: Flask, only_new: Flask, owner_app: Flask
) -> None:
    with owner_app.app_context():
        add_callers(400)
    stop = threading.Event()

    def write(flask: Flask) -> int:
        with flask.app_context():
            written = 0
            while not stop.is_set():
                add_callers(3)
                written += 3
            return written

    def read(flask: Flask) -> int:
        with flask.app_context():
            looks = 0
            while not stop.is_set() or looks == 0:
                read_all()
                looks += 1
            return looks

    with ThreadPoolExecutor(4) as pool:
        old_writer = pool.submit(write, owner_app)  # has not been told of the new key yet
        readers = [pool.submit(read, rotated) for _ in range(2)]
        rotations = [pool.submit(_rotate, rotated)]
        first = rotations[0].result()
        stop.set()
        written, looks = old_writer.result(), [each.result() for each in readers]

    assert first.rewrapped >= 400
    assert first.unreadable == 0
    assert written > 0
    assert min(looks) >= 1
    with rotated.app_context():
        rest = key_rotation.rotate()
        assert rest.is_done  # what the old writer wrote meanwhile is wrapped anew too
        assert first.rewrapped + rest.rewrapped == 4 + 400 + written
    with only_new.app_context():
        assert read_all() == 4 + 400 + written


def _rotate(flask: Flask) -> key_rotation.Rotation:
    with flask.app_context():
        return key_rotation.rotate()


def test_killed_half_way_it_leaves_nothing_unreadable(
    postgres: EmbeddedPostgres, rotated: Flask, only_new: Flask, owner_app: Flask, tmp_path: Path
) -> None:
    with owner_app.app_context():
        add_callers(1500)
    settings = rotated.config["SETTINGS"]
    environment = os.environ | {
        "WAYMARK_DATA": str(tmp_path),
        "SECRET_KEY": settings.secret_key,
        "DATABASE_URL": settings.database_url,
        "WEB_DATABASE_URL": settings.web_database_url,
        "WORKER_DATABASE_URL": settings.worker_database_url,
        "FIELD_KEYS": settings.field_keys,
        "INDEX_KEYS": settings.index_keys,
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "rotate-field-keys"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with rotated.app_context():
        until = time.monotonic() + 60
        while "test-2" not in keys_by_kek() and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()

        halfway = keys_by_kek()
        assert min(halfway.values()) > 0
        assert set(halfway) == {"test-1", "test-2"}
        assert read_all() == 1504

        assert key_rotation.rotate().is_done
    with only_new.app_context():
        assert read_all() == 1504


def test_what_cannot_be_unwrapped_stops_nothing_else(rotated: Flask, owner_app: Flask) -> None:
    with owner_app.app_context():
        add_callers(3)
    with rotated.app_context():
        with transaction(by=SYSTEM):
            spoilt = db.session.scalars(select(RecordKey.id).limit(1)).one()
            db.session.execute(
                update(RecordKey).where(RecordKey.id == spoilt).values(kek_id="lost")
            )

        done = key_rotation.rotate()

        assert (done.rewrapped, done.unreadable, done.waiting) == (6, 1, {"lost": 1})
        assert broken() == {"I11 a key of a record that no key of this service opens": 1}


def command(app: Flask, *arguments: str) -> Result:
    with app.app_context():
        return app.test_cli_runner(catch_exceptions=False).invoke(args=list(arguments))


def test_the_command_says_what_still_needs_an_old_key(rotated: Flask) -> None:
    asked = command(rotated, "rotate-field-keys", "--check")
    done = command(rotated, "rotate-field-keys")

    assert asked.exit_code == 1
    assert "4 records still need test-1 of FIELD_KEYS" in asked.output
    assert "2 fingerprints still need test-1 of INDEX_KEYS" in asked.output
    assert (done.exit_code, "older ones can be taken away" in done.output) == (0, True)
