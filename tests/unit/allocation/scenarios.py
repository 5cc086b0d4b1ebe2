"""Scenarios for the tests: the small one that the documentation names, changed as asked."""

import json
from pathlib import Path
from typing import Any

from allocation import Scenario, parse_scenario

SMALL = Path(__file__).resolve().parents[3] / "bench" / "small_scenario.json"


def document(**told: Any) -> dict[str, Any]:
    """Return the small scenario's document with some of its keys replaced."""
    found: dict[str, Any] = json.loads(SMALL.read_text("utf-8"))
    return {**found, **told}


def small(**told: Any) -> Scenario:
    """Return the small scenario with some of its keys replaced."""
    return parse_scenario(document(**told))
