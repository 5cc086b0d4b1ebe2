"""Limits against misuse, as data: which is in force, and one person's work one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from app.db import db
from app.models.abuse import AbuseLimit
from app.services.dated import in_force

LOCK_SPACE = 20  # of the advisory locks with two numbers; the second is the person


@dataclass(frozen=True)
class Limit:
    """At most so many within the time before now."""

    at_most: int
    window: timedelta


def limit_of(code: str, now: datetime) -> Limit | None:
    """The newest limit of this code that has begun; None where there is none."""
    row = in_force(AbuseLimit, now, AbuseLimit.code == code)
    return Limit(row.at_most, timedelta(minutes=row.window_minutes)) if row else None


def one_at_a_time(user_id: int) -> None:
    """Until this transaction ends nobody else counts what this person does: two taps are two."""
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(:space, :person)"),
        {"space": LOCK_SPACE, "person": user_id % 2**31},
    )
