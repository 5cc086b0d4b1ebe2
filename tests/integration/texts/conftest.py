"""The worker's rounds, with the patience of a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import pytest

from app import outbox
from app.models.messages import MessageState
from tests.conftest import Run
from tests.fake_twilio import FakeTwilio
from tests.integration.texts.owed import SHORT, Settle, message


@pytest.fixture
def send(run_as_worker: Run, twilio: FakeTwilio) -> Callable[..., int]:
    """One round of the worker, patient for a second at most; callbacks go nowhere by default."""
    gateway = twilio.gateway(timeout_seconds=0.4)

    def go(public_url: str = "http://127.0.0.1:9") -> int:
        return run_as_worker(  # type: ignore[no-any-return]
            outbox.send_due, gateway, public_url=public_url, patience=SHORT
        )

    return go


@pytest.fixture
def settle(run_as_worker: Run, twilio: FakeTwilio, send: Callable[..., int]) -> Settle:
    """Rounds of the worker until the text rests in one of the given states."""
    gateway = twilio.gateway(timeout_seconds=0.4)

    def go(message_id: UUID, *states: MessageState, seconds: float = 8) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            send()
            run_as_worker(outbox.reconcile_unknown, gateway, patience=SHORT)
            if run_as_worker(message, message_id).state in states:
                return
            time.sleep(0.05)
        raise AssertionError(f"still {run_as_worker(message, message_id).state}")

    return go
