"""The promise, in short form: workers are killed while they send, nothing is lost or doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app import outbox
from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.models.messages import Contact, Message
from app.notices import Template
from tests.cast import Cast
from tests.conftest import DATABASE, Run, settings_for
from tests.fake_twilio import ACCOUNT_SID, SERVICE_SID, TOKEN, fake_twilio

ROOT = Path(__file__).resolve().parents[3]
TEXTS = int(os.environ.get("WAYMARK_KILL_TEXTS", "100"))
KILLS = int(os.environ.get("WAYMARK_KILLS", "20"))
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


@pytest.mark.slow
def test_killed_workers_lose_and_double_nothing(
    cast: Cast, run: Run, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    outcome, sent = _send_all(TEXTS, run, postgres, tmp_path)

    assert outcome["unsettled"] == 0
    assert outcome["kills"] >= min(KILLS, 10)
    assert len(sent) == TEXTS  # none lost
    assert max(sent.values()) == 1  # none doubled
    assert run(_accepted_with_sid) == TEXTS


@pytest.mark.slow
def test_the_same_kills_double_texts_when_nobody_asks_first(
    cast: Cast, run: Run, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    outcome, sent = _send_all(40, run, postgres, tmp_path, blind=True)

    assert outcome["unsettled"] == 0
    assert max(sent.values()) > 1


def _send_all(
    count: int, run: Run, postgres: EmbeddedPostgres, folder: Path, *, blind: bool = False
) -> tuple[dict[str, int], Counter[str]]:
    run(_owe, count)
    with fake_twilio(folder / "ledger.sqlite") as fake:
        fake.plan(rates=FAULTS, seconds=0.15, seed=7, retry_after=0)
        outcome = _run_workers(postgres, fake.url, blind=blind)
        return outcome, Counter(fake.sent())


def _run_workers(postgres: EmbeddedPostgres, url: str, *, blind: bool) -> dict[str, int]:
    settings = asdict(settings_for(postgres, DATABASE))
    settings = {name: value for name, value in settings.items() if isinstance(value, str)}
    seconds = 150 + TEXTS // 5
    given = {
        "settings": {**settings, "environment": "demo"},
        "gateway": {
            "account_sid": ACCOUNT_SID,
            "token": TOKEN,
            "messaging_service_sid": SERVICE_SID,
            "base_url": url,
        },
        "seed": 11,
        "kills": KILLS,
        "seconds": seconds,
        "blind": blind,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.texts.killed_workers"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=seconds + 60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _owe(count: int) -> None:
    with transaction(by=SYSTEM) as now:
        contact = db.session.scalars(select(Contact).order_by(Contact.id)).first()
        assert contact is not None
        for number in range(count):
            outbox.owe(
                Template.OFFER_WITHDRAWN,
                {"code": f"{number:06d}"},
                contact_id=contact.id,
                not_after=now + timedelta(hours=1),
                dedupe_key=f"kill:{number}",
            )


def _accepted_with_sid() -> int:
    with transaction(by=SYSTEM):
        sids = db.session.scalars(
            select(Message.provider_sid).where(Message.state == "accepted")
        ).all()
        return len({sid for sid in sids if sid})
