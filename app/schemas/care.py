"""What a house writes down of a stay: days, a reason, a kind of support, a plan to move on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate

from app.models.care import SupportState
from app.schemas import one
from app.services.asked import DecisionDays, LongerRecovery, MovePlan, SupportGiven

DAY_HELP = "Type a day like 24/11/2026."
WRITTEN = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")


def read_day(text: str) -> date:
    """A day as a browser sends it or as people here write it.

    Raises:
        ValidationError: it is no day.
    """
    for form in WRITTEN:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValidationError(DAY_HELP)


class DayField(fields.Field[date]):
    """A day of the calendar."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        return read_day(str(value))


def _code(message: str) -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(1, 40, error=message),
        error_messages={"required": message},
    )


class OneEach(Schema):
    """Each answer once, trimmed; an empty one is no answer."""

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {name: one(values, name) for name in self.fields}
        return {name: text for name, text in found.items() if text}


class LongerRecoverySchema(OneEach):
    until = DayField(required=True, error_messages={"required": DAY_HELP})
    extension_reason = _code("Choose a reason.")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> LongerRecovery:
        return LongerRecovery(**data)


class DecisionDaysSchema(OneEach):
    """Safety: two days and nothing else; there is no field for what a decision said."""

    reasonable_on = DayField(load_default=None)
    conclusive_on = DayField(load_default=None)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> DecisionDays:
        return DecisionDays(**data)


class SupportSchema(OneEach):
    item = _code("Choose a kind of support.")
    state = fields.Enum(
        SupportState,
        by_value=True,
        required=True,
        error_messages={
            "required": "Choose what became of it.",
            "unknown": "Choose what became of it.",
        },
    )
    on_day = DayField(load_default=None)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> SupportGiven:
        return SupportGiven(**data)


class MovePlanSchema(OneEach):
    leaves_on = DayField(load_default=None)
    destination = fields.String(
        load_default="", validate=validate.Length(max=40, error="Choose a place from the list.")
    )
    later_because = fields.String(
        load_default="", validate=validate.Length(max=40, error="Choose a reason.")
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> MovePlan:
        return MovePlan(**data)
