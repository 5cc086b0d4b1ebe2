"""Duty and regional managers: who is told when a request has waited too long, from day to day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, or_, select

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Invalid, NotFound
from app.events import Fact, record
from app.fields import open_field, seal
from app.london import london_day
from app.models.accounts import Organisation, OrganisationKind
from app.models.clocks import EscalationContact, Level
from app.policy import only_for
from app.services.proof import refuse_unless_proved


@dataclass(frozen=True, kw_only=True)
class NewManager:
    """Somebody to be told; from and until are days in London, both included."""

    level: Level
    organisation: str
    name: str
    phone: str
    from_day: date
    until_day: date | None = None


@dataclass(frozen=True, kw_only=True)
class ManagerShown:
    """One manager as the administrator's list shows it."""

    public_id: UUID
    level: str
    organisation: str
    name: str
    phone: str
    from_day: date
    until_day: date | None
    is_told_now: bool


@dataclass(frozen=True, kw_only=True)
class ManagersPage:
    """Who is told now or from a later day on; ``missing`` names the levels nobody is told at."""

    managers: list[ManagerShown]
    missing: list[str]
    organisations: list[str]


def managers_now(level: Level, now: datetime) -> list[EscalationContact]:
    """Who is told at this level today: a step inside a transaction."""
    today = london_day(now)
    return list(
        db.session.scalars(
            select(EscalationContact)
            .where(
                EscalationContact.level == level,
                EscalationContact.ended_at.is_(None),
                EscalationContact.from_day <= today,
                or_(EscalationContact.until_day.is_(None), EscalationContact.until_day >= today),
            )
            .order_by(EscalationContact.id)
        )
    )


def list_managers(*, by: Actor) -> ManagersPage:
    """Everybody who is told, now or later; those whose time is over stay in the trail alone."""
    only_for(by, Role.ADMINISTRATOR)
    with transaction(by=by) as now:
        today = london_day(now)
        rows = db.session.execute(
            select(EscalationContact, Organisation.name)
            .join(Organisation, Organisation.id == EscalationContact.organisation_id)
            .where(
                EscalationContact.ended_at.is_(None),
                or_(EscalationContact.until_day.is_(None), EscalationContact.until_day >= today),
            )
            .order_by(EscalationContact.level, EscalationContact.from_day, EscalationContact.id)
        ).all()
        shown = [_shown(contact, organisation, today) for contact, organisation in rows]
        told = {each.level for each in shown if each.is_told_now}
        return ManagersPage(
            managers=shown,
            missing=[
                level.value for level in Level if level != Level.ACKNOWLEDGE and level not in told
            ],
            organisations=list(db.session.scalars(_organisations())),
        )


def _organisations() -> Select[str]:
    return (
        select(Organisation.name)
        .where(Organisation.kind != OrganisationKind.FORCE)
        .order_by(Organisation.name)
    )


def _shown(contact: EscalationContact, organisation: str, today: date) -> ManagerShown:
    return ManagerShown(
        public_id=contact.public_id,
        level=contact.level,
        organisation=organisation,
        name=contact.name,
        phone=open_field(contact, "phone"),
        from_day=contact.from_day,
        until_day=contact.until_day,
        is_told_now=contact.from_day <= today,
    )


def add_manager(new: NewManager, *, by: Actor) -> UUID:
    """From a day on, tell somebody.

    Raises:
        Invalid: no such organisation, or the last day is over or before the first.
        ProofNeeded: not before a fresh proof: what goes to this number says who waits.
    """
    only_for(by, Role.ADMINISTRATOR)
    with transaction(by=by) as now:
        refuse_unless_proved(by, now)
        if new.until_day is not None and new.until_day < max(new.from_day, london_day(now)):
            raise Invalid("The last day must not be before the first, or over.", field="until_day")
        organisation_id = db.session.scalar(
            select(Organisation.id).where(
                Organisation.name == new.organisation, Organisation.kind != OrganisationKind.FORCE
            )
        )
        if organisation_id is None:
            raise Invalid("Choose an organisation from the list.", field="organisation")
        made = EscalationContact(
            level=new.level,
            organisation_id=organisation_id,
            name=new.name,
            from_day=new.from_day,
            until_day=new.until_day,
            added_by_id=by.user_id,
        )
        seal(made, phone=new.phone)
        db.session.add(made)
        db.session.flush()
        detail: dict[str, object] = {"manager_id": made.id, "level": new.level.value}
        record(Fact.MANAGER_ADDED, by=by, detail=detail)
        return made.public_id


def end_manager(public_id: UUID, *, by: Actor) -> str:
    """Tell this person no more, from now on; returns the name. Doing it twice is harmless.

    Raises:
        NotFound: no such manager.
        ProofNeeded: not before a fresh proof.
    """
    only_for(by, Role.ADMINISTRATOR)
    with transaction(by=by) as now:
        refuse_unless_proved(by, now)
        found = db.session.scalar(
            select(EscalationContact)
            .where(EscalationContact.public_id == public_id)
            .with_for_update()
        )
        if found is None:
            raise NotFound("We cannot find that manager.")
        if found.ended_at is None:
            found.ended_at = now
            detail: dict[str, object] = {"manager_id": found.id, "level": found.level}
            record(Fact.MANAGER_ENDED, by=by, detail=detail)
        return found.name
