"""From commit to shown on open boards, and what they cost, beside looking every 3 seconds."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import psutil
import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import select, text
from urllib3.util import Retry

from app.actors import SYSTEM
from app.db import db, transaction
from app.demo.people import COORDINATOR, OFFICER
from app.demo.seed import seed_demo
from app.models.accounts import User
from app.models.reference import Urgency
from app.services import referrals
from app.services.asked import NewReferral
from bench.stage import Stage, stage

CHANGES = 20
BOARDS = (1, 30)
QUIET_SECONDS = 20.0
PATIENCE_SECONDS = 60.0
ASK_EVERY, LOOK_ANYWAY, POLL_EVERY = 1.0, 20.0, 3.0  # as app/assets/js/live.js, and before it
WANTED_SECONDS = 2.0
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
LIVE = "/desk/board/live"
LOOKS = {True: 1, False: 2}  # the parts of a board come together now, and came one by one


@dataclass
class Board:
    """What a page's script does on one kept connection: ``asks_first`` as now, or by the clock."""

    url: str
    cookie: str
    asks_first: bool
    seen: dict[str, float] = field(default_factory=dict)
    _session: requests.Session = field(default_factory=requests.Session)
    _etag: str = '""'

    def stay_open(self, stop: threading.Event, wait_first: float) -> None:
        # A kept connection may have been let go of meanwhile: a browser asks again, unseen.
        self._session.mount("http://", HTTPAdapter(max_retries=Retry(5, backoff_factor=0.01)))
        self._session.headers.update({"X-Waymark-Live": "1", "Cookie": self.cookie})
        known: set[str] = set()
        looked = -LOOK_ANYWAY
        stop.wait(wait_first)  # pages are not opened in step
        while not stop.is_set():
            stamp = self._get("/live").text if self.asks_first else ""
            if stamp not in known or not stamp or time.monotonic() - looked >= LOOK_ANYWAY:
                for _ in range(LOOKS[self.asks_first]):
                    self._look()
                known.add(stamp)
                looked = time.monotonic()
            stop.wait(ASK_EVERY if self.asks_first else POLL_EVERY)

    def _get(self, path: str, **headers: str) -> requests.Response:
        answer = self._session.get(
            self.url + path, headers=headers, allow_redirects=False, timeout=30
        )
        assert answer.status_code in (200, 304), (path, answer.status_code)
        return answer

    def _look(self) -> None:
        answer = self._get(LIVE, **{"If-None-Match": self._etag})
        if answer.status_code == 200:
            self._etag = answer.headers["ETag"]
            now = time.monotonic()
            for ref in _refs(answer.text):
                self.seen.setdefault(ref, now)


