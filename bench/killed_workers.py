"""Workers that send texts until all are settled, killed and frozen at random: run as a script.

The parent imports everything once and never connects, so a new worker is a fork, not a start. A
frozen worker (SIGSTOP) wakes up (SIGCONT) when its lease is long over and others have taken on its
text. The same code runs in the tests, shorter: tests/integration/texts/test_killed_workers.py.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from app import create_app, outbox
from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Busy
from app.models.messages import Contact, Message, MessageState
from app.notices import Template, render
from app.outbox import Patience, doubts
from app.outbox.claims import Claim
from app.sms import TwilioGateway
from config import Settings

WORKERS = 3
PATIENCE = Patience(
    lease_seconds=3.0,
    spare_seconds=1.0,
    absent_seconds=1.0,
    first_wait_seconds=0.1,
    longest_wait_seconds=0.3,
)
PAUSE_SECONDS = 7.0  # past the lease, two looks at the list and the sending again
FAULTS = {
    "503_after": 0.05,
    "reset_after": 0.05,
    "garbage_after": 0.05,
    "hang_after": 0.03,
    "500_before": 0.05,
    "reset_before": 0.05,
    "429": 0.05,
    "slow_after": 0.3,
}
OUTBOUND = "outbound-api"
ROOT = Path(__file__).resolve().parents[1]
NOWHERE = "http://127.0.0.1:9"  # no callbacks: the list alone must settle what is in doubt


def work(app: Flask, gateway: TwilioGateway) -> None:
    with app.app_context():
        while True:
            with suppress(Busy):  # a frozen one keeps a row: the next round finds the rest
                outbox.send_due(gateway, public_url=NOWHERE, patience=PATIENCE)
                outbox.reconcile_unknown(gateway, patience=PATIENCE)
            time.sleep(0.02)


def resend_blindly(doubt: Claim, *_: object) -> None:
    """What an outbox does that does not ask first; the test must see the doubles it makes."""
    with transaction(by=SYSTEM):
        message = db.session.get_one(Message, doubt.message_id)
        if message.provider_sid is None:
            message.state = MessageState.NEW


def unsettled(app: Flask) -> int:
    with app.app_context(), transaction(by=SYSTEM):
        done = (MessageState.ACCEPTED, MessageState.FAILED, MessageState.EXPIRED)
        return db.session.scalar(select(func.count()).where(Message.state.not_in(done))) or 0


def fork(app: Flask, gateway: TwilioGateway) -> int:
    child = os.fork()
    if child == 0:
        try:
            work(app, gateway)
        except BaseException:  # whatever it is, it must be read: the parent tells of it
            traceback.print_exc()
        finally:
            os._exit(1)
    return child


def main(given: dict[str, Any]) -> int:
    told = given["settings"]
    settings = Settings(**told | {"data_dir": Path(told["data_dir"])})
    gateway = TwilioGateway(**given["gateway"], timeout_seconds=0.4)
    app = create_app(settings, role="waymark_worker")
    watcher = create_app(settings, role="waymark_worker")
    if given["blind"]:
        vars(doubts)["_settle"] = resend_blindly
    crowd = Crowd(app, gateway, random.Random(given["seed"]))
    until = time.monotonic() + given["seconds"]
    try:
        while time.monotonic() < until and unsettled(watcher):
            time.sleep(crowd.dice.uniform(0.05, 0.25))
            crowd.wake()
            crowd.look_after()
            if crowd.kills < given["kills"]:
                crowd.kill_one()
            if crowd.pauses < given["pauses"] and not crowd.frozen:
                crowd.freeze_one()
        befell = {"kills": crowd.kills, "pauses": crowd.pauses, "unsettled": unsettled(watcher)}
        sys.stdout.write(json.dumps(befell))
    finally:
        crowd.end()
    return 0


@dataclass
class Crowd:
    """The workers that are alive; ``frozen`` maps those that stand still to when they wake."""

    app: Flask
    gateway: TwilioGateway
    dice: random.Random
    children: list[int] = field(default_factory=list)
    frozen: dict[int, float] = field(default_factory=dict)
    kills: int = 0
    pauses: int = 0

    def __post_init__(self) -> None:
        self.children = [fork(self.app, self.gateway) for _ in range(WORKERS)]

    def kill_one(self) -> None:
        victim = self.dice.choice([child for child in self.children if child not in self.frozen])
        self.children.remove(victim)
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        self.kills += 1
        self.children.append(fork(self.app, self.gateway))

    def freeze_one(self) -> None:
        victim = self.dice.choice(self.children)
        os.kill(victim, signal.SIGSTOP)
        self.frozen[victim] = time.monotonic() + PAUSE_SECONDS
        self.pauses += 1

    def look_after(self) -> None:
        """Raises RuntimeError when a worker has ended by itself: then nothing would be proven."""
        for child in self.children:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                self.children.remove(child)
                raise RuntimeError(f"a worker ended by itself, with status {status}")

    def wake(self) -> None:
        for child, at in list(self.frozen.items()):
            if time.monotonic() >= at:
                del self.frozen[child]
                os.kill(child, signal.SIGCONT)

    def end(self) -> None:
        for child in self.children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@dataclass(frozen=True, kw_only=True)
class Course:
    """How much is sent and, at most, what befalls the workers until all is settled.

    ``blind`` takes a guard off: what is in doubt is sent again without asking.
    """

    texts: int = 1000
    kills: int = 60
    pauses: int = 20
    seconds: float = 600
    seed: int = 11
    blind: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the provider's ledger says of each text, beside what befell the workers."""

    owed: int
    kills: int
    pauses: int
    unsettled: int
    lost: int
    doubled: int
    known: int
    seconds: float

    @property
    def is_sound(self) -> bool:
        return (self.unsettled, self.lost, self.doubled) == (0, 0, 0) and self.known == self.owed


