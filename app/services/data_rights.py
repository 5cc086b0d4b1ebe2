"""What the data protection lead does for a record: hold it, let it go, give a woman her copy.

Whoever works here proves once more who they are, and what takes two people takes two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.models.accounts import User
from app.models.referrals import Referral
from app.models.retention import HoldReason, LegalHold, SubjectAccess
from app.policy import only_for
from app.services.proof import refuse_unless_proved
from app.services.retention import rules_in_force

NO_REQUEST = "We cannot find that request. It may have been purged already."
NO_HOLD = "We cannot find that hold."
SECOND_PERSON = "Somebody else must agree to this: you asked for it yourself."

LEAD_OR_SECOND = (Role.DATA_PROTECTION_LEAD, Role.COORDINATOR)


@dataclass(frozen=True, kw_only=True)
class HoldShown:
    """A record that is held now; ``may_agree`` when this person may be the second to lift it."""

    public_id: UUID
    ref: str
    reason: HoldReason
    placed_at: datetime
    placed_by: str
    lift_asked_by: str
    may_agree: bool


@dataclass(frozen=True, kw_only=True)
class CopyShown:
    """A copy that was asked for and not taken yet."""

    public_id: UUID
    ref: str
    asked_at: datetime
    asked_by: str
    approved_by: str
    may_approve: bool
    may_take: bool


@dataclass(frozen=True, kw_only=True)
class RuleShown:
    """How long one kind is kept, in words."""

    text: str
    days: int


@dataclass(frozen=True, kw_only=True)
class DataRightsPage:
    """Open holds and copies, oldest first, and the rules of retention in force."""

    holds: list[HoldShown]
    copies: list[CopyShown]
    rules: list[RuleShown]
    is_lead: bool


def show_data_rights(*, by: Actor) -> DataRightsPage:
    """What is held and what was asked for; ids and codes, nothing of anybody's record."""
    only_for(by, *LEAD_OR_SECOND)
    with transaction(by=reads_as(by)) as now:
        return DataRightsPage(
            holds=_holds(by),
            copies=_copies(by),
            rules=[
                RuleShown(text=rule.text, days=rule.days) for rule in rules_in_force(now.date())
            ],
            is_lead=by.role is Role.DATA_PROTECTION_LEAD,
        )


def place_hold(ref: str, reason: HoldReason, *, by: Actor) -> UUID:
    """Keep one record from being purged. One person is enough, because it can be urgent.

    Raises:
        NotFound: no such request, or it is purged.
        Conflict: it is held for this reason already.
        ProofNeeded: prove first who you are.
    """
    only_for(by, Role.DATA_PROTECTION_LEAD)
    with transaction(by=reads_as(by)) as now:
        refuse_unless_proved(by, now)
        referral = find_request(ref)
        hold = LegalHold(referral_id=referral.id, reason=reason, placed_by_id=by.user_id)
        db.session.add(hold)
        db.session.flush()
        _record(Fact.LEGAL_HOLD_PLACED, hold, by)
        return hold.public_id


def lift_hold(public_id: UUID, *, by: Actor) -> bool:
    """Ask that a hold be lifted, or agree to it as the second person. True: it is lifted now.

    Raises:
        NotFound: no such hold, or it is lifted already.
        NotAllowed: the same person asked.
        ProofNeeded: prove first who you are.
    """
    only_for(by, *LEAD_OR_SECOND)
    with transaction(by=reads_as(by)) as now:
        refuse_unless_proved(by, now)
        hold = db.session.scalar(
            select(LegalHold)
            .where(LegalHold.public_id == public_id, LegalHold.lifted_at.is_(None))
            .where(LegalHold.referral_id.in_(select(Referral.id)))  # not one she is kept from
            .with_for_update()
        )
        if hold is None:
            raise NotFound(NO_HOLD)
        if hold.lift_asked_at is None:
            only_for(by, Role.DATA_PROTECTION_LEAD)
            hold.lift_asked_at, hold.lift_asked_by_id = now, by.user_id
            _record(Fact.LEGAL_HOLD_LIFT_ASKED, hold, by)
            return False
        refuse_same_person(hold.lift_asked_by_id, by)
        hold.lifted_at, hold.lifted_by_id = now, by.user_id
        _record(Fact.LEGAL_HOLD_LIFTED, hold, by)
        return True


