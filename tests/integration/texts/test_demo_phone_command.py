"""``python -m app.demo_phone``: starts, survives, stops, and says what is missing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[3]


def command(port: int, ledger: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "app.demo_phone", "--port", str(port)),
        *("--public-url", "http://127.0.0.1:9", "--ledger", str(ledger)),
    ]


@contextmanager
def running(port: int, ledger: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        command(port, ledger),
        cwd=ROOT,
        env={**os.environ, "TWILIO_AUTH_TOKEN": "token"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert said.startswith("Demo phone: http://127.0.0.1:")
        yield process, said.removeprefix("Demo phone: ").strip()
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_it_serves_and_stops_when_asked(tmp_path: Path) -> None:
    with running(0, tmp_path / "new" / "ledger.sqlite") as (process, url):
        answer = requests.get(url, timeout=10)
        process.send_signal(signal.SIGTERM)

        assert answer.status_code == 200
        assert process.wait(10) == 0


def test_it_survives_a_kill_with_its_texts(tmp_path: Path) -> None:
    account = "AC" + "0" * 32
    path = f"/2010-04-01/Accounts/{account}/Messages.json"
    fields = {"To": "+447700900101", "Body": "kept", "MessagingServiceSid": "MG" + "0" * 32}
    with running(0, tmp_path / "ledger.sqlite") as (process, url):
        requests.post(url + path, fields, auth=(account, "token"), timeout=10)
        process.kill()
    with running(0, tmp_path / "ledger.sqlite") as (_, url):
        found = requests.get(url + path, auth=(account, "token"), timeout=10).json()

    assert [text["body"] for text in found["messages"]] == ["kept"]


def test_a_busy_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            command(taken.getsockname()[1], tmp_path / "ledger.sqlite"),
            cwd=ROOT,
            env={**os.environ, "TWILIO_AUTH_TOKEN": "token"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert "choose another --port" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_missing_token_is_said(tmp_path: Path) -> None:
    given = {name: value for name, value in os.environ.items() if name != "TWILIO_AUTH_TOKEN"}
    done = subprocess.run(
        command(0, tmp_path / "ledger.sqlite"),
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "set TWILIO_AUTH_TOKEN" in done.stderr
