"""A fresh proof lasts ten minutes and not a moment longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.actors import SYSTEM, Actor, Role
from app.errors import ProofNeeded
from app.services.proof import PROOF_LASTS, refuse_unless_proved

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


def _manager(proved_at: datetime | None) -> Actor:
    return Actor(role=Role.REFUGE_MANAGER, user_id=1, refuge_id=1, proved_at=proved_at)


def test_a_proof_counts_to_its_last_moment() -> None:
    refuse_unless_proved(_manager(NOW - PROOF_LASTS), NOW)


@pytest.mark.parametrize("proved_at", [None, NOW - PROOF_LASTS - timedelta(microseconds=1)])
def test_no_proof_and_an_old_one_are_refused(proved_at: datetime | None) -> None:
    with pytest.raises(ProofNeeded):
        refuse_unless_proved(_manager(proved_at), NOW)


def test_waymark_itself_proves_nothing() -> None:
    refuse_unless_proved(SYSTEM, NOW)
