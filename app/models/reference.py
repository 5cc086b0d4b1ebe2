"""Reference data: places, forces, languages, words and clocks, loaded from ``data/``."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Codes, Word, one_of


class Urgency(StrEnum):
    """How fast a place is needed; sets the clock and the priority (1 is placed first)."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    PLANNED = "planned"

    @property
    def priority(self) -> int:
        return {Urgency.EMERGENCY: 1, Urgency.URGENT: 2, Urgency.PLANNED: 3}[self]


class ReasonKind(StrEnum):
    """Whose decision a reason explains; the kinds are never merged."""

    DECLINED_BY_REFUGE = "declined_by_refuge"
    DECLINED_BY_SURVIVOR = "declined_by_survivor"
    WITHDRAWN_BY_REFERRER = "withdrawn_by_referrer"
    NOT_ARRIVED = "not_arrived"
    DEPARTURE = "departure"
    VOID = "void"
    OVERRIDE = "override"
    UNMET = "unmet"
    RECOVERY_EXTENSION = "recovery_extension"
    PAUSED = "paused"
    EXTENSION = "extension"
    TRANSFER = "transfer"
    TRANSFER_ENDED = "transfer_ended"
    LAPSED = "lapsed"
    SUPERSEDED = "superseded"
    QUESTION = "question"


class Jurisdiction(StrEnum):
    """Whose law says how long a woman has at least to recover."""

    ENGLAND_AND_WALES = "england_and_wales"
    SCOTLAND = "scotland"
    NORTHERN_IRELAND = "northern_ireland"
    IRELAND = "ireland"


class HandOnFor(StrEnum):
    """Whom the beds here are not for, and who is told whom to call instead."""

    UNDER_18 = "under_18"
    MAN = "man"


class Region(Base):
    """A region or nation; the finest place that anyone outside a refuge is told.

    ``jurisdiction`` is None on the Crown dependencies, whose law says nothing we know of.
    """

    __tablename__ = "region"
    __table_args__ = (one_of("jurisdiction", Jurisdiction),)
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    in_london: Mapped[bool]
    island: Mapped[str] = mapped_column(Word)
    lat: Mapped[float]
    lon: Mapped[float]
    jurisdiction: Mapped[Jurisdiction | None] = mapped_column(Word)


class PoliceForce(Base):
    """A police force of Britain or Ireland, of today or of 2007."""

    __tablename__ = "police_force"
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Word)
    region_code: Mapped[str | None] = mapped_column(ForeignKey("region.code"))
    lat: Mapped[float]
    lon: Mapped[float]
    is_of_2007: Mapped[bool]
    is_of_today: Mapped[bool]


class District(Base):
    """A postcode district or Irish routing key: the most exact place a request ever holds."""

    __tablename__ = "district"
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    place: Mapped[str] = mapped_column(Text)
    lat: Mapped[float]
    lon: Mapped[float]
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    force_code: Mapped[str | None] = mapped_column(ForeignKey("police_force.code"))
    island: Mapped[str] = mapped_column(Word)
    is_special: Mapped[bool] = mapped_column(server_default=text("false"))
    weight: Mapped[int]


class Language(Base):
    """A spoken or signed language, by ISO 639 code."""

    __tablename__ = "language"
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    autonym: Mapped[str] = mapped_column(Text)
    is_signed: Mapped[bool]


class Feature(Base):
    """Something a room or refuge has and a woman may need."""

    __tablename__ = "feature"
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    asked_as: Mapped[str] = mapped_column(Text)
    shown_as: Mapped[str] = mapped_column(Text)
    is_on_form: Mapped[bool]
    position: Mapped[int]


class Reason(Base):
    """Why something ended the way it did. Codes are stable; a reason is retired, never deleted."""

    __tablename__ = "reason"
    __table_args__ = (
        one_of("kind", ReasonKind),
        Index(
            "uq_reason_number",
            "kind",
            "number",
            unique=True,
            postgresql_where=text("number IS NOT NULL"),
        ),
        Index(
            "uq_reason_text_word",
            "kind",
            "text_word",
            unique=True,
            postgresql_where=text("text_word IS NOT NULL"),
        ),
    )
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    kind: Mapped[ReasonKind] = mapped_column(Word)
    number: Mapped[int | None]
    text_word: Mapped[str | None] = mapped_column(Word)
    text: Mapped[str] = mapped_column(Text)
    owner_side: Mapped[str] = mapped_column(Word)
    is_active: Mapped[bool]
    counts_as_unmet: Mapped[bool]
    position: Mapped[int]


