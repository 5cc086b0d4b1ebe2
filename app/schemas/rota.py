"""The form that puts a number of the house on duty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate

from app.models.clocks import Day
from app.schemas import one
from app.schemas.care import DayField
from app.services.rota import NewSlot

TIME_HELP = "Type a time like 22:00."
TYPED_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]?([0-5][0-9])")
PHONE_OF_HOUSE = "Choose a number of the house."
TURN_HELP = "Choose first, second or third."


class TimeField(fields.Field[time]):
    """A time of London's day, such as 22:00, 7.30 or 0730; 24:00 is midnight."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> time:
        typed = "00:00" if str(value) == "24:00" else str(value)
        found = TYPED_TIME.fullmatch(typed)
        if found is None:
            raise ValidationError(TIME_HELP)
        return time(int(found[1]), int(found[2]))


class NewSlotSchema(Schema):
    phone = fields.UUID(
        required=True,
        error_messages={"required": PHONE_OF_HOUSE, "invalid_uuid": PHONE_OF_HOUSE},
    )
    position = fields.Integer(
        required=True,
        validate=validate.Range(1, 3, error=TURN_HELP),
        error_messages={"required": TURN_HELP, "invalid": TURN_HELP},
    )
    days = fields.List(
        fields.Enum(Day, by_value=True, error_messages={"unknown": "Choose from the days."})
    )
    first_on = DayField(load_default=None)
    last_on = DayField(load_default=None)
    from_time = TimeField(required=True, error_messages={"required": TIME_HELP})
    until_time = TimeField(required=True, error_messages={"required": TIME_HELP})

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, Any]:
        found: dict[str, Any] = {name: one(values, name) for name in self.fields if name != "days"}
        return {name: text for name, text in found.items() if text} | {
            "days": values.get("days", [])
        }

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewSlot:
        return NewSlot(**data | {"days": tuple(data["days"])})
