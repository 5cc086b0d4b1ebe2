"""What a house says of a room by date: closures, windows, days of moving on. Days are London's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.london import day_begins
from app.models.beds import CostOwner
from app.schemas import one
from app.services.beds import READY_CHOICES
from app.services.void_steps import Terms

DAY = "Choose a day, like 3 12 2026, or leave it empty."
NO_DAY = "Choose a day."
READY = "Choose a time from the list."
PAYER = "Choose who pays from the list."


@dataclass(frozen=True, kw_only=True)
class Closing:
    """A closure: its reason, when and at whose cost."""

    reason: str
    terms: Terms


@dataclass(frozen=True, kw_only=True)
class Dates:
    """From the first minute of a day to the first of another; None: open."""

    opens_at: datetime
    closes_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Ready:
    """How long a room is made ready; None: as everywhere."""

    minutes: int | None


def _day(*, required: bool = False) -> fields.Date:
    words: dict[str, Any] = {"required": NO_DAY, "invalid": NO_DAY if required else DAY}
    given: dict[str, Any] = {"required": True} if required else {"load_default": None}
    return fields.Date(format="iso", error_messages=words, **given)


def _payer() -> fields.Enum[CostOwner]:
    return fields.Enum(
        CostOwner,
        by_value=True,
        load_default=CostOwner.NOT_SAID,
        error_messages={"unknown": PAYER},
    )


class _Flat(Schema):
    """Single answers, the empty ones left out."""

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        return {name: text for name in self.fields if (text := one(values, name))}


class TermsSchema(_Flat):
    """Another end or another payer; ``back_on`` is the first day it can be used again."""

    back_on = _day()
    cost_owner = _payer()

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Terms:
        return _terms(data)


class ClosingSchema(_Flat):
    """A closure from a day on; without one it begins now."""

    reason = fields.String(
        required=True,
        validate=validate.Length(1, 40, error="Choose a reason."),
        error_messages={"required": "Choose a reason."},
    )
    starts_on = _day()
    back_on = _day()
    cost_owner = _payer()

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Closing:
        return Closing(reason=data["reason"], terms=_terms(data))


def _terms(data: dict[str, Any]) -> Terms:
    starts_on, back_on = data.get("starts_on"), data["back_on"]
    return Terms(
        starts_at=day_begins(starts_on) if starts_on else None,
        until=day_begins(back_on) if back_on else None,
        cost_owner=data["cost_owner"],
    )


class WindowSchema(_Flat):
    """When a surge or hotel place is open; ``closes_on`` is the first day it is closed again."""

    opens_on = _day(required=True)
    closes_on = _day()

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Dates:
        closes_on = data["closes_on"]
        return Dates(
            opens_at=day_begins(data["opens_on"]),
            closes_at=day_begins(closes_on) if closes_on else None,
        )


class TurnaroundSchema(_Flat):
    """Minutes to make a room ready; empty: as everywhere."""

    minutes = fields.Integer(
        load_default=None,
        validate=validate.OneOf(READY_CHOICES, error=READY),
        error_messages={"invalid": READY, "too_large": READY},
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Ready:
        return Ready(minutes=data["minutes"])
