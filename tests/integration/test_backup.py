"""A backup comes back whole, or says that it is none."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from flask import Flask
from psycopg import sql
from sqlalchemy import make_url, select

from app import create_app
from app.actors import SYSTEM
from app.backup import BackupError, _program, back_up, forget_old_keys, restore
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.errors import Unreadable
from app.fields import open_field, shred
from app.models.referrals import Caller
from app.services import clock, referrals, retention, texts
from app.services.invariants import broken
from tests.cast import Cast
from tests.conftest import DATABASE, Run, settings_for
from tests.factories import accept, make_referral, offer_room, room_of

RESTORED = "waymark_restored"
COMPANIONS = (".keys", ".tombstones")
REFERENCE = "OP CANARY NINE"
SHAPE = {
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
    " FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT oid::regprocedure::text, md5(prosrc), prosecdef, proconfig, proacl::text[]"
    " FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
    "owners": "SELECT relname, relowner::regrole::text FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace",
    "grants": "SELECT relname, grantee::regrole::text, privilege_type, is_grantable"
    " FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'public'::regnamespace",
    "schema": "SELECT grantee::regrole::text, privilege_type"
    " FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee <> 0",
    "policies": "SELECT tablename, policyname, permissive, roles::text, cmd, qual, with_check"
    " FROM pg_policies",
    "row security": "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    "sequences": "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'",
}
TAKE_A_BED_TWICE = """
    INSERT INTO bed_use (bed_id, refuge_id, placement_id, live, during)
    SELECT bed_id, refuge_id, placement_id, live, during FROM bed_use WHERE live LIMIT 1"""


@pytest.fixture
def world(run: Run, cast: Cast) -> str:
    """A woman on her way, one who was asked for, one who waits, and a room out of use."""
    promised, asked, _ = (make_referral_of(run, cast, number) for number in range(3))
    accept_as = run(offer_room, promised, by=cast.dee.actor, room=room_id(run, "Rowan", "1"))
    run(accept, accept_as, by=cast.bea.actor)
    run(offer_room, asked, by=cast.dee.actor, room=room_id(run, "Cedar", "1"))
    return promised


def make_referral_of(run: Run, cast: Cast, number: int) -> str:
    made = run(make_referral, cast.amara.actor, incident_ref=f"OP 'quoted\\n\\.' {number}\tälä")
    return str(made.ref)


def room_id(run: Run, alias: str, code: str) -> Any:
    return run(room_of, alias, code).public_id


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The owner's address of a database without a table."""
    yield postgres.create_database(RESTORED)
    postgres.drop_database(RESTORED)


def connect(url: str) -> psycopg.Connection[Any]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain)


def shape_of(url: str) -> dict[str, list[str]]:
    """Without casts and brackets, which PostgreSQL sets otherwise when it reads its own words."""
    with connect(url) as connection:
        return {
            name: sorted(
                re.sub(r"::[a-z ]+(\[\])?|[()]", "", repr(row))
                for row in connection.execute(query).fetchall()
            )
            for name, query in SHAPE.items()
        }


def hashes_of(url: str) -> dict[str, tuple[int, str]]:
    """Rows of each table and a hash over all of them."""
    query = sql.SQL("SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t")
    with connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return {
            name: connection.execute(query.format(sql.Identifier(name))).fetchone() or (0, "")
            for (name,) in tables
        }


def command(app: Flask, *arguments: str | Path) -> Result:
    runner = app.test_cli_runner(catch_exceptions=False)
    with app.app_context():  # as ``flask`` gives to each command
        return runner.invoke(args=[str(each) for each in arguments])


def test_what_is_restored_is_what_was_saved(
    world: str, app: Flask, postgres: EmbeddedPostgres, empty: str, tmp_path: Path
) -> None:
    file = tmp_path / "waymark.dump"
    saved = command(app, "backup", file)
    before, shape = (
        hashes_of(postgres.url(database=DATABASE)),
        shape_of(postgres.url(database=DATABASE)),
    )
    restored_app = create_app(settings_for(postgres, RESTORED))

    restored = command(restored_app, "restore", file)

    assert (saved.exit_code, restored.exit_code) == (0, 0), saved.output + restored.output
    assert "        3 referral\n" in saved.output
    assert "Restored." in restored.output
    files = sorted(tmp_path.iterdir())
    assert [each.name for each in files] == [f"waymark.dump{end}" for end in ("", *COMPANIONS)]
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    assert hashes_of(empty) == before
    assert before["referral"][0] == 3
    assert shape_of(empty) == shape
    with restored_app.app_context():
        assert broken() == {}
        db.engine.dispose()


def test_a_restored_database_still_refuses_a_double_booking(
    world: str, postgres: EmbeddedPostgres, empty: str, tmp_path: Path
) -> None:
    back_up(postgres.url(database=DATABASE), tmp_path / "dump")
    restore(empty, tmp_path / "dump", tmp_path / "dump.keys")

    with connect(empty) as connection, pytest.raises(psycopg.errors.ExclusionViolation):
        connection.execute(TAKE_A_BED_TWICE)


