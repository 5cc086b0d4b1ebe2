"""Rules that hold from a date on: which are in force. A day begins when it begins in London."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, select

from app.db import db
from app.london import london_day
from app.models.abuse import AbuseLimit
from app.models.declines import DeclineRule
from app.models.enquiries import EnquiryPolicy
from app.models.reference import ClockPolicy, InventoryPolicy, SmallCountRule
from app.models.referrals import Referral
from app.models.retention import RetentionRule
from app.models.stays import HoldPolicy

R = TypeVar(
    "R",
    AbuseLimit,
    ClockPolicy,
    DeclineRule,
    EnquiryPolicy,
    HoldPolicy,
    InventoryPolicy,
    RetentionRule,
    SmallCountRule,
)

# Steps of one transaction.


def in_force(rule: type[R], now: datetime, *which: ColumnElement[bool]) -> R | None:
    """The newest of these rows that has begun; None where none has."""
    begun = select(rule).where(rule.valid_from <= london_day(now), *which)
    return db.session.scalars(begun.order_by(rule.valid_from.desc()).limit(1)).first()


def all_begun(rule: type[R], day: date) -> Sequence[R]:
    """Every row that has begun by ``day``, oldest first: of one key the last is in force."""
    begun = select(rule).where(rule.valid_from <= day)
    return db.session.scalars(begun.order_by(rule.valid_from)).all()


def policy_of(referral: Referral) -> ClockPolicy:
    """The clocks that a request was made under: a newer row never changes them."""
    return db.session.get_one(ClockPolicy, referral.clock_policy_id)
