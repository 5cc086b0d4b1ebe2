"""Forms about a promised room and a stay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load

from app.schemas import one
from app.schemas.pre_alerts import ClockField
from app.services.asked import ExpectedAt


class SeenHoldSchema(Schema):
    """The end of a hold that the person had read."""

    seen = fields.AwareDateTime(format="iso", required=True)

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        seen = one(values, "seen")
        return {"seen": seen} if seen else {}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> datetime:
        seen: datetime = data["seen"]
        return seen


class SetOutSchema(Schema):
    """When she may be there, by London's clock, if anybody knows."""

    expected = ClockField(load_default=None)

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        expected = one(values, "expected")
        return {"expected": expected} if expected else {}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> ExpectedAt:
        return ExpectedAt(at=data["expected"])
