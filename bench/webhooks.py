"""Replayed and shuffled webhooks, and workers killed while they send.

Ten thousand of one text, every order of a text's news, a thousand texts through sixty SIGKILLs. The
same code runs in the tests, shorter: tests/integration/texts/test_webhook_storm.py.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import TypeVar
from uuid import UUID

import requests
import requests.adapters
from flask import Flask
from sqlalchemy import func, select

from app import outbox
from app.actors import SYSTEM
from app.db import db, transaction
from app.demo.seed import seed_demo
from app.demo_phone.webhooks import signature
from app.events import Fact
from app.fields import open_field
from app.models.events import Event
from app.models.messages import Contact, Message, MessageState, SmsInbox, Task
from app.models.placements import Placement, PlacementState
from app.notices import Template
from app.services import texts
from bench import killed_workers
from bench.killed_workers import FAULTS, Course
from bench.stage import ACCOUNT, SERVICE, TOKEN, stage

TIMES = 10_000
STATUSES = ("queued", "sending", "sent", "undelivered", "failed", "delivered")
THREADS = 8
INBOUND = "/hooks/twilio/inbound"
# What every order of news that ends well must come to.
WELL = ("accepted", "delivered", None, False)
# Sends one signed webhook to a path; returns the HTTP status of the answer.
Post = Callable[[str, Mapping[str, str]], int]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One text sent again and again, and what it left behind; seconds for each request."""

    statuses: Counter[int]
    seconds: list[float]
    stored: int
    received: int
    effects: int
    answers: int

    @property
    def is_one(self) -> bool:
        return set(self.statuses) == {200} and (
            self.stored == self.received == self.effects == self.answers == 1
        )


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """Every order of a text's news, and the different ends it came to, with how many orders."""

    orders: int
    requests: int
    refused: int
    ends: Counter[tuple[str, str | None, str | None, bool]]

    @property
    def is_same(self) -> bool:
        return set(self.ends) == {WELL} and not self.refused


def replay(post: Post, worker: Flask, *, times: int = TIMES, threads: int = THREADS) -> Replayed:
    """ACCEPT for one open offer, ``times`` times under one id, while the worker reads."""
    phone, code = _ask_in(worker, _open_offer)
    fields = {
        "MessageSid": "SM" + "a" * 32,
        "From": phone,
        "To": "+447700900999",
        "Body": f"ACCEPT {code}",
    }

    def once(number: int) -> tuple[int, float]:
        started = time.monotonic()
        status = post(INBOUND, fields)
        taken = time.monotonic() - started
        if number % 500 == 0:
            _ask_in(worker, texts.handle_waiting)
        return status, taken

    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(once, range(times)))
    _ask_in(worker, texts.handle_waiting)
    stored, received, effects, owed = _ask_in(worker, lambda: _effects(fields["MessageSid"]))
    return Replayed(
        statuses=Counter(status for status, _ in answers),
        seconds=[taken for _, taken in answers],
        stored=stored,
        received=received,
        effects=effects,
        answers=owed,
    )


def shuffle(post: Post, worker: Flask, *, statuses: Sequence[str] = STATUSES) -> Shuffled:
    """Each order of ``statuses`` for a text of its own: once each and all twice, early and late.

    Early means before the answer to our own request: the row is still being sent.
    """
    ends: Counter[tuple[str, str | None, str | None, bool]] = Counter()
    orders = requests_sent = refused = 0
    for order in permutations(statuses):
        for is_early, copies in ((True, 1), (True, 2), (False, 1), (False, 2)):
            orders += 1
            sid = f"SM{orders:032x}"
            message_id = _ask_in(worker, lambda sid=sid, early=is_early: _owe(sid, is_early=early))  # type: ignore[misc]
            news = list(order) * copies
            for word in news:
                requests_sent += 1
                refused += _tell(post, message_id, sid, word) != 200
            ends[_ask_in(worker, lambda m=message_id: _end(m))] += 1  # type: ignore[misc]
    return Shuffled(orders=orders, requests=requests_sent, refused=refused, ends=ends)


def _tell(post: Post, message_id: UUID, sid: str, word: str) -> int:
    fields = {"MessageSid": sid, "MessageStatus": word}
    if word in ("undelivered", "failed"):
        fields["ErrorCode"] = "30003"
    return post(f"/hooks/twilio/status/{message_id}/1", fields)


def _open_offer() -> tuple[str, str]:
    with transaction(by=SYSTEM) as now:
        row = db.session.execute(
            select(Contact, Placement.offer_code)
            .join(Placement, Placement.refuge_id == Contact.refuge_id)
            .where(Placement.state == PlacementState.OFFERED, Placement.offer_expires_at > now)
            .order_by(Placement.offer_expires_at.desc())
            .limit(1)
        ).one()
        return open_field(row[0], "phone"), row[1]


