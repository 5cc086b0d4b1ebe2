"""ReDoS: no pattern of ours can make a short text cost a long time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from script.patterns import trouble_in

ROOT = Path(__file__).resolve().parents[2]


def patterns() -> Iterator[tuple[str, str]]:
    """Every pattern that is written down in ``re.something(...)`` of the service, and where."""
    for path in sorted((ROOT / "app").rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if _is_call_of_re(node):
                assert isinstance(node, ast.Call)
                yield f"{path.relative_to(ROOT)}:{node.lineno}", _text_of(node.args[0])


def _is_call_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr not in ("escape", "purge")
    )


def _text_of(pattern: ast.expr) -> str:
    """A pattern with names put in is looked at with a harmless word in their place."""
    if isinstance(pattern, ast.Constant):
        found = pattern.value
        return found.decode("latin-1") if isinstance(found, bytes) else str(found)
    assert isinstance(pattern, ast.JoinedStr), ast.dump(pattern)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "5" for part in pattern.values
    )


def test_no_pattern_of_ours_can_run_away() -> None:
    found = dict(patterns())

    assert len(found) > 15
    assert {place: trouble_in(text) for place, text in found.items() if trouble_in(text)} == {}


@pytest.mark.parametrize(
    "evil",
    [
        r"(a+)+$",
        r"(a*)*b",
        r"([a-z]+)*@",
        r"(a|aa)+$",
        r"(a|a?)+$",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(?:\w+\s?)*$",
        r"\d+\d+$",
        r"\w*x*\d*$",
        r"(.*)(.*)$",
        r"((.+?)\2+)+$",
        r"(,(a+)\2)*$",
    ],
)
def test_a_pattern_that_can_run_away_is_noticed(evil: str) -> None:
    re.compile(evil)

    assert trouble_in(evil)


@pytest.mark.parametrize(
    "calm",
    [
        *(r"[a-z]+", r"(SM|MM)[0-9a-f]{32}", r"[^@]+@[^@]+", r"(a{1,3}b){2}", r"a+b+"),
        *(r"(, [0-9]+)*", r"(.+?)\1+"),
    ],
)
def test_a_calm_pattern_is_left_alone(calm: str) -> None:
    assert trouble_in(calm) == ""
