"""Plans the engine proposed, kept whole so that any past decision can be looked at again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created, Json, JsonList, RandomId, Word


class PlanRun(Base):
    """One solve: the problem as it was, the plan, the proof's figures, and what made them.

    ``other_plans`` are clearly different plans, ``{costs, differs: [{ref, room_id}]}``.
    ``made_with`` names the engine's version and those of the libraries it solves with;
    ``seconds_allowed`` is the limit that the search was given.
    """

    __tablename__ = "plan_run"
    __table_args__ = (Index("ix_plan_run_created_at", "created_at"),)
    id: Mapped[RandomId]
    created_at: Mapped[Created]
    as_of: Mapped[datetime]
    problem: Mapped[Json]
    problem_sha256: Mapped[str] = mapped_column(Text)
    plan: Mapped[Json]
    plan_sha256: Mapped[str] = mapped_column(Text, server_default=text("''"))
    made_with: Mapped[Json]
    seconds_allowed: Mapped[float] = mapped_column(server_default=text("0"))
    status: Mapped[str] = mapped_column(Word)
    solve_ms: Mapped[int]
    other_plans: Mapped[JsonList]
    is_explained: Mapped[bool] = mapped_column(server_default=text("false"))
    purged_at: Mapped[datetime | None]


class PlanLine(Base):
    """What the plan says of one referral. ``room_id`` is missing when no room is proposed."""

    __tablename__ = "plan_line"
    __table_args__ = (UniqueConstraint("run_id", "referral_id"),)
    id: Mapped[BigId]
    run_id: Mapped[UUID] = mapped_column(ForeignKey("plan_run.id"))
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"), index=True)
    refuge_id: Mapped[int | None] = mapped_column(ForeignKey("refuge.id"))
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"))
    reasons: Mapped[JsonList]
    unlock: Mapped[JsonList]
    alternatives: Mapped[list[Any] | None] = mapped_column(JSONB)


class CostQuestion(Base):
    """A person asks what this room for her would cost the others; ``run_id`` is whose answer."""

    __tablename__ = "cost_question"
    __table_args__ = (
        UniqueConstraint("referral_id", "room_id"),
        CheckConstraint("(run_id IS NULL) = (answer IS NULL)", name="answered"),
        Index("ix_cost_question_asked_at", "asked_at"),
    )
    id: Mapped[BigId]
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"))
    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"))
    asked_at: Mapped[Created]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("plan_run.id"))
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
