"""Whether somebody has something new to look at, told from memory: docs/live.md.

Triggers tell one channel for whom a transaction has changed something. Each web process holds one
connection that listens, and answers every open page from what it heard last. Nothing of anybody is
in what is told: a topic, and the number of the transaction.
"""

from __future__ import annotations

import threading

import psycopg
import structlog
from psycopg.conninfo import make_conninfo

log = structlog.get_logger()

AGAIN_AFTER_SECONDS = 1.0
STOPS_WITHIN_SECONDS = 0.5
JOIN_SECONDS = 5.0
# A line that went dead in silence is noticed in half a minute; meanwhile pages look by the clock.
KEEPALIVES: dict[str, int] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
}


class Listener:
    """What this process heard last on each topic. One thread, begun by the first question.

    A stamp is unlike every earlier one of its topic and the same in every process that heard it.
    A topic of which nothing was heard has the stamp of the moment when listening began, so that a
    process that starts late can never vouch for what it did not hear.
    """

    def __init__(self, address: str, options: str = "") -> None:
        self._address = make_conninfo(address, options=options, **KEEPALIVES)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._since = ""
        self._heard: dict[str, str] = {}
        self._is_stopped = threading.Event()

    def stamp(self, topic: str) -> str:
        """The topic's stamp; empty while this process does not hear: look by the clock then."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="live", daemon=True)
                self._thread.start()
            return self._heard.get(topic, self._since)

    def stop(self) -> None:
        """Hear no more; whoever asks from now on looks by the clock."""
        self._is_stopped.set()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)

    def _listen(self) -> None:
        while not self._is_stopped.is_set():
            try:
                self._hear()
            except psycopg.Error as error:
                log.warning("live_unheard", sqlstate=error.sqlstate)
            with self._lock:
                self._since, self._heard = "", {}
            self._is_stopped.wait(AGAIN_AFTER_SECONDS)

    def _hear(self) -> None:
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute("LISTEN waymark_live")
            # Read after LISTEN: what commits from here on is told, what came before is in it.
            row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())").fetchone()
            with self._lock:
                self._since = f"since-{row[0] if row else ''}"
            while not self._is_stopped.is_set():
                for note in connection.notifies(timeout=STOPS_WITHIN_SECONDS):
                    topic, _, transaction = note.payload.partition("=")
                    with self._lock:
                        self._heard[topic] = transaction
