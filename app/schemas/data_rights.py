"""Forms of the data protection lead: which request, and why it is held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.models.retention import HoldReason
from app.schemas import one

REF_HELP = "Type the request's reference, like R-7KQ4M2A."
REASON_HELP = "Choose why the record must be kept."


@dataclass(frozen=True, kw_only=True)
class CopyAsked:
    """Of which request a copy is wanted."""

    ref: str


@dataclass(frozen=True, kw_only=True)
class HoldAsked:
    """Which request is to be held, and why."""

    ref: str
    reason: HoldReason


class CopySchema(Schema):
    """A reference as people read it out: small letters and a missing ``R-`` are put right."""

    ref = fields.String(
        required=True,
        validate=validate.Regexp(r"R-[0-9A-Z]{7}\Z", error=REF_HELP),
        error_messages={"required": REF_HELP},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        typed = one(values, "ref").upper().replace(" ", "")
        ref = typed if typed.startswith("R-") or not typed else f"R-{typed}"
        found = {"ref": ref, "reason": one(values, "reason")}
        return {name: text for name, text in found.items() if text and name in self.fields}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> CopyAsked | HoldAsked:
        return CopyAsked(**data)


class HoldSchema(CopySchema):
    """The same, with a reason from the list."""

    reason = fields.Enum(
        HoldReason,
        by_value=True,
        required=True,
        error_messages={"required": REASON_HELP, "unknown": REASON_HELP},
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> HoldAsked:
        return HoldAsked(**data)
