"""The phone itself: what each refuge's handset shows, with quick answers and a free reply."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.demo_phone.control import send_reply
from app.demo_phone.ledger import INBOUND, Text
from app.demo_phone.state import Exchange, exchange

LONDON = ZoneInfo("Europe/London")
MOST_CHARACTERS = 480
PHONES_SHOWN = 6
ANSWER_WAIT_SECONDS = 2.5
CODE_ASKED = re.compile(r"\bACCEPT ([0-9A-Z]{4,12})\b")

pages = Blueprint("pages", __name__)


@dataclass(frozen=True, kw_only=True)
class Bubble:
    """One text as the handset shows it; ``code`` only while a quick answer still makes sense."""

    body: str
    is_reply: bool
    at: datetime
    status: str
    trouble: str
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class Phone:
    """One refuge's handset."""

    number: str
    alias: str
    bubbles: tuple[Bubble, ...]
    is_stopped: bool

    @property
    def dialled(self) -> str:
        """The number as people here write it."""
        local = self.number.replace("+44", "0", 1)
        return f"{local[:5]} {local[5:]}" if local.startswith("0") else self.number

    @property
    def anchor(self) -> str:
        return "phone-" + self.number.removeprefix("+")


@pages.get("/")
def index() -> str:
    desk = exchange()
    wanted = request.args.get("phone", "")
    numbers = _numbers(desk)
    last = desk.ledger.last_text_at()
    shown = [number for number in numbers if number in last][:PHONES_SHOWN]
    if wanted in numbers:
        shown = [wanted, *(number for number in shown if number != wanted)]
    aliases = desk.ledger.aliases()
    return render_template(
        "demo_phone.html",
        phones=[_phone(desk, number, aliases) for number in shown],
        others=[(number, _alias(number, aliases)) for number in numbers if number not in shown],
        service_url=desk.public_url,
        most_characters=MOST_CHARACTERS,
    )


@pages.post("/reply")
def reply() -> ResponseReturnValue:
    """Send a text as the refuge; wait a moment, so that the next page shows the answer."""
    _refuse_other_sites()
    desk = exchange()
    number = request.form.get("phone", "")
    body = (request.form.get("quick") or request.form.get("body", "")).strip()
    if number not in _numbers(desk):
        abort(404)
    if body:
        known = len(desk.ledger.thread(number))
        _, trouble = send_reply(desk, number, body[:MOST_CHARACTERS])
        if not trouble:
            _await_answer(desk, number, known + 1)
    there = url_for("pages.index", phone=number, _anchor="phone-" + number.removeprefix("+"))
    return redirect(there, 303)


def _await_answer(desk: Exchange, number: str, known: int) -> None:
    until = time.monotonic() + ANSWER_WAIT_SECONDS
    while time.monotonic() < until and len(desk.ledger.thread(number)) <= known:
        desk.pause(0.1)


def _refuse_other_sites() -> None:
    """A page of another site may not text in a refuge's name."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403)


def _numbers(desk: Exchange) -> list[str]:
    """The phone with the newest text first, then the silent ones by alias."""
    last = desk.ledger.last_text_at()
    aliases = desk.ledger.aliases()
    return sorted(
        {*last, *aliases}, key=lambda number: (-last.get(number, 0.0), _alias(number, aliases))
    )


def _alias(number: str, aliases: dict[str, str]) -> str:
    return aliases.get(number) or f"Phone ending {number[-4:]}"


def _phone(desk: Exchange, number: str, aliases: dict[str, str]) -> Phone:
    thread = desk.ledger.thread(number)
    answered = " ".join(text.body.upper() for text in thread if text.direction == INBOUND)
    return Phone(
        number=number,
        alias=_alias(number, aliases),
        bubbles=tuple(_bubble(text, answered) for text in thread),
        is_stopped=desk.ledger.has_opted_out(number),
    )


def _bubble(text: Text, answered: str) -> Bubble:
    asked = CODE_ASKED.search(text.body) if text.direction != INBOUND else None
    code = asked.group(1) if asked and asked.group(1) not in answered else ""
    return Bubble(
        body=text.body,
        is_reply=text.direction == INBOUND,
        at=datetime.fromtimestamp(text.created_at, UTC).astimezone(LONDON),
        status=text.status,
        trouble=text.trouble,
        code=code,
    )
