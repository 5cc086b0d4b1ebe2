"""What lies beside a backup: a copy of the keys, for a week, and the list of what was purged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from app.backup_tools import BackupError

KEYS, TOMBSTONES = ".keys", ".tombstones"
KEYS_LAST = timedelta(days=7)
MAGIC = b"PGDMP"


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
        if now - _written_at(path) > KEYS_LAST and _is_dump(path)
    ]
    for path in old:
        path.unlink()
    return old


def newest_keys(file: Path) -> Path | None:
    """The youngest copy of keys beside a backup. They suit older backups too.

    A record's key never changes, so the youngest copy opens every record that still may be read.
    """
    found = [path for path in file.parent.glob(f"*{KEYS}") if _is_dump(path)]
    return max(found, key=_written_at, default=None)


def _is_dump(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def write_tombstones(connection: psycopg.Connection[Any], target: Path) -> None:
    """List what was purged so far, as this transaction sees it."""
    lines = connection.execute(
        "SELECT kind || ',' || id || ',' || purged_at FROM tombstone ORDER BY purged_at, id"
    )
    target.write_text("".join(f"{line}\n" for (line,) in lines), "utf-8")


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
