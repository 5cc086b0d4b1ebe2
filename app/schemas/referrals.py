"""The officer's forms: eight questions asked in a kitchen, and what may follow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import phonenumbers
from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_load,
    pre_load,
    validate,
    validates_schema,
)

from app.models.reference import HandOnFor, Urgency
from app.models.referrals import LinkKind, London
from app.schemas import one
from app.services.asked import AvoidedPlace, ChosenReason, NewChild, NewReferral

CHILD_ROWS = 8
AVOID_ROWS = 6
AVOID_KM = (8, 16, 32, 80)  # 5, 10, 20 and 50 miles
PLACE_HELP = "Type the first half of the postcode, like SE15 or D01, or the town."
PHONE_HELP = "Type a phone number that reaches you now, like 07700 900123."
LOST_PART = "Part of the form was lost. Open a new request and type it again."
AGE_HELP = "Type the child's age in whole years, 0 for a baby."
WHO_HELP = "Choose whether she is a woman aged 18 or over."
SINGLES = (
    "who",
    *("form_key", "place", "urgency", "household", "language", "callback_phone"),
    *("incident_ref", "may_share", "london", "same_as", "tie", "hide_from"),
)
HIDE_HELP = "Type e-mail addresses, like name@force.police.uk, with a space between; at most five."
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{3,190}")
MOST_HIDDEN = 5
FULL_POSTCODE = re.compile(r"^([A-Z]{1,2}[0-9][0-9A-Z]?) ?[0-9][A-Z]{2}$")
FULL_EIRCODE = re.compile(r"^([A-Z][0-9][0-9W]) ?[0-9A-Z]{4}$")


def hand_on_for(values: Mapping[str, list[str]]) -> HandOnFor | None:
    """Whom the officer asks for when these beds are not for them; the rest stays unread."""
    who = one(values, "who")
    return HandOnFor(who) if who in set(HandOnFor) else None


def tidy_place(text: str) -> str:
    """A district's code, or a town's name. Safety: a full postcode is cut here and kept nowhere.

    Raises:
        ValidationError: this can be neither.
    """
    tidy = " ".join(text.split())
    code = tidy.upper()
    for pattern in (FULL_POSTCODE, FULL_EIRCODE):
        if match := pattern.match(code):
            return match[1]
    if re.fullmatch(r"[A-Z]{1,2}[0-9][0-9A-Z]?(-IE)?", code, re.ASCII):
        return code
    if not re.fullmatch(r"[^\W\d_][^\d_]{1,58}", tidy):
        raise ValidationError(PLACE_HELP)
    return tidy


def british_phone(text: str) -> str:
    """E.164 for a number typed in Britain or Ireland.

    Raises:
        ValidationError: no telephone could have this number.
    """
    for country in ("GB", "IE"):
        try:
            number = phonenumbers.parse(text, country)
        except phonenumbers.NumberParseException:
            continue
        # A short local number would be possible too, but reaches nobody from elsewhere.
        how = phonenumbers.is_possible_number_with_reason(number)
        if how == phonenumbers.ValidationResult.IS_POSSIBLE and len(text) <= 40:
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    raise ValidationError(PHONE_HELP)


class PlaceField(fields.String):
    """A postcode district, a routing key or a town."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return tidy_place(super()._deserialize(value, attr, data, **kwargs))


class PhoneField(fields.String):
    """A telephone number, kept as E.164."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return british_phone(super()._deserialize(value, attr, data, **kwargs))


class AddressesField(fields.String):
    """E-mail addresses, parted by commas or spaces, each once."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        typed = re.split(r"[\s,;]+", super()._deserialize(value, attr, data, **kwargs).lower())
        found = tuple(dict.fromkeys(each for each in typed if each))
        if len(found) > MOST_HIDDEN or not all(EMAIL.fullmatch(each) for each in found):
            raise ValidationError(HIDE_HELP)
        return found


