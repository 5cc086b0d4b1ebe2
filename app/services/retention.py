"""What has had its time is purged: a woman's record, texts, plans and pre-alerts, each by its rule.

What figures stand on stays without her: states, times, the region and reasons. A request that is
under a legal hold stays whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, delete, exists, or_, select, text, update

from app.actors import SYSTEM
from app.codes import CODE_LETTERS
from app.db import db, transaction
from app.events import Fact, record
from app.fields import shred
from app.london import london_day
from app.models.access import BreakGlass
from app.models.declines import DeclineReview
from app.models.enquiries import HouseQuestion
from app.models.events import Event
from app.models.keys import Buried, Tombstone
from app.models.messages import Message, MessageState, SmsInbox, Task
from app.models.placements import Placement, PlacementState
from app.models.plans import CostQuestion, PlanLine, PlanRun
from app.models.pre_alerts import PreAlert, PreAlertReferral, Rehearsal
from app.models.prices import PriceRun
from app.models.reference import District
from app.models.referrals import (
    Caller,
    FormKey,
    Needs,
    Referral,
    ReferralLink,
    ReferralState,
    Safety,
)
from app.models.retention import Kept, LegalHold, RetentionRule
from app.services.dated import all_begun
from app.services.drafts import purge_drafts
from app.services.retention_people import purge_accounts, purge_sign_ins

AT_ONCE = 200
TEXTS_AT_ONCE = 2000
DUE = text("SELECT referral_id FROM retention_due WHERE due_at <= waymark_now() ORDER BY due_at")
STILL_DUE = text("SELECT 1 FROM retention_due WHERE due_at <= waymark_now() AND referral_id = :id")
ENDED = (MessageState.ACCEPTED, MessageState.FAILED, MessageState.EXPIRED)
# The way out of each state that is still open, for a record that an old backup has brought back.
LEAVES = {
    PlacementState.ENQUIRED: PlacementState.WITHDRAWN,
    PlacementState.OFFERED: PlacementState.WITHDRAWN,
    PlacementState.ACCEPTED: PlacementState.WITHDRAWN,
    PlacementState.ARRIVED: PlacementState.DEPARTED,
}
CLOSES = {
    ReferralState.READY: ReferralState.WITHDRAWN,
    ReferralState.PAUSED: ReferralState.WITHDRAWN,
    ReferralState.OFFERED: ReferralState.WITHDRAWN,
    ReferralState.CONFIRMED: ReferralState.WITHDRAWN,
    ReferralState.IN_TRANSIT: ReferralState.WITHDRAWN,
    ReferralState.RESIDENT: ReferralState.MOVED_ON,
}


def purge_due() -> int:
    """Purge everything whose time has passed; the worker's job. How many requests there were.

    Each request is a transaction of its own, so that a killed run leaves no half-purged record.
    """
    with transaction(by=SYSTEM):
        due = list(db.session.scalars(DUE))
    purged = sum(_purge_one(referral_id) for referral_id in due)
    purge_old()
    return purged


def purge_old() -> dict[str, int]:
    """Purge what belongs to no single request, each by its own rule. Rows by kind."""
    with transaction(by=SYSTEM) as now:
        counts = {
            "texts": _purge_texts(_before(Kept.TEXT, now), now),
            "plans": _purge_plans(_before(Kept.PLAN, now), now),
            "forms": _rows(delete(FormKey).where(FormKey.created_at <= _before(Kept.FORM, now))),
            "pre_alerts": _purge_pre_alerts(_before(Kept.PRE_ALERT, now)),
            "drafts": purge_drafts(now),
            "sign_ins": purge_sign_ins(_before(Kept.SIGN_IN, now)),
            "accounts": purge_accounts(_before(Kept.ACCOUNT, now), now),
        }
        if any(counts.values()):
            record(Fact.OLD_RECORDS_PURGED, by=SYSTEM, detail={**counts})
        return counts


def bury_again(tombstones: Iterable[tuple[str, UUID]]) -> int:
    """Purge what a restored backup has brought back; how many things there were.

    ``tombstones`` are (kind, id) of the newest lists; safe to repeat. Needs the owner's rights.
    """
    found = sorted(tombstones)
    referrals = [each for kind, each in found if kind == Buried.REFERRAL]
    keys = [each for kind, each in found if kind == Buried.KEY]
    buried = 0
    for public_id in referrals:
        with transaction(by=SYSTEM) as now:
            referral = db.session.scalar(
                select(Referral)
                .where(Referral.public_id == public_id, Referral.purged_at.is_(None))
                .with_for_update()
            )
            if referral is not None:
                _end(referral, now)
                _purge(referral, now)
                buried += 1
    for start in range(0, len(keys), AT_ONCE):
        with transaction(by=SYSTEM) as now:
            buried += shred(keys[start : start + AT_ONCE], now)
    return buried


def rules_in_force(day: date) -> list[RetentionRule]:
    """The rule of each kind on ``day``, in the order of ``Kept``; a step inside a transaction."""
    found = {rule.kind: rule for rule in all_begun(RetentionRule, day)}
    return [found[kind] for kind in Kept if kind in found]


def _before(kind: Kept, now: datetime) -> datetime:
    """What is as old as this has had its time. Without a rule nothing has."""
    days = {rule.kind: rule.days for rule in rules_in_force(london_day(now))}
    return (
        now - timedelta(days=days[kind])
        if kind in days
        else datetime.min.replace(tzinfo=now.tzinfo)
    )


def _purge_one(referral_id: int) -> bool:
    """Look again under the lock: a hold or a reopening may have come first."""
    with transaction(by=SYSTEM) as now:
        referral = db.session.scalar(
            select(Referral)
            .where(Referral.id == referral_id, Referral.purged_at.is_(None))
            .with_for_update(skip_locked=True)
        )
        if referral is None or db.session.scalar(STILL_DUE, {"id": referral_id}) is None:
            return False
        _purge(referral, now)
        return True


def _purge(referral: Referral, now: datetime) -> None:
    """Everything of her goes at once; what stays is a row without a name for figures."""
    placements = db.session.scalars(
        select(Placement).where(Placement.referral_id == referral.id).with_for_update()
    ).all()
    caller = db.session.get_one(Caller, referral.caller_id)
    questions = db.session.scalars(
        select(HouseQuestion.key_id).where(
            HouseQuestion.placement_id.in_([placement.id for placement in placements])
        )
    )
    looks = db.session.scalars(
        select(BreakGlass).where(BreakGlass.referral_id == referral.id).with_for_update()
    ).all()
    keys = [caller.key_id, *questions]
    keys += [*(each.key_id for each in placements), *(look.key_id for look in looks)]
    reviews = db.session.scalars(
        select(DeclineReview).where(
            DeclineReview.placement_id.in_([each.id for each in placements])
        )
    ).all()
    keys += [review.key_id for review in reviews]
    for review in reviews:
        review.key_id = review.outcome_sealed = None
    referral.region_code = db.session.scalar(
        select(District.region_code)
        .join(Needs, Needs.district_code == District.code)
        .where(Needs.id == referral.needs_id)
    )
    parts = (
        (Needs, referral.needs_id),
        (Safety, referral.safety_id),
        (Caller, referral.caller_id),
    )
    referral.needs_id = referral.safety_id = referral.caller_id = None
    referral.purged_at = now
    # The reference stands in somebody's notebook: it must lead nowhere from now on.
    referral.ref = "R-" + _code(7)
    for placement in placements:
        placement.key_id = placement.override_note_sealed = None
        placement.override_cost, placement.offer_code = "", _code(6)
    for look in looks:
        look.key_id = look.reason_sealed = None
    db.session.flush()
    for model, part_id in parts:
        _rows(delete(model).where(model.id == part_id))
    _purge_traces(referral, [placement.id for placement in placements])
    shred(keys, now)
    db.session.merge(Tombstone(kind=Buried.REFERRAL, id=referral.public_id, purged_at=now))
    record(Fact.REFERRAL_PURGED, by=SYSTEM, referral_id=referral.id)


def _code(length: int) -> str:
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(length))


def _purge_traces(referral: Referral, placement_ids: list[int]) -> None:
    """What other tables say of her: ties, questions, texts, tasks, and lines of plans."""
    mine = referral.id
    _rows(delete(Task).where(or_(Task.referral_id == mine, Task.placement_id.in_(placement_ids))))
    _rows(delete(Message).where(Message.placement_id.in_(placement_ids)))
    told = select(Event.id).where(Event.referral_id == mine)
    _rows(delete(Message).where(Message.event_id.in_(told)))
    _rows(delete(HouseQuestion).where(HouseQuestion.placement_id.in_(placement_ids)))
    _rows(delete(FormKey).where(FormKey.referral_id == mine))
    _rows(delete(ReferralLink).where(or_(ReferralLink.a_id == mine, ReferralLink.b_id == mine)))
    _rows(delete(PreAlertReferral).where(PreAlertReferral.referral_id == mine))
    _rows(delete(CostQuestion).where(CostQuestion.referral_id == mine))
    newest = db.session.scalar(
        select(PlanLine)
        .join(PlanRun, PlanRun.id == PlanLine.run_id)
        .where(PlanLine.referral_id == mine)
        .order_by(PlanRun.as_of.desc())
        .limit(1)
    )
    lines = delete(PlanLine).where(PlanLine.referral_id == mine)
    if newest is not None and referral.state == ReferralState.UNMET:
        # Why nothing was found is counted for as long as figures look back: in codes alone.
        newest.reasons = [{"code": reason["code"]} for reason in newest.reasons]
        newest.unlock, newest.alternatives = [], None
        lines = lines.where(PlanLine.id != newest.id)
    _rows(lines)


def _end(referral: Referral, now: datetime) -> None:
    """Close what was open when an old backup was made: no bed is kept for a purged record."""
    for placement in db.session.scalars(
        select(Placement)
        .where(Placement.referral_id == referral.id, Placement.state.in_(list(LEAVES)))
        .order_by(Placement.id)
        .with_for_update()
    ).all():
        placement.state = LEAVES[PlacementState(placement.state)]
    if (state := CLOSES.get(ReferralState(referral.state))) is not None:
        referral.move(state, at=now)
        referral.closed_at = now


def _purge_texts(before: datetime, now: datetime) -> int:
    """A text's id stays for ever, so that its replay is still known; what it said goes."""
    old = db.session.scalars(
        select(SmsInbox)
        .where(
            SmsInbox.received_at <= before,
            SmsInbox.handled_at.is_not(None),
            SmsInbox.body_sealed.is_not(None) | SmsInbox.from_phone_sealed.is_not(None),
        )
        .order_by(SmsInbox.received_at)
        .limit(TEXTS_AT_ONCE)  # the rest within the next hours
        .with_for_update(skip_locked=True)
    ).all()
    shred([row.key_id for row in old], now)
    for row in old:
        row.key_id = row.from_phone_sealed = row.body_sealed = None
        row.from_phone_index = row.from_phone_index_key = None
    _rows(
        update(Message)
        .where(Message.created_at <= before, Message.state.in_(ENDED), Message.variables != {})
        .values(variables={})
    )
    return len(old)


