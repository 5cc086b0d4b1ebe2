"""What happens when a clock runs out: the levels that were reached, and whom they are told to."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Codes, Created, PublicId, Sealed, Word, one_of


class Level(StrEnum):
    """Who should have acted by now, from the desk upwards."""

    ACKNOWLEDGE = "acknowledge"
    DUTY_MANAGER = "duty_manager"
    REGIONAL_MANAGER = "regional_manager"


MANAGERS = (Level.DUTY_MANAGER, Level.REGIONAL_MANAGER)


class Escalation(Base):
    """A level that one request reached. A clock that is set going again can reach it again.

    ``runs_from`` is when the clock was set going, ``due_at`` when it ran out, by the clocks that
    the request was made under; ``reached_at`` when Waymark saw it.
    """

    __tablename__ = "escalation"
    __table_args__ = (
        one_of("level", Level),
        CheckConstraint("runs_from < due_at AND due_at <= reached_at", name="order"),
        UniqueConstraint("referral_id", "level", "runs_from"),
    )
    id: Mapped[BigId]
    referral_id: Mapped[int] = mapped_column(ForeignKey("referral.id"))
    level: Mapped[Level] = mapped_column(Word)
    runs_from: Mapped[datetime]
    due_at: Mapped[datetime]
    reached_at: Mapped[Created]


class EscalationContact(Base):
    """A manager who is told by text when a level is reached, on the days from and until, both in.

    Texts go to this id, never to a typed number; an answer to one changes nothing.
    """

    __tablename__ = "escalation_contact"
    __table_args__ = (
        CheckConstraint("level IN ('duty_manager', 'regional_manager')", name="level"),
        CheckConstraint("until_day >= from_day", name="days"),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    level: Mapped[Level] = mapped_column(Word)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str] = mapped_column(Text)
    key_id: Mapped[UUID]
    phone_sealed: Mapped[Sealed]
    from_day: Mapped[date]
    until_day: Mapped[date | None]
    added_at: Mapped[Created]
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    ended_at: Mapped[datetime | None]


class Claim(Base):
    """Somebody at the desk is on it: one request or one task. It binds nobody else.

    ``ended_at`` is set when it is let go or taken over, and when the next one finds it expired.
    """

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint("num_nonnulls(referral_id, task_id) = 1", name="one_subject"),
        CheckConstraint("expires_at > claimed_at", name="expires"),
        Index("one_claim_of_a_request", "referral_id", unique=True,
              postgresql_where=text("ended_at IS NULL")),
        Index("one_claim_of_a_task", "task_id", unique=True,
              postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    referral_id: Mapped[int | None] = mapped_column(ForeignKey("referral.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    claimed_at: Mapped[Created]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    was_let_go: Mapped[bool] = mapped_column(server_default=text("false"))


class Day(StrEnum):
    """Days of the week, in the order of ``date.weekday()``."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class RotaSlot(Base):
    """A number of a house on duty: on ``days``, between dates, or both, by London's clock.

    The day is that on which the duty begins. An ``until_time`` that is not after ``from_time`` is
    of the next day; two that are the same mean the whole day and night.
    """

    __tablename__ = "rota_slot"
    __table_args__ = (
        CheckConstraint("position BETWEEN 1 AND 3", name="position"),
        CheckConstraint(
            "days <@ ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']"
            " AND (cardinality(days) > 0 OR first_on IS NOT NULL)",
            name="days",
        ),
        CheckConstraint("last_on >= first_on", name="dates"),
        ForeignKeyConstraint(["contact_id", "refuge_id"], ["contact.id", "contact.refuge_id"]),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    refuge_id: Mapped[int] = mapped_column(BigInteger, index=True)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int]
    days: Mapped[Codes]
    first_on: Mapped[date | None]
    last_on: Mapped[date | None]
    from_time: Mapped[time]
    until_time: Mapped[time]
    added_at: Mapped[Created]
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    ended_at: Mapped[datetime | None]
