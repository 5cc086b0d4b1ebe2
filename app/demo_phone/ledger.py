"""What the stand-in was told to send and what was replied: the truth tests compare with."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

OUTBOUND = "outbound-api"
INBOUND = "inbound"
FINAL_STATUSES = frozenset({"delivered", "undelivered", "failed", "canceled", "received"})

SCHEMA = """
CREATE TABLE IF NOT EXISTS text (
    sid TEXT PRIMARY KEY, direction TEXT NOT NULL, account_sid TEXT NOT NULL,
    messaging_service_sid TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    body TEXT NOT NULL, status TEXT NOT NULL, error_code INTEGER, status_callback TEXT NOT NULL,
    validity_seconds INTEGER NOT NULL, created_at REAL NOT NULL, sent_at REAL,
    updated_at REAL NOT NULL, deleted_at REAL, trouble TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS text_recipient ON text (recipient, created_at);
CREATE INDEX IF NOT EXISTS text_sender ON text (sender, created_at);
CREATE TABLE IF NOT EXISTS opted_out (number TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS phone (number TEXT PRIMARY KEY, alias TEXT NOT NULL) STRICT;
"""


@dataclass(frozen=True, kw_only=True)
class Text:
    """One text in either direction; times are seconds since 1970."""

    sid: str
    direction: str
    account_sid: str
    messaging_service_sid: str
    sender: str
    recipient: str
    body: str
    status: str
    error_code: int | None = None
    status_callback: str = ""
    validity_seconds: int = 36_000
    created_at: float
    sent_at: float | None = None
    updated_at: float
    deleted_at: float | None = None
    trouble: str = ""  # what went wrong when a reply was handed to the service


COLUMNS = tuple(field.name for field in fields(Text))


@dataclass(frozen=True, kw_only=True)
class Question:
    """A list request: newest first, only what the list already shows."""

    recipient: str = ""
    sender: str = ""
    sent_on: str = ""  # a UTC day, YYYY-MM-DD
    sent_from: float | None = None
    sent_until: float | None = None
    visible_until: float
    limit: int
    offset: int = 0


def new_sid() -> str:
    return "SM" + secrets.token_hex(16)


class Ledger:
    """Texts in one SQLite file; safe for the threads of one process and across restarts."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def add(self, text: Text) -> Text:
        marks = ", ".join("?" for _ in COLUMNS)
        values = tuple(getattr(text, column) for column in COLUMNS)
        self._rows(f"INSERT INTO text ({', '.join(COLUMNS)}) VALUES ({marks})", values)  # noqa: S608 - fixed names
        return text

    def find(self, sid: str) -> Text | None:
        """The text, unless it was never there or has been deleted."""
        found = self._texts("WHERE sid = ? AND deleted_at IS NULL", (sid,))
        return found[0] if found else None

    def set_status(self, sid: str, status: str, error_code: int | None = None) -> Text | None:
        text = self.find(sid)
        if text is None:
            return None
        now = time.time()
        sent_at = text.sent_at or (now if status not in ("accepted", "queued") else None)
        self._rows(
            "UPDATE text SET status = ?, error_code = ?, sent_at = ?, updated_at = ? WHERE sid = ?",
            (status, error_code, sent_at, now, sid),
        )
        return replace(text, status=status, error_code=error_code, sent_at=sent_at, updated_at=now)

    def set_trouble(self, sid: str, trouble: str) -> None:
        self._rows("UPDATE text SET trouble = ? WHERE sid = ?", (trouble, sid))

    def delete(self, sid: str) -> bool:
        """Hide a text from the API; the ledger keeps the row, because the text was sent."""
        if self.find(sid) is None:
            return False
        self._rows("UPDATE text SET deleted_at = ? WHERE sid = ?", (time.time(), sid))
        return True

    def search(self, question: Question) -> list[Text]:
        wheres = ["deleted_at IS NULL", "created_at <= ?"]
        values: list[str | float] = [question.visible_until]
        for condition, value in (
            ("recipient = ?", question.recipient),
            ("sender = ?", question.sender),
            ("date(sent_at, 'unixepoch') = ?", question.sent_on),
        ):
            if value:
                wheres.append(condition)
                values.append(value)
        for condition, bound in (
            ("sent_at >= ?", question.sent_from),
            ("sent_at <= ?", question.sent_until),
        ):
            if bound is not None:
                wheres.append(condition)
                values.append(bound)
        values += [question.limit, question.offset]
        tail = f"WHERE {' AND '.join(wheres)} ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?"
        return self._texts(tail, values)

    def unfinished(self) -> list[Text]:
        marks = ", ".join("?" for _ in FINAL_STATUSES)
        return self._texts(
            f"WHERE direction = ? AND deleted_at IS NULL AND status NOT IN ({marks})",
            (OUTBOUND, *sorted(FINAL_STATUSES)),
        )

    def everything(self) -> list[Text]:
        """Every text ever accepted, deleted ones too, oldest first."""
        return self._texts("ORDER BY created_at, rowid")

    def thread(self, number: str, limit: int = 60) -> list[Text]:
        """The newest texts to and from one phone, oldest first."""
        tail = "WHERE recipient = ? OR sender = ? ORDER BY created_at DESC, rowid DESC LIMIT ?"
        return self._texts(tail, (number, number, limit))[::-1]

    def last_text_at(self) -> dict[str, float]:
        """Number -> when a text last went to or came from it."""
        rows = self._rows(
            "SELECT CASE direction WHEN 'inbound' THEN sender ELSE recipient END, max(created_at)"
            " FROM text GROUP BY 1"
        )
        return {str(number): float(at) for number, at in rows}

    def opt_out(self, number: str, *, out: bool) -> None:
        statement = (
            "INSERT OR IGNORE INTO opted_out VALUES (?)"
            if out
            else "DELETE FROM opted_out WHERE number = ?"
        )
        self._rows(statement, (number,))

    def has_opted_out(self, number: str) -> bool:
        return bool(self._rows("SELECT 1 FROM opted_out WHERE number = ?", (number,)))

    def name_phones(self, phones: Iterable[tuple[str, str]]) -> None:
        """Set the alias shown for each number."""
        for number, alias in phones:
            self._rows("INSERT OR REPLACE INTO phone VALUES (?, ?)", (number, alias))

    def aliases(self) -> dict[str, str]:
        return {
            str(number): str(alias)
            for number, alias in self._rows("SELECT number, alias FROM phone")
        }

    def _texts(self, tail: str, values: Iterable[object] = ()) -> list[Text]:
        rows = self._rows(f"SELECT {', '.join(COLUMNS)} FROM text {tail}", values)  # noqa: S608 - fixed names
        return [Text(**dict(zip(COLUMNS, row, strict=True))) for row in rows]

    def _rows(self, statement: str, values: Iterable[object] = ()) -> list[Any]:
        with self._lock:
            return self._database.execute(statement, tuple(values)).fetchall()
