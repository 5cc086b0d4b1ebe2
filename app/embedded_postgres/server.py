"""Start PostgreSQL on a private socket, recover it after a crash, stop it, and make databases."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from app.embedded_postgres.folders import Folders
from app.embedded_postgres.programs import (
    Account,
    Install,
    PostgresError,
    account_for,
    find_install,
)
from config import DATABASE_ROLES

DATABASE = "waymark"
SUPERUSER = "postgres"
OWNER = "waymark_owner"
START_SECONDS = 60
STOP_SECONDS = 30

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Safety: a statement or its values may describe a woman, so they never reach a log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_parameter_max_length": "0",
    "log_statement": "none",
    "log_checkpoints": "off",
}
NOT_DURABLE = {
    **dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off"),
    "max_wal_size": "256MB",  # its folder may be memory
}


class EmbeddedPostgres:
    """One PostgreSQL server whose data lies under ``data_dir/pgdata/<major version>``.

    Only root and the user who starts it can connect, through a Unix socket. On Linux it shuts down
    when the thread that called ``start()`` is gone, so start it from the main thread.
    """

    def __init__(
        self, data_dir: Path, *, durable: bool = True, bin_dir: Path | None = None
    ) -> None:
        """``durable=False`` gives up crash safety for speed: tests only."""
        self._folders = Folders(data_dir)
        self._durable = durable
        self._bin_dir = bin_dir
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server unless it runs, make roles and database, and return the owner's URL.

        Raises:
            PostgresError: it cannot run here; the text says what to do.
        """
        try:
            with self._folders.one_start_at_a_time():
                self._start_alone(self._folders.make_home())
        except OSError as error:
            raise PostgresError(
                f"The database cannot use {error.filename}: {error.strerror}. "
                "Set WAYMARK_DATA to a folder that is yours and has room."
            ) from error
        return self.url()

    def stop(self) -> None:
        """Shut the server down in order; open connections are closed.

        Raises:
            PostgresError: it did not stop.
        """
        pid = self._live_pid()
        if pid is not None:
            os.kill(pid, signal.SIGINT)
            if not self._wait_until_gone(STOP_SECONDS):
                os.kill(pid, signal.SIGQUIT)
                if not self._wait_until_gone(seconds=5):
                    raise PostgresError(f"PostgreSQL does not stop; end it with: kill -9 {pid}")
        self._reap()
        self._folders.remove_short_socket()

    def remove(self) -> None:
        """Stop the server and delete all its data: for tests and trials."""
        self.stop()
        self._folders.remove()

    def is_running(self) -> bool:
        """True while any process of this server lives, ready or not."""
        lock = self._folders.claim()
        if lock is None:
            return self._folders.home.exists()
        os.close(lock)
        return False

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """SQLAlchemy's address of a database for one role; the server need not be running."""
        host = quote(str(self._folders.socket))
        return f"postgresql+psycopg://{role}@/{database}?host={host}&port={SETTINGS['port']}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database owned by waymark_owner, copied from ``template``; return its URL."""
        with self._connect() as connection:
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
            connection.execute(statement.format(*map(sql.Identifier, (name, OWNER, template))))
        self._make_extension(name)
        return self.url(database=name)

    def drop_database(self, name: str) -> None:
        """Remove a database, if it is there, and end the connections to it."""
        with self._connect() as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))

    def _start_alone(self, account: Account) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            lock = self._folders.claim()
            if lock is not None:
                self._launch(account, lock, deadline)
            elif time.monotonic() > deadline:
                raise PostgresError(
                    f"PostgreSQL processes still hold {self._folders.home} but do not answer. "
                    "End them (ps -ef | grep postgres) and start again."
                )
            else:
                time.sleep(0.05)  # a killed server's processes take a moment to end
        self._make_roles_and_database()

    def _launch(self, account: Account, lock: int, deadline: float) -> None:
        self._reap()
        try:
            install = find_install(self._bin_dir)
            self._refuse_other_versions(install)
            install = install.for_account(account, self._folders.home)
            cluster = self._folders.home / str(install.major)
            if not cluster.exists():
                self._initialise(install, account, cluster)
            self._folders.make_socket(account)
            self._folders.forget_crash()
            self._allow_only_the_starter()
            self._run_server([install.program("postgres"), "-D", cluster], account, lock, deadline)
        finally:
            os.close(lock)

    def _refuse_other_versions(self, install: Install) -> None:
        clusters = self._folders.clusters()
        versions = sorted({(path / "PG_VERSION").read_text().strip() for path in clusters})
        if versions and str(install.major) not in versions:
            raise PostgresError(
                f"The data in {self._folders.home} is of PostgreSQL {', '.join(versions)}, but "
                f"this machine has {install.major}. Install version {versions[-1]}, or set "
                "WAYMARK_DATA to a new folder to start empty."
            )

    def _initialise(self, install: Install, account: Account, cluster: Path) -> None:
        """Make an empty cluster; a half-made one never gets the final name."""
        unfinished = cluster.with_name(f"{cluster.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        account.give(unfinished)
        result = account.run(
            [
                *(install.program("initdb"), "-D", unfinished, "-U", SUPERUSER, "--auth=peer"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"),
                *([] if self._durable else ["--no-sync"]),
            ]
        )
        if result.returncode != 0:
            reason = _error_line(result.stderr)
            raise PostgresError(f"PostgreSQL could not make its data in {unfinished}: {reason}")
        unfinished.rename(cluster)

    def _allow_only_the_starter(self) -> None:
        """Let the starting user in under each role, and nobody else, whatever they can reach."""
        me = "root" if os.geteuid() == 0 else account_for(None).name
        lines = [f'waymark "{me}" {role}\n' for role in (SUPERUSER, *DATABASE_ROLES)]
        for name, text in (
            ("pg_hba.conf", "local all all peer map=waymark\n"),
            ("pg_ident.conf", "".join(lines)),
        ):
            path = self._folders.home / name
            path.write_text(text, "utf-8")
            path.chmod(0o644)

    def _run_server(
        self, command: list[str | Path], account: Account, lock: int, deadline: float
    ) -> None:
        settings = SETTINGS | {
            "unix_socket_directories": str(self._folders.socket),
            "hba_file": str(self._folders.home / "pg_hba.conf"),
            "ident_file": str(self._folders.home / "pg_ident.conf"),
        }
        for name, value in (settings if self._durable else settings | NOT_DURABLE).items():
            command += ["-c", f"{name}={value}"]
        log = self._folders.open_log()
        begin = os.lseek(log, 0, os.SEEK_END)
        self._process = account.spawn(command, log=log, keep_open=lock)
        os.close(log)
        while not self._answers():
            if self._process.poll() is not None:
                said = self._folders.log.read_bytes()[begin:].decode("utf-8", "replace")
                raise PostgresError(
                    f"PostgreSQL stopped at once: {_error_line(said)} (see {self._folders.log})"
                )
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresError(
                    f"PostgreSQL was not ready after {START_SECONDS} s; see {self._folders.log}"
                )
            time.sleep(0.02)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _live_pid(self) -> int | None:
        if self._process is not None:
            return self._process.pid if self._process.poll() is None else None
        return self._folders.recorded_pid() if self._answers() else None

    def _wait_until_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running():
            if self._process is not None:
                self._process.poll()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, database: str = SUPERUSER) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self._folders.socket),
            port=SETTINGS["port"],
            user=SUPERUSER,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _make_roles_and_database(self) -> None:
        with self._connect() as connection:
            for role in DATABASE_ROLES:
                if not _has_rows(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                    connection.execute(_create_role(role))
                    if role != OWNER:  # so that a migration may say who is a member of what
                        connection.execute(_put_in_charge_of(role))
            if not _has_rows(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
                self.create_database(DATABASE)
        self._make_extension(DATABASE)  # again, in case a crash came between the two steps

    def _make_extension(self, database: str) -> None:
        with self._connect(database) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")


def _has_rows(connection: psycopg.Connection[Any], query: LiteralString, value: str) -> bool:
    return connection.execute(query, (value,)).fetchone() is not None


def _create_role(role: str) -> sql.Composed:
    may: LiteralString = "CREATEROLE" if role == OWNER else "NOCREATEROLE"
    return sql.SQL(
        f"CREATE ROLE {{}} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOREPLICATION {may}"
    ).format(sql.Identifier(role))


def _put_in_charge_of(role: str) -> sql.Composed:
    return sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(
        sql.Identifier(role), sql.Identifier(OWNER)
    )


def _error_line(text: str) -> str:
    """The line that names the fault, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    faults = [line for line in lines if "FATAL:" in line or "error:" in line]
    return (faults or lines or ["it gave no reason"])[-1]
