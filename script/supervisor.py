"""Keep the processes of one Waymark running, and stop them in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from app.embedded_postgres.programs import ending_with_parent

LARGEST_LOG_BYTES = 5_000_000
LONGEST_PAUSE_SECONDS = 30
STEADY_SECONDS = 60
STOP_SECONDS = 20


class CannotStartError(Exception):
    """Waymark cannot start here; the text says what to do about it."""


class StopAskedError(Exception):
    """Somebody asked Waymark to stop, by Ctrl-C or a signal."""


class StopSwitch:
    """Remembers that a signal asked to stop; its handler does nothing that could deadlock."""

    def __init__(self) -> None:
        self._asked = False
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._asked = True

    def sleep(self, seconds: float) -> None:
        """Sleep, but not once a stop is asked.

        Raises:
            StopAskedError: it is.
        """
        if self._asked:
            raise StopAskedError
        time.sleep(seconds)
        if self._asked:
            raise StopAskedError


@dataclass
class Child:
    """One process of Waymark, its log, and when it may be started again after a crash."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log_path: Path
    stop_seconds: float = STOP_SECONDS
    failures: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _started_at: float = 0
    _start_again_at: float = 0

    def start(self) -> None:
        with open_log(self.log_path) as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone, so that we choose the order
                preexec_fn=ending_with_parent(signal.SIGTERM),
            )
        self._started_at = time.monotonic()

    def revive(self) -> None:
        """Start again after a crash; the pause doubles until it runs steadily."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            if time.monotonic() - self._started_at > STEADY_SECONDS:
                self.failures = 0
            pause = min(2**self.failures, LONGEST_PAUSE_SECONDS)
            self.failures += 1
            self.process = None
            self._start_again_at = time.monotonic() + pause
            say(
                f"The {self.name} stopped ({how_it_ended(code)}); starting it again in {pause} s. "
                f"Its log: {self.log_path}"
            )
        elif time.monotonic() >= self._start_again_at:
            self.start()

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> None:
        if self.process is None:
            return
        self.ask_to_stop()
        try:
            self.process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            say(f"The {self.name} does not stop in {self.stop_seconds} s; ending it.")
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def last_words(self) -> str:
        return last_line(self.log_path)


def run_step(
    command: Sequence[str | Path], environment: Mapping[str, str], log: Path, switch: StopSwitch
) -> None:
    """Run one command to its end.

    Raises:
        CannotStartError: it failed.
        StopAskedError: a stop was asked meanwhile.
    """
    step = Child("preparation", command, environment, log)
    step.start()
    process = step.process
    try:
        while process is not None and process.poll() is None:
            switch.sleep(0.05)
    finally:
        step.stop()
    if process is not None and process.returncode != 0:
        raise CannotStartError(f"{step.last_words()} (all of it: {log})")


def open_log(path: Path) -> IO[bytes]:
    """Open for adding, private to us; a large old log becomes the one before."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def last_line(path: Path) -> str:
    lines = path.read_text("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "No reason was given.")


def how_it_ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def say(text: str) -> None:
    """One line to the terminal, which may be gone by now."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