def measure(
    course: Course,
    *,
    owner: Flask,
    settings: Settings,
    gateway: Mapping[str, str],
    ledger: Callable[[], Sequence[dict[str, Any]]],
) -> Outcome:
    """Owe the texts, let the workers send them, and read the provider's ledger."""
    started = time.monotonic()
    with owner.app_context():
        _owe(course.texts)
    # What is no text has a default, but for the folder, where the keys of the demonstration lie.
    plain = {name: value for name, value in asdict(settings).items() if type(value) is str}
    given = {
        "settings": {**plain, "data_dir": str(settings.data_dir)},
        "gateway": dict(gateway),
        **asdict(course),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.killed_workers"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=course.seconds + 60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    bodies = {render(Template.OFFER_WITHDRAWN, {"code": _code(n)}) for n in range(course.texts)}
    sent = Counter(text["body"] for text in ledger() if text["direction"] == OUTBOUND)
    ours = {body: count for body, count in sent.items() if body in bodies}
    with owner.app_context():
        known = _known()
    return Outcome(
        owed=course.texts,
        **told,
        lost=course.texts - len(ours),
        doubled=sum(count - 1 for count in ours.values()),
        known=known,
        seconds=time.monotonic() - started,
    )


def _owe(count: int) -> None:
    with transaction(by=SYSTEM) as now:
        contact = db.session.scalars(select(Contact).order_by(Contact.id)).first()
        assert contact is not None
        for number in range(count):
            outbox.owe(
                Template.OFFER_WITHDRAWN,
                {"code": _code(number)},
                contact_id=contact.id,
                not_after=now + timedelta(hours=1),
                dedupe_key=f"kill:{number}",
            )


def _code(number: int) -> str:
    return f"K9{number:04d}"


def _known() -> int:
    """How many the outbox has a provider's id of, no id twice."""
    with transaction(by=SYSTEM):
        mine = Message.dedupe_key.like("kill:%") & (Message.state == MessageState.ACCEPTED)
        sids = db.session.scalars(select(Message.provider_sid).where(mine)).all()
        return len({sid for sid in sids if sid})


def report(found: Outcome) -> str:
    """What befell the workers, and what the ledger says."""
    return "\n".join(
        [
            f"{found.owed:,} texts, {WORKERS} workers, {found.kills} times SIGKILL,"
            f" {found.pauses} pauses of {PAUSE_SECONDS:.0f} s with a lease of"
            f" {PATIENCE.lease_seconds:.0f} s, {100 * sum(FAULTS.values()):.0f} % of requests hurt",
            f"  lost                     {found.lost}",
            f"  doubled                  {found.doubled}",
            f"  not settled              {found.unsettled}",
            f"  known by the provider's id {found.known:,}",
            f"  seconds                  {found.seconds:.0f}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(json.load(sys.stdin)))
