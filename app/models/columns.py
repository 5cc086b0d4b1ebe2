"""Column shapes that several tables share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, Range
from sqlalchemy.orm import mapped_column

NOW = text("waymark_now()")

BigId = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
PublicId = Annotated[UUID, mapped_column(server_default=text("gen_random_uuid()"), unique=True)]
RandomId = Annotated[
    UUID, mapped_column(server_default=text("gen_random_uuid()"), primary_key=True)
]
Created = Annotated[datetime, mapped_column(server_default=NOW)]
# Only ``app.fields`` writes and reads what is inside; ``key_id`` names the key of the row.
Sealed = Annotated[bytes, mapped_column(LargeBinary)]
Fingerprint = Annotated[bytes, mapped_column(LargeBinary)]
Codes = Annotated[list[str], mapped_column(ARRAY(Text), server_default=text("'{}'"))]
Json = Annotated[dict[str, Any], mapped_column(JSONB, server_default=text("'{}'::jsonb"))]
JsonList = Annotated[list[Any], mapped_column(JSONB, server_default=text("'[]'::jsonb"))]
During = Annotated[Range[datetime], mapped_column(TSTZRANGE)]
Word = String(40)


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """A CHECK that keeps an enum's column to its words (text, so that a word can be added)."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def phone(column: str) -> CheckConstraint:
    """A CHECK for E.164, the only form in which a number is kept."""
    return CheckConstraint(rf"{column} ~ '^\+[1-9][0-9]{{6,14}}$'", name=column)
