"""Which regular expressions could take a time that is more than a few times their text's length.

Looked at, not timed: a repeat inside a repeat, or two open repeats side by side that fit the same
letter, let one text be read in very many ways, and a text that almost fits has all of them tried.
"""

from __future__ import annotations

import re._compiler as compiler  # type: ignore[import-not-found]
import re._constants as words  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from typing import Any

REPEATS = (words.MAX_REPEAT, words.MIN_REPEAT)
FEW = 16  # a repeat of at most this many is a list written shortly
SAMPLE = [chr(code) for code in range(32, 127)] + list("\n\té€")


def trouble_in(pattern: str) -> str:
    """What is wrong with ``pattern``, in words; empty when nothing is."""
    return _trouble(list(parser.parse(pattern)))


def _trouble(tree: list[Any]) -> str:
    tree = _flat(tree)
    for number, (name, given) in enumerate(tree):
        if name in REPEATS and _is_open(given):
            inside = _flat(list(given[2]))
            if any(_varies(each) for each in _inner(inside)) and not _has_mark(inside):
                return "a repeat inside a repeat"
            follower = tree[number + 1 : number + 2]
            if follower and _meets(inside, follower[0], tree[number + 2 : number + 3]):
                return "two repeats side by side that fit the same letter"
        for part in _parts(name, given):
            if found := _trouble(part):
                return found
    return ""


def _flat(tree: list[Any]) -> list[Any]:
    """Groups opened, so that ``(a*)(a*)`` is seen to be two repeats side by side."""
    return [
        token
        for name, given in tree
        for token in (_flat(list(given[3])) if name is words.SUBPATTERN else [(name, given)])
    ]


def _is_open(given: Any) -> bool:
    return bool(given[1] > FEW)


def _varies(token: Any) -> bool:
    """True for what can fit texts of several lengths, or one text in several ways."""
    name, given = token
    return name is words.BRANCH or (name in REPEATS and given[0] != given[1])


def _inner(tree: list[Any]) -> Iterator[Any]:
    for name, given in tree:
        yield name, given
        for part in _parts(name, given):
            yield from _inner(part)


def _has_mark(tree: list[Any]) -> bool:
    """True when each turn begins with one letter that nothing else in it is: ``(, [0-9]+)*``."""
    if any(name is words.GROUPREF for name, _ in _inner(tree)):
        return False
    first = tree[0]
    rest = [each for each in _inner(tree[1:]) if each[0] in (words.IN, words.LITERAL, words.ANY,
                                                             words.NOT_LITERAL)]  # fmt: skip
    return first[0] is words.LITERAL and not any(_letters(each) & _letters(first) for each in rest)


def _meets(inside: list[Any], follower: Any, after: list[Any]) -> bool:
    """True when an open repeat is followed by another (over what may be nothing) that overlaps."""
    name, given = follower
    if name not in REPEATS or not _is_open(given):
        return False
    here = set().union(*(_letters(each) for each in inside))
    there = set().union(*(_letters(each) for each in list(given[2])))
    if here & there:
        return True
    return bool(given[0] == 0 and after and _meets(inside, after[0], []))


def _parts(name: Any, given: Any) -> Iterator[list[Any]]:
    if name in REPEATS:
        yield list(given[2])
    elif name is words.SUBPATTERN:  # those inside a repeat
        yield list(given[3])
    elif name is words.BRANCH:
        yield from (list(branch) for branch in given[1])
    elif name in (words.ASSERT, words.ASSERT_NOT):
        yield list(given[1])


def _letters(token: Any) -> set[str]:
    """Which letters of a sample one token can be, asked of the engine itself."""
    name, given = token
    if name is words.SUBPATTERN or name in REPEATS or name is words.BRANCH:
        return set().union(
            *(_letters(each) for part in _parts(name, given) for each in part), set()
        )
    if name is words.AT:
        return set()
    if name is words.GROUPREF:  # fits the one text its group has just fitted: no second way to read
        return set()
    one = compiler.compile(parser.SubPattern(parser.State(), [token]))
    return {letter for letter in SAMPLE if one.fullmatch(letter)}
