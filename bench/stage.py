"""A whole Waymark of its own for a replay: database, web, worker and the houses' phones."""

from __future__ import annotations

import logging
import random
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import structlog
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.cli import bring_up_to_date
from app.db import db
from app.demo_phone.application import create_phone
from app.embedded_postgres import EmbeddedPostgres
from app.services.reference import load_reference
from app.sms import TwilioGateway
from config import Settings

ACCOUNT, TOKEN, SERVICE = "AC" + "7" * 32, "token-of-the-replay", "MG" + "7" * 32
DATABASE = "waymark_replay"
SECRET_KEY = "only for a replay, " * 3
OWNER, WEB, WORKER = "waymark_owner", "waymark_web", "waymark_worker"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing of each request."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the replay is played; each app works as its own database role."""

    web_url: str
    phone_url: str
    owner: Flask
    worker: Flask
    gateway: TwilioGateway
    settings: Settings

    def reply(self, number: str, body: str) -> str:
        """Text the service from a house's phone; returns what went wrong, empty when nothing."""
        answer = requests.post(
            self.phone_url + "/control/reply",
            json={"from": number, "body": body},
            auth=(ACCOUNT, TOKEN),
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["trouble"])

    def settle(self, **settings: Any) -> None:
        """Change how the phones behave from now on: see ``app.demo_phone.control.settle``."""
        self._tell("/control/settings", settings)

    def plan_faults(self, **wanted: Any) -> None:
        """Let requests to the phones go wrong: see ``app.demo_phone.control.plan_faults``."""
        self._tell("/control/faults", wanted)

    def _tell(self, path: str, wanted: dict[str, Any]) -> None:
        answer = requests.post(
            self.phone_url + path, json=wanted, auth=(ACCOUNT, TOKEN), timeout=30
        )
        answer.raise_for_status()

    def texts(self) -> list[dict[str, Any]]:
        """Every text that the phones sent or got, oldest first."""
        answer = requests.get(self.phone_url + "/control/ledger", auth=(ACCOUNT, TOKEN), timeout=30)
        answer.raise_for_status()
        return list(answer.json())


@contextmanager
def stage(postgres: EmbeddedPostgres | None = None, *, template: str = "") -> Iterator[Stage]:
    """Build everything on free ports and take it down again; ``postgres`` may be shared.

    ``template`` names a database of that server with every migration and the reference data.
    """
    with tempfile.TemporaryDirectory(prefix="waymark-replay-") as folder:
        server = postgres or EmbeddedPostgres(Path(folder) / "data", durable=False)
        server.start()
        try:
            with _served(server, Path(folder), template) as made:
                yield made
        finally:
            if postgres is None:
                server.remove()


@contextmanager
def _served(server: EmbeddedPostgres, folder: Path, template: str) -> Iterator[Stage]:
    address = server.create_database(DATABASE, template=template or "template1")
    bring_up_to_date(address, SECRET_KEY)
    # Ports first: each of the two must know the other's address before it is built.
    web_hook, phone_hook = _Late(), _Late()
    with _listening(web_hook) as web_url, _listening(phone_hook) as phone_url:
        settings = Settings(
            data_dir=folder,
            database_url=server.url(OWNER, DATABASE),
            web_database_url=server.url(WEB, DATABASE),
            worker_database_url=server.url(WORKER, DATABASE),
            secret_key=SECRET_KEY,
            public_url=web_url,
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,
            twilio_messaging_service_sid=SERVICE,
            twilio_api_base_url=phone_url,
        )
        apps = {role: create_app(settings, role=role) for role in (OWNER, WEB, WORKER)}
        phone = create_phone(
            account_sid=ACCOUNT,
            token=TOKEN,
            public_url=web_url,
            ledger_path=folder / "ledger.sqlite",
        )
        # The apps have set up their logs; here the table at the end is what is worth reading.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        web_hook.application, phone_hook.application = apps[WEB], phone
        if not template:
            with apps[OWNER].app_context():
                load_reference()
        try:
            yield Stage(
                web_url=web_url,
                phone_url=phone_url,
                owner=apps[OWNER],
                worker=apps[WORKER],
                gateway=TwilioGateway.from_settings(settings),
                settings=settings,
            )
        finally:
            phone.extensions["exchange"].stop()
            for each in apps.values():
                with each.app_context():
                    db.engine.dispose()
            server.drop_database(DATABASE)


@contextmanager
def drawn_codes(seed: int) -> Iterator[None]:
    """References and offer codes from a seed: ties in a plan are broken by reference."""
    choice = secrets.choice
    secrets.choice = random.Random(f"waymark/{seed}/codes").choice
    try:
        yield
    finally:
        secrets.choice = choice


class _Late:
    """A WSGI application that is filled in after its port is known."""

    application: Any = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self.application(environ, start_response)


@contextmanager
def _listening(application: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
