"""Migrations go up, down and up again, keep the data they should, and end where the models are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool, text

import app.models  # noqa: F401 - fills the metadata
from app.cli import alembic_config
from app.db import Base
from app.embedded_postgres import EmbeddedPostgres
from tests.conftest import FIELD_KEYS, INDEX_KEYS

SCRATCH = "waymark_migrations"
STEPS = [
    step.revision
    for step in reversed(list(ScriptDirectory.from_config(alembic_config("")).walk_revisions()))
]
COLUMNS = text(
    "SELECT table_name, column_name, data_type, is_nullable, column_default"
    "  FROM information_schema.columns WHERE table_schema = 'public'"
    " ORDER BY table_name, column_name"
)
RULES = text(
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
)
KEPT_IN_THE_OPEN = (
    "INSERT INTO caller (callback_phone, incident_ref) VALUES"
    " ('+447700900931', 'OP SEVEN'), ('+447700900933', '')",
    "INSERT INTO sms_inbox (message_sid, from_phone, to_phone, body)"
    " VALUES ('SM1', '+447700900932', '+447700900000', 'hello')",
)
READ_AGAIN = (
    "SELECT id, callback_phone, incident_ref FROM caller ORDER BY id",
    "SELECT message_sid, from_phone, body FROM sms_inbox",
)
SEALED_NOW = (
    "SELECT callback_phone_sealed, incident_ref_sealed FROM caller",
    "SELECT from_phone_sealed, from_phone_index, body_sealed FROM sms_inbox",
    "SELECT wrapped FROM record_key",
)
POLICIES = text(
    "SELECT tablename, policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies"
)
TRIGGERS = text("SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")


@pytest.fixture
def scratch(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of an empty database."""
    yield postgres.create_database(SCRATCH)
    postgres.drop_database(SCRATCH)


def _shape(url: str) -> list[object]:
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        found = [connection.execute(query).all() for query in (COLUMNS, RULES)]
        unordered = [connection.execute(query).all() for query in (TRIGGERS, POLICIES)]
        return [*found, *(sorted(rows, key=repr) for rows in unordered)]


def test_up_down_up_ends_in_the_same_shape(scratch: str) -> None:
    config = alembic_config(scratch)
    command.upgrade(config, "head")
    first = _shape(scratch)

    command.downgrade(config, "base")
    bare = _shape(scratch)
    command.upgrade(config, "head")

    assert [row for row in bare[0] if row[0] != "alembic_version"] == []  # type: ignore[attr-defined]
    assert _shape(scratch) == first


@pytest.mark.parametrize("revision", STEPS)
def test_each_step_can_be_taken_back_alone(scratch: str, revision: str) -> None:
    config = alembic_config(scratch)
    command.upgrade(config, revision)
    before = _shape(scratch)

    command.downgrade(config, "-1")
    command.upgrade(config, revision)

    assert _shape(scratch) == before


def test_the_models_say_what_the_migrations_made(scratch: str) -> None:
    command.upgrade(alembic_config(scratch), "head")
    engine = create_engine(scratch, poolclass=pool.NullPool)

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: (
                    not (kind == "table" and name.startswith("procrastinate_"))
                ),
            },
        )
        differences = compare_metadata(context, Base.metadata)

    assert differences == []


def test_what_was_kept_in_the_open_is_sealed_and_opens_again(
    scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "only for tests, " * 3)
    monkeypatch.setenv("FIELD_KEYS", FIELD_KEYS)
    monkeypatch.setenv("INDEX_KEYS", INDEX_KEYS)
    config = alembic_config(scratch)
    command.upgrade(config, "0022")
    engine = create_engine(scratch, poolclass=pool.NullPool)
    with engine.begin() as connection:
        for statement in KEPT_IN_THE_OPEN:
            connection.execute(text(statement))
        before = [connection.execute(text(query)).all() for query in READ_AGAIN]

    command.upgrade(config, "0023")
    with engine.connect() as connection:
        sealed = [connection.execute(text(query)).all() for query in SEALED_NOW]
    command.downgrade(config, "0022")

    assert "+447700900931" in repr(before)
    assert not any(word in repr(sealed) for word in ("900931", "OP SEVEN", "900932", "hello"))
    assert [len(rows) for rows in sealed] == [2, 1, 3]
    with engine.connect() as connection:
        assert [connection.execute(text(query)).all() for query in READ_AGAIN] == before


def test_two_migrations_at_once_wait_for_each_other(scratch: str) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from subprocess import run
    from sys import executable

    code = (
        "import sys; from alembic import command; from app.cli import alembic_config;"
        " command.upgrade(alembic_config(sys.argv[1]), 'head')"
    )
    with ThreadPoolExecutor(2) as both:
        done = list(
            both.map(
                lambda _: run([executable, "-c", code, scratch], capture_output=True, check=False),
                range(2),
            )
        )

    assert [each.returncode for each in done] == [0, 0], done[0].stderr + done[1].stderr
