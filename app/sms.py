"""Text messages through Twilio: the only file that knows the provider."""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator, add_port, remove_port  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from app.punctual import PunctualAdapter, TooLate, begun_by
from config import Settings

TIMEOUT_SECONDS = 10.0
LONGEST_VALIDITY_SECONDS = 36_000
SHORTEST_VALIDITY_SECONDS = 6  # Twilio recommends more than 5
LISTED_PAGE = 1_000  # the most that Twilio allows
LISTED_AT_MOST = 5_000  # a list cut off says nothing of what lies behind its end
TOO_MANY_REQUESTS = 429
OPTED_OUT = "21610"
# Clear refusals that another try can mend: our account's state, not the number's.
PASSING_CODES = frozenset({"20003", "20404", "20429", "21606", "21611"})


@dataclass(frozen=True)
class Sent:
    """Accepted by the provider; ``status`` is its word for how far the text has come."""

    sid: str
    status: str


@dataclass(frozen=True)
class Found:
    """A text that the provider knows of."""

    sid: str
    body: str
    status: str
    created_at: datetime


class NotSent(Exception):
    """The provider refused or was never reached: certainly nothing went out."""

    def __init__(self, *, permanent: bool, code: str, retry_after_seconds: int | None = None):
        super().__init__(f"not sent, code {code}")
        self.permanent = permanent
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(Exception):
    """The text may or may not have been accepted; ask with ``find`` before sending it again."""


class SmsGateway(Protocol):
    """What the outbox needs of a provider."""

    def send(
        self,
        to: str,
        body: str,
        *,
        status_callback: str,
        validity_seconds: int,
        begin_by: float = math.inf,
    ) -> Sent:
        """Hand over one text. ``validity_seconds`` is cut to what the provider takes.

        ``begin_by`` is the reading of ``time.monotonic()`` after which it must not go out any more.

        Raises:
            NotSent: certainly not accepted.
            OutcomeUnknown: perhaps accepted.
        """

    def find(self, to: str, sent_after: datetime) -> Sequence[Found]:
        """Texts to a number that the provider accepted after a moment, newest first.

        Raises:
            OutcomeUnknown: the provider could not say.
        """


