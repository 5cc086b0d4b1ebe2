"""What a replay left in the tables, counted; and how its figures are written in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.messages import Message, MessageState, SmsInbox
from app.models.placements import Placement, PlacementState
from app.models.plans import PlanRun
from app.models.reference import Reason
from app.models.referrals import Referral


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Counts over a replay's own requests; texts and plans are those of the whole database."""

    unmet_because: Counter[str]
    declined_because: Counter[str]
    placements: Counter[str]
    answers: Counter[str]
    texts_sent: int
    texts_failed: int
    texts_received: int
    solve_ms: tuple[int, ...]


def look(refs: Sequence[str]) -> Seen:
    """Count what became of these requests; run with the owner's sight."""
    with transaction(by=SYSTEM):
        mine = Placement.referral_id.in_(select(Referral.id).where(Referral.ref.in_(refs)))
        unmet = (
            select(Reason.text)
            .join(Referral, Referral.closed_reason == Reason.code)
            .where(Referral.ref.in_(refs), Referral.state == "unmet")
        )
        declined = (
            select(Reason.text)
            .join(Placement, Placement.reason_code == Reason.code)
            .where(mine, Placement.state == PlacementState.DECLINED)
        )
        answered = select(Placement.answered_by_channel).where(
            mine, Placement.answered_by_channel.is_not(None)
        )
        failed = select(func.count(Message.id)).where(Message.state == MessageState.FAILED)
        sent = select(func.count(Message.id)).where(Message.provider_sid.is_not(None))
        received = select(func.count(SmsInbox.message_sid))
        return Seen(
            unmet_because=Counter(db.session.scalars(unmet)),
            declined_because=Counter(db.session.scalars(declined)),
            placements=Counter(db.session.scalars(select(Placement.state).where(mine))),
            answers=Counter(str(channel) for channel in db.session.scalars(answered)),
            texts_sent=db.session.scalar(sent) or 0,
            texts_failed=db.session.scalar(failed) or 0,
            texts_received=db.session.scalar(received) or 0,
            solve_ms=tuple(db.session.scalars(select(PlanRun.solve_ms))),
        )


def row(name: str, value: object) -> str:
    """One line of a table."""
    return f"{name:<66}{value}"


def share(part: int, whole: int) -> str:
    """``part``, and how much of the whole it is."""
    return f"{part} ({100 * part / whole:.1f} %)" if whole else f"{part}"


def duration(minutes: int) -> str:
    """Minutes in words."""
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
