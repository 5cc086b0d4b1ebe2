"""Which clock of a request runs, which has passed: arithmetic on its own, frozen policy.

Nothing here reads or writes; ``escalation`` acts on it and the desk's pages say it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.models.reference import ClockPolicy
from app.models.referrals import PROMISED, Referral, ReferralState


class Clock(StrEnum):
    """What somebody must do in time; the words of ``Level`` where a level is reached by it."""

    ACKNOWLEDGE = "acknowledge"
    REPLY = "reply"
    HOLD = "hold"
    DUTY_MANAGER = "duty_manager"
    REGIONAL_MANAGER = "regional_manager"


# These end by themselves when they run out: somebody is told. The others run on, late.
TELLS = (Clock.DUTY_MANAGER, Clock.REGIONAL_MANAGER)


@dataclass(frozen=True, kw_only=True)
class Running:
    """One clock: when it was set going and when it runs out."""

    clock: Clock
    runs_from: datetime
    at: datetime

    def has_passed(self, now: datetime) -> bool:
        return self.at <= now


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the clocks of one request go by.

    ``is_taken``: a named coordinator has said, since it last came to the desk, that she is on it.
    ``reply_by`` is of the open offer; ``promised_at`` and ``hold_until`` are of the promise. None
    where there is none.
    """

    referral: Referral
    policy: ClockPolicy
    is_taken: bool = False
    reply_by: datetime | None = None
    offered_at: datetime | None = None
    promised_at: datetime | None = None
    hold_until: datetime | None = None


def clocks_of(facts: Facts) -> list[Running]:
    """Every clock that goes in the request's state, in the order in which they run out."""
    return sorted(_clocks(facts), key=lambda each: each.at)


def _clocks(facts: Facts) -> Iterator[Running]:
    asked, policy = facts.referral, facts.policy
    if asked.state == ReferralState.READY and not facts.is_taken:
        yield _running(Clock.ACKNOWLEDGE, asked.state_since, policy.acknowledge_minutes)
    if asked.state == ReferralState.OFFERED and facts.reply_by and facts.offered_at:
        yield Running(clock=Clock.REPLY, runs_from=facts.offered_at, at=facts.reply_by)
    if asked.state in (ReferralState.READY, ReferralState.OFFERED):
        yield _running(Clock.DUTY_MANAGER, asked.waits_since, policy.duty_manager_minutes)
        yield _running(Clock.REGIONAL_MANAGER, asked.waits_since, policy.regional_manager_minutes)
    if asked.state in PROMISED and facts.promised_at and facts.hold_until:
        yield Running(clock=Clock.HOLD, runs_from=facts.promised_at, at=facts.hold_until)


def _running(clock: Clock, since: datetime, minutes: int) -> Running:
    return Running(clock=clock, runs_from=since, at=since + timedelta(minutes=minutes))


def next_of(clocks: list[Running], now: datetime) -> Running | None:
    """The clock to look at: one that is late, or else the first to run out.

    None where nothing is left to wait for, because everybody who is told has been told.
    """
    going = (each for each in clocks if each.clock not in TELLS or not each.has_passed(now))
    return min(going, key=lambda each: each.at, default=None)


def told_of(clocks: list[Running], now: datetime) -> Running | None:
    """The highest manager whose clock has passed."""
    passed = [each for each in clocks if each.clock in TELLS and each.has_passed(now)]
    return max(passed, key=lambda each: each.at, default=None)
