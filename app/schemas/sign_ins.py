"""Forms about signing in, proving it, and what to sign in with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.schemas import one
from app.services.passwords import LONGEST, SHORTEST, TOO_SHORT

EMAIL_HELP = "Type a work e-mail address, like name@force.example."
CODE_HELP = "Type the 6 digits that the app shows now."
JOIN_HELP = "Type the code that you were given, like 7K2M-4QXR-9TWF-H3PC-6VNB-8DJG."
TOO_LONG = "That is too long to be a password."


@dataclass(frozen=True, kw_only=True)
class SignInAsked:
    """What the sign-in form holds; ``code`` is empty for people without an authenticator app."""

    email: str
    password: str
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class CodeAsked:
    """A code of an authenticator app, or one that lets somebody in."""

    code: str


@dataclass(frozen=True, kw_only=True)
class PasskeyAnswer:
    """What a passkey answered, as JSON that only its library reads; ``label`` names a new one."""

    credential: str
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class PasswordAsked:
    """A new password; ``current`` is empty for somebody who has none yet."""

    password: str
    current: str = ""


class SignInSchema(Schema):
    email = fields.String(
        required=True,
        validate=validate.Length(3, 254, error=EMAIL_HELP),
        error_messages={"required": EMAIL_HELP},
    )
    password = fields.String(
        required=True,
        validate=validate.Length(max=LONGEST, error=TOO_LONG),
        error_messages={"required": "Type your password."},
    )
    code = fields.String(validate=validate.Length(max=20, error=CODE_HELP))

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {name: one(values, name) for name in ("email", "code")}
        found["password"] = _as_typed(values, "password")
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> SignInAsked:
        return SignInAsked(**data)


class _CodeSchema(Schema):
    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        return {"code": text} if (text := one(values, "code")) else {}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> CodeAsked:
        return CodeAsked(**data)


class AppCodeSchema(_CodeSchema):
    code = fields.String(
        required=True,
        validate=validate.Length(max=20, error=CODE_HELP),
        error_messages={"required": CODE_HELP},
    )


class JoinSchema(_CodeSchema):
    code = fields.String(
        required=True,
        validate=validate.Length(max=80, error=JOIN_HELP),
        error_messages={"required": JOIN_HELP},
    )


class PasskeySchema(Schema):
    credential = fields.String(
        required=True,
        error_messages={"required": "Nothing came from the passkey. Try once more."},
    )
    label = fields.String(
        validate=validate.Length(max=40, error="Use a name of at most 40 characters.")
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {name: one(values, name) for name in ("credential", "label")}
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> PasskeyAnswer:
        return PasskeyAnswer(**data)


class PasswordSchema(Schema):
    current = fields.String(validate=validate.Length(max=LONGEST, error=TOO_LONG))
    password = fields.String(
        required=True,
        validate=[
            validate.Length(min=SHORTEST, error=TOO_SHORT),
            validate.Length(max=LONGEST, error=TOO_LONG),
        ],
        error_messages={"required": TOO_SHORT},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {name: _as_typed(values, name) for name in ("current", "password")}
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> PasswordAsked:
        return PasswordAsked(**data)


def _as_typed(values: Mapping[str, list[str]], name: str) -> str:
    """A password: spaces at its ends belong to it."""
    return (values.get(name) or [""])[0]
