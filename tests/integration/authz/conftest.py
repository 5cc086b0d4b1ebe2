"""The world of these tests, made once, on a database of its own: they leave it as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, update

from app import create_app
from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.models.accounts import SignIn
from tests.browser_without_a_window import Browser
from tests.conftest import _runner, settings_for
from tests.integration.authz.doors import NOBODY
from tests.integration.authz.world import World, build

DATABASE = "waymark_authz"


@pytest.fixture(scope="session")
def authz_app(postgres: EmbeddedPostgres, template: str) -> Iterator[Flask]:
    """The web process on a database that is theirs alone."""
    postgres.create_database(DATABASE, template=template)
    flask = create_app(settings_for(postgres, DATABASE))
    flask.testing = True
    yield flask
    if (listener := flask.extensions.pop("live", None)) is not None:
        listener.stop()
    with flask.app_context():
        db.engine.dispose()
    postgres.drop_database(DATABASE)


@pytest.fixture(scope="session")
def world(postgres: EmbeddedPostgres, authz_app: Flask) -> World:
    """Everybody, and a record at every stage."""
    others = [
        create_app(settings_for(postgres, DATABASE), role=role)
        for role in ("waymark_worker", "waymark_owner")
    ]
    try:
        return build(*map(_runner, (authz_app, *others)))
    finally:
        for each in others:
            with each.app_context():
                db.engine.dispose()


@pytest.fixture(scope="module")
def browsers(authz_app: Flask, world: World) -> dict[str, Browser]:
    """Everybody signed in with a fresh proof, and somebody who is not."""
    found = {
        name: Browser(authz_app).sign_in_as(person.email) for name, person in world.people.items()
    }
    with authz_app.app_context(), transaction(by=SYSTEM) as now:
        db.session.execute(update(SignIn).values(proved_at=now))
    found[NOBODY] = Browser(authz_app)
    for browser in found.values():
        browser.get("/about-the-data")
    return found


def login(postgres: EmbeddedPostgres, role: str) -> psycopg.Connection[Any]:
    """A plain connection, without Flask or SQLAlchemy."""
    address = make_url(postgres.url(role, DATABASE)).set(drivername="postgresql")
    return psycopg.connect(address.render_as_string(hide_password=False))
