"""The form that adds a manager who is told when a request has waited too long."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from app.models.clocks import MANAGERS, Level
from app.schemas.care import DAY_HELP, DayField, OneEach
from app.schemas.referrals import PHONE_HELP, PhoneField
from app.services.managers import NewManager

LEVEL_HELP = "Choose duty manager or regional manager."
NAME_HELP = "Type a name of 2 to 80 characters."


class NewManagerSchema(OneEach):
    level = fields.Enum(
        Level,
        by_value=True,
        required=True,
        validate=validate.OneOf(MANAGERS, error=LEVEL_HELP),
        error_messages={"required": LEVEL_HELP, "unknown": LEVEL_HELP},
    )
    organisation = fields.String(
        required=True, error_messages={"required": "Choose an organisation."}
    )
    name = fields.String(
        required=True,
        validate=validate.Length(2, 80, error=NAME_HELP),
        error_messages={"required": NAME_HELP},
    )
    phone = PhoneField(required=True, error_messages={"required": PHONE_HELP})
    from_day = DayField(required=True, error_messages={"required": DAY_HELP})
    until_day = DayField(load_default=None)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewManager:
        return NewManager(**data)