def find_request(ref: str) -> Referral:
    """The request of this reference, locked against the purge; a step inside a transaction.

    Raises:
        NotFound: there is none, or it is purged.
    """
    found = db.session.scalar(
        select(Referral)
        .where(Referral.ref == ref.strip().upper(), Referral.purged_at.is_(None))
        .with_for_update(key_share=True)
    )
    if found is None:
        raise NotFound(NO_REQUEST)
    return found


def hold_reason(typed: str) -> HoldReason:
    """Raises Invalid for a reason that is not on the list."""
    try:
        return HoldReason(typed)
    except ValueError:
        raise Invalid("Choose why the record must be kept.", field="reason") from None


def reads_as(by: Actor) -> Actor:
    """A lead decides over records that she may not read, so Waymark looks them up for her.

    The desk is its own reader: a record whose list keeps a coordinator out is not there for her.
    """
    return SYSTEM if by.role is Role.DATA_PROTECTION_LEAD else by


def refuse_same_person(asked_by_id: int | None, by: Actor) -> None:
    """Raises NotAllowed when one person would be both."""
    if asked_by_id == by.user_id:
        raise NotAllowed(SECOND_PERSON)


def _holds(by: Actor) -> list[HoldShown]:
    asker = aliased(User)
    query: Select[LegalHold, str, str, str | None] = (
        select(LegalHold, Referral.ref, User.name, asker.name)
        .join(Referral, Referral.id == LegalHold.referral_id)
        .join(User, User.id == LegalHold.placed_by_id)
        .outerjoin(asker, asker.id == LegalHold.lift_asked_by_id)
        .where(LegalHold.lifted_at.is_(None))
        .order_by(LegalHold.placed_at, LegalHold.id)
    )
    return [
        HoldShown(
            public_id=hold.public_id,
            ref=ref,
            reason=HoldReason(hold.reason),
            placed_at=hold.placed_at,
            placed_by=placed_by,
            lift_asked_by=lift_asked_by or "",
            may_agree=hold.lift_asked_by_id not in (None, by.user_id),
        )
        for hold, ref, placed_by, lift_asked_by in db.session.execute(query)
    ]


def _copies(by: Actor) -> list[CopyShown]:
    approver = aliased(User)
    query: Select[SubjectAccess, str, str, str | None] = (
        select(SubjectAccess, Referral.ref, User.name, approver.name)
        .join(Referral, Referral.id == SubjectAccess.referral_id)
        .join(User, User.id == SubjectAccess.asked_by_id)
        .outerjoin(approver, approver.id == SubjectAccess.approved_by_id)
        .where(SubjectAccess.taken_at.is_(None), Referral.purged_at.is_(None))
        .order_by(SubjectAccess.asked_at, SubjectAccess.id)
    )
    return [
        CopyShown(
            public_id=copy.public_id,
            ref=ref,
            asked_at=copy.asked_at,
            asked_by=asked_by,
            approved_by=approved_by or "",
            may_approve=copy.approved_at is None and copy.asked_by_id != by.user_id,
            may_take=copy.approved_at is not None and copy.asked_by_id == by.user_id,
        )
        for copy, ref, asked_by, approved_by in db.session.execute(query)
    ]


def _record(fact: Fact, hold: LegalHold, by: Actor) -> None:
    detail: dict[str, object] = {"hold_id": hold.id, "reason": hold.reason}
    record(fact, by=by, referral_id=hold.referral_id, detail=detail)
