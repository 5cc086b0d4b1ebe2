"""Break-glass: one look at who asked, with a reason, a fresh proof, and a second person's word.

Asked, approved by somebody else, open for 30 minutes by the database's clock, over. The manager of
her house and the data protection lead are told in the transaction that approves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from app.actors import Actor, Role
from app.authz import Stage, disclose
from app.db import as_waymark, db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.fields import open_field, open_fields, seal
from app.models.access import AccessNotice, BreakGlass
from app.models.accounts import Organisation, User
from app.models.placements import LIVE, Placement
from app.models.referrals import Caller, Referral
from app.policy import only_for, visible_glass, visible_referrals
from app.services.proof import refuse_unless_proved
from app.services.referrals import GONE

ASKERS = (Role.COORDINATOR, Role.FORCE_SUPERVISOR)
SECONDS = (Role.COORDINATOR, Role.DATA_PROTECTION_LEAD)
READERS = (*ASKERS, Role.DATA_PROTECTION_LEAD, Role.REFUGE_MANAGER)
SHORTEST_REASON, LONGEST_REASON = 15, 500
LASTS = timedelta(minutes=30)
WAITS = timedelta(hours=12)  # an asking that nobody has answered by then has lost its reason
SHOWN = 50
ASKED_GONE = "We cannot find that."


@dataclass(frozen=True, kw_only=True)
class GlassShown:
    """One asking and what became of it."""

    public_id: UUID
    ref: str
    asked_by: str
    reason: str
    asked_at: datetime
    approved_by: str
    ends_at: datetime | None
    may_approve: bool
    may_open: bool


@dataclass(frozen=True, kw_only=True)
class GlassPage:
    """What concerns the reader, newest first: to be approved, her own, and what she was told of."""

    looks: list[GlassShown]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Who asked, and how to reach them: one record, until ``ends_at``."""

    ref: str
    officer: str
    force: str
    callback_phone: str
    incident_ref: str
    ends_at: datetime


def check_request(ref: str, *, by: Actor) -> str:
    """The reference itself, where ``by`` may ask for it. Raises NotFound otherwise."""
    only_for(by, *ASKERS)
    with transaction(by=by):
        return _visible(ref, by).ref


def ask(ref: str, reason: str, *, by: Actor) -> UUID:
    """Ask for one look at who asked; nothing is shown before a second person agrees.

    Raises:
        NotFound: no such request for ``by``.
        Invalid: the reason is too short to be one.
        ProofNeeded: not proved lately who is asking.
    """
    only_for(by, *ASKERS)
    said = reason.strip()
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON:
        raise Invalid(
            f"Say why in {SHORTEST_REASON} to {LONGEST_REASON} characters.", field="reason"
        )
    with transaction(by=by) as now:
        refuse_unless_proved(by, now)
        referral = _visible(ref, by)
        glass = BreakGlass(referral_id=referral.id, asked_by_id=by.user_id)
        seal(glass, reason=said)
        db.session.add(glass)
        db.session.flush()
        detail: dict[str, object] = {"break_glass_id": glass.id}
        record(Fact.GLASS_ASKED, by=by, referral_id=referral.id, detail=detail)
        return glass.public_id


def approve(asked: UUID, *, by: Actor) -> None:
    """Agree to somebody else's look; it is open from now for 30 minutes.

    Raises:
        NotFound: no such asking.
        NotAllowed: it is one's own.
        Conflict: it was approved before, or has waited too long.
        ProofNeeded: not proved lately who agrees.
    """
    only_for(by, *SECONDS)
    with transaction(by=by) as now:
        refuse_unless_proved(by, now)
        glass = db.session.scalar(visible_glass(by).where(BreakGlass.public_id == asked))
        if glass is None:
            raise NotFound(ASKED_GONE)
        if glass.asked_by_id == by.user_id:
            raise NotAllowed("Somebody else must agree to this, never the one who asks.")
        glass = db.session.scalar(
            visible_glass(by).where(BreakGlass.public_id == asked).with_for_update()
        )
        if glass is None or glass.approved_at is not None or glass.asked_at < now - WAITS:
            raise Conflict("This was agreed to before, or has waited too long. Ask again.")
        glass.approved_by_id, glass.approved_at, glass.ends_at = by.user_id, now, now + LASTS
        db.session.flush()
        detail: dict[str, object] = {"break_glass_id": glass.id, "told": _tell(glass)}
        record(
            Fact.GLASS_APPROVED,
            by=by,
            referral_id=glass.referral_id,
            subject_user_id=glass.asked_by_id,
            detail=detail,
        )


