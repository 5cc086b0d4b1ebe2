"""The part of Twilio's REST API that Waymark uses: create, list, fetch and delete messages."""

from __future__ import annotations

import hmac
import os
import re
import socket
import struct
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from app.demo_phone.contract import ContractBroken
from app.demo_phone.faults import Fault
from app.demo_phone.ledger import OUTBOUND, Question, Text, new_sid
from app.demo_phone.state import Exchange, exchange
from app.demo_phone.webhooks import API_VERSION

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MOST_CHARACTERS = 1600
LONGEST_VALIDITY_SECONDS = 36_000
PAGE_SIZE = 50

# Source: Twilio, "Magic phone numbers" for test credentials.
MAGIC_REFUSALS = {
    "+15005550001": (21211, "Invalid 'To' Phone Number"),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable via SMS"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
# Ours: Twilio has no magic number for a handset that is off.
MAGIC_FAILURES = {"+15005550030": 30003}

api = Blueprint("api", __name__, url_prefix=f"/{API_VERSION}/Accounts/<account_sid>")


class Refused(Exception):
    """An answer in Twilio's error format."""

    def __init__(self, status: int, code: int, message: str, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


@api.errorhandler(Refused)
def refuse(error: Refused) -> ResponseReturnValue:
    body = {
        "code": error.code,
        "message": str(error),
        "more_info": f"https://www.twilio.com/docs/errors/{error.code}",
        "status": error.status,
    }
    return jsonify(body), error.status, error.headers


@api.before_request
def check() -> None:
    """Who asks, then whether the request is one that Twilio's document allows."""
    desk = exchange()
    given = request.authorization
    sid, token = (given.username or "", given.password or "") if given else ("", "")
    known = hmac.compare_digest(sid.encode(), desk.account_sid.encode())
    if not (hmac.compare_digest(token.encode(), desk.token.encode()) and known):
        raise Refused(401, 20003, "Authenticate")
    if (request.view_args or {}).get("account_sid") != desk.account_sid:
        raise Refused(404, 20404, "The requested resource was not found")
    try:
        desk.contract.check(request)
    except ContractBroken as error:
        raise Refused(400, 20001, str(error)) from error


@api.post("/Messages.json")
def create(account_sid: str) -> ResponseReturnValue:
    desk = exchange()
    fault = desk.create_faults.take()
    if fault.is_after:
        answer = _accept(desk)
        return _spoil(desk, fault, answer)
    _fail_before(desk, fault)
    return _accept(desk)


@api.get("/Messages.json")
def search(account_sid: str) -> ResponseReturnValue:
    desk = exchange()
    _fail_before(desk, desk.list_faults.take())
    size = request.args.get("PageSize", PAGE_SIZE, int)
    page = request.args.get("Page", 0, int)
    found = desk.ledger.search(
        Question(
            recipient=request.args.get("To", ""),
            sender=request.args.get("From", ""),
            sent_on=request.args.get("DateSent", "")[:10],
            sent_from=_moment("DateSent>"),
            sent_until=_moment("DateSent<"),
            visible_until=time.time() - desk.list_lag_seconds,
            limit=size + 1,
            offset=page * size,
        )
    )
    more = len(found) > size
    messages = [as_twilio(text) for text in found[:size]]
    return jsonify(
        messages=messages,
        page=page,
        page_size=size,
        start=page * size,
        end=page * size + max(len(messages) - 1, 0),
        uri=_page_uri(page),
        first_page_uri=_page_uri(0),
        previous_page_uri=_page_uri(page - 1) if page else None,
        next_page_uri=_page_uri(page + 1) if more else None,
    )


@api.get("/Messages/<sid>.json")
def fetch(account_sid: str, sid: str) -> ResponseReturnValue:
    text = exchange().ledger.find(sid)
    if text is None:
        raise Refused(404, 20404, "The requested resource was not found")
    return jsonify(as_twilio(text))


@api.delete("/Messages/<sid>.json")
def delete(account_sid: str, sid: str) -> ResponseReturnValue:
    if not exchange().ledger.delete(sid):
        raise Refused(404, 20404, "The requested resource was not found")
    return "", HTTPStatus.NO_CONTENT


def as_twilio(text: Text) -> dict[str, Any]:
    base = f"/{API_VERSION}/Accounts/{text.account_sid}/Messages/{text.sid}"
    return {
        "sid": text.sid,
        "account_sid": text.account_sid,
        "messaging_service_sid": text.messaging_service_sid or None,
        "api_version": API_VERSION,
        "direction": text.direction,
        "from": text.sender or None,
        "to": text.recipient,
        "body": text.body,
        "status": text.status,
        "error_code": text.error_code,
        "error_message": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "date_created": _rfc2822(text.created_at),
        "date_sent": None if text.sent_at is None else _rfc2822(text.sent_at),
        "date_updated": _rfc2822(text.updated_at),
        "uri": f"{base}.json",
        "subresource_uris": {"media": f"{base}/Media.json"},
    }


def _accept(desk: Exchange) -> Response:
    form = request.form
    recipient = form["To"]
    _refuse_what_cannot_go(desk, recipient)
    now = time.time()
    service_sid = form.get("MessagingServiceSid", "")
    text = desk.ledger.add(
        Text(
            sid=new_sid(),
            direction=OUTBOUND,
            account_sid=desk.account_sid,
            messaging_service_sid=service_sid,
            sender=form.get("From", "") or desk.service_number,
            recipient=recipient,
            body=form["Body"].rstrip(),
            status="accepted" if service_sid else "queued",
            status_callback=form.get("StatusCallback", ""),
            validity_seconds=form.get("ValidityPeriod", LONGEST_VALIDITY_SECONDS, int),
            created_at=now,
            updated_at=now,
        )
    )
    desk.courier.report(text, MAGIC_FAILURES.get(recipient) or desk.failing.get(recipient))
    answer = jsonify(as_twilio(text))
    answer.status_code = HTTPStatus.CREATED
    return answer


def _refuse_what_cannot_go(desk: Exchange, recipient: str) -> None:
    if recipient in MAGIC_REFUSALS:
        code, message = MAGIC_REFUSALS[recipient]
        raise Refused(400, code, message)
    if not E164.fullmatch(recipient):
        raise Refused(400, 21211, "Invalid 'To' Phone Number")
    if desk.ledger.has_opted_out(recipient):
        raise Refused(400, 21610, "Attempt to send to unsubscribed recipient")
    if not (request.form.get("From") or request.form.get("MessagingServiceSid")):
        raise Refused(400, 21603, "A 'From' phone number is required")
    body = request.form.get("Body", "")
    if not body:
        raise Refused(400, 21602, "Message body is required")
    if len(body) > MOST_CHARACTERS:
        raise Refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    validity = request.form.get("ValidityPeriod", LONGEST_VALIDITY_SECONDS, int)
    if not 1 <= validity <= LONGEST_VALIDITY_SECONDS:
        raise Refused(400, 20001, "ValidityPeriod must be from 1 to 36000 seconds")


def _fail_before(desk: Exchange, fault: Fault) -> None:
    """Raises Refused, or cuts the line, when the request is not to be taken."""
    faults = desk.create_faults
    if fault is Fault.TOO_MANY:
        wait = {} if faults.retry_after is None else {"Retry-After": str(faults.retry_after)}
        raise Refused(429, 20429, "Too Many Requests", wait)
    if fault is Fault.REFUSED_AUTH:
        raise Refused(401, 20003, "Authenticate")
    if fault is Fault.ERROR_BEFORE:
        raise Refused(500, 20500, "An internal server error has occurred")
    if fault is Fault.REDIRECT_BEFORE:
        raise _Elsewhere
    if fault is Fault.HANG_BEFORE:
        desk.pause(faults.seconds)
        _cut_line()
    if fault is Fault.RESET_BEFORE:
        _cut_line()


def _spoil(desk: Exchange, fault: Fault, answer: Response) -> ResponseReturnValue:
    """The text is already accepted; the caller is not told so, or late, or in nonsense."""
    if fault is Fault.ERROR_AFTER:
        raise Refused(503, 20503, "Service Unavailable")
    if fault is Fault.RESET_AFTER:
        _cut_line()
    if fault is Fault.GARBAGE_AFTER:
        return Response('{"sid": "SM', HTTPStatus.CREATED, mimetype="application/json")
    desk.pause(desk.create_faults.seconds)
    if fault is Fault.HANG_AFTER:
        _cut_line()
    return answer


class _Elsewhere(Exception):
    """The request is sent on to another address, as a broken proxy would."""


@api.errorhandler(_Elsewhere)
def send_elsewhere(error: _Elsewhere) -> ResponseReturnValue:
    return redirect(f"{request.path}?again=1", HTTPStatus.TEMPORARY_REDIRECT)


def _cut_line() -> None:
    """Drop the connection with a TCP reset.

    Raises:
        ConnectionResetError: always, so that the server writes nothing more.
    """
    line: socket.socket | None = request.environ.get("werkzeug.socket")
    if line is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(line.detach())
    raise ConnectionResetError


def _moment(name: str) -> float | None:
    text = request.args.get(name)
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _page_uri(page: int) -> str:
    wanted = {**request.args.to_dict(), "Page": str(page)}
    return f"{request.path}?{urlencode(wanted)}"


def _rfc2822(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))
