"""The form that changes a house's number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load

from app.schemas import one
from app.schemas.referrals import PHONE_HELP, PhoneField
from app.services.phones import NewNumber


class NumberSchema(Schema):
    phone = PhoneField(required=True, error_messages={"required": PHONE_HELP})
    is_lost = fields.Boolean()

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"is_lost": one(values, "lost") == "yes"}
        return found | ({"phone": text} if (text := one(values, "phone")) else {})

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewNumber:
        return NewNumber(**data)
