"""Officers who come through their force's own sign-in (OpenID Connect)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, func, select

from app.actors import POLICE, SYSTEM
from app.db import db, transaction
from app.errors import NotAllowed
from app.events import Fact, record
from app.models.accounts import How, Organisation, User
from app.services.sign_ins import start

FRESH_SECONDS = 300
LEEWAY_SECONDS = 60
SEVERAL_FACTORS = "mfa"  # Source: RFC 8176
REFUSED = (
    "Your force's sign-in does not let you in here. It must be of today, with a second factor, and"
    " by the address you are registered with. Ask your administrator, or sign in another way."
)


@dataclass(frozen=True, kw_only=True)
class ForceSaid:
    """What the force's signed answer says. ``signed_in_at`` is in seconds since 1970."""

    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    methods: frozenset[str]
    signed_in_at: float


def by_force(said: ForceSaid, *, force_code: str) -> str:
    """The token of a new sign-in of somebody of this force who is registered here already.

    Raises:
        NotAllowed: not registered, not of this force, stopped; or the force did not ask for a
            second factor within the last five minutes.
    """
    with transaction(by=SYSTEM) as now:
        user = _known(said, force_code) or _by_email(said, force_code)
        if user is not None and said.is_email_verified and _is_good(said):
            user.force_issuer, user.force_subject = said.issuer, said.subject
            return start(user, How.FORCE, now)
        record(Fact.SIGN_IN_REFUSED, by=SYSTEM, subject_user_id=user.id if user else None)
    raise NotAllowed(REFUSED)


def _of_force(force_code: str) -> Select[User]:
    return (
        select(User)
        .join(Organisation, Organisation.id == User.organisation_id)
        .where(Organisation.force_code == force_code, User.role.in_(POLICE), User.is_active)
    )


def _known(said: ForceSaid, force_code: str) -> User | None:
    """Whoever came in as this subject of this issuer before, whatever the address is now."""
    is_same = (User.force_issuer == said.issuer, User.force_subject == said.subject)
    return db.session.scalar(_of_force(force_code).where(*is_same))


def _by_email(said: ForceSaid, force_code: str) -> User | None:
    """The first time. An address that was given to somebody new does not open the old account."""
    is_hers = func.lower(User.email) == said.email.strip().lower()
    is_first = User.force_subject.is_(None)
    return db.session.scalar(_of_force(force_code).where(is_hers, is_first))


def _is_good(said: ForceSaid) -> bool:
    # The force keeps real time: the demonstration's shifted clock is not asked.
    real = float(db.session.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0)
    age = real - said.signed_in_at
    is_fresh = -LEEWAY_SECONDS <= age <= FRESH_SECONDS + LEEWAY_SECONDS
    return is_fresh and SEVERAL_FACTORS in said.methods
