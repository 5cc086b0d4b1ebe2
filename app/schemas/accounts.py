"""Forms about people: signing in, and adding a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.actors import Role
from app.schemas import one
from app.services.accounts import MIN_PASSWORD, NewUser

EMAIL_HELP = "Type a work e-mail address, like name@force.example."
PEOPLE = [role for role in Role if role is not Role.SYSTEM]


@dataclass(frozen=True, kw_only=True)
class SignInAsked:
    """What the sign-in form holds."""

    email: str
    password: str


class SignInSchema(Schema):
    email = fields.String(
        required=True,
        validate=validate.Length(3, 254, error=EMAIL_HELP),
        error_messages={"required": EMAIL_HELP},
    )
    password = fields.String(
        required=True,
        validate=validate.Length(max=1000, error="That is too long to be a password."),
        error_messages={"required": "Type your password."},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {"email": one(values, "email"), "password": (values.get("password") or [""])[0]}
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> SignInAsked:
        return SignInAsked(**data)


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
    password = fields.String(
        required=True,
        validate=validate.Length(
            MIN_PASSWORD, 1000, error=f"Use at least {MIN_PASSWORD} characters: four words will do."
        ),
        error_messages={"required": "Type a first password; four words will do."},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        names = ("role", "name", "email", "organisation", "refuge")
        found = {name: one(values, name) for name in names}
        found["password"] = (values.get("password") or [""])[0]
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewUser:
        return NewUser(**data)
