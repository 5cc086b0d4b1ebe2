"""Production: which logins it refuses, and that nothing of the demonstration exists in it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, make_url, select, update

from app import create_app
from app.actors import SYSTEM
from app.db import db, transaction
from app.demo.people import OFFICER
from app.embedded_postgres import EmbeddedPostgres
from app.models.accounts import User
from app.models.referrals import Referral
from app.services import accounts
from config import Environment, Settings, SettingsError
from tests.cast import Cast
from tests.conftest import DATABASE, PRODUCTIONS_KEY, Run, settings_for

ROOT = Path(__file__).resolve().parents[2]
HERE = "https://waymark.example"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def production(postgres: EmbeddedPostgres, **changes: Any) -> Settings:
    """Settings that production starts with."""
    given = {
        "environment": Environment.PRODUCTION,
        "secret_key": PRODUCTIONS_KEY,
        "public_url": HERE,
        "twilio_account_sid": "AC" + "1" * 32,
        "twilio_messaging_service_sid": "MG" + "1" * 32,
        "audit_signing_key": "A" * 42 + "E",
        "audit_anchor": "https://anchors.example/waymark",
    }
    return settings_for(postgres, DATABASE, **(given | changes))


def environment_of(settings: Settings) -> dict[str, str]:
    """The same, as a process of its own is told it."""
    ours = {name: text for name, text in os.environ.items() if name != "FLASK_DEBUG"}
    return ours | {
        "WAYMARK_ENV": settings.environment.value,
        "SECRET_KEY": settings.secret_key,
        "PUBLIC_URL": settings.public_url,
        "DATABASE_URL": settings.database_url,
        "WEB_DATABASE_URL": settings.web_database_url,
        "WORKER_DATABASE_URL": settings.worker_database_url,
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "TWILIO_AUTH_TOKEN": settings.twilio_auth_token,
        "TWILIO_MESSAGING_SERVICE_SID": settings.twilio_messaging_service_sid,
        "TWILIO_API_BASE_URL": "",
        "AUDIT_SIGNING_KEY": settings.audit_signing_key,
        "AUDIT_ANCHOR": settings.audit_anchor,
        "FIELD_KEYS": settings.field_keys,
        "INDEX_KEYS": settings.index_keys,
    }


def flask_command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env=environment_of(settings),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def live(postgres: EmbeddedPostgres, cast: Cast) -> Iterator[Flask]:
    """A production web on the database of the cast."""
    flask = create_app(production(postgres))
    flask.testing = True
    yield flask
    with flask.app_context():
        db.engine.dispose()


ONE_RIGHT_TOO_MANY = {
    "above row security": ("ALTER ROLE waymark_worker BYPASSRLS", "NOBYPASSRLS"),
    "maker of roles": ("ALTER ROLE waymark_worker CREATEROLE", "NOCREATEROLE"),
    "owner of a table": ("ALTER TABLE heartbeat OWNER TO waymark_worker", "LOGIN"),
}


@pytest.fixture(params=list(ONE_RIGHT_TOO_MANY))
def powerful_worker(
    postgres: EmbeddedPostgres, database: str, request: pytest.FixtureRequest
) -> Iterator[None]:
    """The worker's login, with one right too many."""
    give, take = ONE_RIGHT_TOO_MANY[request.param]
    address = make_url(postgres.url("postgres", database)).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(), autocommit=True) as superuser:
        superuser.execute(give.encode())
        yield
        superuser.execute(f"ALTER ROLE waymark_worker {take}".encode())


@pytest.mark.parametrize("role", ["waymark_web", "waymark_worker"])
def test_production_starts_with_logins_of_its_own(
    role: str, postgres: EmbeddedPostgres, database: str
) -> None:
    flask = create_app(production(postgres), role=role)

    with flask.app_context():
        with db.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT session_user").scalar() == role
        db.engine.dispose()


@pytest.mark.parametrize("role", ["waymark_web", "waymark_worker"])
@pytest.mark.parametrize("login", ["postgres", "waymark_owner"])
def test_a_superuser_or_the_owner_is_refused_as_a_service_login(
    login: str, role: str, postgres: EmbeddedPostgres, database: str
) -> None:
    # Another spelling, so that it does not fail for being DATABASE_URL's address again.
    address = postgres.url(login, DATABASE) + "&connect_timeout=9"
    settings = production(postgres, web_database_url=address, worker_database_url=address)
    settings.refuse_what_is_unsafe()

    with pytest.raises(SettingsError, match=f"login {login}.*WEB_DATABASE_URL"):
        create_app(settings, role=role)


@pytest.mark.parametrize("login", ["postgres", "waymark_owner"])
def test_a_role_that_is_only_taken_on_is_refused(
    login: str, postgres: EmbeddedPostgres, database: str
) -> None:
    settings = production(
        postgres,
        database_url=postgres.url(login, DATABASE),
        web_database_url="",
        worker_database_url="",
    )

    with pytest.raises(SettingsError, match=f"login {login}"):
        create_app(settings)


def test_one_right_too_many_is_refused(powerful_worker: None, postgres: EmbeddedPostgres) -> None:
    with pytest.raises(SettingsError, match="login waymark_worker"):
        create_app(production(postgres), role="waymark_worker")


