"""Which locked packages have a known fault, and how far our knowledge of faults reaches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from packaging.version import Version

DATA = Path(__file__).resolve().parents[1] / "data" / "advisories" / "advisories.json"
FRESH_DAYS = 60
# Versions with known faults: whoever does not find these has not looked.
CANARIES = {"flask": "2.0.1", "jinja2": "2.11.2", "requests": "2.19.1"}


class CouldNotLookError(Exception):
    """The check says nothing about any package; the text says why."""


@dataclass(frozen=True)
class Advisory:
    """One known fault; ``ranges`` are (first version with it, first version without it or none)."""

    id: str
    package: str
    ranges: tuple[tuple[Version, Version | None], ...]

    def concerns(self, version: Version) -> bool:
        return any(
            first <= version and (repaired is None or version < repaired)
            for first, repaired in self.ranges
        )


@dataclass(frozen=True)
class Knowledge:
    """What is known of faults, until when, and of which packages."""

    known_until: date
    looked_up: frozenset[str]
    advisories: tuple[Advisory, ...]

    def faults(self, pins: Mapping[str, str]) -> list[str]:
        """Each pin with a known fault, as ``flask 2.0.1: PYSEC-2023-62``."""
        return [
            f"{each.package} {pins[each.package]}: {each.id}"
            for each in self.advisories
            if each.package in pins and each.concerns(Version(pins[each.package]))
        ]

    def days_old(self, today: date) -> int:
        return (today - self.known_until).days


def read_knowledge(path: Path = DATA) -> Knowledge:
    """Read the file and prove that it finds what is known to be there.

    Raises:
        CouldNotLookError: the file is missing or broken, or a canary is not found with it.
    """
    try:
        found = _knowledge(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CouldNotLookError(f"{path.name} cannot be read ({type(error).__name__})") from None
    for package, version in CANARIES.items():
        if not found.faults({package: version}):
            raise CouldNotLookError(f"the known fault of {package} {version} was not found")
    return found


def _knowledge(given: Mapping[str, Any]) -> Knowledge:
    advisories = tuple(
        Advisory(
            each["id"],
            each["package"],
            tuple(
                (Version(span["introduced"]), Version(span["fixed"]) if span["fixed"] else None)
                for span in each["ranges"]
            ),
        )
        for each in given["advisories"]
    )
    packages = {each.package for each in advisories} | set(given["no_advisory_for"])
    return Knowledge(date.fromisoformat(given["known_until"]), frozenset(packages), advisories)
