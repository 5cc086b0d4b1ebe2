"""Webhooks at the door: only what Twilio signed, each thing once, and never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.demo_phone.webhooks import signature
from app.models.messages import SmsInbox
from tests.cast import Cast
from tests.conftest import Run
from tests.fake_twilio import FakeTwilio

OURS = "https://waymark.example"
NOW, BEFORE = "token-now", "token-before"
INBOUND = "/hooks/twilio/inbound"
NOBODYS = "00000000-0000-4000-8000-000000000000"  # fixed, so that every run has the same tests
FIELDS = {
    "MessageSid": "SM" + "1" * 32,
    "From": "+447700900101",
    "To": "+447700900999",
    "Body": "hello",
}


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(
        before, public_url=OURS, twilio_auth_token=NOW, twilio_previous_auth_token=BEFORE
    )
    yield app.test_client()
    app.config["SETTINGS"] = before


def post(
    client: FlaskClient, path: str, fields: dict[str, str], *, token: str = NOW, **how: Any
) -> Any:
    signed = signature(token, OURS + path, fields)
    return client.post(path, data=fields, headers={"X-Twilio-Signature": signed}, **how)


def stored() -> int:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(func.count()).select_from(SmsInbox)) or 0


@pytest.mark.parametrize("token", [NOW, BEFORE])
def test_a_signed_text_is_stored_and_thanked(client: FlaskClient, run: Run, token: str) -> None:
    answer = post(client, INBOUND, FIELDS, token=token)

    assert (answer.status_code, answer.text) == (200, "<Response/>")
    assert answer.mimetype == "text/xml"
    assert run(stored) == 1


def test_what_the_request_says_of_its_host_is_not_believed(client: FlaskClient, run: Run) -> None:
    answer = post(
        client,
        INBOUND,
        FIELDS,
        environ_overrides={"HTTP_X_FORWARDED_HOST": "evil.example", "HTTP_X_FORWARDED_PROTO": "x"},
    )

    assert answer.status_code == 200
    assert run(stored) == 1


def test_a_text_sent_to_another_host_is_refused_and_not_stored(
    client: FlaskClient, run: Run
) -> None:
    answer = post(client, INBOUND, FIELDS, base_url="http://evil.example")

    assert answer.status_code == 400
    assert run(stored) == 0


@pytest.mark.parametrize("token", ["", "wrong", "token-no"])
def test_a_forged_text_is_refused_and_not_stored(client: FlaskClient, run: Run, token: str) -> None:
    answer = post(client, INBOUND, FIELDS, token=token)

    assert answer.status_code == 403
    assert run(stored) == 0


@pytest.mark.parametrize(
    "header", [{}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "é" * 3000}]
)
def test_no_signature_is_refused(client: FlaskClient, header: dict[str, str]) -> None:
    assert client.post(INBOUND, data=FIELDS, headers=header).status_code == 403


def test_a_signature_for_another_address_or_body_is_refused(client: FlaskClient) -> None:
    for url in ("http://waymark.example", "https://evil.example"):
        signed = signature(NOW, url + INBOUND, FIELDS)
        headers = {"X-Twilio-Signature": signed}
        assert client.post(INBOUND, data=FIELDS, headers=headers).status_code == 403
    signed = signature(NOW, OURS + INBOUND, FIELDS)
    changed = {**FIELDS, "Body": "ACCEPT 7KQ4M2"}
    headers = {"X-Twilio-Signature": signed}
    assert client.post(INBOUND, data=changed, headers=headers).status_code == 403
    assert client.post(INBOUND + "?a=1", data=FIELDS, headers=headers).status_code == 403


def test_a_signed_query_is_part_of_the_address(client: FlaskClient) -> None:
    assert post(client, INBOUND + "?a=1&b=2", FIELDS).status_code == 200


def test_a_replay_is_thanked_and_changes_nothing(client: FlaskClient, run: Run) -> None:
    answers = {post(client, INBOUND, FIELDS).status_code for _ in range(50)}

    assert answers == {200}
    assert run(stored) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"MessageSid": ""},
        {"MessageSid": "SM1"},
        {"MessageSid": "XX" + "1" * 32},
        {"MessageSid": "SM" + "1" * 33},
        {"From": ""},
    ],
)
def test_what_is_no_text_is_refused(client: FlaskClient, changes: dict[str, str]) -> None:
    assert post(client, INBOUND, {**FIELDS, **changes}).status_code == 422


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_posts_are_taken(client: FlaskClient, method: str) -> None:
    assert getattr(client, method)(INBOUND).status_code in (403, 404, 405)


def test_a_huge_body_is_refused(client: FlaskClient) -> None:
    assert post(client, INBOUND, {**FIELDS, "Body": "x" * 100_000}).status_code == 413


def test_any_body_at_all_is_stored_or_refused_in_words(client: FlaskClient, run: Run) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(max_size=300), st.text(max_size=40))
    def check(body: str, sender: str) -> None:
        fields = {**FIELDS, "MessageSid": f"SM{uuid4().hex}", "Body": body, "From": sender}
        assert post(client, INBOUND, fields).status_code in (200, 422)

    check()


def test_news_of_an_unknown_text_is_thanked(client: FlaskClient) -> None:
    fields = {"MessageSid": "SM" + "2" * 32, "MessageStatus": "delivered"}

    assert post(client, f"/hooks/twilio/status/{uuid4()}/1", fields).status_code == 200


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        ("1/1", {}, 404),
        (f"{NOBODYS}/-1", {}, 404),
        (f"{NOBODYS}/99999999999999999999", {}, 200),
        (f"{NOBODYS}/1", {"MessageStatus": ""}, 422),
        (f"{NOBODYS}/1", {"MessageStatus": "x" * 41}, 422),
        (f"{NOBODYS}/1", {"MessageSid": "none"}, 422),
        (f"{NOBODYS}/1", {"ErrorCode": "'; --"}, 200),
    ],
)
def test_odd_news(client: FlaskClient, path: str, changes: dict[str, str], status: int) -> None:
    fields = {"MessageSid": "SM" + "2" * 32, "MessageStatus": "sent", **changes}

    assert post(client, f"/hooks/twilio/status/{path}", fields).status_code == status


@pytest.mark.parametrize("sign", ["bad", "none"])
def test_the_phone_shows_that_a_forged_reply_was_not_taken(
    cast: Cast, run: Run, twilio: FakeTwilio, sign: str
) -> None:
    answer = twilio.reply("+447700900101", "ACCEPT 7KQ4M2", sign=sign)

    assert answer["trouble"] == "The service answered 403."
    assert run(stored) == 0