def _refs(html: str) -> list[str]:
    return [each[:9] for each in html.split("page-")[1:] if each.startswith("R-")]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Seconds from commit to shown, and seconds of processor time a minute, quiet and busy."""

    boards: int
    asks_first: bool
    shown: list[float]
    quiet: float
    busy: float


def measure(changes: int = CHANGES) -> list[Found]:
    with stage() as played:
        with played.owner.app_context():
            seed_demo()
        with _gunicorn(played) as (url, processes):
            return [
                _one(played, url, processes, boards, asks_first, changes)
                for boards in BOARDS
                for asks_first in (False, True)
            ]


@contextmanager
def _gunicorn(played: Stage) -> Iterator[tuple[str, list[psutil.Process]]]:
    """The web as it is served: 2 processes of 8 threads; and whose processor time is counted."""
    settings = played.owner.config["SETTINGS"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "WAYMARK_ENV": "demo",
        "WAYMARK_DATA": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "WEB_DATABASE_URL": settings.web_database_url,
        "SECRET_KEY": settings.secret_key,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind"]
    command += [f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "2"]
    command += ["--threads", "8", "--log-level", "error", "wsgi:app"]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(url)
        with played.owner.app_context(), transaction(by=SYSTEM):
            backend = db.session.scalar(text("SELECT pg_backend_pid()"))
        yield url, [psutil.Process(process.pid), psutil.Process(backend).parent()]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            requests.get(url + "/health/live", timeout=PATIENCE_SECONDS)
            return
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _one(
    played: Stage,
    url: str,
    processes: list[psutil.Process],
    count: int,
    asks_first: bool,
    changes: int,
) -> Found:
    rng = random.Random(20071003)
    cookie = sign_in(played, url, COORDINATOR.email)
    boards = [Board(url, cookie, asks_first) for _ in range(count)]
    stop = threading.Event()
    every = ASK_EVERY if asks_first else POLL_EVERY
    threads = [
        threading.Thread(target=board.stay_open, args=(stop, rng.uniform(0, every)))
        for board in boards
    ]
    for thread in threads:
        thread.start()
    try:
        time.sleep(2 * POLL_EVERY)  # the first looks are over
        quiet = _processor_per_minute(processes, lambda: time.sleep(QUIET_SECONDS))
        shown: list[float] = []
        busy = _processor_per_minute(
            processes, lambda: shown.extend(_change(played, boards, changes, rng))
        )
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return Found(boards=count, asks_first=asks_first, shown=shown, quiet=quiet, busy=busy)


def _change(played: Stage, boards: list[Board], changes: int, rng: random.Random) -> list[float]:
    shown = []
    with played.owner.app_context():
        with transaction(by=SYSTEM):
            officer = db.session.scalars(select(User).where(User.email == OFFICER.email)).one()
        for _ in range(changes):
            asked = NewReferral(
                form_key=uuid4(),
                place="SE15",
                urgency=Urgency.EMERGENCY,
                language="sq",
                callback_phone="+447700900123",
            )
            ref = referrals.make_referral(asked, by=officer.as_actor())
            committed = time.monotonic()
            deadline = committed + PATIENCE_SECONDS
            while not all(ref in board.seen for board in boards):
                assert time.monotonic() < deadline, f"{ref} was never shown on every board"
                time.sleep(0.01)
            shown += [board.seen[ref] - committed for board in boards]
            referrals.withdraw(ref, "entered_in_error", by=officer.as_actor())
            time.sleep(rng.uniform(1, 3))
    return shown


def _processor_per_minute(processes: list[psutil.Process], act: Callable[[], object]) -> float:
    before, started = _processor(processes), time.monotonic()
    act()
    return (_processor(processes) - before) * 60 / (time.monotonic() - started)


def _processor(processes: list[psutil.Process]) -> float:
    """Seconds that these, their children and children that have ended have worked."""
    total = 0.0
    for process in processes:
        own = process.cpu_times()
        total += own.user + own.system + own.children_user + own.children_system
        for child in process.children(recursive=True):
            try:
                times = child.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total


def sign_in(played: Stage, url: str, email: str) -> str:
    """The cookies of somebody of the demonstration."""
    with played.owner.app_context(), transaction(by=SYSTEM):
        person = db.session.scalars(select(User.public_id).where(User.email == email)).one()
    session = requests.Session()
    token = TOKEN.search(session.get(url + "/", timeout=30).text)
    assert token is not None
    signed_in = session.post(
        url + "/demo/sign-in", {"csrf_token": token[1], "person": str(person)}, timeout=30
    )
    assert signed_in.ok
    return "; ".join(f"{each.name}={each.value}" for each in session.cookies)


def report(found: list[Found]) -> str:
    lines = [f"Open boards: {len(found[0].shown)} changes, from commit to shown on every board"]
    for each in found:
        how = "asks each second" if each.asks_first else "looks every 3 s "
        lines.append(
            f"  {each.boards:3} boards, {how}  median {statistics.median(each.shown):5.2f} s  "
            f"worst {max(each.shown):5.2f} s  processor a minute: quiet {each.quiet:6.2f} s, "
            f"busy {each.busy:6.2f} s"
        )
    for before, now in zip(found[::2], found[1::2], strict=True):
        wait = statistics.median(now.shown) / statistics.median(before.shown)
        lines.append(
            f"  {now.boards:3} boards: asking / looking every 3 s: processor quiet"
            f" {now.quiet / before.quiet:4.2f} x, busy {now.busy / before.busy:4.2f} x,"
            f" median wait {wait:4.2f} x"
        )
    return "\n".join([*lines, f"  wanted: every board within {WANTED_SECONDS:.0f} s"])
