"""Who may sign in: organisations and the accounts of their people."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select

from app.actors import REFUGE, SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.models.accounts import Organisation, OrganisationKind, User
from app.models.beds import Refuge
from app.policy import only_for, visible_colleagues, visible_users
from app.services.passwords import hash_password

FORMER = "A former user"  # the name of an account whose person has been purged
DEMO_DOMAIN = "@demo.waymark.example"
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


def former_email(public_id: UUID) -> str:
    """What stands in the place of an address that was purged; it can belong to nobody."""
    return f"{public_id}@former.invalid"


@dataclass(frozen=True, kw_only=True)
class NewUser:
    """An account to be made; without a password its person is invited to choose what to use."""

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
    only_for(by, Role.ADMINISTRATOR, Role.SYSTEM)
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
    only_for(by, Role.ADMINISTRATOR, Role.SYSTEM)
    about = (new.name, new.email, new.organisation)
    password_hash = hash_password(new.password, about=about) if new.password else None
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
    only_for(by, Role.ADMINISTRATOR, Role.SYSTEM)
    with transaction(by=by):
        return _listed(visible_users(by))


def list_colleagues(*, by: Actor) -> list[Account]:
    """The other people of the house, by name; its manager only."""
    only_for(by, Role.REFUGE_MANAGER)
    with transaction(by=by):
        return _listed(visible_colleagues(by).where(User.id != by.user_id))


def _listed(users: Select[User]) -> list[Account]:
    rows = db.session.execute(
        users.join(Organisation, Organisation.id == User.organisation_id)
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
    only_for(by, Role.ADMINISTRATOR, Role.SYSTEM)
    with transaction(by=by):
        organisations = db.session.execute(
            select(Organisation.name, Organisation.kind).order_by(Organisation.name)
        ).all()
        aliases = db.session.scalars(select(Refuge.alias).order_by(Refuge.alias)).all()
        return [(name, str(kind)) for name, kind in organisations], list(aliases)


def set_active(public_id: UUID, is_active: bool, *, by: Actor) -> None:
    """Let an account sign in or stop it; stopping ends its sign-ins at once."""
    only_for(by, Role.ADMINISTRATOR, Role.SYSTEM)
    with transaction(by=by):
        user = db.session.scalar(visible_users(by).where(User.public_id == public_id))
        if user is None:
            raise NotFound("We cannot find that account.")
        if user.id == by.user_id:
            raise NotAllowed("You cannot stop your own account. Ask another administrator.")
        if is_active and user.name == FORMER:
            raise NotAllowed("Nothing is left of that account. Make a new one for the person.")
        user.is_active = is_active  # the table's trigger ends the sign-ins
        fact = Fact.USER_ENABLED if is_active else Fact.USER_DISABLED
        record(fact, by=by, subject_user_id=user.id)


def demo_people() -> list[Account]:
    """The people of the tour, in the order of the story."""
    story = [
        *(Role.OFFICER, Role.COORDINATOR, Role.REFUGE_WORKER, Role.REFUGE_MANAGER),
        *(Role.CHARITY_MANAGER, Role.FORCE_SUPERVISOR, Role.ADMINISTRATOR),
        Role.DATA_PROTECTION_LEAD,
    ]
    with transaction(by=SYSTEM):
        people = _listed(select(User).where(User.email.endswith(DEMO_DOMAIN), User.is_active))
    return sorted(people, key=lambda person: (story.index(person.role), person.name))
