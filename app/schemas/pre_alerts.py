"""The form of a pre-alert: how many, where and when, as the desk was told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate

from app.london import LONDON
from app.schemas import one
from app.services.asked import NewPreAlert

MOST_WOMEN = 60
HOW_MANY = f"Type a number from 1 to {MOST_WOMEN}."
CHILDREN = "Type how many bring a child; 0 if you do not know."
DAY, CLOCK = "Choose a day.", "Type a time such as 05:30."
FORM_LOST = "Part of the form was lost. Type it once more."


class ClockField(fields.Field[time]):
    """A time of day as people type it: 05:30, 5.30 or 0530."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> time:
        found = re.fullmatch(r"([0-9]{1,2})[:. ]?([0-9]{2})", str(value).strip())
        try:
            return time(int(found[1]), int(found[2])) if found else self._refuse()
        except ValueError:
            return self._refuse()

    def _refuse(self) -> time:
        raise ValidationError(CLOCK)


def _whole(words: str, least: int, *, missing: int | None = None) -> fields.Integer:
    given: dict[str, Any] = {"required": True} if missing is None else {"load_default": missing}
    return fields.Integer(
        validate=validate.Range(least, MOST_WOMEN, error=words),
        error_messages={"invalid": words, "required": words, "too_large": words},
        **given,
    )


def _day() -> fields.Date:
    return fields.Date(
        format="iso", required=True, error_messages={"required": DAY, "invalid": DAY}
    )


def _codes(longest: int) -> fields.Field[Any]:
    one_code = fields.String(validate=validate.Length(max=40, error="Choose from the list."))
    most = validate.Length(max=longest, error="Choose fewer.")
    return fields.List(one_code, load_default=list, validate=most)


class PreAlertSchema(Schema):
    """Days and times are London's."""

    form_key = fields.UUID(
        required=True, error_messages={"required": FORM_LOST, "invalid_uuid": FORM_LOST}
    )
    women_least = _whole(HOW_MANY, 1)
    women_most = _whole(HOW_MANY, 1)
    with_children = _whole(CHILDREN, 0, missing=0)
    region = fields.String(
        required=True,
        validate=validate.Length(1, 40, error="Choose a region."),
        error_messages={"required": "Choose a region."},
    )
    languages = _codes(20)
    needs = _codes(20)
    from_day, until_day = _day(), _day()
    from_time = ClockField(required=True, error_messages={"required": CLOCK})
    until_time = ClockField(required=True, error_messages={"required": CLOCK})

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, Any]:
        single = [name for name in self.fields if name not in ("languages", "needs")]
        found: dict[str, Any] = {name: one(values, name) for name in single}
        if not found["women_most"]:
            found["women_most"] = found["women_least"]
        spoken = [*values.get("languages", []), one(values, "other_language")]
        found["languages"] = list(dict.fromkeys(code for code in spoken if code))
        found["needs"] = list(dict.fromkeys(values.get("needs", [])))
        return {name: given for name, given in found.items() if given}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewPreAlert:
        if data["women_most"] < data["women_least"]:
            raise ValidationError("The most cannot be fewer than the fewest.", "women_most")
        if data["with_children"] > data["women_most"]:
            raise ValidationError("That is more than the women expected.", "with_children")
        begins = _moment(data["from_day"], data["from_time"])
        ends = _moment(data["until_day"], data["until_time"])
        if ends <= begins:
            raise ValidationError("The end must be after the beginning.", "until_time")
        return NewPreAlert(
            form_key=data["form_key"],
            women_least=data["women_least"],
            women_most=data["women_most"],
            with_children=data["with_children"],
            region=data["region"],
            languages=tuple(data["languages"]),
            needs=tuple(data["needs"]),
            expected_from=begins,
            expected_until=ends,
        )


def _moment(day: date, at: time) -> datetime:
    return datetime.combine(day, at, LONDON)


class HereSchema(Schema):
    """The ticked requests."""

    refs = fields.List(
        fields.String(validate=validate.Length(max=40, error="Choose from the list.")),
        required=True,
        validate=validate.Length(1, 500, error="Tick the requests that are of this operation."),
        error_messages={"required": "Tick the requests that are of this operation."},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, Any]:
        return {"refs": list(dict.fromkeys(values.get("refs", [])))}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> list[str]:
        refs: list[str] = data["refs"]
        return refs
