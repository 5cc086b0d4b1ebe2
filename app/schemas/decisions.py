"""What the duty coordinator decides: lines confirmed, another room, an answer given by phone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.schemas import one
from app.services.matching import Choice

ALL_LINES = "all"
OTHER_ROOM = "other"
MOST_LINES = 500
# "R-7K2M9QX:" and the public id of a room of another house.
ONE_MORE = r"R-[0-9A-Z]{7}:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"
LOOK_AGAIN = "The plan on your screen cannot be read any more. Look at the newest one."
TICK_ONE = "Tick at least one line to confirm."
CHOOSE_ROOM = "Choose a room."


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """The lines of one plan that a person has decided for; ``also`` are rooms of other houses."""

    run_id: UUID
    refs: list[str]
    also: dict[str, list[UUID]] = field(default_factory=dict)


class ConfirmSchema(Schema):
    """The ticked lines, or all that stood on the page, and the houses ticked beside each."""

    run_id = fields.UUID(
        required=True, error_messages={"required": LOOK_AGAIN, "invalid_uuid": LOOK_AGAIN}
    )
    refs = fields.List(
        fields.String(validate=validate.Regexp(r"R-[0-9A-Z]{7}\Z", error=LOOK_AGAIN)),
        required=True,
        validate=validate.Length(1, MOST_LINES, error=TICK_ONE),
    )
    also = fields.List(
        fields.String(validate=validate.Regexp(ONE_MORE, error=LOOK_AGAIN)),
        load_default=list,
        validate=validate.Length(max=MOST_LINES, error=LOOK_AGAIN),
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, Any]:
        everything = one(values, "which") == ALL_LINES
        refs = values.get("shown" if everything else "line", [])
        found = {
            "run_id": one(values, "run"),
            "refs": list(dict.fromkeys(refs)),
            "also": values.get("also", []),
        }
        return {name: given for name, given in found.items() if given or name == "refs"}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Confirmed:
        also: dict[str, list[UUID]] = defaultdict(list)
        for ref, _colon, room in (each.partition(":") for each in data["also"]):
            also[ref].append(UUID(room))
        return Confirmed(**data | {"also": dict(also)})


class OverrideSchema(Schema):
    """A room from the list, or another free one, with a reason from the list, and what was read."""

    room = fields.UUID(
        required=True, error_messages={"required": CHOOSE_ROOM, "invalid_uuid": CHOOSE_ROOM}
    )
    reason = fields.String(
        required=True,
        validate=validate.Length(1, 40, error="Choose a reason."),
        error_messages={"required": "Choose a reason."},
    )
    note = fields.String(
        load_default="", validate=validate.Length(max=500, error="Keep the note to 500 characters.")
    )

    read = fields.List(
        fields.String(validate=validate.Length(max=16, error=LOOK_AGAIN)),
        load_default=list,
        validate=validate.Length(max=MOST_LINES, error=LOOK_AGAIN),
    )
    cannot_wait = fields.Boolean(load_default=False)

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, Any]:
        found: dict[str, Any] = {name: one(values, name) for name in ("room", "reason", "note")}
        if found["room"] == OTHER_ROOM:
            found["room"] = one(values, "other_room")
        found["read"] = values.get("read", [])
        found["cannot_wait"] = "yes" if values.get("cannot_wait") else ""
        return {name: given for name, given in found.items() if given}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Choice:
        return Choice(**data | {"read": frozenset(data["read"])})
