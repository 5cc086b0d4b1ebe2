"""The gateway against the stand-in: the real ``twilio`` client over HTTP, each way of failing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from app import sms
from app.demo_phone.contract import contract
from app.demo_phone.webhooks import signature
from app.sms import NotSent, OutcomeUnknown, Sent, valid_signature
from tests.fake_twilio import ACCOUNT_SID, TOKEN, FakeTwilio, fake_twilio

TO = "+447700900111"
BODY = "Bed request 7KQ4M2K. Reply ACCEPT 7KQ4M2K or DECLINE 7KQ4M2K by 21:40, or sign in."
CALLBACK = "http://127.0.0.1:9/hooks/twilio/status/1/1"


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeTwilio]:
    with fake_twilio(tmp_path_factory.mktemp("fake") / "ledger.sqlite") as running:
        yield running


@pytest.fixture(autouse=True)
def calm(fake: FakeTwilio) -> Iterator[None]:
    yield
    desk = fake.application.extensions["exchange"]
    desk.create_faults.reset()
    desk.list_faults.reset()
    desk.list_lag_seconds = 0.0


def send(fake: FakeTwilio, to: str = TO, body: str = BODY, **changes: Any) -> Sent:
    return fake.gateway(**changes).send(to, body, status_callback=CALLBACK, validity_seconds=1200)


def copies(fake: FakeTwilio, body: str) -> int:
    return fake.sent().count(body)


def test_a_text_is_accepted_with_its_sid(fake: FakeTwilio) -> None:
    sent = send(fake)

    assert sent.sid.startswith("SM")
    assert len(sent.sid) == 34
    assert sent.status == "accepted"
    row = next(text for text in fake.ledger() if text["sid"] == sent.sid)
    assert (row["recipient"], row["body"], row["validity_seconds"]) == (TO, BODY, 1200)


def test_a_text_whose_time_has_passed_does_not_go_out(fake: FakeTwilio) -> None:
    gateway, late = fake.gateway(), "late 7KQ4M2"

    with pytest.raises(NotSent) as refusal:
        gateway.send(
            TO, late, status_callback=CALLBACK, validity_seconds=1200, begin_by=time.monotonic()
        )

    assert (refusal.value.code, refusal.value.permanent) == ("too_late", False)
    assert copies(fake, late) == 0


@pytest.mark.parametrize(("asked", "taken"), [(-5, 6), (0, 6), (1200, 1200), (999_999, 36_000)])
def test_validity_is_cut_to_what_twilio_takes(fake: FakeTwilio, asked: int, taken: int) -> None:
    sent = fake.gateway().send(TO, BODY, status_callback=CALLBACK, validity_seconds=asked)

    row = next(text for text in fake.ledger() if text["sid"] == sent.sid)
    assert row["validity_seconds"] == taken


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("+15005550001", "21211"),
        ("+15005550002", "21612"),
        ("+15005550003", "21408"),
        ("+15005550004", "21610"),
        ("+15005550009", "21614"),
        ("not a number", "21211"),
    ],
)
def test_a_refused_number_is_a_permanent_failure(fake: FakeTwilio, to: str, code: str) -> None:
    with pytest.raises(NotSent) as refused:
        send(fake, to=to)

    assert refused.value.code == code
    assert refused.value.permanent


def test_a_wrong_token_may_be_mended(fake: FakeTwilio) -> None:
    with pytest.raises(NotSent) as refused:
        send(fake, body="wrong token", token="another")

    assert refused.value.code == "20003"
    assert not refused.value.permanent
    assert copies(fake, "wrong token") == 0


def test_too_many_requests_says_how_long_to_wait(fake: FakeTwilio) -> None:
    fake.plan("429", retry_after=7)

    with pytest.raises(NotSent) as refused:
        send(fake, body="429")

    assert (refused.value.permanent, refused.value.retry_after_seconds) == (False, 7)
    assert copies(fake, "429") == 0


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        ("500_before", 0),
        ("reset_before", 0),
        ("redirect_before", 0),
        ("503_after", 1),
        ("reset_after", 1),
        ("garbage_after", 1),
    ],
)
def test_a_doubtful_answer_is_unknown(fake: FakeTwilio, fault: str, accepted: int) -> None:
    fake.plan(fault)

    with pytest.raises(OutcomeUnknown):
        send(fake, body=fault)

    assert copies(fake, fault) == accepted


@pytest.mark.parametrize(("fault", "accepted"), [("hang_before", 0), ("hang_after", 1)])
def test_a_silent_line_is_given_up_and_unknown(fake: FakeTwilio, fault: str, accepted: int) -> None:
    fake.plan(fault, seconds=3)
    started = time.monotonic()

    with pytest.raises(OutcomeUnknown):
        send(fake, body=fault, timeout_seconds=0.3)

    assert time.monotonic() - started < 2
    assert copies(fake, fault) == accepted


def test_nobody_listening_is_certainly_not_sent(fake: FakeTwilio) -> None:
    with pytest.raises(NotSent) as refused:
        send(fake, base_url=f"http://127.0.0.1:{_free_port()}")

    assert (refused.value.permanent, refused.value.code) == (False, "no_connection")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n\xff\xfe\x00\xff\x00",
        b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
def test_nonsense_is_unknown(fake: FakeTwilio, answer: bytes) -> None:
    with _always(answer) as url, pytest.raises(OutcomeUnknown):
        send(fake, base_url=url)


def test_a_redirect_is_never_followed(fake: FakeTwilio) -> None:
    with _always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as elsewhere:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere}/\r\nContent-Length: 0\r\n\r\n"
        with _always(moved.encode()) as url, pytest.raises(OutcomeUnknown):
            send(fake, base_url=url)

    assert _seen[elsewhere] == 0


def test_find_gives_newest_first_and_only_this_number(fake: FakeTwilio) -> None:
    since = datetime.now(UTC)
    first = send(fake, to="+447700900201", body="first")
    second = send(fake, to="+447700900201", body="second")
    send(fake, to="+447700900202", body="elsewhere")

    found = fake.gateway().find("+447700900201", since)

    assert [(text.sid, text.body) for text in found] == [
        (second.sid, "second"),
        (first.sid, "first"),
    ]


def test_find_reads_past_the_first_page(fake: FakeTwilio) -> None:
    since = datetime.now(UTC)
    for number in range(53):
        send(fake, to="+447700900203", body=f"page {number}")

    assert len(fake.gateway().find("+447700900203", since)) == 53


def test_a_list_that_is_cut_off_is_no_proof_that_a_text_is_absent(
    fake: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = datetime.now(UTC)
    for number in range(4):
        send(fake, to="+447700900206", body=f"cut {number}")
    monkeypatch.setattr(sms, "LISTED_AT_MOST", 3)

    with pytest.raises(OutcomeUnknown):
        fake.gateway().find("+447700900206", since)


def test_find_stops_at_texts_that_are_too_old(fake: FakeTwilio) -> None:
    send(fake, to="+447700900204", body="today")

    assert fake.gateway().find("+447700900204", datetime.now(UTC) + timedelta(minutes=5)) == []


def test_find_sees_a_lagging_list_only_later(fake: FakeTwilio) -> None:
    since = datetime.now(UTC)
    fake.settle(list_lag_seconds=0.4)
    send(fake, to="+447700900205", body="late")
    at_once = fake.gateway().find("+447700900205", since)
    time.sleep(0.5)

    assert at_once == []
    assert [text.body for text in fake.gateway().find("+447700900205", since)] == ["late"]


@pytest.mark.parametrize("fault", ["429", "500_before", "reset_before"])
def test_find_says_when_it_cannot_know(fake: FakeTwilio, fault: str) -> None:
    fake.plan(fault, operation="list")

    with pytest.raises(OutcomeUnknown):
        fake.gateway().find(TO, datetime.now(UTC))


@pytest.mark.parametrize(
    "wrong",
    [
        {"To": TO, "Body": "x", "MessagingServiceSid": "MG1"},
        {"To": TO, "Body": "x", "MessagingServiceSid": "MG" + "2" * 32, "Attempt": "three"},
        {"To": TO, "Body": "x", "MessagingServiceSid": "MG" + "2" * 32, "StatusCallback": "here"},
        {"To": TO, "Body": "x", "MessagingServiceSid": "MG" + "2" * 32, "Bdoy": "misspelt"},
        {"Body": "x", "MessagingServiceSid": "MG" + "2" * 32},
        {"To": TO, "MessagingServiceSid": "MG" + "2" * 32},
        {"To": TO, "Body": "x"},
        {"To": TO, "Body": "x" * 1601, "MessagingServiceSid": "MG" + "2" * 32},
    ],
)
def test_the_fake_refuses_what_twilio_would(fake: FakeTwilio, wrong: dict[str, str]) -> None:
    before = len(fake.ledger())

    answer = requests.post(
        f"{fake.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json",
        wrong,
        auth=(ACCOUNT_SID, TOKEN),
        timeout=10,
    )

    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "more_info", "status"}
    assert len(fake.ledger()) == before


def test_the_fake_answers_as_the_document_says(fake: FakeTwilio) -> None:
    sent = send(fake)
    base = f"{fake.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"

    for url in (f"{base}/{sent.sid}.json", f"{base}.json?PageSize=2"):
        answer = requests.get(url, auth=(ACCOUNT_SID, TOKEN), timeout=10)
        answer.request.url = url.replace(fake.url, "https://api.twilio.com")
        asked = RequestsOpenAPIRequest(answer.request)
        contract().openapi.validate_response(asked, RequestsOpenAPIResponse(answer))


def test_a_deleted_text_is_gone_from_the_api_and_kept_in_the_ledger(fake: FakeTwilio) -> None:
    sent = send(fake, body="delete me")
    url = f"{fake.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sent.sid}.json"

    deleted = requests.delete(url, auth=(ACCOUNT_SID, TOKEN), timeout=10)

    assert deleted.status_code == 204
    assert requests.get(url, auth=(ACCOUNT_SID, TOKEN), timeout=10).status_code == 404
    assert copies(fake, "delete me") == 1


def test_texts_survive_a_restart(tmp_path: Path) -> None:
    with fake_twilio(tmp_path / "ledger.sqlite") as first:
        sent = send(first, body="before")
    with fake_twilio(tmp_path / "ledger.sqlite") as second:
        found = second.gateway().find(TO, datetime.now(UTC) - timedelta(minutes=1))

        assert [(text.sid, text.body) for text in found] == [(sent.sid, "before")]


def test_stop_ends_texts_and_start_brings_them_back(fake: FakeTwilio) -> None:
    number = "+447700900206"
    fake.reply(number, " Stop ")
    with pytest.raises(NotSent) as refused:
        send(fake, to=number)
    fake.reply(number, "START")

    assert refused.value.code == sms.OPTED_OUT
    assert send(fake, to=number).status == "accepted"


class TestSignature:
    """Twilio's rule, checked on both sides: the fake signs with its own code, we verify."""

    url = "https://waymark.example/hooks/twilio/inbound"
    fields = {"Body": "ACCEPT 7KQ4M2K", "From": TO, "MessageSid": "SM" + "0" * 32}  # noqa: RUF012

    def test_the_example_in_twilios_documentation(self) -> None:
        url = "https://example.com/myapp.php?foo=1&bar=2"
        fields = {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675310",
            "Digits": "1234",
            "From": "+14158675310",
            "To": "+18005551212",
        }

        assert signature("12345", url, fields) == "L/OH5YylLD5NRKLltdqwSvS0BnU="

    @pytest.mark.parametrize("tokens", [("now",), ("next", "now"), ("", "now")])
    def test_one_of_the_tokens_fits(self, tokens: tuple[str, ...]) -> None:
        assert valid_signature(
            self.url, self.fields, signature("now", self.url, self.fields), tokens
        )

    def test_the_default_port_may_be_spelt_out(self) -> None:
        spelt = "https://waymark.example:443/hooks/twilio/inbound"

        assert valid_signature(
            self.url, self.fields, signature("now", spelt, self.fields), ("now",)
        )

    @pytest.mark.parametrize(
        ("url", "fields", "tokens"),
        [
            ("http://waymark.example/hooks/twilio/inbound", fields, ("now",)),
            ("https://other.example/hooks/twilio/inbound", fields, ("now",)),
            ("https://waymark.example/hooks/twilio/status", fields, ("now",)),
            (url, {**fields, "Body": "DECLINE 7KQ4M2K 1"}, ("now",)),
            (url, {**fields, "Extra": ""}, ("now",)),
            (url, fields, ("other",)),
            (url, fields, ("",)),
            (url, fields, ()),
        ],
    )
    def test_anything_else_is_forged(
        self, url: str, fields: dict[str, str], tokens: tuple[str, ...]
    ) -> None:
        signed = signature("now", self.url, self.fields)

        assert not valid_signature(url, fields, signed, tokens)

    @pytest.mark.parametrize("given", ["", "x", "é", "=" * 10_000])
    def test_a_strange_signature_is_forged(self, given: str) -> None:
        assert not valid_signature(self.url, self.fields, given, ("now",))

    def test_an_empty_token_signs_nothing(self) -> None:
        assert not valid_signature(
            self.url, self.fields, signature("", self.url, self.fields), ("",)
        )


_seen: dict[str, int] = {}


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


@contextmanager
def _always(answer: bytes) -> Iterator[str]:
    """A server that says the same to everybody; counts its callers in ``_seen``."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        _seen[url] = 0

        def run() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    _seen[url] += 1
                    line.recv(65_536)
                    line.sendall(answer)

        threading.Thread(target=run, daemon=True).start()
        try:
            yield url
        finally:
            server.shutdown(socket.SHUT_RDWR)