def _effects(sid: str) -> tuple[int, int, int, int]:
    """(rows stored, times noted as received, offers accepted by text, answers owed)."""
    with transaction(by=SYSTEM):
        count = select(func.count())
        counts = (
            count.select_from(SmsInbox).where(SmsInbox.message_sid == sid),
            count.select_from(Event).where(
                Event.kind == Fact.TEXT_RECEIVED, Event.detail["sid"].astext == sid
            ),
            count.select_from(Event).where(
                Event.kind == Fact.OFFER_ACCEPTED, Event.actor_contact_id.is_not(None),
                Event.placement_id == select(SmsInbox.placement_id)
                .where(SmsInbox.message_sid == sid).scalar_subquery(),
            ),
            count.select_from(Message).where(Message.dedupe_key == f"answer:{sid}"),
        )  # fmt: skip
        found = [int(db.session.scalar(query) or 0) for query in counts]
        return found[0], found[1], found[2], found[3]


def _owe(sid: str, *, is_early: bool) -> UUID:
    """A text at its first attempt: still being sent, or taken by the provider already."""
    with transaction(by=SYSTEM) as now:
        contact = db.session.scalars(select(Contact.id).order_by(Contact.id)).first()
        assert contact is not None
        outbox.owe(
            Template.OFFER_WITHDRAWN,
            {"code": "7KQ4M2"},
            contact_id=contact,
            dedupe_key=f"storm:{sid}",
            not_after=now + timedelta(minutes=20),
        )
        message = db.session.scalars(
            select(Message).where(Message.dedupe_key == f"storm:{sid}")
        ).one()
        message.attempt = 1
        message.state = MessageState.INFLIGHT if is_early else MessageState.ACCEPTED
        message.lease_until = now + timedelta(days=1) if is_early else None
        message.provider_sid = None if is_early else sid
        return message.id


def _end(message_id: UUID) -> tuple[str, str | None, str | None, bool]:
    """(state, the provider's word, its error, whether a task of this text is still open)."""
    with transaction(by=SYSTEM):
        message = db.session.get_one(Message, message_id)
        tasks = select(Task.id).where(Task.message_id == message_id, Task.done_at.is_(None))
        is_open = db.session.scalar(tasks) is not None
        return str(message.state), message.provider_status, message.error_code, is_open


def _ask_in(flask: Flask, question: Callable[[], T]) -> T:
    with flask.app_context():
        return question()


@contextmanager
def _over_http(url: str) -> Iterator[Post]:
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=THREADS)
    session.mount("http://", adapter)

    def post(path: str, fields: Mapping[str, str]) -> int:
        signed = {"X-Twilio-Signature": signature(TOKEN, url + path, fields)}
        answer = session.post(url + path, data=dict(fields), headers=signed, timeout=30)
        return answer.status_code

    with session:
        yield post


def run(*, times: int, course: Course) -> int:
    """Play all three in a Waymark of their own and print the tables; 1 when anything was doubled,
    lost, or ended in two ways."""
    with stage() as played:
        with played.owner.app_context():
            seed_demo()
        with _over_http(played.web_url) as post:
            replayed = replay(post, played.worker, times=times)
            shuffled = shuffle(post, played.worker)
        print(report(replayed, shuffled), end="\n\n", flush=True)
        played.plan_faults(rates=FAULTS, seconds=0.15, seed=course.seed, retry_after=0)
        sent = killed_workers.measure(
            course,
            owner=played.owner,
            settings=played.settings,
            gateway={
                "account_sid": ACCOUNT,
                "token": TOKEN,
                "messaging_service_sid": SERVICE,
                "base_url": played.phone_url,
            },
            ledger=played.texts,
        )
    print(killed_workers.report(sent))
    return 0 if replayed.is_one and shuffled.is_same and sent.is_sound else 1


def report(replayed: Replayed, shuffled: Shuffled) -> str:
    """Both tables as text."""
    quick = statistics.median(replayed.seconds) * 1000
    slow = statistics.quantiles(replayed.seconds, n=100)[98] * 1000
    lines = [
        f"One signed text sent {len(replayed.seconds):,} times, {THREADS} at once",
        f"  answers by status        {dict(replayed.statuses)}",
        f"  rows stored              {replayed.stored}",
        f"  noted as received        {replayed.received}",
        f"  offers accepted          {replayed.effects}",
        f"  answers owed             {replayed.answers}",
        f"  answer of the webhook    median {quick:.0f} ms, 99 of 100 within {slow:.0f} ms",
        "",
        f"Every order of {len(STATUSES)} statuses, early and late, once and doubled",
        f"  orders, requests         {shuffled.orders:,}, {shuffled.requests:,}",
        f"  not thanked              {shuffled.refused}",
        *(f"  {count:6,} ended as        {end}" for end, count in shuffled.ends.items()),
    ]
    return "\n".join(lines)
