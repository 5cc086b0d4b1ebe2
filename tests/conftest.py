"""Real PostgreSQL, built by the real migrations; every test gets a fresh copy of it."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import Any, TypeVar

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

from app import create_app
from app.acting_key import share_key
from app.cli import bring_up_to_date
from app.db import db
from app.embedded_postgres import EmbeddedPostgres
from config import Settings
from tests.browser_without_a_window import Browser
from tests.cast import Cast, invite_cast
from tests.fake_twilio import *  # noqa: F403 - its fixtures

# A busy machine is no fault of the code: nothing here fails by the clock.
settings.register_profile("waymark", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("waymark")

T = TypeVar("T")
DATABASE = "waymark_test"
TEMPLATE = "waymark_template"
ROOM_NEEDED = 3 * 1024**3  # bytes: some databases and what PostgreSQL keeps of its log
WITH_CAST = "waymark_template_with_cast"
SECRET_KEY = "only for tests, " * 3
PRODUCTIONS_KEY = "Qm3kT9wXv7LzR2hYd5NcJ8sGb4FpA6uE"  # what production starts with must look drawn
FIELD_KEYS = "test-1:" + base64.b64encode(hashlib.sha256(b"fields").digest()).decode()
INDEX_KEYS = "test-1:" + base64.b64encode(hashlib.sha256(b"index").digest()).decode()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One server for the whole run, without fsync: what is tested is never a power cut."""
    with tempfile.TemporaryDirectory(prefix="waymark-tests-", dir=_in_memory()) as folder:
        Path(folder).chmod(0o711)  # as root the server runs as another user, who must get in
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        yield server
        server.remove()


def _in_memory() -> str | None:
    """A folder in memory, where copying a database is many times as fast; None without room."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and disk_usage(memory).free > ROOM_NEEDED else None


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """Migrations and reference data, once; tests copy it."""
    url = postgres.create_database(TEMPLATE)
    bring_up_to_date(url, PRODUCTIONS_KEY)
    share_key(url, SECRET_KEY)  # known beside it, as after a change of the key
    from app.services.reference import load_reference

    _fill(postgres, TEMPLATE, load_reference)
    return TEMPLATE


@pytest.fixture(scope="session")
def cast_once(postgres: EmbeddedPostgres, template: str) -> Cast:
    """Everybody, made once; a test with a cast gets a copy in which they are already there."""
    postgres.create_database(WITH_CAST, template=template)
    return _fill(postgres, WITH_CAST, invite_cast)


def _fill(postgres: EmbeddedPostgres, database: str, work: Callable[[], T]) -> T:
    owner = create_app(settings_for(postgres, database), role="waymark_owner")
    with owner.app_context():
        done = work()
        db.engine.dispose()  # a database that somebody is connected to cannot be copied
    return done


def settings_for(postgres: EmbeddedPostgres, database: str, **changes: Any) -> Settings:
    """Demo settings for a test; each role has its own login, as in the embedded database."""
    given: dict[str, Any] = {
        "data_dir": Path(tempfile.gettempdir()),
        "database_url": postgres.url("waymark_owner", database),
        "web_database_url": postgres.url("waymark_web", database),
        "worker_database_url": postgres.url("waymark_worker", database),
        "secret_key": SECRET_KEY,
        "public_url": "http://127.0.0.1:8000",
        "twilio_auth_token": "token-of-the-tests",
        "field_keys": FIELD_KEYS,
        "index_keys": INDEX_KEYS,
    }
    return Settings(**(given | changes))


def _app(postgres: EmbeddedPostgres, role: str) -> Flask:
    flask = create_app(settings_for(postgres, DATABASE), role=role)
    flask.testing = True
    return flask


@pytest.fixture(scope="session")
def web_app(postgres: EmbeddedPostgres) -> Flask:
    return _app(postgres, "waymark_web")


@pytest.fixture(scope="session")
def worker_app(postgres: EmbeddedPostgres) -> Flask:
    return _app(postgres, "waymark_worker")


@pytest.fixture(scope="session")
def owner_app(postgres: EmbeddedPostgres) -> Flask:
    return _app(postgres, "waymark_owner")


@pytest.fixture
def database(
    request: pytest.FixtureRequest,
    postgres: EmbeddedPostgres,
    template: str,
    web_app: Flask,
    worker_app: Flask,
    owner_app: Flask,
) -> Iterator[str]:
    """A fresh copy of the template under one fixed name, so that the apps need not be rebuilt."""
    if "cast" in request.fixturenames:
        request.getfixturevalue("cast_once")
        template = WITH_CAST
    with fresh_copy(postgres, template, (web_app, worker_app, owner_app)):
        yield DATABASE


@contextmanager
def fresh_copy(
    postgres: EmbeddedPostgres, template: str, apps: tuple[Flask, ...]
) -> Iterator[None]:
    """A database of the fixed name, gone again with every connection of the apps to it."""
    postgres.create_database(DATABASE, template=template)
    yield
    for each in apps:
        if (listener := each.extensions.pop("live", None)) is not None:
            listener.stop()
        with each.app_context():
            db.engine.dispose()
    postgres.drop_database(DATABASE)


@pytest.fixture
def app(web_app: Flask, database: str) -> Flask:
    """The web process's app on a fresh database."""
    return web_app


Run = Callable[..., Any]


def _runner(flask: Flask) -> Run:
    def run(use_case: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        with flask.app_context():
            return use_case(*args, **kwargs)

    return run


@pytest.fixture
def run(app: Flask) -> Run:
    """Call a use case as the web process does: ``run(offers.accept_offer, by=..., ...)``."""
    return _runner(app)


@pytest.fixture
def run_as_worker(worker_app: Flask, database: str) -> Run:
    """Call a job as the worker does: ``run_as_worker(matching.make_plan)``."""
    return _runner(worker_app)


@pytest.fixture
def run_as_owner(owner_app: Flask, database: str) -> Run:
    """Call what only the owner of the tables may: the clock, the seed, the factories."""
    return _runner(owner_app)


@pytest.fixture
def cast(cast_once: Cast, database: str) -> Cast:
    """Everybody a story needs, each with what the others must not see."""
    return cast_once


@pytest.fixture
def browser_of(app: Flask) -> Callable[[str], Browser]:
    """A signed-in browser without a window: ``browser_of(cast.amara.email)``."""

    def sign_in(email: str) -> Browser:
        return Browser(app).sign_in_as(email)

    return sign_in


@pytest.fixture
def anonymous(app: Flask) -> Browser:
    """A browser that nobody has signed in with."""
    return Browser(app)
