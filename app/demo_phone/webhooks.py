"""Signed requests to the service: delivery news and replies, late or doubled on demand."""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import itertools
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from app.demo_phone.ledger import FINAL_STATUSES, Ledger, Text

API_VERSION = "2010-04-01"
TIMEOUT_SECONDS = 15.0  # Twilio's default read timeout for webhooks
GOOD_ENDING = ("queued", "sent", "delivered")


def signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """The value of X-Twilio-Signature.

    Source: Twilio, "Webhooks security": URL, then each field name and value in order of name.
    """
    text = url + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How delivery news travels: seconds before each step, copies of each, and their order."""

    delays: tuple[float, ...] = (0.2, 0.5, 1.0)
    copies: int = 1
    order: str = "forward"  # forward | reverse | shuffle
    sign: str = "good"  # good | bad | none
    drop_rate: float = 0.0
    seed: int = 0


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


class Courier:
    """Posts webhooks to the one service it was given, never anywhere else."""

    def __init__(self, ledger: Ledger, public_url: str, token: str) -> None:
        self.manner = Manner()
        self._ledger = ledger
        self._origin = _origin(public_url)
        self._public_url = public_url.rstrip("/")
        self._token = token
        self._opener = build_opener(ProxyHandler({}), _NoRedirect)
        self._jobs: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._wake = threading.Condition()
        self._stopping = False
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()
        for text in self._ledger.unfinished():
            self.report(text)

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(5)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def report(self, text: Text, error_code: int | None = None) -> None:
        """Walk a text through its statuses and tell its callback about each."""
        manner = self.manner
        ending = ("queued", "sent", "undelivered") if error_code else GOOD_ENDING
        dice = random.Random(f"{manner.seed}:{text.sid}")  # noqa: S311 - repeatable on purpose
        delays = list(itertools.accumulate(_stretch(manner.delays, len(ending))))
        told = list(delays)
        if manner.order == "reverse":
            told.reverse()
        elif manner.order == "shuffle":
            dice.shuffle(told)
        for status, changes_in, told_in in zip(ending, delays, told, strict=True):
            code = error_code if status in FINAL_STATUSES else None
            self._after(changes_in, partial(self._ledger.set_status, text.sid, status, code))
            news = replace(text, status=status, error_code=code)
            for _ in range(manner.copies):
                if dice.random() >= manner.drop_rate:
                    tell = partial(self._tell, news, manner.sign)
                    self._after(told_in, partial(self._pool.submit, tell))

    def hand_over(self, text: Text, *, sign: str = "good", attempts: int = 2) -> str:
        """Give a reply to the service; the answer says what went wrong, or is empty."""
        fields = {
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "SmsMessageSid": text.sid,
            "AccountSid": text.account_sid,
            "MessagingServiceSid": text.messaging_service_sid,
            "From": text.sender,
            "To": text.recipient,
            "Body": text.body,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "ApiVersion": API_VERSION,
        }
        trouble = ""
        for _ in range(attempts):
            trouble = self._post(f"{self._public_url}/hooks/twilio/inbound", fields, sign)
            if not trouble:
                break
        return trouble

    def _tell(self, text: Text, sign: str) -> None:
        if not text.status_callback:
            return
        fields = {
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "AccountSid": text.account_sid,
            "MessagingServiceSid": text.messaging_service_sid,
            "From": text.sender,
            "To": text.recipient,
            "MessageStatus": text.status,
            "SmsStatus": text.status,
            "ApiVersion": API_VERSION,
        }
        if text.error_code is not None:
            fields["ErrorCode"] = str(text.error_code)
        self._post(text.status_callback, fields, sign)

    def _post(self, url: str, fields: Mapping[str, str], sign: str) -> str:
        if _origin(url) != self._origin:
            return f"The demo phone calls only {self._origin}."
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "TwilioProxy/1.1",
        }
        if sign != "none":
            token = self._token if sign == "good" else self._token + "x"
            headers["X-Twilio-Signature"] = signature(token, url, fields)
        request = Request(url, urlencode(fields).encode(), headers)  # noqa: S310 - the origin is checked above
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS):
                return ""
        except HTTPError as error:
            with error:
                return f"The service answered {error.code}."
        except (URLError, HTTPException, OSError):
            return "The service did not answer."

    def _after(self, seconds: float, job: Callable[[], object]) -> None:
        """Run a quick job on the one courier thread, in order of time."""
        with self._wake:
            heapq.heappush(self._jobs, (time.monotonic() + seconds, next(self._numbers), job))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopping and not self._is_due():
                    self._wake.wait(self._jobs[0][0] - time.monotonic() if self._jobs else None)
                if self._stopping:
                    return
                job = heapq.heappop(self._jobs)[2]
            job()

    def _is_due(self) -> bool:
        return bool(self._jobs) and self._jobs[0][0] <= time.monotonic()


def _stretch(delays: tuple[float, ...], count: int) -> list[float]:
    """Pad with the last delay, so that one number means the same pause before every step."""
    last = delays[-1] if delays else 0.0
    return [*delays, *[last] * count][:count]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