class ChildSchema(Schema):
    age = fields.Integer(
        required=True,
        validate=validate.Range(0, 17, error="A child is 0 to 17 years old."),
        error_messages={
            "invalid": AGE_HELP,
            "required": AGE_HELP,
        },
    )
    sex = fields.String(
        load_default=None, validate=validate.OneOf(["f", "m"], error="Choose girl or boy.")
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewChild:
        return NewChild(**data)


class AvoidSchema(Schema):
    place = PlaceField(required=True, error_messages={"required": PLACE_HELP})
    km = fields.Integer(
        load_default=AVOID_KM[1],
        validate=validate.OneOf(AVOID_KM, error="Choose how far away she must be."),
        error_messages={"invalid": "Choose how far away she must be."},
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> AvoidedPlace:
        return AvoidedPlace(**data)


class ReferralSchema(Schema):
    """The urgent form. Rows are flat in the form: ``children-0-age``, ``avoid-0-place``."""

    who = fields.String(
        required=True,
        validate=validate.OneOf(["woman"], error=WHO_HELP),
        error_messages={"required": WHO_HELP},
    )
    form_key = fields.UUID(
        required=True, error_messages={"required": LOST_PART, "invalid_uuid": LOST_PART}
    )
    place = PlaceField(required=True, error_messages={"required": PLACE_HELP})
    urgency = fields.Enum(
        Urgency,
        by_value=True,
        required=True,
        error_messages={
            "required": "Choose how soon she needs a place.",
            "unknown": "Choose how soon she needs a place.",
        },
    )
    household = fields.String(
        required=True,
        validate=validate.OneOf(["alone", "children"], error="Choose alone or with children."),
        error_messages={"required": "Choose alone or with children."},
    )
    children = fields.List(fields.Nested(ChildSchema, allow_none=True), load_default=[])
    language = fields.String(
        required=True,
        validate=validate.Length(2, 12, error="Choose the language she speaks best."),
        error_messages={"required": "Choose the language she speaks best."},
    )
    needs = fields.List(
        fields.String(validate=validate.Length(1, 40, error="Choose from the list.")),
        load_default=[],
        validate=validate.Length(max=20, error="Choose from the list."),
    )
    may_share = fields.Boolean(
        load_default=False, error_messages={"invalid": "Tick the box or leave it."}
    )
    avoid = fields.List(fields.Nested(AvoidSchema, allow_none=True), load_default=[])
    unsafe_regions = fields.List(
        fields.String(validate=validate.Length(1, 40, error="Choose from the list.")),
        load_default=[],
        validate=validate.Length(max=20, error="Choose from the list."),
    )
    london = fields.Enum(
        London,
        by_value=True,
        load_default=London.EITHER,
        error_messages={"unknown": "Choose one of the answers about London."},
    )
    callback_phone = PhoneField(required=True, error_messages={"required": PHONE_HELP})
    incident_ref = fields.String(
        load_default="",
        validate=validate.Length(max=40, error="Keep the reference to 40 characters."),
    )
    hide_from = AddressesField(load_default=())
    same_as = fields.String(
        load_default="", validate=validate.Regexp(r"R-[0-9A-Z]{7}\Z", error=LOST_PART)
    )
    tie = fields.String(
        load_default="either",
        validate=validate.OneOf(
            ["together", "apart", "either"], error="Choose together, apart or either."
        ),
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, Any]:
        found: dict[str, Any] = {name: one(values, name) for name in SINGLES}
        found = {name: text for name, text in found.items() if text}
        for name in ("needs", "unsafe_regions"):
            found[name] = [text for text in values.get(name, []) if text]
        found["avoid"] = _rows(values, "avoid", ("place", "km"), AVOID_ROWS, begun=("place",))
        if found.get("household") != "alone":
            found["children"] = _rows(
                values, "children", ("age", "sex"), CHILD_ROWS, begun=("age", "sex")
            )
        return found

    @validates_schema
    def _children_have_ages(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("household") == "children" and not any(data.get("children", [])):
            raise ValidationError({"children-0-age": [AGE_HELP]})

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewReferral:
        del data["household"], data["who"]
        tie = data.pop("tie")
        for name in ("children", "avoid"):
            data[name] = tuple(row for row in data[name] if row is not None)
        for name in ("needs", "unsafe_regions"):
            data[name] = tuple(dict.fromkeys(data[name]))
        return NewReferral(tie=None if tie == "either" else LinkKind(tie), **data)


def _rows(
    values: Mapping[str, list[str]],
    prefix: str,
    names: tuple[str, ...],
    count: int,
    *,
    begun: tuple[str, ...],
) -> list[dict[str, str] | None]:
    """The rows by their number in the form, None where nothing of ``begun`` was filled in."""
    rows: list[dict[str, str] | None] = []
    for number in range(count):
        typed = {name: one(values, f"{prefix}-{number}-{name}") for name in names}
        row = {name: text for name, text in typed.items() if text}
        rows.append(row if any(name in row for name in begun) else None)
    return rows


class ReasonSchema(Schema):
    """A reason chosen from a list."""

    reason = fields.String(
        required=True,
        validate=validate.Length(1, 40, error="Choose a reason."),
        error_messages={"required": "Choose a reason."},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        reason = one(values, "reason")
        return {"reason": reason} if reason else {}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> ChosenReason:
        return ChosenReason(**data)
