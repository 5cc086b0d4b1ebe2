"""Who looked at a request, and what they did: the audit trail as people ask it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Invalid
from app.events import Fact, record
from app.fields import open_fields
from app.models.accounts import Organisation, User
from app.models.beds import Refuge
from app.models.events import Event
from app.models.messages import Contact
from app.policy import only_for, visible_events

SHOWN = 50
MAY_ASK = (Role.COORDINATOR, Role.DATA_PROTECTION_LEAD)
NO_SUCH = "There is no request with that reference. Check it letter by letter."


class Why(StrEnum):
    """Why somebody asks who looked; kept with their own look."""

    SHE_ASKS = "she_asks"
    COMPLAINT = "complaint"
    ALERT = "alert"
    WORRY = "worry"
    ROUTINE = "routine"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question: whose record, why, and from which event backwards (None: from the newest)."""

    ref: str
    why: Why
    before: int | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One look or act. ``channel`` is "web", "text" or empty for Waymark itself."""

    at: datetime
    what: str
    who: str
    role: str
    organisation: str
    channel: str
    stayed_open: bool
    among_others: bool


@dataclass(frozen=True, kw_only=True)
class Looks:
    """A page of the trail of one request, newest first; ``older`` asks for the next page."""

    ref: str
    why: Why
    entries: list[Entry]
    older: int | None


@dataclass(frozen=True, kw_only=True)
class LastCheck:
    """When the whole trail was last checked, and where it was broken (None: whole)."""

    at: datetime
    rows: int
    broken_at: int | None


def who_looked(asked: Asked, *, by: Actor) -> Looks:
    """What the trail holds on one request; the question itself is written down first.

    Raises:
        Invalid: there is no such request.
    """
    only_for(by, *MAY_ASK)
    with transaction(by=by):
        referral_id = db.session.scalar(select(func.referral_id_of(asked.ref)))
        if referral_id is None:
            raise Invalid(NO_SUCH, field="ref")
        detail: dict[str, object] = {"why": asked.why, "before": asked.before}
        record(Fact.TRAIL_VIEWED, by=by, referral_id=referral_id, detail=detail)
        query = (
            visible_events(by)
            .outerjoin(User, User.id == Event.actor_user_id)
            .outerjoin(Organisation, Organisation.id == User.organisation_id)
            .outerjoin(Contact, Contact.id == Event.actor_contact_id)
            .outerjoin(Refuge, Refuge.id == Contact.refuge_id)
            .with_only_columns(Event, User.name, Organisation.name, Contact, Refuge.alias)
            .where(_names(referral_id))
            .order_by(Event.id.desc())
            .limit(SHOWN + 1)
        )
        if asked.before is not None:
            query = query.where(Event.id < asked.before)
        rows = db.session.execute(query).all()
        shown = rows[:SHOWN]
        labels = open_fields([row[3] for row in shown], "label")
        return Looks(
            ref=asked.ref,
            why=asked.why,
            entries=[
                _entry(event, name, organisation, label, alias)
                for (event, name, organisation, _, alias), label in zip(shown, labels, strict=True)
            ],
            older=shown[-1][0].id if len(rows) > SHOWN else None,
        )


def _names(referral_id: int) -> ColumnElement[bool]:
    """By itself, or among others in a list that was shown."""
    listed = Event.detail["referral_ids"].contains([referral_id])
    return or_(Event.referral_id == referral_id, and_(Event.detail.has_key("referral_ids"), listed))


def _entry(
    event: Event, name: str | None, organisation: str | None, label: str, alias: str | None
) -> Entry:
    is_phone = event.actor_contact_id is not None
    return Entry(
        at=event.at,
        what=event.kind,
        who=name or label,
        role=event.actor_role,
        organisation=organisation or alias or "",
        channel="text" if is_phone else "web" if event.actor_user_id is not None else "",
        stayed_open=event.detail.get("live") is True,
        among_others=event.referral_id is None,
    )


def last_check(*, by: Actor) -> LastCheck | None:
    """What the newest check of the whole trail found; None before the first."""
    only_for(by, *MAY_ASK)
    with transaction(by=by):
        found = db.session.scalar(
            visible_events(by)
            .where(Event.kind == Fact.TRAIL_CHECKED.value)
            .order_by(Event.at.desc(), Event.id.desc())
            .limit(1)
        )
        if found is None:
            return None
        return LastCheck(
            at=found.at, rows=found.detail["rows"], broken_at=found.detail.get("broken")
        )