def test_a_backup_replaces_no_file(world: str, app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "yesterday.dump"
    file.write_text("yesterday")

    result = command(app, "backup", file)

    assert result.exit_code == 1
    assert "exists already" in result.output
    assert file.read_text() == "yesterday"


def test_nothing_is_restored_over_rows(
    world: str, app: Flask, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = postgres.url(database=DATABASE)
    back_up(url, tmp_path / "dump")
    before = hashes_of(url)

    result = command(app, "restore", tmp_path / "dump")

    assert result.exit_code == 1
    assert "This database is not empty" in result.output
    assert hashes_of(url) == before


def test_a_dump_that_misses_rows_is_refused(
    world: str, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.url(database=DATABASE)
    with connect(url) as connection:
        real = _program("pg_dump", connection.info.server_version // 10000)
    lazy = tmp_path / "bin" / "pg_dump"
    lazy.parent.mkdir()
    lazy.write_text(f'#!/bin/sh\nexec "{real}" "$@" --exclude-table-data=referral\n')
    lazy.chmod(0o755)
    monkeypatch.setenv("PATH", str(lazy.parent), prepend=":")

    with pytest.raises(BackupError, match="referral has 0 rows instead of 3"):
        back_up(url, tmp_path / "dump")

    assert list(tmp_path.iterdir()) == [lazy.parent]


def test_a_backup_is_made_by_nobody_who_might_not_see_all(
    world: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with pytest.raises(BackupError, match="DATABASE_URL"):
        back_up(postgres.url("waymark_web", DATABASE), tmp_path / "dump")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "text", "missing"])
def test_a_damaged_file_changes_nothing(
    damage: str, world: str, postgres: EmbeddedPostgres, empty: str, tmp_path: Path
) -> None:
    file = tmp_path / "dump"
    if damage == "cut":
        back_up(postgres.url(database=DATABASE), file)
        file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])
    elif damage == "text":
        file.write_text("not a dump")

    with pytest.raises(BackupError, match=str(file)):
        restore(empty, file)

    assert hashes_of(empty) == {}


def test_a_restore_that_fails_in_the_middle_leaves_nothing(
    world: str, postgres: EmbeddedPostgres, empty: str, tmp_path: Path
) -> None:
    back_up(postgres.url(database=DATABASE), tmp_path / "dump")
    with connect(empty) as connection:
        connection.execute("CREATE VIEW report_use AS SELECT 1 AS in_the_way")

    with pytest.raises(BackupError, match="report_use"):
        restore(empty, tmp_path / "dump", tmp_path / "dump.keys")

    assert hashes_of(empty) == {}


def test_what_roles_may_become_is_restored_though_no_dump_holds_it(
    world: str, postgres: EmbeddedPostgres, empty: str, tmp_path: Path
) -> None:
    back_up(postgres.url(database=DATABASE), tmp_path / "dump")
    with connect(empty) as connection:
        connection.execute("REVOKE waymark_report FROM waymark_web")

    restore(empty, tmp_path / "dump", tmp_path / "dump.keys")

    is_member = "SELECT pg_has_role('waymark_web', 'waymark_report', 'MEMBER')"
    with connect(empty) as connection:
        assert connection.execute(is_member).fetchone() == (True,)


def test_no_password_is_shown_to_other_processes(
    world: str, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real_run = subprocess.run

    def watch(command: Any, **kwargs: Any) -> Any:
        seen.extend(map(str, command))
        return real_run(command, **kwargs)

    monkeypatch.setattr(subprocess, "run", watch)
    url = make_url(postgres.url(database=DATABASE)).set(password="never-shown")

    back_up(url.render_as_string(hide_password=False), tmp_path / "dump")

    assert any("--format=custom" in word for word in seen)
    assert not any("never-shown" in word for word in seen)


@pytest.mark.parametrize(
    "hides",
    [
        "DROP POLICY owner ON needs",
        "ALTER POLICY owner ON needs USING (acting_role() = 'system')",
        "CREATE POLICY away ON needs AS RESTRICTIVE USING (adults = 9)",
    ],
)
def test_rows_that_row_security_hides_from_the_owner_are_not_left_out_in_silence(
    world: str, run_as_owner: Run, postgres: EmbeddedPostgres, tmp_path: Path, hides: str
) -> None:
    address = postgres.url(database=DATABASE)
    with connect(address) as owner:
        owner.execute(hides.encode())
    with connect(address) as owner:
        row = owner.execute("SELECT count(*) FROM needs").fetchone()
    assert row == (0,)  # and no error says so

    with pytest.raises(BackupError, match="might hide rows of needs"):
        back_up(address, tmp_path / "waymark.dump")
    assert list(tmp_path.iterdir()) == []


# Keys lie apart from what they open, and what was purged stays purged.


def words_in(dump: Path) -> str:
    """Everything that a dump would bring back, as SQL."""
    return subprocess.run(
        [_program("pg_restore", 18), "--file=-", dump], capture_output=True, text=True, check=True
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
    age: timedelta, stays: bool, world: str, postgres: EmbeddedPostgres, tmp_path: Path
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
def test_no_file_of_three_is_replaced(ending: str, world: str, app: Flask, tmp_path: Path) -> None:
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
