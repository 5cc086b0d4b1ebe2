"""An offer that nobody answers goes to the next number of the house, and then to a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record_stay
from app.models.messages import Message, MessageState, SmsInbox, Task, TaskKind
from app.models.placements import OPEN, Placement
from app.models.reference import ClockPolicy
from app.models.referrals import Referral
from app.notices import Template
from app.outbox import open_task
from app.services import duty
from app.services.tasks import BAD_ENDS
from app.services.telling import ask

GAVE_UP = (MessageState.FAILED, MessageState.EXPIRED)


def ask_the_next() -> int:
    """Pass on every offer whose last text has had its part of the time to reply, or did not arrive.

    The same code to a number that has not had it; when there is none left, a person rings. Safe in
    many workers at once. How many offers were passed on.
    """
    with transaction(by=SYSTEM) as now:
        wrote = exists().where(SmsInbox.placement_id == Placement.id)
        unanswered = db.session.scalars(
            select(Placement.id)
            .where(Placement.state.in_(OPEN), Placement.offer_expires_at > now)
            .where(~wrote)
            .order_by(Placement.offer_expires_at)
        ).all()
    return sum(_pass_on(placement_id) for placement_id in unanswered)


def _pass_on(placement_id: int) -> bool:
    with transaction(by=SYSTEM) as now:
        row = db.session.execute(
            select(Placement, ClockPolicy)
            .join(Referral, Referral.id == Placement.referral_id)
            .join(ClockPolicy, ClockPolicy.id == Referral.clock_policy_id)
            .where(Placement.id == placement_id, Placement.state.in_(OPEN))
            .with_for_update(of=Placement, skip_locked=True)
        ).first()
        if row is None:
            return False
        placement, policy = row
        texts = db.session.scalars(
            select(Message)
            .where(Message.placement_id == placement_id, Message.template == Template.OFFER.value)
            .order_by(Message.created_at)
        ).all()
        if not _is_due(placement, policy, list(texts), now):
            return False
        had_it = {text.contact_id for text in texts}
        turns = duty.turns(placement, now)
        for phone in turns.phones:
            if phone.id not in had_it:
                ask(placement, phone)
                record_stay(Fact.NEXT_NUMBER_ASKED, placement, by=SYSTEM, contact_id=phone.id)
                return True
        return _have_it_rung(placement, policy, list(texts), now)


def _is_due(placement: Placement, policy: ClockPolicy, texts: list[Message], now: datetime) -> bool:
    """The newest text has had its time, or is known not to have arrived."""
    if not texts:
        return True
    if all(_is_lost(text) for text in texts):
        return True
    since = max(text.created_at for text in texts)
    return now >= since + _part(placement, policy.next_number_percent)


def _have_it_rung(
    placement: Placement, policy: ClockPolicy, texts: list[Message], now: datetime
) -> bool:
    is_early = now < placement.offered_at + _part(placement, policy.ring_percent)
    everything_lost = all(_is_lost(text) for text in texts)
    # Each text that was lost has been put on the list by itself: that says the same.
    says_so = (TaskKind.RING_HOUSE, TaskKind.TEXT_FAILED)[: 2 if texts and everything_lost else 1]
    was_asked = exists().where(Task.placement_id == placement.id, Task.kind.in_(says_so))
    if (is_early and not everything_lost) or db.session.scalar(select(was_asked)):
        return False
    open_task(TaskKind.RING_HOUSE, placement_id=placement.id, referral_id=placement.referral_id)
    return True


def _part(placement: Placement, percent: int) -> timedelta:
    expires = placement.offer_expires_at
    assert expires is not None  # noqa: S101 - a CHECK of the table: an offer always expires
    return (expires - placement.offered_at) * percent / 100


def _is_lost(text: Message) -> bool:
    return text.state in GAVE_UP or text.provider_status in BAD_ENDS
