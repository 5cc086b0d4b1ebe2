"""Who is put on a record's list, and why the glass is broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.models.access import RuleKind
from app.schemas import one
from app.services.break_glass import LONGEST_REASON, SHORTEST_REASON
from app.services.restrictions import NewRule

SAY_WHY = f"Say why in {SHORTEST_REASON} to {LONGEST_REASON} characters."
CHOOSE = "Choose a person from the list."
KIND = "Choose what is to hold for this person."


class RuleSchema(Schema):
    """A person from the list, what holds for her, and why."""

    person = fields.UUID(required=True, error_messages={"required": CHOOSE, "invalid_uuid": CHOOSE})
    kind = fields.Enum(
        RuleKind,
        by_value=True,
        required=True,
        error_messages={"required": KIND, "unknown": KIND},
    )
    reason = fields.String(
        required=True,
        validate=validate.Length(3, 200, error="Say why in 3 to 200 characters."),
        error_messages={"required": "Say why in 3 to 200 characters."},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {name: one(values, name) for name in ("person", "kind", "reason")}
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewRule:
        return NewRule(**data)


class WhySchema(Schema):
    """Why one must see who asked."""

    reason = fields.String(
        required=True,
        validate=validate.Length(SHORTEST_REASON, LONGEST_REASON, error=SAY_WHY),
        error_messages={"required": SAY_WHY},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        return {"reason": one(values, "reason")}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> str:
        return str(data["reason"])
