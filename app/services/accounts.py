"""Who may sign in: accounts, sign-ins, and ending them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, func, select, update

from app.actors import REFUGE, SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.models.accounts import Organisation, OrganisationKind, SignIn, User
from app.models.beds import Refuge
from app.policy import visible_users

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(seconds=30)
MIN_PASSWORD = 15
DEMO_DOMAIN = "@demo.waymark.example"
WRONG = "That e-mail address and password do not belong together. Check both and try again."

# OWASP's second argon2id profile: 50 to 70 ms on the machine this was measured on.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))

KIND_OF_ROLE = {
    Role.OFFICER: OrganisationKind.FORCE,
    Role.FORCE_SUPERVISOR: OrganisationKind.FORCE,
    Role.REFUGE_WORKER: OrganisationKind.CHARITY,
    Role.REFUGE_MANAGER: OrganisationKind.CHARITY,
    Role.CHARITY_MANAGER: OrganisationKind.CHARITY,
    Role.COORDINATOR: OrganisationKind.COORDINATION,
    Role.ADMINISTRATOR: OrganisationKind.COORDINATION,
    Role.DATA_PROTECTION_LEAD: OrganisationKind.COORDINATION,
}


@dataclass(frozen=True, kw_only=True)
class NewUser:
    """An account to be made; no password means: only by one-tap sign-in of the demonstration."""

    role: Role
    name: str
    email: str
    organisation: str
    refuge: str = ""
    password: str = ""


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account as the administrator's list shows it."""

    public_id: UUID
    name: str
    email: str
    role: Role
    organisation: str
    refuge: str
    is_active: bool


def create_organisation(
    name: str, *, kind: OrganisationKind, force_code: str | None = None, by: Actor
) -> int:
    """Register a force, a charity or the desk; returns its id."""
    _only_for(by, Role.ADMINISTRATOR)
    with transaction(by=by):
        organisation = Organisation(name=name, kind=kind, force_code=force_code)
        db.session.add(organisation)
        db.session.flush()
        detail: dict[str, object] = {"organisation_id": organisation.id, "kind": kind}
        record(Fact.ORGANISATION_CREATED, by=by, detail=detail)
        return organisation.id


def ensure_organisation(
    name: str, *, kind: OrganisationKind, force_code: str | None = None, by: Actor
) -> None:
    """Register the organisation unless one of this name is there already."""
    with transaction(by=by):
        found = db.session.scalar(select(Organisation.id).where(Organisation.name == name))
    if found is None:
        create_organisation(name, kind=kind, force_code=force_code, by=by)


def create_user(new: NewUser, *, by: Actor) -> UUID:
    """Make an account.

    Raises:
        Invalid: no such organisation or refuge, or one that has no people of this role.
        Conflict: the e-mail address is taken.
    """
    _only_for(by, Role.ADMINISTRATOR)
    if new.password and len(new.password) < MIN_PASSWORD:
        raise Invalid(f"Use at least {MIN_PASSWORD} characters.", field="password")
    password_hash = _hasher.hash(new.password) if new.password else None
    with transaction(by=by):
        organisation = db.session.scalar(
            select(Organisation).where(Organisation.name == new.organisation)
        )
        if organisation is None or organisation.kind != KIND_OF_ROLE[new.role]:
            raise Invalid(
                "Choose an organisation that has people of this role.", field="organisation"
            )
        user = User(
            organisation_id=organisation.id,
            refuge_id=_refuge_for(new, organisation.id),
            role=new.role,
            name=new.name.strip(),
            email=new.email.strip(),
            password_hash=password_hash,
        )
        db.session.add(user)
        db.session.flush()
        record(Fact.USER_CREATED, by=by, subject_user_id=user.id, detail={"role": new.role})
        return user.public_id


def _refuge_for(new: NewUser, organisation_id: int) -> int | None:
    if new.role not in REFUGE:
        return None
    found = db.session.scalar(
        select(Refuge.id).where(
            Refuge.alias == new.refuge, Refuge.organisation_id == organisation_id
        )
    )
    if found is None:
        raise Invalid("Choose a house of this organisation.", field="refuge")
    return found


def list_accounts(*, by: Actor) -> list[Account]:
    """Every account, by organisation and name; administrators only."""
    _only_for(by, Role.ADMINISTRATOR)
    with transaction(by=by):
        rows = db.session.execute(
            visible_users(by)
            .join(Organisation, Organisation.id == User.organisation_id)
            .outerjoin(Refuge, Refuge.id == User.refuge_id)
            .with_only_columns(User, Organisation.name, Refuge.alias)
            .order_by(Organisation.name, User.name)
        ).all()
        return [
            Account(
                public_id=user.public_id,
                name=user.name,
                email=user.email,
                role=Role(user.role),
                organisation=organisation,
                refuge=alias or "",
                is_active=user.is_active,
            )
            for user, organisation, alias in rows
        ]


def list_choices(*, by: Actor) -> tuple[list[tuple[str, str]], list[str]]:
    """Organisations as (name, kind) and refuge aliases that a new account may belong to."""
    _only_for(by, Role.ADMINISTRATOR)
    with transaction(by=by):
        organisations = db.session.execute(
            select(Organisation.name, Organisation.kind).order_by(Organisation.name)
        ).all()
        aliases = db.session.scalars(select(Refuge.alias).order_by(Refuge.alias)).all()
        return [(name, str(kind)) for name, kind in organisations], list(aliases)


