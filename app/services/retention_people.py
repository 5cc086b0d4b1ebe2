"""What is kept of people who worked with Waymark: sign-ins go, old accounts lose their person.

An account's row stays, because requests and the audit trail point at it; nothing in it says whose
it was. What a legal hold keeps can name people: whoever touched a held record is kept with it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select

from app.db import db
from app.events import Fact
from app.fields import shred
from app.models.accounts import SignIn, User
from app.models.events import Event
from app.models.factors import Invitation, Passkey, Totp
from app.models.referrals import Referral
from app.models.retention import LegalHold
from app.services.accounts import FORMER, former_email

AT_ONCE = 200


def purge_sign_ins(before: datetime) -> int:
    """Delete sign-ins that were over at ``before``; a step of the caller's transaction."""
    over = func.coalesce(SignIn.ended_at, SignIn.last_seen_at) <= before
    old = db.session.scalars(
        select(SignIn.id).join(User, User.id == SignIn.user_id).where(over, ~_is_held())
    ).all()
    db.session.execute(delete(SignIn).where(SignIn.id.in_(old)))
    return len(old)


def purge_accounts(before: datetime, now: datetime) -> int:
    """Empty accounts that were switched off by ``before`` and have been since."""
    switched_off = (
        select(func.max(Event.at))
        .where(Event.kind == Fact.USER_DISABLED.value, Event.subject_user_id == User.id)
        .correlate(User)
        .scalar_subquery()
    )
    old = db.session.scalars(
        select(User)
        .where(~User.is_active, switched_off <= before, User.name != FORMER, ~_is_held())
        .order_by(User.id)
        .limit(AT_ONCE)  # the rest within the next hours
        .with_for_update(skip_locked=True)
    ).all()
    for user in old:
        _empty(user, now)
    return len(old)


def _empty(user: User, now: datetime) -> None:
    user.name, user.email, user.password_hash = FORMER, former_email(user.public_id), None
    user.force_issuer = user.force_subject = None
    keys = db.session.scalars(select(Totp.key_id).where(Totp.user_id == user.id)).all()
    db.session.flush()
    for model in (SignIn, Passkey, Totp, Invitation):
        db.session.execute(delete(model).where(model.user_id == user.id))
    shred(keys, now)


def _is_held() -> ColumnElement[bool]:
    """Whether this person asked for, or did something with, a record that must be kept."""
    touched = select(Event.actor_user_id).where(Event.referral_id == LegalHold.referral_id)
    return (
        select(LegalHold.id)
        .join(Referral, Referral.id == LegalHold.referral_id)
        .where(
            LegalHold.lifted_at.is_(None),
            or_(
                Referral.officer_id == User.id,
                User.id.in_(touched.correlate(LegalHold).scalar_subquery()),
            ),
        )
        .correlate(User)
        .exists()
    )
