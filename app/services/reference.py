"""Reads the files in ``data/`` and keeps the reference tables equal to them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from app.actors import SYSTEM
from app.db import Base, db, transaction
from app.errors import Invalid
from app.models.abuse import AbuseLimit
from app.models.declines import DeclineRule
from app.models.enquiries import EnquiryPolicy
from app.models.reference import (
    ClockPolicy,
    District,
    Feature,
    HandOnContact,
    InventoryPolicy,
    Language,
    PoliceForce,
    Reason,
    RecoveryRule,
    Region,
    SmallCountRule,
    SupportItem,
)
from app.models.retention import RetentionRule
from app.models.stays import HoldPolicy

DATA = Path(__file__).resolve().parents[2] / "data"
Row = dict[str, Any]


def read_rows(name: str) -> list[dict[str, str]]:
    """The rows of one file of ``data/``, as text.

    Raises:
        Invalid: the file is missing from this copy of Waymark.
    """
    path = DATA / name
    if not path.is_file():
        raise Invalid(f"data/{name} is missing from this copy. Restore it from the repository.")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def calibration() -> dict[str, dict[str, Any]]:
    """The parameters of the synthetic world by section and name, without their notes."""
    document = json.loads((DATA / "calibration.json").read_text(encoding="utf-8"))
    return {
        section: {name: parameter["value"] for name, parameter in parameters.items()}
        for section, parameters in document.items()
        if section != "_about"
    }


def load_reference() -> dict[str, int]:
    """Make the reference tables equal to the files and return how many rows each file gave.

    Safe to repeat: a row is added or brought up to date, never deleted, because old requests point
    at it. Text and clocks may change; codes may not.
    """
    tables = list(_tables())
    with transaction(by=SYSTEM):
        for model, key, rows in tables:
            _bring_up_to_date(model, key, rows)
        # Stays that began before the rules were loaded; every later one is frozen as it begins.
        db.session.execute(text("SELECT freeze_recovery(NULL)"))
    return {model.__tablename__: len(rows) for model, _, rows in tables}


def _bring_up_to_date(model: type[Base], key: tuple[str, ...], rows: list[Row]) -> None:
    statement = insert(model)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    db.session.execute(
        statement.on_conflict_do_update(index_elements=list(key), set_=changed), rows
    )


def _tables() -> Iterator[tuple[type[Base], tuple[str, ...], list[Row]]]:
    """Tables in the order of their foreign keys."""
    yield Region, ("code",), _regions()
    yield PoliceForce, ("code",), _forces()
    yield District, ("code",), _districts()
    yield Language, ("code",), _languages()
    yield Feature, ("code",), _features()
    yield Reason, ("code",), _reasons()
    yield ClockPolicy, ("urgency", "valid_from"), _clocks()
    yield InventoryPolicy, ("valid_from",), _policies("inventory_policy.csv")
    yield HoldPolicy, ("valid_from",), _policies("hold_policy.csv")
    yield EnquiryPolicy, ("urgency", "valid_from"), _enquiry_policies()
    yield HandOnContact, ("code",), _hand_on_contacts()
    yield RecoveryRule, ("jurisdiction", "valid_from"), _recovery_rules()
    yield SupportItem, ("code",), _support_items()
    yield AbuseLimit, ("code", "valid_from"), _abuse_limits()
    yield SmallCountRule, ("valid_from",), _small_count_rules()
    yield DeclineRule, ("code", "valid_from"), _decline_rules()
    yield RetentionRule, ("kind", "valid_from"), _retention_rules()


def _regions() -> list[Row]:
    return [
        {
            "code": row["code"],
            "name": row["name"],
            "in_london": row["in_london"] == "1",
            "island": row["island"],
            "lat": float(row["lat"]),
            "lon": float(row["lon"]),
            "jurisdiction": row["jurisdiction"] or None,
        }
        for row in read_rows("regions.csv")
    ]


def _forces() -> list[Row]:
    return [
        {
            "code": row["id"],
            "name": row["name"],
            "country": row["country"],
            "region_code": row["region_code"] or None,
            "lat": float(row["hq_lat"]),
            "lon": float(row["hq_lon"]),
            "is_of_2007": row["counted_2007"] == "1",
            "is_of_today": not row["active_to"],
        }
        for row in read_rows("forces.csv")
    ]


def _districts() -> list[Row]:
    island = {row["code"]: row["island"] for row in read_rows("regions.csv")}
    british = [
        _district(row, row["outcode"], row["place"], island)
        | {"is_special": row["special"] == "1", "weight": int(row["weight"])}
        for row in read_rows("outcodes.csv")
    ]
    irish = [
        _district(row, row["code"], _irish_place(row), island) | {"is_special": False, "weight": 0}
        for row in read_rows("eircode_routing_keys.csv")
    ]
    return british + irish


def _district(row: dict[str, str], code: str, place: str, island: dict[str, str]) -> Row:
    return {
        "code": code,
        "place": place,
        "lat": float(row["lat"]),
        "lon": float(row["lon"]),
        "region_code": row["region_code"],
        "force_code": row["force"],
        "island": island[row["region_code"]],
    }


def _irish_place(row: dict[str, str]) -> str:
    """An Irish place with its county, which is how people there tell places apart."""
    place, county = row["place"], row["county"]
    return place if county in place else f"{place}, {county}"


def _languages() -> list[Row]:
    return [
        {
            "code": row["code"],
            "name": row["name"],
            "autonym": row["autonym"],
            "is_signed": row["sign"] == "1",
        }
        for row in read_rows("languages.csv")
    ]


def _features() -> list[Row]:
    return [
        {
            "code": row["code"],
            "asked_as": row["text_officer"],
            "shown_as": row["text_refuge"],
            "is_on_form": row["on_form"] == "1",
            "position": int(row["position"]),
        }
        for row in read_rows("features.csv")
    ]


def _reasons() -> list[Row]:
    return [
        {
            "code": row["code"],
            "kind": row["kind"],
            "number": int(row["text_number"]) if row["text_number"] else None,
            "text_word": row["text_word"] or None,
            "text": row["text"],
            "owner_side": row["side"],
            "is_active": row["active"] == "1",
            "counts_as_unmet": row["counts_as_unmet"] == "1",
            "position": position,
        }
        for position, row in enumerate(read_rows("reasons.csv"), start=1)
    ]


def _clocks() -> list[Row]:
    words = ("urgency", "valid_from", "wakes", "basis")
    return [
        {
            "urgency": row["urgency"],
            "valid_from": date.fromisoformat(row["valid_from"]),
            "wakes": row["wakes"] == "1",
        }
        | {name: int(minutes) for name, minutes in row.items() if name not in words}
        for row in read_rows("clock_policy.csv")
    ]


def _enquiry_policies() -> list[Row]:
    numbers = ("houses_at_once", "question_extends_percent")
    return [
        {"urgency": row["urgency"], "valid_from": date.fromisoformat(row["valid_from"])}
        | {name: int(row[name]) for name in numbers}
        for row in read_rows("enquiry_policy.csv")
    ]


def _policies(file: str) -> list[Row]:
    """Rules of whole numbers, in force from a date on."""
    return [
        {
            "valid_from": date.fromisoformat(row["valid_from"]),
            **{
                name: int(text) for name, text in row.items() if name not in ("valid_from", "basis")
            },
        }
        for row in read_rows(file)
    ]


def _abuse_limits() -> list[Row]:
    return [
        {
            "code": row["code"],
            "valid_from": date.fromisoformat(row["valid_from"]),
            "at_most": int(row["at_most"]),
            "window_minutes": int(row["window_minutes"]),
            "text": row["text"],
        }
        for row in read_rows("abuse_limits.csv")
    ]


def _small_count_rules() -> list[Row]:
    return [
        {
            "valid_from": date.fromisoformat(row["valid_from"]),
            "below": int(row["below"]),
            "to_nearest": int(row["to_nearest"]),
            "text": row["text"],
        }
        for row in read_rows("small_count_rule.csv")
    ]


def _decline_rules() -> list[Row]:
    return [
        {
            "code": row["code"],
            "valid_from": date.fromisoformat(row["valid_from"]),
            "at_least": int(row["at_least"]),
            "window_days": int(row["window_days"]),
            "text": row["text"],
        }
        for row in read_rows("decline_rules.csv")
    ]


def _retention_rules() -> list[Row]:
    return [
        {
            "kind": row["kind"],
            "valid_from": date.fromisoformat(row["valid_from"]),
            "days": int(row["days"]),
            "text": row["text"],
        }
        for row in read_rows("retention_rule.csv")
    ]


def _hand_on_contacts() -> list[Row]:
    return [
        {
            "code": row["code"],
            "who": row["who"],
            "countries": row["countries"].split(),
            "text": row["text"],
            "phone": row["phone"] or None,
            "position": int(row["position"]),
        }
        for row in read_rows("hand_on_contacts.csv")
    ]


def _recovery_rules() -> list[Row]:
    """By date, so that a rule has ended before the next begins."""
    rows = sorted(read_rows("recovery_rules.csv"), key=lambda row: row["valid_from"])
    return [
        {
            "jurisdiction": row["jurisdiction"],
            "valid_from": date.fromisoformat(row["valid_from"]),
            "valid_until": date.fromisoformat(row["valid_until"]) if row["valid_until"] else None,
            "days": int(row["days"]),
            "text": row["text"],
            "source": row["source"],
        }
        for row in rows
    ]


def _support_items() -> list[Row]:
    return [
        {
            "code": row["code"],
            "text": row["text"],
            "is_active": row["active"] == "1",
            "position": position,
        }
        for position, row in enumerate(read_rows("support_items.csv"), start=1)
    ]
