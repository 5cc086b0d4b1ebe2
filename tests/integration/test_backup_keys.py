"""Keys lie apart from what they open, and what was purged stays purged."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import select

from app import create_app
from app.actors import SYSTEM
from app.backup import back_up
from app.backup_keys import forget_old_keys
from app.backup_tools import program
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.errors import Unreadable
from app.fields import open_field, shred
from app.models.referrals import Caller
from app.services import clock, referrals, retention, texts
from tests.backups import COMPANIONS, RESTORED, command, connect, empty_database, hashes_of
from tests.cast import Cast
from tests.conftest import DATABASE, Run, settings_for
from tests.factories import make_referral

REFERENCE = "OP CANARY NINE"


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The owner's address of a database without a table."""
    yield from empty_database(postgres)


def words_in(dump: Path) -> str:
    """Everything that a dump would bring back, as SQL."""
    return subprocess.run(
        [program("pg_restore", 18), "--file=-", dump], capture_output=True, text=True, check=True
    ).stdout


def test_a_backup_holds_nothing_that_was_sealed_nor_a_key_beside_it(
    run: Run, cast: Cast, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    run(make_referral, cast.amara.actor, incident_ref=REFERENCE, callback_phone="+447700900931")
    run(texts.receive_text, "SM" + "e" * 32, "+447700900932", "+447700900000", "canary of a text")
    back_up(postgres.url(database=DATABASE), tmp_path / "dump")

    main, keys = words_in(tmp_path / "dump"), words_in(tmp_path / "dump.keys")

    for canary in (REFERENCE, "447700900931", "447700900932", "canary of a text"):
        for kept in (main, keys, (tmp_path / "dump.tombstones").read_text()):
            assert canary not in kept
            assert canary.encode().hex() not in kept
    wrapped = [row[0] for row in rows_of(postgres.url(database=DATABASE), "wrapped")]
    assert len(wrapped) == 6
    assert all(each.hex() in keys and each.hex() not in main for each in wrapped)


def rows_of(url: str, column: str) -> list[Any]:
    query = sql.SQL("SELECT {} FROM record_key").format(sql.Identifier(column))
    with connect(url) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def purged_since(run: Run, run_as_worker: Run, cast: Cast, app: Flask, tmp_path: Path) -> Path:
    """A backup of two requests, one of which was purged before the next backup."""
    run(make_referral, cast.amara.actor, incident_ref=REFERENCE)
    run(make_referral, cast.amara.actor, incident_ref="OP STAYS")
    assert command(app, "backup", tmp_path / "monday").exit_code == 0
    run_as_worker(_shred, REFERENCE)
    assert command(app, "backup", tmp_path / "tuesday").exit_code == 0
    return tmp_path


def _shred(reference: str) -> None:
    with transaction(by=SYSTEM) as now:
        [caller] = [
            each
            for each in db.session.scalars(select(Caller))
            if open_field(each, "incident_ref") == reference
        ]
        assert shred([caller.key_id], now) == 1


def references(app: Flask) -> list[str]:
    """What can be read of the callers; ``-`` where nothing can."""
    with app.app_context(), transaction(by=SYSTEM):
        found = []
        for caller in db.session.scalars(select(Caller)):
            try:
                found.append(open_field(caller, "incident_ref"))
            except Unreadable:
                found.append("-")
        return sorted(found)


@pytest.fixture
def restored_app(postgres: EmbeddedPostgres, empty: str) -> Iterator[Flask]:
    flask = create_app(settings_for(postgres, RESTORED))
    yield flask
    with flask.app_context():
        db.engine.dispose()


def test_the_youngest_keys_open_an_older_backup_but_for_what_was_purged(
    purged_since: Path, restored_app: Flask
) -> None:
    (purged_since / "tuesday.tombstones").unlink()

    command(restored_app, "restore", purged_since / "monday")

    assert references(restored_app) == ["-", "OP STAYS"]


def test_tombstones_are_replayed_over_keys_that_still_hold_what_was_purged(
    purged_since: Path, restored_app: Flask
) -> None:
    result = command(
        restored_app,
        *("restore", purged_since / "monday", "--keys", purged_since / "monday.keys"),
    )

    assert "        1 purged again" in result.output
    assert references(restored_app) == ["-", "OP STAYS"]


def test_without_tombstones_it_would_come_back(purged_since: Path, restored_app: Flask) -> None:
    (purged_since / "tuesday.tombstones").unlink()

    command(
        restored_app,
        *("restore", purged_since / "monday", "--keys", purged_since / "monday.keys"),
    )

    assert references(restored_app) == ["OP CANARY NINE", "OP STAYS"]


def test_without_keys_the_backup_says_that_nothing_sealed_can_be_read(
    purged_since: Path, restored_app: Flask
) -> None:
    for path in purged_since.glob("*.keys"):
        path.unlink()

    result = command(restored_app, "restore", purged_since / "tuesday")

    assert "no copy of keys" in result.output
    assert references(restored_app) == ["-", "-"]


def test_a_list_of_tombstones_that_cannot_be_read_stops_the_restore(
    purged_since: Path, restored_app: Flask, empty: str
) -> None:
    (purged_since / "tuesday.tombstones").write_text("key,not-an-id,2026\n")

    result = command(restored_app, "restore", purged_since / "monday")

    assert result.exit_code == 1
    assert "no list of tombstones" in result.output
    assert hashes_of(empty) == {}


@pytest.mark.parametrize(
    ("age", "stays"),
    [(timedelta(days=7), True), (timedelta(days=7, seconds=2), False)],
    ids=["a week", "a week and two seconds"],
)
def test_copies_of_keys_are_deleted_after_a_week(
    age: timedelta, stays: bool, cast: Cast, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    back_up(postgres.url(database=DATABASE), tmp_path / "dump")
    other = tmp_path / "letters.keys"
    other.write_text("somebody's own")
    now = datetime.now(UTC)
    then = (now - age).timestamp()
    for path in tmp_path.iterdir():
        os.utime(path, (then, then))

    gone = forget_old_keys(tmp_path, now)

    assert gone == ([] if stays else [tmp_path / "dump.keys"])
    assert (tmp_path / "dump.keys").exists() is stays
    assert (tmp_path / "dump").exists()
    assert other.exists()


@pytest.mark.parametrize("ending", ["", *COMPANIONS])
def test_no_file_of_three_is_replaced(ending: str, cast: Cast, app: Flask, tmp_path: Path) -> None:
    (tmp_path / f"dump{ending}").write_text("yesterday")

    assert command(app, "backup", tmp_path / "dump").exit_code == 1

    assert [path.read_text() for path in tmp_path.iterdir()] == ["yesterday"]


def test_a_purged_record_stays_purged_through_an_older_backup_with_its_own_keys(
    run: Run,
    run_as_worker: Run,
    run_as_owner: Run,
    cast: Cast,
    app: Flask,
    restored_app: Flask,
    empty: str,
    tmp_path: Path,
) -> None:
    ref = str(run(make_referral, cast.amara.actor, incident_ref=REFERENCE).ref)
    run(referrals.withdraw, ref, "things_changed", by=cast.amara.actor)
    command(app, "backup", tmp_path / "before")
    run_as_owner(clock.shift_by, timedelta(days=28))
    assert run_as_worker(retention.purge_due) == 1
    command(app, "backup", tmp_path / "after")

    result = command(
        restored_app, "restore", tmp_path / "before", "--keys", tmp_path / "before.keys"
    )

    assert "        1 purged again" in result.output
    assert "Restored." in result.output
    assert references(restored_app) == []
    rows = {name: count for name, (count, _) in hashes_of(empty).items()}
    assert (rows["needs"], rows["safety"], rows["caller"], rows["referral"]) == (0, 0, 0, 1)
    assert ref not in words_of("referral", empty)


def words_of(table: str, url: str) -> str:
    with connect(url) as connection:
        query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
        return repr(connection.execute(query).fetchall())
