"""Workers that send texts until all are settled, killed with SIGKILL at random: run as a script.

The parent imports everything once and never connects, so a new worker is a fork, not a start.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from app import create_app, outbox
from app.actors import SYSTEM
from app.db import db, transaction
from app.models.messages import Message, MessageState
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
NOWHERE = "http://127.0.0.1:9"  # no callbacks: the list alone must settle what is in doubt


def work(app: Flask, gateway: TwilioGateway) -> None:
    with app.app_context():
        while True:
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
        finally:
            os._exit(1)
    return child


def main(given: dict[str, Any]) -> int:
    settings = Settings(**given["settings"])
    gateway = TwilioGateway(**given["gateway"], timeout_seconds=0.4)
    app = create_app(settings, role="waymark_worker")
    watcher = create_app(settings, role="waymark_worker")
    if given["blind"]:
        vars(doubts)["_settle"] = resend_blindly
    dice = random.Random(given["seed"])
    children = [fork(app, gateway) for _ in range(WORKERS)]
    kills = 0
    until = time.monotonic() + given["seconds"]
    try:
        while time.monotonic() < until and unsettled(watcher):
            time.sleep(dice.uniform(0.05, 0.25))
            if kills < given["kills"]:
                victim = children.pop(dice.randrange(len(children)))
                os.kill(victim, signal.SIGKILL)
                os.waitpid(victim, 0)
                kills += 1
                children.append(fork(app, gateway))
        sys.stdout.write(json.dumps({"kills": kills, "unsettled": unsettled(watcher)}))
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return 0


if __name__ == "__main__":
    sys.exit(main(json.load(sys.stdin)))
