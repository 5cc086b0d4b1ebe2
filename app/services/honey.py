"""Planted records: requests of nobody, so that whoever reaches for one is told of at once.

A planted request is whole and looks like any that an officer withdrew because it was made twice. It
was never waiting, not for a moment, so no plan, text or list has met it; "made twice" keeps it out
of what is expected, and the figures leave it out (``report_referral``). Police lists leave it out
too, by ``is_planted``. A database trigger writes an alert with each event that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import column, func, select, table, update

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Invalid
from app.events import Fact, record
from app.models.accounts import Organisation, User
from app.models.events import Event
from app.models.honey import HoneyRecord
from app.models.referrals import ReferralState
from app.policy import only_for
from app.services.asked import NewReferral
from app.services.referrals import add_referral

CLOSED_AS = "duplicate"
ALERTS_SHOWN = 50
_alert = table(
    "honey_alert",
    *(column(name) for name in ("event_id", "touched_at", "seen_at", "seen_by_id", "ref")),
)


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Somebody reached for a planted record. ``who`` is empty for Waymark itself."""

    event_id: int
    at: datetime
    ref: str
    what: str
    who: str
    role: str
    organisation: str
    is_seen: bool


def plant(new: NewReferral, *, officer: str) -> str:
    """Add a planted request in the name of an officer who has left; returns its reference.

    Runs as the owner of the tables: no service role may plant one.

    Raises:
        Invalid: no such officer, or one who may still sign in and would find it in their list.
    """
    with transaction(by=SYSTEM) as now:
        user = db.session.scalar(
            select(User).where(
                func.lower(User.email) == officer.strip().lower(),
                User.role == Role.OFFICER,
                User.is_active.is_(False),
            )
        )
        if user is None:
            raise Invalid(
                "Name an officer's account that has been stopped: somebody who has left.",
                field="officer",
            )
        by = user.as_actor()
        referral = add_referral(new, by, now)
        detail: dict[str, object] = {"urgency": new.urgency}
        record(Fact.REFERRAL_MADE, by=by, referral_id=referral.id, detail=detail)
        referral.move(ReferralState.WITHDRAWN, at=now)
        referral.closed_at, referral.closed_reason = now, CLOSED_AS
        detail = {"reason": CLOSED_AS}
        record(Fact.REFERRAL_WITHDRAWN, by=by, referral_id=referral.id, detail=detail)
        db.session.add(HoneyRecord(referral_id=referral.id))
        return referral.ref


def list_alerts(*, by: Actor) -> list[Alert]:
    """Who reached for a planted record; those not seen yet first, then the newest."""
    only_for(by, Role.DATA_PROTECTION_LEAD)
    with transaction(by=by):
        rows = db.session.execute(
            select(_alert, Event, User.name, Organisation.name.label("organisation"))
            .select_from(_alert)
            .join(Event, Event.id == _alert.c.event_id)
            .outerjoin(User, User.id == Event.actor_user_id)
            .outerjoin(Organisation, Organisation.id == User.organisation_id)
            .order_by(_alert.c.seen_at.is_not(None), _alert.c.event_id.desc())
            .limit(ALERTS_SHOWN)
        ).all()
        return [
            Alert(
                event_id=row.event_id,
                at=row.touched_at,
                ref=row.ref,
                what=row.Event.kind,
                who=row.name or "",
                role=row.Event.actor_role,
                organisation=row.organisation or "",
                is_seen=row.seen_at is not None,
            )
            for row in rows
        ]


def see_alerts(up_to: int, *, by: Actor) -> int:
    """Say that these alerts are looked into, up to this event; how many were new."""
    only_for(by, Role.DATA_PROTECTION_LEAD)
    with transaction(by=by) as now:
        seen = db.session.scalars(
            update(_alert)
            .where(_alert.c.event_id <= up_to, _alert.c.seen_at.is_(None))
            .values(seen_at=now, seen_by_id=by.user_id)
            .returning(_alert.c.event_id)
        ).all()
        record(Fact.HONEY_SEEN, by=by, detail={"up_to_event": up_to, "alerts": len(seen)})
        return len(seen)
