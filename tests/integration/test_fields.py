"""Sealed fields: nobody reads them in the database, and put elsewhere they do not open."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import event, make_url, select, text, update
from sqlalchemy.exc import DBAPIError

from app import create_app
from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.errors import Conflict, Unreadable
from app.fields import SEALED, open_field, open_fields, seal, shred
from app.models.beds import Refuge
from app.models.keys import Tombstone
from app.models.messages import Contact, SmsInbox
from app.models.placements import Placement
from app.models.referrals import Caller
from app.services import admissions, beds, case, follow, offers, texts
from app.services.phone_book import phone_book
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import DATABASE, INDEX_KEYS, Run, settings_for
from tests.factories import accept, make_referral, offer_room, room_of

NUMBER, REFERENCE = "+447700900931", "OP CANARY SEVEN"
TEXT = "canary text of a stranger"


@pytest.fixture
def kept(run: Run, cast: Cast) -> str:
    """A request and a text whose every sealed field can be told from all others."""
    ref = run(make_referral, cast.amara.actor, callback_phone=NUMBER, incident_ref=REFERENCE).ref
    run(make_referral, cast.bram.actor)
    run(texts.receive_text, "SM" + "c" * 32, NUMBER, "+447700900000", TEXT)
    return str(ref)


def every_cell(postgres: EmbeddedPostgres) -> Iterator[tuple[str, bytes]]:
    """(table, row as text) of everything the database holds."""
    url = make_url(postgres.url(database=DATABASE)).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (name,) in tables:
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))
            for (row,) in connection.execute(query).fetchall():
                yield name, row.encode()


def test_no_table_holds_what_is_sealed(kept: str, postgres: EmbeddedPostgres) -> None:
    canaries = [word.encode() for word in (NUMBER, NUMBER[1:], REFERENCE, TEXT)]
    canaries += [word.hex().encode() for word in canaries]

    found = [(name, row) for name, row in every_cell(postgres) if any(c in row for c in canaries)]

    assert [name for name, row in every_cell(postgres) if kept.encode() in row] == ["referral"]
    assert found == []


def test_each_is_shown_where_it_is_disclosed(kept: str, cast: Cast, run: Run) -> None:
    own = run(follow.show_request, kept, by=cast.amara.actor).referral
    listed, _ = run(follow.list_requests, by=cast.amara.actor)
    assert (own.callback_phone, own.incident_ref) == (NUMBER, REFERENCE)
    assert [row.incident_ref for row in listed] == [REFERENCE]
    assert run(phone_book) == {"+447700900101": "Rowan", "+447700900102": "Cedar"}

    def desk() -> tuple[str, str]:
        page = run(case.show_case, kept, by=cast.dee.actor)
        return page.callback_phone, page.incident_ref

    stay = run(offer_room, kept, by=cast.dee.actor, room=run(room_of, "Rowan", "1").public_id)
    run(accept, stay, by=cast.bea.actor)
    meeting = run(admissions.show_stay, stay.public_id, by=cast.bea.actor).meeting
    assert (meeting.callback_phone, meeting.incident_ref) == (NUMBER, REFERENCE)
    assert desk() == ("", "")

    run(offers.record_not_arrived, stay.public_id, "cannot_be_reached", by=cast.bea.actor)
    assert desk() == (NUMBER, REFERENCE), "a task says: ring the officer"


def callers() -> list[Caller]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Caller)))


def opened(row: Any, name: str) -> str:
    with transaction(by=SYSTEM):
        return open_field(row, name)


SWAPPED = {
    "another row": "UPDATE caller a SET callback_phone_sealed = b.callback_phone_sealed"
    " FROM caller b WHERE a.id <> b.id",
    "another row with its key": "UPDATE caller a SET key_id = b.key_id,"
    " callback_phone_sealed = b.callback_phone_sealed FROM caller b WHERE a.id <> b.id",
    "another column": "UPDATE caller SET callback_phone_sealed = incident_ref_sealed",
    "another table": "UPDATE caller a SET key_id = c.key_id,"
    " callback_phone_sealed = c.phone_sealed FROM contact c",
    "another record's wrapped key": "UPDATE record_key k SET wrapped = o.wrapped FROM caller a"
    " JOIN caller b ON a.id <> b.id JOIN record_key o ON o.id = b.key_id WHERE k.id = a.key_id",
}


@pytest.mark.parametrize("swap", list(SWAPPED))
def test_a_field_that_was_put_elsewhere_is_refused(
    swap: str, kept: str, run: Run, run_as_owner: Run
) -> None:
    run_as_owner(_execute, SWAPPED[swap])

    for caller in run(callers):
        with pytest.raises(Unreadable, match="not what was sealed"):
            run(opened, caller, "callback_phone")


def _execute(statement: str) -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text(statement))


def test_a_page_says_that_a_field_cannot_be_read(
    kept: str, cast: Cast, app: Flask, run_as_owner: Run
) -> None:
    run_as_owner(_execute, "UPDATE record_key SET kek_id = 'lost'")

    page = Browser(app).sign_in_as(cast.amara.email).get(f"/police/requests/{kept}")

    assert page.status_code == 500
    body = page.get_data(as_text=True)
    assert "does not have (lost)" in body
    assert "FIELD_KEYS" in body


def test_another_service_with_other_keys_reads_nothing(
    kept: str, postgres: EmbeddedPostgres, run: Run
) -> None:
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    stranger = create_app(settings_for(postgres, DATABASE, field_keys=f"other:{other}"))

    with stranger.app_context():
        for caller in callers():
            with pytest.raises(Unreadable, match=r"does not have \(test-1\)"):
                opened(caller, "callback_phone")
        db.engine.dispose()


def test_nothing_was_given_is_not_nothing_can_be_read(run: Run, cast: Cast) -> None:
    run(make_referral, cast.amara.actor, incident_ref="")

    [caller] = run(callers)

    assert caller.incident_ref_sealed is None
    assert run(opened, caller, "incident_ref") == ""


def test_what_is_shredded_is_gone_and_its_tombstone_stays(
    kept: str, run: Run, run_as_worker: Run
) -> None:
    first, second = run(callers)

    assert run_as_worker(_shred, first) == 1

    with pytest.raises(Unreadable, match="purged"):
        run(opened, first, "callback_phone")
    assert run(opened, second, "callback_phone")
    assert run_as_worker(_tombstones) == [first.key_id]
    assert run_as_worker(_shred, first) == 0  # again is harmless


def _shred(caller: Caller) -> int:
    with transaction(by=SYSTEM) as now:
        return shred([caller.key_id], now)


def _tombstones() -> list[Any]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Tombstone.id)))


def test_the_web_destroys_no_key(kept: str, run: Run) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        run(_execute, "DELETE FROM record_key")
    with pytest.raises(DBAPIError, match="permission denied"):
        run(_execute, "UPDATE record_key SET kek_id = kek_id")


def test_two_records_share_no_key(kept: str, run: Run, run_as_owner: Run, cast: Cast) -> None:
    run(offer_room, kept, by=cast.dee.actor)
    run_as_owner(_seal_a_note)

    keys = run_as_owner(_every_key_id)

    assert len(keys) == len(set(keys)) == 8  # 2 requests, 2 phones, 2 houses, a text and a note


def _seal_a_note() -> None:
    with transaction(by=SYSTEM):
        placement = db.session.scalars(select(Placement)).one()
        seal(placement, override_note="She asked for it.")


def _every_key_id() -> list[Any]:
    with transaction(by=SYSTEM):
        return [
            key_id
            for model in SEALED
            for key_id in db.session.scalars(select(model.__table__.c.key_id))
            if key_id is not None
        ]


def test_many_rows_are_opened_with_one_look_for_their_keys(kept: str, cast: Cast, run: Run) -> None:
    for number in range(5):
        run(make_referral, cast.amara.actor, incident_ref=f"OP {number}")

    found, queries = run(_open_all)

    assert {f"OP {number}" for number in range(5)} < found
    assert queries == 1


def _open_all() -> tuple[set[str], int]:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    with transaction(by=SYSTEM):
        rows = db.session.scalars(select(Caller)).all()
        event.listen(db.engine, "before_cursor_execute", note)
        found = set(open_fields(rows, "incident_ref"))
        event.remove(db.engine, "before_cursor_execute", note)
    return found, len(asked)


# The blind index.


def test_the_index_finds_a_number_under_every_key_that_is_known(
    cast: Cast, postgres: EmbeddedPostgres, run: Run
) -> None:
    newer = base64.b64encode(hashlib.sha256(b"newer index").digest()).decode()
    rotated = create_app(
        settings_for(postgres, DATABASE, index_keys=f"test-2:{newer},{INDEX_KEYS}")
    )

    with rotated.app_context():
        texts.receive_text("SM" + "d" * 32, "+447700900101", "+447700900000", "hello")
        found = _inbox()
        db.engine.dispose()

    assert (found.from_phone_index_key, found.contact_id is not None) == ("test-2", True)


def _inbox() -> SmsInbox:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(SmsInbox)).one()


def test_a_number_in_use_is_refused_though_it_lies_under_an_older_key(
    cast: Cast, postgres: EmbeddedPostgres
) -> None:
    newer = base64.b64encode(hashlib.sha256(b"newer index").digest()).decode()
    rotated = create_app(
        settings_for(postgres, DATABASE, index_keys=f"test-2:{newer},{INDEX_KEYS}"),
        role="waymark_owner",
    )

    with rotated.app_context():
        with transaction(by=SYSTEM):
            house = db.session.scalars(select(Refuge.public_id).limit(1)).one()
        with pytest.raises(Conflict, match="in use already"):
            beds.add_contact(house, "+447700900102", "Second phone", by=SYSTEM)
        db.engine.dispose()


def test_an_error_of_the_database_repeats_no_value(
    kept: str, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    with pytest.raises(DBAPIError) as refused:
        run_as_owner(_break_a_rule)

    assert "secret-in-a-parameter" not in str(refused.value)
    assert "hidden" in str(refused.value)


def _break_a_rule() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(
            update(Contact).values(phone_index_key="secret-in-a-parameter", refuge_id="x")
        )
