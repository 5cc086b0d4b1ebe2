"""What came of asking a house about its decline."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from app.schemas.care import OneEach

OUTCOME_HELP = "Type what came of it, in 3 to 300 characters."


class OutcomeSchema(OneEach):
    outcome = fields.String(
        required=True,
        validate=validate.Length(3, 300, error=OUTCOME_HELP),
        error_messages={"required": OUTCOME_HELP},
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> str:
        return str(data["outcome"])
