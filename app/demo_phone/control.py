"""What tests ask of the stand-in: faults, slow lists, odd callbacks, replies, and the truth."""

from __future__ import annotations

import hmac
import time
from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue

from app.demo_phone.ledger import INBOUND, Text, new_sid
from app.demo_phone.state import Exchange, exchange

# Source: Twilio's default opt-out and opt-in words.
STOP_WORDS = frozenset(
    ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout")
)
START_WORDS = frozenset(("start", "yes", "unstop"))

control = Blueprint("control", __name__, url_prefix="/control")


@control.before_request
def only_the_account() -> None:
    """The same account and token as the API; a web page elsewhere knows neither."""
    given = request.authorization
    token = (given.password or "") if given else ""
    if not hmac.compare_digest(token.encode(), exchange().token.encode()):
        abort(401)


@control.post("/faults")
def plan_faults() -> ResponseReturnValue:
    """Make the next requests go wrong.

    JSON: ``operation`` create|list, ``script`` [fault…], ``rates`` {fault: share}, ``seconds``,
    ``retry_after``, ``seed``.
    """
    wanted: dict[str, Any] = request.get_json()
    desk = exchange()
    faults = desk.list_faults if wanted.get("operation") == "list" else desk.create_faults
    try:
        faults.plan(wanted.get("script", ()), wanted.get("rates"))
    except ValueError as error:
        return jsonify(error=str(error)), 422
    faults.tune(
        seconds=wanted.get("seconds"),
        retry_after=wanted.get("retry_after"),
        seed=wanted.get("seed"),
    )
    return "", 204


@control.post("/settings")
def settle() -> ResponseReturnValue:
    """Change how the stand-in behaves from now on.

    JSON: ``list_lag_seconds``, ``failing`` {number: code}, ``callbacks`` {delays, copies, order,
    sign, drop_rate, seed}.
    """
    wanted: dict[str, Any] = request.get_json()
    desk = exchange()
    desk.list_lag_seconds = float(wanted.get("list_lag_seconds", desk.list_lag_seconds))
    desk.failing.update(wanted.get("failing", {}))
    callbacks: dict[str, Any] = dict(wanted.get("callbacks", {}))
    if "delays" in callbacks:
        callbacks["delays"] = tuple(float(delay) for delay in callbacks["delays"])
    desk.courier.manner = replace(desk.courier.manner, **callbacks)
    return "", 204


@control.post("/phones")
def name_phones() -> ResponseReturnValue:
    """JSON: {number: alias}, shown above each phone."""
    wanted: dict[str, str] = request.get_json()
    exchange().ledger.name_phones((str(number), str(alias)) for number, alias in wanted.items())
    return "", 204


@control.post("/reply")
def reply() -> ResponseReturnValue:
    """JSON: ``from``, ``body``, optional ``sid`` (to repeat one) and ``sign`` good|bad|none."""
    wanted: dict[str, str] = request.get_json()
    text, trouble = send_reply(
        exchange(),
        wanted["from"],
        wanted["body"],
        sid=wanted.get("sid", ""),
        sign=wanted.get("sign", "good"),
    )
    return jsonify(sid=text.sid, trouble=trouble)


@control.get("/ledger")
def ledger() -> ResponseReturnValue:
    return jsonify([asdict(text) for text in exchange().ledger.everything()])


def send_reply(
    desk: Exchange, sender: str, body: str, *, sid: str = "", sign: str = "good"
) -> tuple[Text, str]:
    """Text the service from a phone; honours STOP and START as Twilio does.

    Returns:
        The text, and what went wrong when it was handed over (empty when nothing did).
    """
    word = body.strip().lower()
    if word in STOP_WORDS or word in START_WORDS:
        desk.ledger.opt_out(sender, out=word in STOP_WORDS)
    now = time.time()
    text = Text(
        sid=sid or new_sid(),
        direction=INBOUND,
        account_sid=desk.account_sid,
        messaging_service_sid="",
        sender=sender,
        recipient=desk.service_number,
        body=body,
        status="received",
        created_at=now,
        sent_at=now,
        updated_at=now,
    )
    if desk.ledger.find(text.sid) is None:
        desk.ledger.add(text)
    trouble = desk.courier.hand_over(text, sign=sign)
    desk.ledger.set_trouble(text.sid, trouble)
    return text, trouble
