"""What a house reads and writes of a woman who lives there, beside what she needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.models.beds import Room
from app.models.placements import Placement
from app.models.reference import ReasonKind
from app.services.asked import DecisionDays, MovePlan
from app.services.choices import Choice, reason_choices
from app.services.extensions import Extension, extensions_of
from app.services.moving_on import Freeing, destinations, freeing_of, plan_of
from app.services.recovery import RecoveryShown, decisions_of, recovery_of
from app.services.stay_lengths import Curve
from app.services.support import SupportLine, checklist


@dataclass(frozen=True, kw_only=True)
class LivingHere:
    """Her right to recover, the days of decisions, her checklist, her plan and her bed."""

    recovery: RecoveryShown | None
    extension_reasons: list[Choice]
    decisions: DecisionDays
    support: list[SupportLine]
    plan: MovePlan
    extensions: list[Extension]
    later_reasons: list[Choice]
    destinations: list[Choice]
    frees: Freeing


def living_here(placement: Placement, room: Room, curve: Curve, now: datetime) -> LivingHere:
    """A step of the caller's transaction, which has asked whose stay this is."""
    return LivingHere(
        recovery=recovery_of(placement),
        extension_reasons=reason_choices(ReasonKind.RECOVERY_EXTENSION),
        decisions=decisions_of(placement),
        support=checklist(placement),
        plan=plan_of(placement),
        extensions=extensions_of(placement),
        later_reasons=reason_choices(ReasonKind.EXTENSION),
        destinations=destinations(),
        frees=freeing_of(placement, room, curve, now),
    )
