"""The form that adds a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.actors import Role
from app.schemas import one
from app.schemas.sign_ins import EMAIL_HELP
from app.services.accounts import NewUser

PEOPLE = [role for role in Role if role is not Role.SYSTEM]


class NewUserSchema(Schema):
    """Adding a person; the service checks that role, organisation and house belong together."""

    role = fields.Enum(
        Role,
        by_value=True,
        required=True,
        validate=validate.OneOf(PEOPLE, error="Choose a role."),
        error_messages={"required": "Choose a role.", "unknown": "Choose a role."},
    )
    name = fields.String(
        required=True,
        validate=validate.Length(2, 80, error="Type a name of 2 to 80 characters."),
        error_messages={"required": "Type the person's name."},
    )
    email = fields.Email(
        required=True,
        validate=validate.Length(max=254, error=EMAIL_HELP),
        error_messages={"required": EMAIL_HELP, "invalid": EMAIL_HELP},
    )
    organisation = fields.String(
        required=True, error_messages={"required": "Choose an organisation."}
    )
    refuge = fields.String(load_default="")

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        names = ("role", "name", "email", "organisation", "refuge")
        found = {name: one(values, name) for name in names}
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewUser:
        return NewUser(**data)
