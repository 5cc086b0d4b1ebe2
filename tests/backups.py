"""What the tests of a backup share: a database to restore into, and ways to look at one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from click.testing import Result
from flask import Flask
from psycopg import sql
from sqlalchemy import make_url

from app.embedded_postgres import EmbeddedPostgres

RESTORED = "waymark_restored"
COMPANIONS = (".keys", ".tombstones")


def empty_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The owner's address of a database without a table, for a fixture to yield from."""
    yield postgres.create_database(RESTORED)
    postgres.drop_database(RESTORED)


def connect(url: str) -> psycopg.Connection[Any]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain)


def hashes_of(url: str) -> dict[str, tuple[int, str]]:
    """Rows of each table and a hash over all of them."""
    query = sql.SQL("SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t")
    with connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return {
            name: connection.execute(query.format(sql.Identifier(name))).fetchone() or (0, "")
            for (name,) in tables
        }


def command(app: Flask, *arguments: str | Path) -> Result:
    runner = app.test_cli_runner(catch_exceptions=False)
    with app.app_context():  # as ``flask`` gives to each command
        return runner.invoke(args=[str(each) for each in arguments])
