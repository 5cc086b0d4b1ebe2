"""Logs, errors and metrics hold names and codes: whatever fails, what was typed is in none."""

from __future__ import annotations

import json
import logging
import sys
from io import StringIO

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url, text
from sqlalchemy.exc import DataError

from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.errors import Conflict
from app.fields import seal
from app.logs import NamesOnly, init_logs
from app.models.messages import Contact
from app.server_logs import QUIET, refuse_talkative_server
from config import SettingsError
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import DATABASE, Run
from tests.integration.attacks.ground import WITHOUT_ANSWERS, Night, forms, owner_of
from tests.integration.test_bad_input import FIELDS

PHONE = "+447700900866"
CANARY = "canary-7f3a"


def lines(stream: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def twice_the_same_phone(refuge_id: int) -> None:
    for label in ("one", "two"):
        with transaction(by=SYSTEM):
            contact = Contact(refuge_id=refuge_id)
            seal(contact, phone=PHONE, label=label)
            db.session.add(contact)


def test_a_number_that_is_taken_reaches_no_log(
    postgres: EmbeddedPostgres, cast: Cast, run_as_owner: Run, written: StringIO
) -> None:
    log = postgres._folders.log
    begin = log.stat().st_size

    with pytest.raises(Conflict):
        run_as_owner(twice_the_same_phone, cast.rowan_id)

    ours = written.getvalue()
    servers = log.read_bytes()[begin:].decode()
    assert "uq_contact_phone_index" in ours
    assert "23505" in ours
    assert "uq_contact_phone_index" in servers  # the server did write of it, and wrote no value
    for words in (ours, servers):
        assert PHONE not in words
        assert PHONE[3:] not in words


def test_a_fault_of_the_database_shows_a_number_and_logs_a_code(
    app: Flask, anonymous: Browser, written: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def view() -> str:
        with transaction(by=SYSTEM):
            db.session.execute(text("SELECT CAST(:typed AS integer)"), {"typed": CANARY})
        return ""

    monkeypatch.setitem(app.view_functions, "health.live", view)
    with app.app_context(), pytest.raises(DataError) as fault:
        view()
    assert CANARY in str(fault.value)  # what a careless log would keep
    assert "[parameters" not in str(fault.value)  # hide_parameters

    response = anonymous.get(f"/health/live?q={CANARY}", headers={"Referer": f"/{CANARY}"})

    line = lines(written)[-1]
    assert response.status_code == 500
    assert str(line["number"]) in text_of(response)
    assert line["sqlstate"] == "22P02"
    assert line["kind"] == "DataError"
    assert CANARY not in response.get_data(as_text=True)
    assert CANARY not in written.getvalue()


def test_a_fault_of_ours_says_where_and_not_what(
    app: Flask, anonymous: Browser, written: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def view() -> str:
        raise ValueError(f"cannot read {CANARY}")

    monkeypatch.setitem(app.view_functions, "health.live", view)
    monkeypatch.setattr(app, "testing", False)
    response = anonymous.get("/health/live")

    line = lines(written)[-1]
    assert response.status_code == 500
    assert line["kind"] == "ValueError"
    assert str(line["raised_in"]).endswith("test_logs.py")
    assert CANARY not in response.get_data(as_text=True) + written.getvalue()


def test_no_answer_to_any_form_reaches_the_log(
    app: Flask, night: Night, everybody: dict[str, Browser], written: StringIO
) -> None:
    for endpoint, path in forms(app, night):
        if endpoint not in WITHOUT_ANSWERS:
            browser = owner_of(endpoint, everybody)
            for typed in (CANARY, PHONE, f"{CANARY}@nobody.example"):
                browser.post(f"{path}?{CANARY}", dict.fromkeys(FIELDS, typed))
    everybody["amara"].get(f"/police/requests/R-{CANARY}")

    words = written.getvalue()
    assert '"event": "refused"' in words
    for secret in (CANARY, PHONE, night.waiting, night.promised, "nobody.example"):
        assert secret not in words


def test_a_library_that_writes_what_it_was_given_is_cut_short(
    app: Flask, written: StringIO
) -> None:
    library = logging.getLogger("some.library")
    library.error("cannot reach %s", PHONE)
    library.error(f"cannot reach {PHONE}")
    try:
        raise ValueError(f"DETAIL: Key (phone)=({PHONE})")
    except ValueError:
        library.exception("gave up on %s", PHONE)

    first, second, third = lines(written)
    assert first["event"] == "cannot reach %s"
    assert second["event"] == "library"
    assert third["kind"] == "ValueError"
    assert third["logger"] == "some.library"
    assert PHONE not in written.getvalue()


def test_the_web_servers_own_log_speaks_the_same_way(app: Flask) -> None:
    """gunicorn writes the address of a request that fails; ours holds a reference."""
    stream = StringIO()
    server = logging.getLogger("gunicorn.error")
    handler = logging.StreamHandler(stream)
    server.addHandler(handler)
    try:
        init_logs(app.config["SETTINGS"])
        assert isinstance(handler.formatter, NamesOnly)
        server.error("Error handling request %s", f"/police/requests/{CANARY}?q={PHONE}")
    finally:
        server.removeHandler(handler)

    assert lines(stream)[0]["event"] == "Error handling request %s"
    assert CANARY not in stream.getvalue()


def test_a_process_that_ends_by_a_fault_does_not_print_its_words(
    app: Flask, written: StringIO
) -> None:
    try:
        raise ValueError(PHONE)
    except ValueError as fault:
        sys.excepthook(type(fault), fault, fault.__traceback__)

    assert lines(written)[-1]["event"] == "process_ended"
    assert PHONE not in written.getvalue()


def test_metrics_have_no_labels_to_put_a_value_in(night: Night, anonymous: Browser) -> None:
    shown = anonymous.get("/metrics").get_data(as_text=True)
    samples = [line for line in shown.splitlines() if line and not line.startswith("#")]

    assert len(samples) >= 7
    for line in samples:
        name, value = line.split(" ")
        assert name.replace("_", "").isalpha(), line
        float(value)


@pytest.fixture
def superuser(postgres: EmbeddedPostgres, database: str) -> psycopg.Connection[tuple[object, ...]]:
    address = make_url(postgres.url("postgres", DATABASE)).set(drivername="postgresql")
    return psycopg.connect(address.render_as_string(), autocommit=True)


def test_a_server_that_would_write_values_is_refused(
    superuser: psycopg.Connection[tuple[object, ...]],
) -> None:
    talkative = {
        "log_error_verbosity": "default",
        "log_min_error_statement": "error",
        "log_parameter_max_length_on_error": "-1",
        "log_statement": "all",
        "log_parameter_max_length": "-1",
    }
    assert talkative.keys() == QUIET.keys()
    with superuser:
        refuse_talkative_server(superuser)
        for name, value in talkative.items():
            superuser.execute(f"SET {name} = '{value}'".encode())
            with pytest.raises(SettingsError, match=f"ALTER SYSTEM SET {name} = "):
                refuse_talkative_server(superuser)
            superuser.execute(f"RESET {name}".encode())
