"""A process refuses a database in which row security does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from app import create_app
from app.db import db
from app.embedded_postgres import EmbeddedPostgres
from config import SettingsError
from tests.conftest import DATABASE, settings_for

BROKEN = {
    "not forced": (
        "ALTER TABLE needs NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE needs FORCE ROW LEVEL SECURITY",
        "The table needs is not under row security",
    ),
    "not enabled": (
        "ALTER TABLE caller DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE caller ENABLE ROW LEVEL SECURITY",
        "The table caller is not under row security",
    ),
    "a table that nobody thought of": (
        "CREATE TABLE rumour (id int)",
        "DROP TABLE rumour",
        "The table rumour is not under row security",
    ),
    "a login above row security": (
        "ALTER ROLE {role} BYPASSRLS",
        "ALTER ROLE {role} NOBYPASSRLS",
        "The demonstration must not work as the database login {role}",
    ),
    "a login that owns a table": (
        "ALTER TABLE heartbeat OWNER TO {role}",
        "ALTER TABLE heartbeat OWNER TO waymark_owner",
        "The demonstration must not work as the database login {role}",
    ),
}


@pytest.fixture
def superuser(postgres: EmbeddedPostgres, database: str) -> Iterator[psycopg.Connection[Any]]:
    address = make_url(postgres.url("postgres", database)).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("role", ["waymark_web", "waymark_worker"])
def test_the_demonstrations_own_database_is_accepted(
    role: str, postgres: EmbeddedPostgres, database: str
) -> None:
    flask = create_app(settings_for(postgres, DATABASE), role=role)

    with flask.app_context():
        db.engine.connect().close()
        db.engine.dispose()


@pytest.mark.parametrize("role", ["waymark_web", "waymark_worker"])
@pytest.mark.parametrize("what", sorted(BROKEN))
def test_a_database_without_the_wall_is_refused(
    role: str, what: str, postgres: EmbeddedPostgres, superuser: psycopg.Connection[Any]
) -> None:
    breaks, mends, words = (each.format(role=role) for each in BROKEN[what])
    superuser.execute(breaks.encode())
    try:
        with pytest.raises(SettingsError, match=words):
            create_app(settings_for(postgres, DATABASE), role=role)
    finally:
        superuser.execute(mends.encode())


@pytest.mark.parametrize("login", ["postgres", "waymark_owner"])
def test_the_demonstration_refuses_the_owner_and_a_superuser(
    login: str, postgres: EmbeddedPostgres, database: str
) -> None:
    settings = settings_for(postgres, DATABASE, web_database_url=postgres.url(login, DATABASE))

    with pytest.raises(SettingsError, match=f"database login {login}"):
        create_app(settings)
