"""A person's own account: what they sign in with, where they are signed in, what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.actors import PASSKEY_ONLY, Actor, Role
from app.db import db, transaction
from app.events import Fact
from app.models.accounts import SignIn, User
from app.models.events import Event
from app.services.factors import Factors, factors_of, refuse_to_change_factors
from app.services.own_passkeys import PasskeyShown, list_passkeys
from app.services.sign_ins import OpenSignIn, list_open

SHOWN = 10
# What somebody should know of their own account; nothing else of the audit trail is shown here.
TOLD = (
    *(Fact.SIGNED_IN, Fact.SIGN_IN_REFUSED, Fact.SIGN_IN_ATTACKED, Fact.PROOF_REFUSED),
    *(Fact.PASSKEY_ADDED, Fact.PASSKEY_REMOVED, Fact.PASSKEY_DOUBTED, Fact.SIGN_INS_ENDED),
    *(Fact.AUTHENTICATOR_ADDED, Fact.AUTHENTICATOR_REMOVED, Fact.PASSWORD_CHANGED),
    *(Fact.INVITATION_USED, Fact.RECOVERY_STARTED),
)


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One thing that happened to the account; ``by_role`` is empty where it was its owner."""

    kind: str
    at: datetime
    by_role: str


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """One's own account."""

    name: str
    email: str
    factors: Factors
    needs_passkey: bool
    is_set_up: bool
    how: str
    passkeys: list[PasskeyShown]
    sign_ins: list[OpenSignIn]
    happenings: list[Happening]


def show(*, by: Actor) -> AccountPage:
    """Everything that a person may see of their own account."""
    passkeys, sign_ins = list_passkeys(by=by), list_open(by=by)
    with transaction(by=by):
        user = db.session.get_one(User, by.user_id)
        how = db.session.scalar(select(SignIn.how).where(SignIn.id == by.sign_in_id))
        return AccountPage(
            name=user.name,
            email=user.email,
            factors=factors_of(by.user_id),
            needs_passkey=by.role in PASSKEY_ONLY,
            is_set_up=by.is_set_up,
            how=how or "",
            passkeys=passkeys,
            sign_ins=sign_ins,
            happenings=_happenings(by),
        )


def check_may_change(*, by: Actor) -> None:
    """Raises ProofNeeded when somebody with a second factor must prove with it first."""
    with transaction(by=by) as now:
        refuse_to_change_factors(by, now)


def _happenings(by: Actor) -> list[Happening]:
    rows = db.session.scalars(
        select(Event)
        .where(Event.subject_user_id == by.user_id, Event.kind.in_(TOLD))
        .order_by(Event.id.desc())
        .limit(SHOWN)
    ).all()
    own = (by.user_id, None)
    return [
        Happening(
            kind=row.kind,
            at=row.at,
            by_role="" if row.actor_user_id in own else Role(row.actor_role),
        )
        for row in rows
    ]
