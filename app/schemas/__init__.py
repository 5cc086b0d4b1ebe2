"""What arrives from outside: parsed once into a frozen dataclass, or sent back with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from flask import request
from marshmallow import EXCLUDE, Schema, ValidationError

Parsed = TypeVar("Parsed")
UNUSABLE = "Please take out the characters that cannot be read."


class Form(Generic[Parsed]):
    """One HTML form: what was typed, what is wrong with it, and, when nothing is, what it means.

    ``values`` keeps what was typed (a list for each name), so that nothing is lost on an error;
    ``errors`` is marshmallow's, nested like the schema; ``data`` is read only when ``accepted``.
    ``start`` fills the form before anything is typed. ``is_sent`` is False where a page shows this
    form while another one was sent.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        start: Mapping[str, list[str]] | None = None,
        is_sent: bool = True,
    ) -> None:
        self.errors: dict[str, Any] = {}
        self._data: Parsed | None = None
        self.accepted = False
        self._refused_with = 422
        if request.method != "POST" or not is_sent:
            self.values: dict[str, list[str]] = dict(start or {})
            return
        typed = request.form.to_dict(flat=False)
        self.values = {name: [_shown(text) for text in texts] for name, texts in typed.items()}
        if self.values != typed:
            self.errors = {"form": [UNUSABLE]}
            return
        try:
            self._data = cast(Parsed, schema.load(self.values, unknown=EXCLUDE))
            self.accepted = True
        except ValidationError as error:
            self.errors = error.messages_dict

    @property
    def data(self) -> Parsed:
        """The parsed form. Raises RuntimeError unless ``accepted``."""
        if self._data is None:
            raise RuntimeError("form.data is read only when form.accepted")
        return self._data

    @property
    def status(self) -> int:
        """200 for a form not sent yet, 422 (or what refused it) for one that needs another look."""
        return self._refused_with if self.errors else 200

    def refuse(self, field: str, message: str, *, status: int = 422) -> None:
        """Add what only the service could know, such as a place that does not exist."""
        self._refused_with = status
        self.errors[field or "form"] = [message]
        self.accepted = False


def _shown(text: str) -> str:
    """What can be stored and shown: no NUL, no half characters, line ends as one sign."""
    kept = text.replace("\r\n", "\n").replace("\x00", "")
    return kept.encode("utf-8", "ignore").decode("utf-8")


def one(values: Mapping[str, list[str]], name: str) -> str:
    """The single answer to ``name``, trimmed; empty when there is none."""
    return (values.get(name) or [""])[0].strip()