class WatchedHttpClient(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's client, one connection a request, with what its exceptions leave out.

    A kept connection that the other side has closed looks like a lost answer, so none is kept.
    Twilio's own request log would carry numbers, so it is off.
    """

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        quiet = logging.Logger("twilio", level=logging.CRITICAL)
        super().__init__(timeout=timeout_seconds, logger=quiet)
        self.session.headers["Connection"] = "close"
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, PunctualAdapter())
        self._base = urlsplit(base_url) if base_url else None
        if self._base:
            self.session.trust_env = False  # a proxy has no business with a loopback address

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        """Raises NotSent on 429, because Twilio's own exception loses Retry-After."""
        if self._base:
            parts = urlsplit(url)
            url = urlunsplit((self._base.scheme, self._base.netloc, parts.path, parts.query, ""))
        response: Response = super().request(method, url, *args, **kwargs)
        if response.status_code == TOO_MANY_REQUESTS:
            raise NotSent(
                permanent=False,
                code="20429",
                retry_after_seconds=_seconds((response.headers or {}).get("Retry-After")),
            )
        return response


class TwilioGateway:
    """``SmsGateway`` on Twilio, or on whatever answers like it at ``base_url``."""

    def __init__(
        self,
        *,
        account_sid: str,
        token: str,
        messaging_service_sid: str,
        base_url: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._service_sid = messaging_service_sid
        http_client = WatchedHttpClient(base_url, timeout_seconds)
        self._client = Client(account_sid, token, http_client=http_client)

    @classmethod
    def from_settings(cls, settings: Settings) -> TwilioGateway:
        return cls(
            account_sid=settings.twilio_account_sid,
            token=settings.twilio_auth_token,
            messaging_service_sid=settings.twilio_messaging_service_sid,
            base_url=settings.twilio_api_base_url,
        )

    def send(
        self,
        to: str,
        body: str,
        *,
        status_callback: str,
        validity_seconds: int,
        begin_by: float = math.inf,
    ) -> Sent:
        validity = max(SHORTEST_VALIDITY_SECONDS, min(validity_seconds, LONGEST_VALIDITY_SECONDS))
        try:
            with begun_by(begin_by):
                message = self._client.messages.create(
                    to=to,
                    body=body,
                    messaging_service_sid=self._service_sid,
                    status_callback=status_callback,
                    validity_period=validity,
                )
        except TooLate:
            raise NotSent(permanent=False, code="too_late") from None
        except TwilioRestException as error:
            raise _refusal(error) from None
        except requests.RequestException as error:
            raise _broken_line(error) from None
        except (TwilioException, ValueError, KeyError, TypeError, AttributeError):
            raise OutcomeUnknown("the answer was no message") from None
        if not message.sid:
            raise OutcomeUnknown("the answer has no sid")
        return Sent(str(message.sid), str(message.status or "accepted"))

    def find(self, to: str, sent_after: datetime) -> list[Found]:
        # DateSent is empty until a text leaves Twilio, so filtering on it would hide queued ones.
        # The list is newest first; it is read until it is older than the moment asked for.
        found: list[Found] = []
        oldest = sent_after.astimezone(UTC).replace(microsecond=0) - timedelta(seconds=60)
        try:
            listed = self._client.messages.stream(
                to=to, limit=LISTED_AT_MOST, page_size=LISTED_PAGE
            )
            for message in listed:
                created_at = message.date_created
                if created_at is None or created_at < oldest:
                    break
                found.append(
                    Found(str(message.sid), str(message.body), str(message.status), created_at)
                )
            if len(found) == LISTED_AT_MOST:
                raise OutcomeUnknown("the list was cut off")
        except (
            NotSent,
            TwilioException,
            requests.RequestException,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ):
            raise OutcomeUnknown("the provider could not list its texts") from None
        return found


def name_phones(settings: Settings, aliases: Mapping[str, str]) -> bool:
    """Tell the demo phone whose phone each number is, for its page; never told to Twilio itself.

    Returns:
        Whether it was told. A demo phone that is not there yet is asked again next time.
    """
    if not (settings.is_demo and settings.twilio_api_base_url):
        return False
    with requests.Session() as line:
        line.trust_env = False
        try:
            answer = line.post(
                f"{settings.twilio_api_base_url}/control/phones",
                json=dict(aliases),
                auth=(settings.twilio_account_sid, settings.twilio_auth_token),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException:
            return False
    return answer.ok


def valid_signature(
    url: str, fields: Mapping[str, str], signature: str, tokens: Sequence[str]
) -> bool:
    """Whether Twilio signed this request; compared in constant time.

    ``url`` is built from the configured public address, never from what the request claims.
    ``tokens`` are the current one and, during a rotation, the one before; empty ones never match.
    """
    given = signature.encode()
    parts = urlsplit(url)
    spellings = {url, remove_port(parts), add_port(parts)}  # Twilio signs either form
    matches = [
        hmac.compare_digest(
            RequestValidator(token).compute_signature(spelling, fields).encode(), given
        )
        for token in tokens
        if token
        for spelling in sorted(spellings)
    ]
    return any(matches)


def _refusal(error: TwilioRestException) -> NotSent | OutcomeUnknown:
    """4xx is a clear no; anything else says nothing about whether the text was taken."""
    status = int(error.status or 0)
    if not 400 <= status < 500 or status == 408:
        return OutcomeUnknown(f"status {status}")
    code = str(error.code or status)
    return NotSent(permanent=code not in PASSING_CODES, code=code)


def _broken_line(error: requests.RequestException) -> NotSent | OutcomeUnknown:
    """A connection that was never made carried nothing; one that broke may have."""
    if isinstance(error, requests.ConnectTimeout):
        return NotSent(permanent=False, code="no_connection")
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    if isinstance(cause, NewConnectionError | ConnectTimeoutError):
        return NotSent(permanent=False, code="no_connection")
    return OutcomeUnknown("the line broke")


def _seconds(text: str | None) -> int | None:
    """Retry-After in seconds; its other form, a date, is left to our own waiting time."""
    if text and text.isascii() and text.isdigit():
        return min(int(text), 3600)
    return None