def _purge_plans(before: datetime, now: datetime) -> int:
    """A problem holds what every woman needed, so no hold on one keeps it; her own lines stay."""
    asked_held = exists().where(
        LegalHold.referral_id == CostQuestion.referral_id, LegalHold.lifted_at.is_(None)
    )
    _rows(delete(CostQuestion).where(CostQuestion.asked_at <= before, ~asked_held))
    newest = select(PriceRun.id).order_by(PriceRun.id.desc()).limit(1).scalar_subquery()
    _rows(delete(PriceRun).where(PriceRun.made_at <= before, PriceRun.id != newest))
    return _rows(
        update(PlanRun)
        .where(PlanRun.as_of <= before, PlanRun.purged_at.is_(None))
        .values(problem={}, plan={}, other_plans=[], purged_at=now)
    )


def _purge_pre_alerts(before: datetime) -> int:
    old = select(PreAlert.id).where(PreAlert.ended_at <= before)
    _rows(delete(Rehearsal).where(Rehearsal.pre_alert_id.in_(old)))
    _rows(delete(PreAlertReferral).where(PreAlertReferral.pre_alert_id.in_(old)))
    return _rows(delete(PreAlert).where(PreAlert.ended_at <= before))


def _rows(statement: Any) -> int:
    """How many rows a statement changed."""
    done = db.session.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount) if isinstance(done, CursorResult) else 0