def set_active(public_id: UUID, is_active: bool, *, by: Actor) -> None:
    """Let an account sign in or stop it; stopping ends its sign-ins at once."""
    _only_for(by, Role.ADMINISTRATOR)
    with transaction(by=by) as now:
        user = db.session.scalar(
            visible_users(by).where(User.public_id == public_id).with_for_update()
        )
        if user is None:
            raise NotFound("We cannot find that account.")
        if user.id == by.user_id:
            raise NotAllowed("You cannot stop your own account. Ask another administrator.")
        user.is_active = is_active
        if not is_active:
            _end_sign_ins(SignIn.user_id == user.id, now)
        fact = Fact.USER_ENABLED if is_active else Fact.USER_DISABLED
        record(fact, by=by, subject_user_id=user.id)


def sign_in(email: str, password: str) -> str:
    """The token of a new sign-in, to be kept by the browser only.

    Raises:
        NotAllowed: the pair is wrong, or the account is stopped; both read the same.
    """
    with transaction(by=SYSTEM):
        user = db.session.scalar(
            select(User).where(func.lower(User.email) == email.strip().lower())
        )
    # The hash is checked outside the transaction, and for nobody too, so that time tells nothing.
    is_right = _matches(user.password_hash if user and user.password_hash else _NOBODY, password)
    if user is None or not user.password_hash or not user.is_active or not is_right:
        with transaction(by=SYSTEM):
            record(Fact.SIGN_IN_REFUSED, by=SYSTEM, subject_user_id=user.id if user else None)
        raise NotAllowed(WRONG)
    return _start(user)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def sign_in_as_demo_person(public_id: UUID) -> str:
    """One tap, no password. The view that calls this exists in demo mode only."""
    with transaction(by=SYSTEM):
        user = db.session.scalar(
            select(User).where(
                User.public_id == public_id, User.is_active, User.email.endswith(DEMO_DOMAIN)
            )
        )
    if user is None:
        raise NotFound("We cannot find that person of the demonstration.")
    return _start(user)


def demo_people() -> list[Account]:
    """The people of the tour, in the order of the story."""
    story = [
        *(Role.OFFICER, Role.COORDINATOR, Role.REFUGE_WORKER, Role.REFUGE_MANAGER),
        *(Role.CHARITY_MANAGER, Role.FORCE_SUPERVISOR, Role.ADMINISTRATOR),
        Role.DATA_PROTECTION_LEAD,
    ]
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(User, Organisation.name, Refuge.alias)
            .join(Organisation, Organisation.id == User.organisation_id)
            .outerjoin(Refuge, Refuge.id == User.refuge_id)
            .where(User.email.endswith(DEMO_DOMAIN), User.is_active)
        ).all()
    people = [
        Account(
            public_id=user.public_id,
            name=user.name,
            email=user.email,
            role=Role(user.role),
            organisation=organisation,
            refuge=alias or "",
            is_active=True,
        )
        for user, organisation, alias in rows
    ]
    return sorted(people, key=lambda person: (story.index(person.role), person.name))


def _start(user: User) -> str:
    token = secrets.token_urlsafe(32)
    actor = user.as_actor()
    with transaction(by=actor):
        db.session.add(SignIn(token_sha256=_digest(token), user_id=user.id))
        record(Fact.SIGNED_IN, by=actor)
    return token


def who_is(token: str, *, is_present: bool = True) -> Actor | None:
    """The person whose live sign-in this is; None when it ended, idled out or was stopped.

    ``is_present`` is False for what a page left open asks by itself: it keeps no sign-in alive.
    """
    with transaction(by=SYSTEM) as now:
        row = db.session.execute(
            select(SignIn, User)
            .join(User, User.id == SignIn.user_id)
            .where(
                SignIn.token_sha256 == _digest(token),
                SignIn.ended_at.is_(None),
                SignIn.last_seen_at > now - IDLE,
                SignIn.started_at > now - LONGEST,
                User.is_active,
            )
        ).first()
        if row is None:
            return None
        found, user = row
        if is_present and found.last_seen_at < now - SEEN_EVERY:
            found.last_seen_at = now
        return replace(user.as_actor(), sign_in_id=found.id, proved_at=found.proved_at)


def sign_out(token: str, *, by: Actor) -> None:
    """End this sign-in; the cookie is worth nothing afterwards."""
    with transaction(by=by) as now:
        _end_sign_ins(SignIn.token_sha256 == _digest(token), now)
        record(Fact.SIGNED_OUT, by=by)


def _end_sign_ins(which: ColumnElement[bool], now: datetime) -> None:
    db.session.execute(update(SignIn).where(which, SignIn.ended_at.is_(None)).values(ended_at=now))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _only_for(by: Actor, *roles: Role) -> None:
    """Raises NotAllowed unless ``by`` has one of ``roles``, or is Waymark itself."""
    if by.role not in (*roles, Role.SYSTEM):
        raise NotAllowed("Your account may not do this.")
