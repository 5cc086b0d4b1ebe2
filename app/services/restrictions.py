"""Who must not see a record, and who alone may: lists that hold from the next request on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select

from app.actors import REFUGE, Actor, Role
from app.db import db, transaction
from app.errors import Invalid, NotFound
from app.events import Fact, record
from app.models.access import RecordRule, RuleKind
from app.models.accounts import User
from app.models.referrals import Referral
from app.policy import only_for, visible_referrals, visible_rules, visible_users
from app.services.referrals import GONE

KEEPERS = (Role.COORDINATOR, Role.REFUGE_MANAGER)
RULE_GONE = "We cannot find that line of the list."
ROLE_WORDS = {role: role.value.replace("_", " ") for role in Role}


@dataclass(frozen=True, kw_only=True)
class NewRule:
    """A person to be kept out, or to be one of those who alone may see it, and why."""

    person: UUID
    kind: RuleKind
    reason: str


@dataclass(frozen=True, kw_only=True)
class RuleShown:
    """One person on the list."""

    public_id: UUID
    name: str
    role: str
    kind: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class RulesPage:
    """A record's list, and the people whom the reader may put on it: (id, name and role)."""

    ref: str
    rules: list[RuleShown]
    people: list[tuple[str, str]]


def show_rules(ref: str, *, by: Actor) -> RulesPage:
    """The list of one record. Raises NotFound for those it keeps out, as for everybody else."""
    only_for(by, *KEEPERS)
    with transaction(by=by):
        referral = _visible(ref, by)
        rows = db.session.execute(
            visible_rules(by)
            .join(User, User.id == RecordRule.user_id)
            .where(RecordRule.referral_id == referral.id, RecordRule.ended_at.is_(None))
            .with_only_columns(RecordRule, User.name, User.role)
            .order_by(RecordRule.id)
        ).all()
        record(Fact.RULES_VIEWED, by=by, referral_id=referral.id)
        return RulesPage(
            ref=referral.ref,
            rules=[
                RuleShown(
                    public_id=rule.public_id,
                    name=name,
                    role=ROLE_WORDS[Role(role)],
                    kind=rule.kind,
                    reason=rule.reason,
                    at=rule.at,
                )
                for rule, name, role in rows
            ],
            people=[
                (str(user.public_id), f"{user.name}, {ROLE_WORDS[Role(user.role)]}")
                for user in db.session.scalars(_choosable(referral, by).order_by(User.name))
            ],
        )


def add_rule(ref: str, new: NewRule, *, by: Actor) -> None:
    """Put a person on the list; it holds on the very next request.

    Whoever lets only some see a record is one of them.

    Raises:
        NotFound: no such record for ``by``.
        Invalid: nobody whom ``by`` may choose, or herself to be kept out.
        Conflict: the person is on the list already.
    """
    only_for(by, *KEEPERS)
    with transaction(by=by):
        referral = _visible(ref, by)
        user = db.session.scalar(_choosable(referral, by).where(User.public_id == new.person))
        if user is None:
            raise Invalid("Choose a person from the list.", field="person")
        if new.kind is RuleKind.ALLOW and user.role not in REFUGE:
            raise Invalid("Only somebody of a house can be named like this.", field="person")
        if new.kind is RuleKind.DENY and user.id == by.user_id:
            raise Invalid("You cannot keep yourself out. Ask somebody else.", field="person")
        narrows = new.kind is RuleKind.ALLOW and by.role in REFUGE and user.id != by.user_id
        if narrows and not _is_allowed(referral, by):
            assert by.user_id is not None  # noqa: S101 - a signed-in manager
            _add(referral, by.user_id, new, by)  # first, or the record would be gone for her
        _add(referral, user.id, new, by)


def _add(referral: Referral, user_id: int, new: NewRule, by: Actor) -> None:
    db.session.add(
        RecordRule(
            referral_id=referral.id,
            user_id=user_id,
            kind=new.kind,
            reason=new.reason,
            by_id=by.user_id,
        )
    )
    record(
        Fact.RULE_ADDED,
        by=by,
        referral_id=referral.id,
        subject_user_id=user_id,
        detail={"kind": new.kind},
    )


def _is_allowed(referral: Referral, by: Actor) -> bool:
    mine = visible_rules(by).where(
        RecordRule.referral_id == referral.id,
        RecordRule.user_id == by.user_id,
        RecordRule.kind == RuleKind.ALLOW,
        RecordRule.ended_at.is_(None),
    )
    return db.session.scalar(mine) is not None


def end_rule(public_id: UUID, *, by: Actor) -> str:
    """Take a person off the list; returns the record's reference. Doing it twice is harmless.

    Raises:
        NotFound: no such line for ``by``.
    """
    only_for(by, *KEEPERS)
    with transaction(by=by) as now:
        rule = db.session.scalar(
            visible_rules(by).where(RecordRule.public_id == public_id).with_for_update()
        )
        if rule is None:
            raise NotFound(RULE_GONE)
        if rule.ended_at is None:
            rule.ended_at, rule.ended_by_id = now, by.user_id
            record(
                Fact.RULE_ENDED,
                by=by,
                referral_id=rule.referral_id,
                subject_user_id=rule.user_id,
                detail={"kind": rule.kind},
            )
        ref: str = db.session.scalars(
            visible_referrals(by)
            .where(Referral.id == rule.referral_id)
            .with_only_columns(Referral.ref)
        ).one()
        return ref


def _choosable(referral: Referral, by: Actor) -> Select[User]:
    return visible_users(by).where(User.is_active, User.id != referral.officer_id)


def _visible(ref: str, by: Actor) -> Referral:
    referral = db.session.scalar(visible_referrals(by).where(Referral.ref == ref))
    if referral is None:
        raise NotFound(GONE)
    return referral
