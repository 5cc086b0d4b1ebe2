"""The promise, in short form: workers are killed and frozen while they send, nothing is lost or
doubled. The whole of it is bench/killed_workers.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.embedded_postgres import EmbeddedPostgres
from bench.killed_workers import FAULTS, Course, Outcome, measure
from tests.cast import Cast
from tests.conftest import DATABASE, settings_for
from tests.fake_twilio import ACCOUNT_SID, SERVICE_SID, TOKEN, fake_twilio

TEXTS = int(os.environ.get("WAYMARK_KILL_TEXTS", "100"))
KILLS = int(os.environ.get("WAYMARK_KILLS", "20"))
PAUSES = int(os.environ.get("WAYMARK_PAUSES", "1"))
Send = Callable[[Course], Outcome]


@pytest.fixture
def send(
    cast: Cast, owner_app: Flask, database: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> Send:
    def go(course: Course) -> Outcome:
        with fake_twilio(tmp_path / "ledger.sqlite") as fake:
            fake.plan(rates=FAULTS, seconds=0.15, seed=7, retry_after=0)
            return measure(
                course,
                owner=owner_app,
                settings=settings_for(postgres, DATABASE),
                gateway={
                    "account_sid": ACCOUNT_SID,
                    "token": TOKEN,
                    "messaging_service_sid": SERVICE_SID,
                    "base_url": fake.url,
                },
                ledger=fake.ledger,
            )

    return go


@pytest.mark.slow
def test_killed_and_frozen_workers_lose_and_double_nothing(send: Send) -> None:
    found = send(Course(texts=TEXTS, kills=KILLS, pauses=PAUSES, seconds=150 + TEXTS // 5))

    assert found.is_sound, found
    assert found.kills >= min(KILLS, 10)
    assert found.pauses >= min(PAUSES, 1)


@pytest.mark.slow
def test_the_same_kills_double_texts_when_nobody_asks_first(send: Send) -> None:
    found = send(Course(texts=40, kills=KILLS, pauses=0, seconds=150, blind=True))

    assert found.unsettled == 0
    assert found.doubled > 0
