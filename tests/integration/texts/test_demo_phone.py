"""The demo phone's page: what it shows, and whom it obeys."""

from __future__ import annotations

import re

import pytest
import requests
from flask import Flask

from app.services.phone_book import phone_book
from app.sms import name_phones
from tests.cast import Cast
from tests.conftest import Run
from tests.fake_twilio import FakeTwilio

ROWAN = "+447700900101"
OFFER = "Bed request 7KQ4M2. Reply ACCEPT 7KQ4M2 or DECLINE 7KQ4M2 by 21:40, or sign in."


def offer(twilio: FakeTwilio, to: str = ROWAN) -> None:
    twilio.gateway().send(to, OFFER, status_callback="http://127.0.0.1:9/x", validity_seconds=600)


def page(twilio: FakeTwilio, path: str = "/", **how: str) -> requests.Response:
    return requests.get(twilio.url + path, headers=how, timeout=10)


def reply(twilio: FakeTwilio, fields: dict[str, str], **headers: str) -> requests.Response:
    return requests.post(twilio.url + "/reply", fields, headers=headers, timeout=20)


def test_it_is_named_after_the_houses(
    cast: Cast, run: Run, worker_app: Flask, twilio: FakeTwilio
) -> None:
    offer(twilio)

    told = name_phones(worker_app.config["SETTINGS"], run(phone_book))

    assert told
    text = page(twilio).text
    assert ">Rowan</h2>" in text
    assert ">Cedar</a>" in text
    assert "Demonstration, not real" in text


def test_a_tap_on_a_quick_answer_is_a_signed_reply(cast: Cast, twilio: FakeTwilio) -> None:
    offer(twilio)
    buttons = re.findall(r'name="quick" value="([^"]+)"', page(twilio).text)

    shown = reply(twilio, {"phone": ROWAN, "quick": buttons[0]})

    assert buttons == ["ACCEPT 7KQ4M2", "DECLINE 7KQ4M2 1"]
    assert shown.status_code == 200
    assert "Not taken" not in shown.text
    assert 'name="quick"' not in shown.text
    assert twilio.ledger()[-1]["body"] == "ACCEPT 7KQ4M2"


def test_what_is_typed_is_shown_as_typed(cast: Cast, twilio: FakeTwilio) -> None:
    offer(twilio)

    shown = reply(twilio, {"phone": ROWAN, "body": "<script>alert(1)</script> & more"})

    assert "<script>alert" not in shown.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in shown.text


def test_nothing_comes_from_elsewhere_or_inline(cast: Cast, twilio: FakeTwilio) -> None:
    offer(twilio)

    answer = page(twilio)

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|style=|onclick|<script>", answer.text)
    assert set(re.findall(r'(?:src|href)="(https?://[^"]+)"', answer.text)) <= {
        twilio.application.extensions["exchange"].public_url
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
def test_another_site_cannot_answer_for_a_house(
    cast: Cast, twilio: FakeTwilio, headers: dict[str, str]
) -> None:
    offer(twilio)

    answer = reply(twilio, {"phone": ROWAN, "quick": "ACCEPT 7KQ4M2"}, **headers)

    assert answer.status_code in (400, 403)
    assert len(twilio.ledger()) == 1


@pytest.mark.parametrize("fields", [{}, {"phone": "+447700900999", "body": "hello"}])
def test_only_known_phones_write(cast: Cast, twilio: FakeTwilio, fields: dict[str, str]) -> None:
    offer(twilio)

    assert reply(twilio, fields).status_code == 404


def test_an_empty_reply_sends_nothing(cast: Cast, twilio: FakeTwilio) -> None:
    offer(twilio)

    reply(twilio, {"phone": ROWAN, "body": "   "})

    assert len(twilio.ledger()) == 1


@pytest.mark.parametrize("path", ["/control/ledger", "/2010-04-01/Accounts/AC1/Messages.json"])
def test_the_rest_asks_for_the_token(twilio: FakeTwilio, path: str) -> None:
    assert page(twilio, path).status_code == 401


def test_a_live_service_names_no_phones(worker_app: Flask) -> None:
    assert not name_phones(worker_app.config["SETTINGS"], {ROWAN: "Rowan"})