def _tell(glass: BreakGlass) -> list[int]:
    """The managers of the house that is asked or has her, and the data protection lead."""
    houses = select(Placement.refuge_id).where(
        Placement.referral_id == glass.referral_id, Placement.state.in_(LIVE)
    )
    told = select(User.id).where(
        User.is_active,
        or_(
            User.role == Role.DATA_PROTECTION_LEAD,
            (User.role == Role.REFUGE_MANAGER) & User.refuge_id.in_(houses),
        ),
    )
    with as_waymark():
        ids = list(db.session.scalars(told.order_by(User.id)))
        db.session.add_all(AccessNotice(user_id=each, break_glass_id=glass.id) for each in ids)
    return ids


def open_record(asked: UUID, *, by: Actor) -> Opened:
    """Who asked for her, for the one who broke the glass, while it is open; each look is kept.

    Raises:
        NotFound: no such look of one's own.
        Conflict: nobody has agreed to it yet, or its 30 minutes are over.
        ProofNeeded: not proved lately who is looking.
    """
    only_for(by, *ASKERS)
    with transaction(by=by) as now:
        refuse_unless_proved(by, now)
        glass = db.session.scalar(
            visible_glass(by).where(
                BreakGlass.public_id == asked, BreakGlass.asked_by_id == by.user_id
            )
        )
        if glass is None:
            raise NotFound(ASKED_GONE)
        ends_at = glass.ends_at
        if ends_at is None:
            raise Conflict("Nobody has agreed to this yet.")
        if ends_at <= now:
            raise Conflict("The 30 minutes are over. Ask again if you still need to.")
        referral = db.session.scalars(
            visible_referrals(by).where(Referral.id == glass.referral_id)
        ).one()
        caller = db.session.get_one(Caller, referral.caller_id)
        detail: dict[str, object] = {"break_glass_id": glass.id}
        record(Fact.IDENTITY_VIEWED, by=by, referral_id=referral.id, detail=detail)
        return disclose(
            Opened,
            Stage.BROKEN_GLASS,
            ref=lambda: referral.ref,
            officer=lambda: db.session.get_one(User, referral.officer_id).name,
            force=lambda: db.session.get_one(Organisation, referral.force_id).name,
            callback_phone=lambda: open_field(caller, "callback_phone"),
            incident_ref=lambda: open_field(caller, "incident_ref"),
            ends_at=lambda: ends_at,
        )


def list_looks(*, by: Actor) -> GlassPage:
    """What waits for a second person, one's own, and what one is told of."""
    only_for(by, *READERS)
    asker, second = aliased(User), aliased(User)
    with transaction(by=by) as now:
        found = list(
            db.session.scalars(visible_glass(by).order_by(BreakGlass.id.desc()).limit(SHOWN))
        )
        with as_waymark():  # names and a reference, of what the reader may see
            names = {
                row[0]: (row[1], row[2], row[3] or "")
                for row in db.session.execute(
                    select(BreakGlass.id, Referral.ref, asker.name, second.name)
                    .join(Referral, Referral.id == BreakGlass.referral_id)
                    .join(asker, asker.id == BreakGlass.asked_by_id)
                    .outerjoin(second, second.id == BreakGlass.approved_by_id)
                    .where(BreakGlass.id.in_([each.id for each in found]))
                )
            }
        reasons = open_fields(found, "reason")
        return GlassPage(
            looks=[
                _shown(each, reason, *names[each.id], by, now)
                for each, reason in zip(found, reasons, strict=True)
            ]
        )


def _shown(
    glass: BreakGlass,
    reason: str,
    ref: str,
    asked_by: str,
    approved_by: str,
    by: Actor,
    now: datetime,
) -> GlassShown:
    is_own = glass.asked_by_id == by.user_id
    waits = glass.approved_at is None and glass.asked_at >= now - WAITS
    return GlassShown(
        public_id=glass.public_id,
        ref=ref,
        asked_by=asked_by,
        reason=reason,
        asked_at=glass.asked_at,
        approved_by=approved_by,
        ends_at=glass.ends_at,
        may_approve=waits and not is_own and by.role in SECONDS,
        may_open=is_own and glass.ends_at is not None and glass.ends_at > now,
    )


def _visible(ref: str, by: Actor) -> Referral:
    referral = db.session.scalar(visible_referrals(by).where(Referral.ref == ref))
    if referral is None:
        raise NotFound(GONE)
    return referral
