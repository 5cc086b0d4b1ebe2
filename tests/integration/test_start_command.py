"""``script/start`` in a fresh copy: it comes up, outlives crashes, and leaves nothing behind.

``WAYMARK_VENV`` lends the copies this environment; that a copy can make its own is a matter of the
package registry, and is left to a fresh clone.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="copies what git tracks"),
]


class Waymark:
    """One running ``script/start``."""

    def __init__(self, code: Path, data: Path, *arguments: str) -> None:
        self.port = free_port()
        self.data = data
        self.output = data.with_name(f"{data.name}-{self.port}.txt")
        environment = {
            "PATH": os.environ["PATH"],
            "WAYMARK_VENV": sys.prefix,
            "WAYMARK_DATA": str(data),
            "PORT": str(self.port),
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [code / "script" / "start", *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def said(self) -> str:
        return self.output.read_text("utf-8")

    def wait_until_ready(self) -> None:
        line = f"Ready: http://127.0.0.1:{self.port}"
        wait_for(lambda: line in self.said or self.process.poll() is not None)
        assert line in self.said, self.said

    def family(self) -> list[psutil.Process]:
        """Everything it started, the database's processes too."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def postmaster(self) -> int:
        (lock,) = self.data.glob("pgdata/*/postmaster.pid")
        return int(lock.read_text().split("\n")[0])

    def status(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() for process in processes)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that the database's account can pass through, unlike pytest's own as root."""
    path = Path(tempfile.mkdtemp(prefix="wm-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def code(place: Path) -> Path:
    """A fresh copy of what git tracks, under a long path with spaces."""
    copy = place / "a folder with spaces" / ("and-a-long-name-" * 8)
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, tracked.stdout.split("\0")):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target)
    return copy


@pytest.fixture
def start(code: Path) -> Iterator[Callable[..., Waymark]]:
    """Starts one; at the end of the test nothing of any of them is left."""
    started: list[Waymark] = []

    def start_one(data: Path, *arguments: str) -> Waymark:
        started.append(Waymark(code, data, *arguments))
        return started[-1]

    yield start_one
    for waymark in started:
        if waymark.process.poll() is None:
            waymark.stop()


def test_two_start_beside_each_other_and_stop_without_a_trace(
    start: Callable[..., Waymark], code: Path, place: Path
) -> None:
    first, second = start(code / "var"), start(place / "other", "--no-demo")
    for waymark in (first, second):
        waymark.wait_until_ready()

    assert {waymark.status("/health/ready") for waymark in (first, second)} == {200}
    assert "Demo phone: http://127.0.0.1:" in first.said
    third = start(code / "var")
    assert third.process.wait(PATIENCE_SECONDS) == 1
    assert f"another Waymark (process {first.process.pid})" in third.said

    families = first.family() + second.family()
    assert len(families) > 12  # database, worker, phone and web of two

    assert (first.stop(), second.stop(signal.SIGINT)) == (0, 0)
    wait_for(lambda: all_gone(families))
    assert first.said.rstrip().endswith("Stopped.")


def test_a_killed_database_comes_back_by_itself(start: Callable[..., Waymark], place: Path) -> None:
    waymark = start(place / "other", "--no-demo")
    waymark.wait_until_ready()
    killed = waymark.postmaster()

    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: "The database stopped; starting it again." in waymark.said)
    wait_for(lambda: waymark.status("/health/ready") == 200)
    assert waymark.postmaster() != killed
    assert waymark.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a process with its parent")
def test_what_a_killed_start_leaves_ends_too_and_the_next_start_recovers(
    start: Callable[..., Waymark], place: Path
) -> None:
    waymark = start(place / "other", "--no-demo")
    waymark.wait_until_ready()
    family = waymark.family()

    waymark.stop(signal.SIGKILL)

    wait_for(lambda: all_gone(family))
    again = start(place / "other", "--no-demo")
    again.wait_until_ready()
    assert again.status("/health/live") == 200
