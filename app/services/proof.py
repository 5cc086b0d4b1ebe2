"""Step-up: the gravest acts and looks ask for a fresh proof of who is at the keyboard."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.actors import Actor, Role
from app.errors import ProofNeeded

PROOF_LASTS = timedelta(minutes=10)


def refuse_unless_proved(by: Actor, now: datetime) -> None:
    """Raises ProofNeeded unless this sign-in proved by a second factor, in the last ten minutes."""
    if by.role is Role.SYSTEM:
        return
    if by.proved_at is None or by.proved_at < now - PROOF_LASTS:
        raise ProofNeeded("Prove once more that it is you, then go on.")
