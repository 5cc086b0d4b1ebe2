"""The one question back: what a house asks, and what it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, pre_load, validate

from app.models.enquiries import QuestionAnswer
from app.schemas import one
from app.services.asked import ChosenReason
from app.services.questions import NewAnswer

CHOOSE_QUESTION = "Choose what you need to know."
CHOOSE_ANSWER = "Choose an answer."
LONGEST_NOTE = 300


class QuestionSchema(Schema):
    """A question chosen from the list."""

    question = fields.String(
        required=True,
        validate=validate.Length(1, 40, error=CHOOSE_QUESTION),
        error_messages={"required": CHOOSE_QUESTION},
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        question = one(values, "question")
        return {"question": question} if question else {}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> ChosenReason:
        return ChosenReason(reason=data["question"])


class AnswerSchema(Schema):
    """A word, and a short note that names nobody and no place."""

    answer = fields.Enum(
        QuestionAnswer,
        by_value=True,
        required=True,
        error_messages={"required": CHOOSE_ANSWER, "unknown": CHOOSE_ANSWER},
    )
    note = fields.String(
        load_default="",
        validate=validate.Length(
            max=LONGEST_NOTE, error=f"Keep the note to {LONGEST_NOTE} characters."
        ),
    )

    @pre_load
    def _gather(self, values: Mapping[str, list[str]], **_: Any) -> dict[str, str]:
        found = {name: one(values, name) for name in ("answer", "note")}
        return {name: given for name, given in found.items() if given}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewAnswer:
        return NewAnswer(**data)
