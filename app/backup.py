"""A database in files, and made again from them.

Three files: FILE holds everything but the keys of records; FILE.keys holds those, and lives a week
at most, so that what is purged ends there too; FILE.tombstones lists what was purged.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from app.backup_keys import KEYS, TOMBSTONES, beside, write_tombstones
from app.backup_tools import BackupError, Command, address, connect, major_of, program, reason, run
from config import DATABASE_ROLES

Counts = dict[str, int]
SERVICE_ROLES = DATABASE_ROLES[1:]
KEY_TABLE = "record_key"
SIGNING_KEYS = "waymark_private.context_key"  # shared anew after a restore
_TABLES = """
    SELECT c.relname, pg_has_role(current_user, c.relowner, 'MEMBER')
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
     ORDER BY 1"""
# Tables of which this login might not see every row, and no error would say so.
_HIDDEN = r"""
    SELECT c.relname FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relrowsecurity
       AND NOT (acting_as_owner()
                AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
                               AND p.polname = 'owner' AND p.polcmd = '*' AND p.polroles = '{0}'
                               AND pg_get_expr(p.polqual, c.oid)
                                   ~ '^\W*SELECT acting_as_owner\(\) AS acting_as_owner\W*$')
                AND NOT EXISTS (SELECT FROM pg_policy p
                                 WHERE p.polrelid = c.oid AND NOT p.polpermissive
                                   AND pg_get_expr(p.polqual, c.oid)
                                       !~ '^\W*SELECT acting_as_owner\(\)'))
     ORDER BY 1"""
_COPY = re.compile(rb'COPY public\."?(\w+)"? ')
_INSERT = re.compile(rb'INSERT INTO public\."?(\w+)"? VALUES ')


def back_up(url: str, target: Path) -> Counts:
    """Write everything into three files, for their owner's eyes only; returns rows by table.

    The files get their names only after their rows were counted and found to be the database's own
    at one moment. ``url`` is the owner's.

    Raises:
        BackupError: there is no good backup, and no file of that name.
    """
    targets = [target, beside(target, KEYS), beside(target, TOMBSTONES)]
    for each in targets:
        if each.exists():
            raise _taken(each)
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}; make it first.")
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        unfinished = [Path(folder) / each.name for each in targets]
        with connect(url) as connection:
            counts = _dump(connection, url, *unfinished)
            main, keys = (rows_in(path, major_of(connection)) for path in unfinished[:2])
            _compare(counts, {KEY_TABLE: 0} | main | keys, "The dump")
        for path in unfinished:
            path.chmod(0o600)
            _to_disk(path)
        # The backup's own name comes last: whoever sees it sees all three.
        for path, each in reversed(list(zip(unfinished, targets, strict=True))):
            _give_name(path, each)
    return counts


def restore(url: str, source: Path, keys: Path | None = None) -> Counts:
    """Fill the empty database of ``url`` from a backup, all or nothing; returns rows by table.

    Without ``keys`` what is sealed stays so: it cannot be read.

    Raises:
        BackupError: the database is as it was; the text says so when it is not.
    """
    for each in (source, keys):
        if each is not None and not each.is_file():
            raise BackupError(f"There is no file {each}.")
    with connect(url) as connection:
        tables = [name for name, _ in connection.execute(_TABLES).fetchall()]
        if tables:
            raise BackupError(
                f"This database is not empty (it has {len(tables)} tables). Restore into a new "
                "one: WAYMARK_DATA=NEW_FOLDER script/start --database-only, or CREATE DATABASE."
            )
        major = major_of(connection)
        expected = rows_in(source, major) | (rows_in(keys, major) if keys else {})
        _make_roles(connection)
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-comments"]
    command: Command = [program("pg_restore", major), *options, address(url)]
    run([*command, source], url)
    if keys is not None:
        try:
            run([*command, "--data-only", "--enable-row-security", keys], url)
        except BackupError as error:
            raise BackupError(f"{error}. Drop this database and begin again.") from None
    with connect(url) as connection:
        counts = count_rows(connection)
    _compare(expected, counts, "The restored database")
    return counts


def count_rows(connection: psycopg.Connection[Any]) -> Counts:
    """Rows of each table.

    Raises:
        BackupError: this login does not own them, or row security might hide a row from it.
    """
    tables = connection.execute(_TABLES).fetchall()
    foreign = [name for name, is_ours in tables if not is_ours]
    if foreign:
        raise BackupError(
            f"This login does not own {', '.join(foreign[:3])}, so rows could be missing. "
            "Set DATABASE_URL to the owner's address."
        )
    _refuse_to_miss_rows(connection)
    count = sql.SQL("SELECT count(*) FROM public.{}")
    return {name: _number(connection, count.format(sql.Identifier(name))) for name, _ in tables}


def _refuse_to_miss_rows(connection: psycopg.Connection[Any]) -> None:
    """Row security holds the owner too, and what a policy hides is missing without an error."""
    has_policies = "SELECT EXISTS (SELECT FROM pg_class WHERE relrowsecurity)"
    row = connection.execute(has_policies).fetchone()
    hidden = connection.execute(_HIDDEN).fetchall() if row and row[0] else []
    if hidden:
        names = ", ".join(name for (name,) in hidden[:3])
        raise BackupError(
            f"Row security might hide rows of {names} from this login, so nothing was saved. "
            "Bring the database to the newest migration: flask --app wsgi migrate"
        )


def rows_in(dump: Path, major: int) -> Counts:
    """Rows that a dump would bring back, counted by reading all of it.

    Raises:
        BackupError: it is not a whole dump, or of a newer PostgreSQL.
    """
    command: Command = [program("pg_restore", major), "--data-only", "--file=-", dump]
    found: Counter[str] = Counter()
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        for table, is_row in _copied(process.stdout or ()):
            found[table] += is_row
        if process.wait() != 0:
            said.seek(0)
            raise BackupError(f"{dump} cannot be read as a backup: {reason(said.read())}")
    return dict(found)


def _copied(lines: Any) -> Iterator[tuple[str, bool]]:
    """Each table as its block begins (False) and again for each of its rows (True).

    A row that is written as a statement of its own has no block.
    """
    table = ""
    for line in lines:
        if table and line == b"\\.\n":
            table = ""
        elif table:
            yield table, True
        elif match := _COPY.match(line):
            table = match[1].decode()
            yield table, False
        elif match := _INSERT.match(line):
            yield match[1].decode(), True


def _dump(
    connection: psycopg.Connection[Any], url: str, target: Path, keys: Path, tombstones: Path
) -> Counts:
    """Dump and count the same moment, while everybody goes on working."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    counts = count_rows(connection)
    if not counts:
        raise BackupError("This database has no tables: there is nothing to save.")
    command: Command = [program("pg_dump", major_of(connection)), "--format=custom"]
    without_keys = [
        f"--exclude-table-data={each}" for each in (f"public.{KEY_TABLE}", SIGNING_KEYS)
    ]
    # As statements: keys come back after the policies, and COPY loads no table that has some.
    only_keys = ["--data-only", "--inserts", f"--table=public.{KEY_TABLE}"]
    # pg_dump stops at row security unless it is told that we have seen to it: count_rows has.
    options = [f"--snapshot={row[0] if row else ''}", "--lock-wait-timeout=10s"]
    options += ["--enable-row-security"]
    run([*command, *options, *without_keys, f"--file={target}", address(url)], url)
    run([*command, *options, *only_keys, f"--file={keys}", address(url)], url)
    write_tombstones(connection, tombstones)
    return counts


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _compare(expected: Counts, found: Counts, what: str) -> None:
    wrong = [
        f"{table} has {found.get(table, 0)} rows instead of {expected.get(table, 0)}"
        for table in sorted(expected.keys() | found.keys())
        if found.get(table, 0) != expected.get(table, 0)
    ]
    if wrong:
        raise BackupError(f"{what} is not whole: {'; '.join(wrong[:5])}. Do not rely on it.")


def _make_roles(connection: psycopg.Connection[Any]) -> None:
    """A dump grants rights to roles but does not hold the roles: they belong to the server."""
    for role in SERVICE_ROLES:
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        if found is None:
            connection.execute(
                sql.SQL(
                    "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
                ).format(sql.Identifier(role))
            )
    is_member = "SELECT 1 WHERE pg_has_role('waymark_web', 'waymark_report', 'MEMBER')"
    if connection.execute(is_member).fetchone() is None:
        connection.execute("GRANT waymark_report TO waymark_web")


def _number(connection: psycopg.Connection[Any], query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _give_name(unfinished: Path, target: Path) -> None:
    """Under its name at last, unless somebody was faster: a link never replaces a file."""
    try:
        target.hardlink_to(unfinished)
    except FileExistsError:
        raise _taken(target) from None


def _taken(target: Path) -> BackupError:
    return BackupError(f"{target} exists already; give the backup a new name.")
