"""What a room costs everybody else, as a person reads it before choosing it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.db import db
from app.errors import Invalid
from app.models.plans import CostQuestion, PlanLine

NOT_KNOWN = "Not known when it was decided: she could not wait."
PLANS_OWN = "Nothing: it is the plan's own room."
BEING_WORKED_OUT = (
    "What this room costs the others is being worked out. Look again in some seconds, or say that"
    " she cannot wait."
)
READ_FIRST = "Read what this room costs the others. Then ask the house, if it is still right."


class CostUnread(Invalid):
    """A room is chosen whose cost the person has not read; ``is_known`` when it can be read now."""

    def __init__(self, *, is_known: bool) -> None:
        super().__init__(READ_FIRST if is_known else BEING_WORKED_OUT, field="room")
        self.is_known = is_known


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One room's price for the others.

    ``short`` is what weighs most; ``levels`` and ``touches`` say it level by level and whom it
    touches, by request; ``loss`` holds the figures behind them, more being worse. Where the plan
    could not give her the room at all, ``short`` says why, and the rest is empty.
    """

    short: str
    levels: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    loss: tuple[tuple[str, int], ...] = ()
    is_allowed: bool = True

    @property
    def said(self) -> str:
        """The whole of it, in sentences."""
        return " ".join([*self.levels, *self.touches]) or self.short

    def token(self, room: object) -> str:
        """What a form sends back to say that exactly this was read of this room."""
        return hashlib.sha256(f"{room} {self.said}".encode()).hexdigest()[:16]


def cost_from(entry: dict[str, Any]) -> Cost:
    """A cost as a plan line's alternative or a question's answer keeps it."""
    return Cost(
        short=entry["cost_text"],
        levels=tuple(entry.get("levels", ())),
        touches=tuple(entry.get("touches", ())),
        loss=tuple(sorted(entry.get("loss", {}).items())),
        is_allowed=entry["allowed"],
    )


def known_cost(line: PlanLine | None, room_id: int) -> Cost | None:
    """What this plan line says of the room, or what the worker has answered since; else None."""
    if line is None:
        return None
    if line.room_id == room_id:
        return Cost(short=PLANS_OWN)
    for entry in line.alternatives or []:
        if entry["room_id"] == room_id:
            return cost_from(entry)
    answer = db.session.scalar(
        select(CostQuestion.answer).where(
            CostQuestion.referral_id == line.referral_id,
            CostQuestion.room_id == room_id,
            CostQuestion.run_id == line.run_id,
        )
    )
    return cost_from(answer) if answer else None
