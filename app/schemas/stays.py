"""Forms about a promised room and a stay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.london import LONDON
from app.models.reference import Urgency
from app.schemas import one
from app.schemas.care import DAY_HELP, DayField
from app.schemas.pre_alerts import CLOCK, ClockField
from app.services.asked import ChosenReason, ExpectedAt, NewPause, NewTransfer


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


class PauseSchema(Schema):
    """Why a request waits, and until which day and hour in London."""

    pause_reason = fields.String(
        required=True,
        validate=validate.Length(1, 40, error="Choose a reason."),
        error_messages={"required": "Choose a reason."},
    )
    until_day = DayField(required=True, error_messages={"required": DAY_HELP})
    until_time = ClockField(required=True, error_messages={"required": CLOCK})

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {name: one(values, name) for name in self.fields}
        return {name: text for name, text in found.items() if text}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewPause:
        until = datetime.combine(data["until_day"], data["until_time"], LONDON)
        return NewPause(reason=data["pause_reason"], until=until)


class TransferSchema(Schema):
    """Why she is to move to another house, how soon, and what must be there."""

    transfer_reason = fields.String(
        required=True,
        validate=validate.Length(1, 40, error="Choose a reason."),
        error_messages={"required": "Choose a reason."},
    )
    transfer_urgency = fields.Enum(
        Urgency,
        by_value=True,
        required=True,
        error_messages=dict.fromkeys(("required", "unknown"), "Choose how soon."),
    )
    transfer_needs = fields.List(
        fields.String(validate=validate.Length(max=40, error="Choose from the list.")),
        load_default=list,
        validate=validate.Length(max=40, error="Choose fewer."),
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: one(values, name) for name in ("transfer_reason", "transfer_urgency")
        }
        found["transfer_needs"] = list(dict.fromkeys(values.get("transfer_needs", [])))
        return {name: given for name, given in found.items() if given}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewTransfer:
        return NewTransfer(
            reason=data["transfer_reason"],
            urgency=data["transfer_urgency"],
            needs=tuple(data["transfer_needs"]),
        )


class EndTransferSchema(Schema):
    """Why a move to another house is called off."""

    end_reason = fields.String(
        required=True,
        validate=validate.Length(1, 40, error="Choose a reason."),
        error_messages={"required": "Choose a reason."},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        reason = one(values, "end_reason")
        return {"end_reason": reason} if reason else {}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> ChosenReason:
        return ChosenReason(reason=data["end_reason"])


class MoveRoomSchema(Schema):
    """Another room of the same house."""

    to_room = fields.UUID(
        required=True,
        error_messages=dict.fromkeys(("required", "invalid_uuid"), "Choose a room."),
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        room = one(values, "to_room")
        return {"to_room": room} if room else {}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> UUID:
        room: UUID = data["to_room"]
        return room
