"""The demo phone as tests use it: really over HTTP, on a free port, with its own ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app.demo_phone.application import create_phone
from app.sms import TwilioGateway

__all__ = ["ACCOUNT_SID", "SERVICE_SID", "TOKEN", "FakeTwilio", "fake_twilio", "serving", "twilio"]

ACCOUNT_SID = "AC" + "1" * 32
TOKEN = "test-token-of-the-fake"
SERVICE_SID = "MG" + "2" * 32


class QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Keep the test output calm."""


@contextmanager
def serving(application: Any, port: int = 0) -> Iterator[str]:
    """Serve a WSGI application on loopback from a thread; yields its address."""
    server: BaseWSGIServer = make_server(
        "127.0.0.1", port, application, threaded=True, request_handler=QuietHandler
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@dataclass
class FakeTwilio:
    """A running stand-in and the questions that a test asks of it."""

    url: str
    application: Flask

    def gateway(self, **changes: Any) -> TwilioGateway:
        given: dict[str, Any] = {
            "account_sid": ACCOUNT_SID,
            "token": TOKEN,
            "messaging_service_sid": SERVICE_SID,
            "base_url": self.url,
        }
        return TwilioGateway(**(given | changes))

    def plan(self, *script: str, operation: str = "create", **tuning: Any) -> None:
        """The next requests meet these faults, in order; see ``app.demo_phone.faults.Fault``."""
        self._post("/control/faults", {"operation": operation, "script": script, **tuning})

    def settle(self, **settings: Any) -> None:
        """``list_lag_seconds``, ``failing``, ``callbacks``: see ``app.demo_phone.control``."""
        self._post("/control/settings", settings)

    def reply(self, number: str, body: str, *, sid: str = "", sign: str = "good") -> dict[str, str]:
        """Text the service from a phone; the answer has ``sid`` and ``trouble``."""
        answer = self._post(
            "/control/reply", {"from": number, "body": body, "sid": sid, "sign": sign}
        )
        return dict(answer.json())

    def ledger(self) -> list[dict[str, Any]]:
        """Every text ever accepted or received, oldest first."""
        answer = requests.get(self.url + "/control/ledger", auth=(ACCOUNT_SID, TOKEN), timeout=10)
        answer.raise_for_status()
        return list(answer.json())

    def sent(self) -> list[str]:
        """The bodies that went out, oldest first."""
        return [text["body"] for text in self.ledger() if text["direction"] == "outbound-api"]

    def _post(self, path: str, wanted: Mapping[str, Any] | Sequence[Any]) -> requests.Response:
        answer = requests.post(self.url + path, json=wanted, auth=(ACCOUNT_SID, TOKEN), timeout=60)
        answer.raise_for_status()
        return answer


@contextmanager
def fake_twilio(
    ledger: Path, public_url: str = "http://127.0.0.1:9", port: int = 0
) -> Iterator[FakeTwilio]:
    """Run the stand-in; ``public_url`` is where its webhooks go (nowhere by default)."""
    application = create_phone(
        account_sid=ACCOUNT_SID, token=TOKEN, public_url=public_url, ledger_path=ledger
    )
    try:
        with serving(application, port) as url:
            yield FakeTwilio(url, application)
    finally:
        application.extensions["exchange"].stop()


@contextmanager
def wired(applications: Sequence[Flask], public_url: str, fake: FakeTwilio) -> Iterator[None]:
    """Point Waymark's processes at the stand-in for a while, and tell them their own address."""
    before = [(each, each.config["SETTINGS"]) for each in applications]
    for each, settings in before:
        each.config["SETTINGS"] = replace(
            settings,
            public_url=public_url,
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=TOKEN,
            twilio_messaging_service_sid=SERVICE_SID,
            twilio_api_base_url=fake.url,
        )
    try:
        yield
    finally:
        for each, settings in before:
            each.config["SETTINGS"] = settings


@pytest.fixture
def twilio(
    tmp_path: Path, web_app: Flask, worker_app: Flask, database: str
) -> Iterator[FakeTwilio]:
    """The stand-in beside a served Waymark: each calls the other over HTTP."""
    with (
        serving(web_app) as url,
        fake_twilio(tmp_path / "ledger.sqlite", public_url=url) as fake,
        wired((web_app, worker_app), url, fake),
    ):
        yield fake
