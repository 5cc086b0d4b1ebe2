"""The numbers that a house gets its texts on, and changing one without handing the house over.

Whoever takes a number over, or signs in as the manager for a moment, must not be able to answer for
the house: a new number answers by itself after a day, the old one hears of it and goes on until
then, and the desk rings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Conflict, NotFound
from app.events import Fact, record
from app.fields import PHONE, any_of, open_field, seal
from app.models.beds import Refuge
from app.models.messages import Contact, TaskKind
from app.notices import Template
from app.outbox import close_tasks, open_task, owe
from app.policy import only_for, visible_refuges
from app.services.duty import in_use
from app.services.proof import refuse_unless_proved

COOLS_DOWN_FOR = timedelta(hours=24)
TOLD_WITHIN = timedelta(hours=24)
GONE = "We cannot find that number."


@dataclass(frozen=True, kw_only=True)
class NewNumber:
    """What the manager typed. ``is_lost`` stops the old number at once, as it may be stolen."""

    phone: str
    is_lost: bool = False


@dataclass(frozen=True, kw_only=True)
class PhoneShown:
    """One number of the house."""

    public_id: UUID
    label: str
    phone: str
    is_stopped: bool
    answers_from: datetime | None
    ends_at: datetime | None


def list_phones(*, by: Actor) -> list[PhoneShown]:
    """The house's numbers; its manager only. ``answers_from`` is empty once it is past."""
    only_for(by, Role.REFUGE_MANAGER)
    with transaction(by=by) as now:
        rows = db.session.scalars(
            _visible(by).where(in_use(now)).order_by(Contact.position, Contact.id)
        ).all()
        return [_shown(row, now) for row in rows]


def show_phone(public_id: UUID, *, by: Actor) -> PhoneShown:
    """One number of the house.

    Raises:
        NotFound: no such number of this house.
    """
    only_for(by, Role.REFUGE_MANAGER)
    with transaction(by=by) as now:
        refuse_unless_proved(by, now)
        return _shown(_find(public_id, by, now), now)


def _shown(row: Contact, now: datetime) -> PhoneShown:
    is_new = row.answers_from is not None and row.answers_from > now
    return PhoneShown(
        public_id=row.public_id,
        label=open_field(row, "label"),
        phone=open_field(row, "phone"),
        is_stopped=row.stopped_at is not None,
        answers_from=row.answers_from if is_new else None,
        ends_at=row.ends_at,
    )


def change_number(public_id: UUID, new: NewNumber, *, by: Actor) -> None:
    """Replace a number of the house; both are told, and the desk rings.

    Raises:
        NotFound: no such number of this house.
        Conflict: the new number is in use, or the old one is being replaced already.
        ProofNeeded: not before a fresh proof.
    """
    only_for(by, Role.REFUGE_MANAGER)
    with transaction(by=SYSTEM) as now:  # a house owes no texts and opens no tasks itself
        refuse_unless_proved(by, now)
        old = _find(public_id, by, now, lock=True)
        if old.ends_at is not None:
            raise Conflict("That number is being replaced already.")
        settled = now + COOLS_DOWN_FOR
        old.ends_at = now if new.is_lost else settled
        made = Contact(
            refuge_id=old.refuge_id,
            position=old.position,
            verified_at=now,
            replaces_id=old.id,
            answers_from=settled,
        )
        if db.session.scalar(
            select(Contact.id).where(any_of(Contact.phone_index, PHONE, new.phone), in_use(now))
        ):
            raise Conflict("That number is in use already.")
        seal(made, phone=new.phone, label=open_field(old, "label"))
        db.session.add(made)
        db.session.flush()
        _tell(Template.NUMBER_REPLACED, old, made, now)
        _tell(Template.NUMBER_ADDED, made, made, now)
        open_task(TaskKind.NUMBER_CHANGED, contact_id=made.id)
        detail: dict[str, object] = {"contact": made.id, "replaces": old.id, "lost": new.is_lost}
        record(Fact.NUMBER_CHANGED, by=by, refuge_id=old.refuge_id, detail=detail)


def keep_old_number(public_id: UUID, *, by: Actor) -> None:
    """Undo a change while the new number still cools down; the new one is worth nothing any more.

    Raises:
        NotFound: no such new number, or not of the manager's own house.
        Conflict: it has settled, or was undone already.
    """
    only_for(by, Role.REFUGE_MANAGER, Role.COORDINATOR)
    with transaction(by=SYSTEM) as now:
        made = _find(public_id, by, now, lock=True)
        if made.answers_from is None or made.answers_from <= now:
            raise Conflict("That number has been the house's for a day. Change it instead.")
        old = db.session.scalars(
            _visible(by).where(Contact.id == made.replaces_id).with_for_update()
        ).one()
        made.ends_at = now
        old.ends_at = None
        close_tasks(TaskKind.NUMBER_CHANGED, contact_id=made.id)
        detail: dict[str, object] = {"contact": old.id, "instead_of": made.id}
        record(Fact.NUMBER_KEPT, by=by, refuge_id=old.refuge_id, detail=detail)


def _tell(template: Template, to: Contact, made: Contact, now: datetime) -> None:
    owe(
        template,
        {},
        contact_id=to.id,
        dedupe_key=f"number:{made.id}:{to.id}",
        not_after=now + TOLD_WITHIN,
    )


def _find(public_id: UUID, by: Actor, now: datetime, *, lock: bool = False) -> Contact:
    query = _visible(by).where(Contact.public_id == public_id, in_use(now))
    found = db.session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound(GONE)
    return found


def _visible(by: Actor) -> Select[Contact]:
    houses = visible_refuges(by).with_only_columns(Refuge.id)
    return select(Contact).where(Contact.refuge_id.in_(houses))
