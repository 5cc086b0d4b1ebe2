"""Codes that let one person in once: to begin, or to begin again after a loss.

A code is told or shown by one person to another and typed into a page; it is in no address, so in
no history, log or message of ours.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from app.actors import SYSTEM, Actor, Role
from app.codes import CODE_LETTERS
from app.db import db, transaction
from app.errors import NotAllowed, NotFound
from app.events import Fact, record
from app.models.accounts import How, User
from app.models.factors import Invitation
from app.models.messages import TaskKind
from app.outbox import open_task
from app.policy import only_for, visible_colleagues
from app.services.accounts import NewUser, create_user
from app.services.factors import end_everything
from app.services.proof import refuse_unless_proved
from app.services.sign_ins import start

LASTS = timedelta(hours=72)
GROUPS, SIGNS = 6, 4  # 24 signs of 30: 117 bits, so guessing needs no counting
REFUSED = (
    "That code is not right, was used already, or is older than three days."
    " Check it, or ask for another one."
)


def invite(new: NewUser, *, by: Actor) -> str:
    """Make an account and the code with which its person comes in; shown once, kept nowhere.

    Raises:
        Invalid, Conflict: as ``accounts.create_user``.
    """
    public_id = create_user(new, by=by)
    with transaction(by=SYSTEM):  # codes are read and written by Waymark alone
        user = db.session.scalars(select(User).where(User.public_id == public_id)).one()
        return _make(user, by, is_recovery=False)


def recover(public_id: UUID, *, by: Actor) -> tuple[str, str]:
    """Somebody lost what they sign in with, or it was stolen: it all ends now.

    Returns their name and the code that they need.

    A second person does this for them, having seen or heard that it is them: an administrator, or
    for the people of a house its manager. Nobody does it for themselves. Those whose account it is
    read of it when they sign in, and the desk rings them.

    Raises:
        NotFound: no such account that this person may help with.
        NotAllowed: one's own.
        ProofNeeded: not before a fresh proof of the one who helps.
    """
    only_for(by, Role.ADMINISTRATOR, Role.REFUGE_MANAGER, Role.SYSTEM)
    with transaction(by=SYSTEM) as now:  # what ends is another person's, and hers alone to touch
        user = db.session.scalar(
            visible_colleagues(by).where(User.public_id == public_id, User.is_active)
        )
        if user is None:
            raise NotFound("We cannot find that account.")
        if user.id == by.user_id:
            raise NotAllowed("Somebody else must do this for you: it is how we know it is you.")
        refuse_unless_proved(by, now)
        end_everything(user.id, now)
        user.force_issuer = user.force_subject = None
        db.session.execute(
            update(Invitation)
            .where(Invitation.user_id == user.id, Invitation.ended_at.is_(None))
            .values(ended_at=now)
        )
        record(Fact.RECOVERY_STARTED, by=by, subject_user_id=user.id)
        open_task(TaskKind.ACCOUNT_RECOVERED, user_id=user.id)
        return user.name, _make(user, by, is_recovery=True)


def join(code: str) -> str:
    """The token of a sign-in that may choose what to sign in with from now on.

    Raises:
        NotAllowed: no such code, or it was used, replaced, too old, or its account is stopped.
    """
    with transaction(by=SYSTEM) as now:
        found = db.session.execute(
            update(Invitation)
            .where(
                Invitation.code_sha256 == _digest(code),
                Invitation.ended_at.is_(None),
                Invitation.made_at > now - LASTS,
                Invitation.user_id == User.id,
                User.is_active,
            )
            .values(ended_at=now)
            .returning(User)
        ).scalar()
        if found is not None:
            record(Fact.INVITATION_USED, by=found.as_actor(), subject_user_id=found.id)
            return start(found, How.INVITATION, now)
    raise NotAllowed(REFUSED)


def _make(user: User, by: Actor, *, is_recovery: bool) -> str:
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(GROUPS * SIGNS))
    db.session.add(
        Invitation(
            code_sha256=_digest(code),
            user_id=user.id,
            made_by_id=by.user_id,
            is_recovery=is_recovery,
        )
    )
    record(Fact.INVITATION_MADE, by=by, subject_user_id=user.id)
    return "-".join(code[at : at + SIGNS] for at in range(0, len(code), SIGNS))


def _digest(code: str) -> bytes:
    """Of the signs alone, however they were typed."""
    signs = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(signs.encode()).digest()
