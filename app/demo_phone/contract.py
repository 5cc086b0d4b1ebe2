"""Holds every API request against Twilio's own OpenAPI document: what it refuses, we refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Request
from openapi_core import Config, OpenAPI
from openapi_core.contrib.werkzeug import WerkzeugOpenAPIRequest
from openapi_core.exceptions import OpenAPIError

DOCUMENT = Path(__file__).resolve().parents[2] / "data" / "twilio" / "messages_openapi.json"
TWILIO = "https://api.twilio.com"
PAGE_LINKS = "/2010-04-01/"


class ContractBroken(Exception):
    """The request is not one that Twilio's document allows; the text says which part."""


class TwilioRequest(WerkzeugOpenAPIRequest):
    """The request as if it had gone to Twilio's own host."""

    @property
    def host_url(self) -> str:
        return TWILIO


class Contract:
    """Loading takes about a second (once a process: ``contract()``), a check some milliseconds."""

    def __init__(self, document: Path = DOCUMENT) -> None:
        description = json.loads(document.read_text("utf-8"))
        self._names = set(_names(description["paths"]))
        self.openapi = OpenAPI.from_dict(
            description,
            config=Config(
                extra_format_validators={"uri": _is_address, "date-time": _is_day_or_time},
            ),
        )

    def check(self, request: Request) -> None:
        """Stricter than Twilio in one thing: a misspelt field is refused, not ignored.

        Raises:
            ContractBroken: the document does not allow this request.
        """
        try:
            self.openapi.validate_request(TwilioRequest(request))
        except OpenAPIError as error:
            raise ContractBroken(_reason(error)) from error
        unknown = {*request.form, *request.args} - self._names
        if unknown:
            raise ContractBroken(f"Unknown parameter: {', '.join(sorted(unknown))}")


def _names(paths: dict[str, Any]) -> Iterator[str]:
    """Every query parameter and form field that the document speaks of."""
    for path in paths.values():
        for operation in path.values():
            if not isinstance(operation, dict):
                continue
            for parameter in operation.get("parameters", ()):
                yield parameter["name"]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from content["schema"]["properties"]


@cache
def contract() -> Contract:
    return Contract()


def _reason(error: BaseException) -> str:
    """The innermost causes in one line; openapi-core nests them."""
    parts = [str(error)]
    for detail in getattr(error.__cause__, "schema_errors", ()):
        where = ".".join(str(step) for step in detail.absolute_path)
        parts.append(f"{where}: {detail.message}" if where else str(detail.message))
    return "; ".join(parts)[:500]


def _is_address(value: object) -> bool:
    """Full, and without an underscore in the host name; Twilio's own page links are bare paths."""
    if not isinstance(value, str):
        return False
    if value.startswith(PAGE_LINKS):
        return True
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in parts.netloc


def _is_day_or_time(value: object) -> bool:
    """Twilio takes a bare day wherever its document says date-time."""
    if not isinstance(value, str):
        return False
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            read(value)
        except ValueError:
            continue
        return True
    return False
