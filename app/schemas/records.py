"""Asking who looked at a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.schemas import one
from app.services.records import Asked, Why

REF_HELP = "Type the reference as it stands on the request: R- and seven letters and digits."
WHY_HELP = "Choose why you ask. It is written down with your look."
LOOK_AGAIN = "This list cannot be read any more. Ask again."
MOST = 2**63 - 1


class AskedSchema(Schema):
    """A reference and a reason; ``before`` is the page's own, to go on."""

    ref = fields.String(
        required=True,
        validate=validate.Regexp(r"R-[0-9A-Z]{7}\Z", error=REF_HELP),
        error_messages={"required": REF_HELP},
    )
    why = fields.Enum(
        Why,
        by_value=True,
        required=True,
        error_messages={"required": WHY_HELP, "unknown": WHY_HELP},
    )
    before = fields.Integer(
        load_default=None,
        validate=validate.Range(1, MOST, error=LOOK_AGAIN),
        error_messages={"invalid": LOOK_AGAIN},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {name: one(values, name) for name in ("ref", "why", "before")}
        found["ref"] = found["ref"].upper()
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Asked:
        return Asked(**data)


class SeenSchema(Schema):
    """The newest alert that stood on the page."""

    up_to = fields.Integer(
        required=True,
        validate=validate.Range(1, MOST, error=LOOK_AGAIN),
        error_messages={"required": LOOK_AGAIN, "invalid": LOOK_AGAIN},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = one(values, "up_to")
        return {"up_to": found} if found else {}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> int:
        up_to: int = data["up_to"]
        return up_to
