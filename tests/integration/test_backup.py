"""A backup comes back whole, or says that it is none."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url

from app import create_app
from app.backup import back_up, restore
from app.backup_tools import BackupError, program
from app.db import db
from app.embedded_postgres import EmbeddedPostgres
from app.services.invariants import broken
from tests.backups import COMPANIONS, RESTORED, command, connect, empty_database, hashes_of
from tests.cast import Cast
from tests.conftest import DATABASE, Run, settings_for
from tests.factories import accept, make_referral, offer_room, room_of

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
    yield from empty_database(postgres)


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


@pytest.mark.parametrize(("table", "rows"), [("referral", 3), ("record_key", 7)])
def test_a_dump_that_misses_rows_is_refused(
    table: str,
    rows: int,
    world: str,
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = postgres.url(database=DATABASE)
    with connect(url) as connection:
        real = program("pg_dump", connection.info.server_version // 10000)
    lazy = tmp_path / "bin" / "pg_dump"
    lazy.parent.mkdir()
    lazy.write_text(f'#!/bin/sh\nexec "{real}" "$@" --exclude-table-data={table}\n')
    lazy.chmod(0o755)
    monkeypatch.setenv("PATH", str(lazy.parent), prepend=":")

    with pytest.raises(BackupError, match=f"{table} has 0 rows instead of {rows}"):
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
