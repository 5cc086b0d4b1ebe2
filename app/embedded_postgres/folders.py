"""Where one server keeps its data, its socket, its locks and its log."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded_postgres.programs import Account, PostgresError, account_for

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_BYTES = 103  # macOS; Linux allows 107
MISREAD_IN_SOCKET_PATHS = frozenset(",\"'\\")
FOLDERS_ANY_ACCOUNT_REACHES = ("/var/lib", "/var/tmp", "/tmp")  # noqa: S108 - mkdtemp names them


class Folders:
    """The files of one server.

    ``home`` belongs to who starts it; only the cluster and the socket folder are the server's, so a
    server running for root can plant nothing that root would follow.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self._home_note = self.data_dir / "pgdata.location"

    @property
    def home(self) -> Path:
        return _noted(self._home_note) or self.data_dir / "pgdata"

    @property
    def socket(self) -> Path:
        return _noted(self._socket_note) or self.home / "socket"

    @property
    def _socket_note(self) -> Path:
        return self.home / "socket.location"

    @property
    def log(self) -> Path:
        return self.data_dir / "logs" / "postgres.log"

    def clusters(self) -> list[Path]:
        found = (path.parent for path in self.home.glob("*/PG_VERSION"))
        return [cluster for cluster in found if cluster.name.isdigit()]

    def make_home(self) -> Account:
        """Make ``home`` and say whom the server runs as.

        Where root keeps Waymark in a private folder, the server's account cannot pass; that folder
        stays as it is, the data goes elsewhere and a note in the data folder says where.

        Raises:
            PostgresError: the account reaches no folder that could hold the data.
        """
        clusters = self.clusters()
        account = account_for(clusters[0].stat().st_uid if clusters else None)
        self.home.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            self.home.chmod(0o711)
        if account.reaches(self.home):
            return account
        if clusters:
            raise PostgresError(
                f"User {account.name} can no longer reach the database in {self.home}. Let it pass "
                "through the folders above again (chmod o+x FOLDER)."
            )
        for base in FOLDERS_ANY_ACCOUNT_REACHES:
            if os.access(base, os.W_OK) and account.reaches(Path(base)):
                elsewhere = Path(tempfile.mkdtemp(prefix="waymark-", dir=base))
                elsewhere.chmod(0o711)
                self._home_note.write_text(f"{elsewhere}\n", "utf-8")
                return account
        raise PostgresError(
            f"User {account.name} cannot reach {self.home}. "
            "Set WAYMARK_DATA to a folder that it can reach, such as /var/lib/waymark."
        )

    def make_socket(self, account: Account) -> None:
        """Use a short folder where the usual path is too long or libpq would misread it."""
        usual = self.home / "socket"
        too_long = len(os.fsencode(usual / SOCKET_NAME)) > LONGEST_SOCKET_BYTES
        if not too_long and not MISREAD_IN_SOCKET_PATHS & set(str(usual)):
            self._socket_note.unlink(missing_ok=True)
        elif not account.owns_privately(self.socket):
            short = tempfile.mkdtemp(prefix="waymark-", dir="/tmp")
            self._socket_note.write_text(f"{short}\n", "utf-8")
        account.give(self.socket)

    def remove_short_socket(self) -> None:
        if self._socket_note.exists():
            shutil.rmtree(self.socket, ignore_errors=True)

    def remove(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        self._home_note.unlink(missing_ok=True)

    def forget_crash(self) -> None:
        """Remove the lock files of a server that is known to be gone.

        Their process number may be somebody else's by now, which PostgreSQL would take for a
        running server.
        """
        for lock in (*self.home.glob("*/postmaster.pid"), self.socket / f"{SOCKET_NAME}.lock"):
            lock.unlink(missing_ok=True)

    def recorded_pid(self) -> int | None:
        for lock in self.home.glob("*/postmaster.pid"):
            first = lock.read_text("utf-8").partition("\n")[0]
            return int(first) if first.isdigit() else None
        return None

    @contextmanager
    def one_start_at_a_time(self) -> Iterator[None]:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "pgdata.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def claim(self) -> int | None:
        """Lock the data and return the open lock, or None while any server process holds it.

        Server processes inherit the lock and so hold it to their last: process numbers, which come
        round again and differ between containers, prove nothing.
        """
        if not self.home.exists():
            return None
        lock = os.open(self.home / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def open_log(self) -> int:
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _noted(note: Path) -> Path | None:
    try:
        return Path(note.read_text("utf-8").rstrip("\n"))
    except FileNotFoundError:
        return None