class ClockPolicy(Base):
    """How long each step may take at one urgency, from a date on; a referral keeps its version.

    A row that a referral was made under never changes: another rule is a row of a later date.
    After ``next_number_percent`` of the time to reply without an answer the next number of the
    house is asked, and after ``ring_percent`` at the earliest a person rings. ``wakes``: numbers
    that are not on duty are texted in quiet hours too.
    """

    __tablename__ = "clock_policy"
    __table_args__ = (
        one_of("urgency", Urgency),
        UniqueConstraint("urgency", "valid_from"),
        CheckConstraint("reply_minutes > 0 AND hold_minutes > 0", name="positive"),
        CheckConstraint(
            "0 < acknowledge_minutes AND acknowledge_minutes <= duty_manager_minutes"
            " AND duty_manager_minutes < regional_manager_minutes",
            name="ladder",
        ),
        CheckConstraint("claim_minutes BETWEEN 1 AND 1440", name="claim"),
        CheckConstraint(
            "next_number_percent BETWEEN 1 AND 100 AND ring_percent BETWEEN 1 AND 100",
            name="parts",
        ),
    )
    id: Mapped[BigId]
    urgency: Mapped[Urgency] = mapped_column(Word)
    valid_from: Mapped[date]
    acknowledge_minutes: Mapped[int]
    reply_minutes: Mapped[int]
    hold_minutes: Mapped[int]
    duty_manager_minutes: Mapped[int]
    regional_manager_minutes: Mapped[int]
    claim_minutes: Mapped[int]
    next_number_percent: Mapped[int]
    ring_percent: Mapped[int]
    wakes: Mapped[bool]


class InventoryPolicy(Base):
    """From a date on: when a count of beds is old, how long a room is made ready, when to ask.

    A count is fresh below ``fresh_hours`` and stale from ``stale_hours`` on. A house with stale
    counts is texted at most ``nudges_per_day`` times in 24 hours, only between the two hours of
    London's clock; ``asks_per_hour`` more go to the houses whose answer would change the plan most.
    A room that is to close within ``notice_days`` is not offered any more. The plan asks a house
    that let an offer lapse not for the same woman for ``lapse_rest_minutes``, and one that let
    ``silent_after_lapses`` in a row lapse for nobody, until it is heard of.
    """

    __tablename__ = "inventory_policy"
    __table_args__ = (
        CheckConstraint("0 < fresh_hours AND fresh_hours < stale_hours", name="bands"),
        CheckConstraint(
            "turnaround_minutes BETWEEN 0 AND 20160 AND notice_days >= 0", name="supply"
        ),
        CheckConstraint(
            "nudge_every_hours > 0 AND nudges_per_day >= 0 AND asks_per_hour >= 0"
            " AND 0 <= wakes_at_hour AND wakes_at_hour < sleeps_at_hour AND sleeps_at_hour <= 24",
            name="nudges",
        ),
        CheckConstraint("lapse_rest_minutes >= 0 AND silent_after_lapses >= 1", name="silence"),
    )
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    fresh_hours: Mapped[int]
    stale_hours: Mapped[int]
    turnaround_minutes: Mapped[int]
    notice_days: Mapped[int]
    nudge_every_hours: Mapped[int]
    nudges_per_day: Mapped[int]
    asks_per_hour: Mapped[int]
    wakes_at_hour: Mapped[int]
    sleeps_at_hour: Mapped[int]
    lapse_rest_minutes: Mapped[int] = mapped_column(server_default=text("60"))
    silent_after_lapses: Mapped[int] = mapped_column(server_default=text("3"))


class HandOnContact(Base):
    """Who to call for a person these beds are not for."""

    __tablename__ = "hand_on_contact"
    __table_args__ = (one_of("who", HandOnFor),)
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    who: Mapped[HandOnFor] = mapped_column(Word)
    countries: Mapped[Codes]
    text: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int]


class SmallCountRule(Base):
    """From a day on, the counts that are not shown to people who may see totals alone.

    Source: small_count_rule.csv.
    """

    __tablename__ = "small_count_rule"
    __table_args__ = (
        CheckConstraint("below >= 0 AND to_nearest >= 1", name="size"),
        CheckConstraint("below % to_nearest = 0", name="multiple"),
    )
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    below: Mapped[int]
    to_nearest: Mapped[int]
    text: Mapped[str] = mapped_column(Text)


class RecoveryRule(Base):
    """How many days a woman has at least to recover, by place and date; both days are included.

    A rule whose ``valid_until`` is None holds still. The days of a rule never change: a new law is
    a new row, and a stay keeps the rule of the day on which it began.
    """

    __tablename__ = "recovery_rule"
    __table_args__ = (
        one_of("jurisdiction", Jurisdiction),
        UniqueConstraint("jurisdiction", "valid_from"),
        CheckConstraint("days BETWEEN 1 AND 366", name="days"),
        CheckConstraint("valid_until >= valid_from", name="valid"),
        ExcludeConstraint(
            ("jurisdiction", "="),
            (text("daterange(valid_from, valid_until, '[]')"), "&&"),
            name="one_recovery_rule_a_day",
            using="gist",
        ),
    )
    id: Mapped[BigId]
    jurisdiction: Mapped[Jurisdiction] = mapped_column(Word)
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    days: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)


class SupportItem(Base):
    """Something a house offers a woman who lives there; retired, never deleted."""

    __tablename__ = "support_item"
    code: Mapped[str] = mapped_column(Word, primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool]
    position: Mapped[int]