def test_the_demonstration_may_take_on_its_roles(postgres: EmbeddedPostgres, database: str) -> None:
    shared = {"web_database_url": "", "worker_database_url": ""}
    flask = create_app(settings_for(postgres, DATABASE, **shared))

    with flask.app_context():
        with db.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT current_user").scalar() == "waymark_web"
        db.engine.dispose()


def test_a_database_that_is_away_is_looked_at_when_it_is_back(
    postgres: EmbeddedPostgres, database: str
) -> None:
    away = production(postgres, web_database_url=postgres.url("waymark_web", "not_there_yet"))
    flask = create_app(away)
    postgres.create_database("not_there_yet", template=DATABASE)
    try:
        with flask.app_context():
            db.engine.connect().close()
            db.engine.dispose()
        owner = postgres.url("waymark_owner", "away_too") + "&connect_timeout=9"
        careless = create_app(production(postgres, web_database_url=owner))
        postgres.create_database("away_too", template=DATABASE)

        with careless.app_context(), pytest.raises(SettingsError, match="login waymark_owner"):
            db.engine.connect()
    finally:
        postgres.drop_database("not_there_yet")
        postgres.drop_database("away_too")


def test_a_command_that_needs_the_service_says_so_in_one_line(
    postgres: EmbeddedPostgres, database: str
) -> None:
    shared = production(postgres, web_database_url="", worker_database_url="")

    refused, migrated = flask_command(shared, "invariants"), flask_command(shared, "migrate")

    assert refused.returncode == 1
    assert re.fullmatch(r"Error: .*login waymark_owner.*WEB_DATABASE_URL.*\n", refused.stderr), (
        refused.stderr
    )
    assert migrated.returncode == 0, migrated.stderr  # the owner's own work goes on


def test_the_worker_does_not_work_with_the_owners_rights(
    postgres: EmbeddedPostgres, database: str
) -> None:
    owner = postgres.url("waymark_owner", DATABASE) + "&connect_timeout=9"

    refused = flask_command(production(postgres, worker_database_url=owner), "worker")

    assert refused.returncode == 1
    assert re.fullmatch(r"Error: .*login waymark_owner.*\n", refused.stderr), refused.stderr


def test_the_web_server_ends_at_once_and_names_the_remedy(
    postgres: EmbeddedPostgres, database: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--workers", "1"]
    shared = production(postgres, web_database_url="", worker_database_url="")

    ended = subprocess.run(
        [*command, "--bind", f"127.0.0.1:{port}", "wsgi:app"],
        cwd=ROOT,
        env=environment_of(shared),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode != 0
    assert "Set WEB_DATABASE_URL and WORKER_DATABASE_URL" in ended.stderr


@pytest.mark.parametrize("path", ["/demo/sign-in", "/surge"])
def test_nothing_of_the_demonstration_answers(
    path: str, live: Flask, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    run_as_owner(_let_the_demonstrations_officer_in, cast.amara.email)
    client = live.test_client()
    token = TOKEN.search(client.get("/sign-in", base_url=HERE).get_data(as_text=True))
    assert token is not None
    person = next(each for each in run(accounts.demo_people) if each.email == OFFICER.email)
    form = {"person": str(person.public_id), "csrf_token": token[1]}

    response = client.post(path, data=form, base_url=HERE)

    assert response.status_code == 404
    assert client.get("/police/requests", base_url=HERE).status_code == 302  # nobody is signed in
    assert run(_count_requests) == 0


def _let_the_demonstrations_officer_in(email: str) -> None:
    """As if a demonstration's database had been taken into production."""
    with transaction(by=SYSTEM):
        db.session.execute(update(User).where(User.email == email).values(email=OFFICER.email))


def _count_requests() -> int:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(func.count()).select_from(Referral)) or 0


@pytest.mark.parametrize("path", ["/", "/sign-in", "/about-the-data"])
def test_no_page_leads_to_the_demonstration(path: str, live: Flask) -> None:
    page = live.test_client().get(path, base_url=HERE, follow_redirects=True)

    assert page.status_code == 200
    leads = re.findall(r'(?:href|action)="([^"]*)"', page.get_data(as_text=True))
    assert "/about-the-data" in leads
    assert [lead for lead in leads if re.search("demo|surge|tour|phone", lead)] == []
    assert "not real" not in page.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/messages", "/phone", "/demo-phone", "/2010-04-01/Accounts"])
def test_there_is_no_demo_phone(path: str, live: Flask) -> None:
    assert live.test_client().get(path, base_url=HERE).status_code in (302, 404)
    assert path not in {str(rule) for rule in live.url_map.iter_rules()}
    assert not any("demo" in rule.endpoint.split(".")[0] for rule in live.url_map.iter_rules())


def test_the_cookie_is_for_this_host_alone(live: Flask) -> None:
    response = live.test_client().get("/sign-in", base_url=HERE)

    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-waymark=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_no_demonstration_is_seeded(postgres: EmbeddedPostgres, database: str) -> None:
    refused = flask_command(production(postgres), "seed")

    assert refused.returncode == 1
    assert refused.stderr == "Error: Only a demonstration is seeded (WAYMARK_ENV=demo).\n"
