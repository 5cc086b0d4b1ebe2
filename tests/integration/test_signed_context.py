"""Whoever can run SQL as the web's login is still nobody but the one whom the service named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import make_url

from app import create_app
from app.acting_key import key_of, share_key, signature
from app.actors import SYSTEM
from app.embedded_postgres import EmbeddedPostgres
from config import SettingsError
from tests.cast import Cast
from tests.conftest import DATABASE, SECRET_KEY, settings_for

ACT_AS = "SELECT act_as(%(user_id)s, %(role)s, %(organisation_id)s, %(refuge_id)s, %(seal)s)"
COUNT = "SELECT count(*) FROM user_account"
Connection = psycopg.Connection[Any]


def login(postgres: EmbeddedPostgres, role: str) -> Connection:
    address = make_url(postgres.url(role, DATABASE)).set(drivername="postgresql")
    return psycopg.connect(address.render_as_string(hide_password=False))


@pytest.fixture
def web(postgres: EmbeddedPostgres, database: str) -> Iterator[Connection]:
    with login(postgres, "waymark_web") as connection:
        yield connection


def act_as_system(connection: Connection, key: bytes = key_of(SECRET_KEY)) -> None:
    told = SYSTEM.context()
    connection.execute(ACT_AS, told | {"seal": signature(key, connection, told)})


def counted(connection: Connection) -> int:
    row = connection.execute(COUNT).fetchone()
    assert row is not None
    return int(row[0])


def test_what_is_signed_is_believed_and_ends_with_the_transaction(
    web: Connection, cast: Cast
) -> None:
    act_as_system(web)
    assert counted(web) > 5

    web.rollback()

    assert counted(web) == 0


@pytest.mark.parametrize(
    "name", ["app.context", "app.role", "app.user_id", "app.proof", "role.system"]
)
def test_saying_it_oneself_shows_nothing(web: Connection, cast: Cast, name: str) -> None:
    for said in ("|system||", "system", "1", "x"):
        web.execute("SELECT set_config(%s, %s, true)", [name, said])

    assert counted(web) == 0


def test_another_cannot_be_put_in_the_place_of_the_one_who_acts(
    web: Connection, cast: Cast
) -> None:
    told = cast.amara.actor.context()
    web.execute(ACT_AS, told | {"seal": signature(key_of(SECRET_KEY), web, told)})
    assert web.execute("SELECT acting_user_id()").fetchone() == (cast.amara.actor.user_id,)

    web.execute("SELECT set_config('app.context', '|system||', true)")

    assert web.execute("SELECT acting_role()").fetchone() == (None,)
    assert counted(web) == 0


def test_a_seal_of_another_context_key_or_connection_is_refused(
    postgres: EmbeddedPostgres, web: Connection, cast: Cast
) -> None:
    amara = signature(key_of(SECRET_KEY), web, cast.amara.actor.context())
    with login(postgres, "waymark_web") as other:
        elsewhere = signature(key_of(SECRET_KEY), other, SYSTEM.context())
    guessed = signature(key_of("another service's key"), web, SYSTEM.context())

    for seal in (amara, elsewhere, guessed, "", None):
        with pytest.raises(errors.InsufficientPrivilege, match="not signed"):
            web.execute(ACT_AS, SYSTEM.context() | {"seal": seal})
        web.rollback()


def test_a_proof_that_was_read_is_worth_nothing_in_the_next_transaction(
    web: Connection, cast: Cast
) -> None:
    act_as_system(web)
    read = "SELECT current_setting('app.context', true), current_setting('app.proof', true)"
    kept = web.execute(read).fetchone()
    web.commit()

    web.execute(
        "SELECT set_config('app.context', %s, true), set_config('app.proof', %s, true)", kept
    )

    assert counted(web) == 0


@pytest.mark.parametrize("role", ["waymark_web", "waymark_worker"])
def test_nobody_but_the_owner_reads_the_keys(
    postgres: EmbeddedPostgres, database: str, role: str
) -> None:
    with login(postgres, role) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SELECT inner_pad FROM waymark_private.context_key")


def test_a_new_key_leaves_the_one_before_it_and_no_older(
    postgres: EmbeddedPostgres, web: Connection, cast: Cast
) -> None:
    owner = postgres.url("waymark_owner", DATABASE)
    share_key(owner, "the second secret key")
    act_as_system(web)
    web.rollback()

    share_key(owner, "the third secret key")

    act_as_system(web, key_of("the third secret key"))
    web.rollback()
    with pytest.raises(errors.InsufficientPrivilege):
        act_as_system(web)


def test_a_process_with_another_key_refuses_to_work(
    postgres: EmbeddedPostgres, database: str
) -> None:
    other = settings_for(postgres, DATABASE, secret_key="of another service, " * 3)

    with pytest.raises(SettingsError, match="migrate with the SECRET_KEY"):
        create_app(other)
