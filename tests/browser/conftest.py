"""Debian's Chromium, the whole product on a port of its own, and people who walk through it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from script.test import BROWSERS
from tests.browser.visitor import FLAGS, Visitor

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 420  # a week is played first; other work may share the machine
READY = re.compile(r"^Ready: (\S+)$", re.M)
PHONE = re.compile(r"^Demo phone: (\S+)$", re.M)
OURS = (
    *("WAYMARK_", "DATABASE_URL", "TWILIO_", "SECRET_KEY", "PUBLIC_URL", "PORT", "FIELD_KEYS"),
    *("INDEX_KEYS", "VAULT_"),
)

expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The machine's own Chromium, so that nothing is downloaded."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("NO BROWSER TEST WAS RUN: install Chromium (Debian: apt-get install chromium).")
    return {"executable_path": found, "args": list(FLAGS)}


@dataclass(frozen=True)
class Waymark:
    """A whole running service: web, worker, database and demo phone."""

    url: str
    phone_url: str


@pytest.fixture(scope="session")
def waymark(browser: Browser) -> Iterator[Waymark]:
    """What ``script/start`` starts, on a free port, with data that nobody keeps.

    Wants the browser first: without one nothing need be started.
    """
    folder = Path(tempfile.mkdtemp(prefix="waymark-browser-"))
    log = folder / "start.log"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(OURS)},
        "WAYMARK_DATA": str(folder / "var"),
        "PORT": str(_free_port()),
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "script.start"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        said = _wait_until_ready(process, log)
        yield Waymark(_found(READY, said), _found(PHONE, said))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        said = log.read_text("utf-8")
        if "\nLogs: " in said:
            return said
        if process.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"script/start did not become ready:\n{log.read_text('utf-8')}")


def _found(pattern: re.Pattern[str], said: str) -> str:
    match = pattern.search(said)
    assert match is not None, said
    return match[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Arrive = Callable[..., Visitor]


@pytest.fixture
def arrive(waymark: Waymark, browser: Browser) -> Iterator[Arrive]:
    """``arrive(360)`` is somebody new at that width; what they met is judged when they leave."""
    visitors: list[Visitor] = []

    def somebody(width: int, *, script: bool = True) -> Visitor:
        visitors.append(Visitor(browser, waymark.url, waymark.phone_url, width, script=script))
        return visitors[-1]

    yield somebody
    troubles = [trouble for visitor in visitors for trouble in visitor.leave()]
    assert troubles == []
