"""What a house and a woman who lives there plan together: her own house's to read and to write."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import NOW, Created, RandomId, Word, one_of

StayId = Annotated[int, mapped_column(BigInteger, primary_key=True, autoincrement=False)]
Changed = Annotated[datetime, mapped_column(server_default=NOW)]


def _of_her_house() -> ForeignKeyConstraint:
    """The row's house is the house of the stay, so that a house's rows can be told by it alone."""
    return ForeignKeyConstraint(
        ["placement_id", "refuge_id"], ["placement.id", "placement.refuge_id"]
    )


class Recovery(Base):
    """Her minimum right to recover, frozen on the day she came; the database alone writes it."""

    __tablename__ = "recovery"
    __table_args__ = (_of_her_house(),)
    placement_id: Mapped[StayId]
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    rule_id: Mapped[int] = mapped_column(ForeignKey("recovery_rule.id"))
    starts_on: Mapped[date]
    days: Mapped[int]

    @property
    def at_least_until(self) -> date:
        """The last day of the rule's own length; an extension may say a later one."""
        return self.starts_on + timedelta(days=self.days)


class RecoveryExtension(Base):
    """A longer minimum, and why; the latest day of all counts. Never changed, never shortened."""

    __tablename__ = "recovery_extension"
    __table_args__ = (
        _of_her_house(),
        Index("ix_recovery_extension_placement_id", "placement_id"),
    )
    id: Mapped[RandomId]
    placement_id: Mapped[int] = mapped_column(BigInteger)
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    until_day: Mapped[date]
    reason_code: Mapped[str] = mapped_column(ForeignKey("reason.code"))
    recorded_at: Mapped[Created]
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))


class Identification(Base):
    """The days on which the two decisions about her came. Safety: never what they said."""

    __tablename__ = "identification"
    __table_args__ = (
        _of_her_house(),
        CheckConstraint("conclusive_on >= reasonable_on", name="in_order"),
    )
    placement_id: Mapped[StayId]
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    reasonable_on: Mapped[date | None]
    conclusive_on: Mapped[date | None]
    changed_at: Mapped[Changed]
    changed_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))


class SupportState(StrEnum):
    """What became of one kind of support; ``declined`` is her own no."""

    OFFERED = "offered"
    DECLINED = "declined"
    DONE = "done"


class Support(Base):
    """One line of her checklist as it stands; what it was before is in the audit trail."""

    __tablename__ = "support"
    __table_args__ = (_of_her_house(), one_of("state", SupportState))
    placement_id: Mapped[StayId]
    item_code: Mapped[str] = mapped_column(ForeignKey("support_item.code"), primary_key=True)
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[SupportState] = mapped_column(Word)
    on_day: Mapped[date]
    changed_at: Mapped[Changed]
    changed_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))


class StayExtension(Base):
    """A planned day of moving on that was put off, and why. Each is kept; none is changed."""

    __tablename__ = "stay_extension"
    __table_args__ = (
        _of_her_house(),
        CheckConstraint("to_day > from_day", name="later"),
        Index("ix_stay_extension_placement_id", "placement_id"),
    )
    id: Mapped[RandomId]
    placement_id: Mapped[int] = mapped_column(BigInteger)
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    from_day: Mapped[date]
    to_day: Mapped[date]
    reason_code: Mapped[str] = mapped_column(ForeignKey("reason.code"))
    recorded_at: Mapped[Created]
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))


class PlannedMove(Base):
    """Where she plans to move on to; when stands in ``placement.expected_departure_on``."""

    __tablename__ = "planned_move"
    __table_args__ = (_of_her_house(),)
    placement_id: Mapped[StayId]
    refuge_id: Mapped[int] = mapped_column(BigInteger)
    destination_code: Mapped[str | None] = mapped_column(ForeignKey("reason.code"))
    changed_at: Mapped[Changed]
    changed_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
