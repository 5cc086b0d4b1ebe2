"""Readers that turn told values into checked ones, naming the place of every bad one."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sized
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar

Reader = Callable[[object, str], Any]
T = TypeVar("T")

MAX_TEXT_LENGTH = 200
MAX_ENTRIES = 20_000  # of one list or object
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,60}")
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


class ProblemError(ValueError):
    """A told value that cannot be used; ``path`` says where and ``wanted`` what is expected."""

    def __init__(self, path: str, wanted: str) -> None:
        super().__init__(f"{path}: {wanted}" if path else wanted)
        self.path = path
        self.wanted = wanted

    def under(self, parent: str) -> "ProblemError":
        """Return the same complaint as seen from the object that holds the value."""
        return ProblemError(join(parent, self.path), self.wanted)


def join(parent: str, child: str) -> str:
    """Join two parts of a path: ``a`` and ``b`` give ``a.b``; ``a`` and ``[0]`` give ``a[0]``."""
    if not parent or not child:
        return parent or child
    return parent + child if child[0] in "[," else f"{parent}.{child}"


def shown(value: object) -> str:
    """Return a short, printable form of any value, safe on every terminal."""
    if isinstance(value, str):
        text = json.dumps(value[:60])
    elif isinstance(value, bool | float) or value is None:
        text = {None: "null", True: "true", False: "false"}.get(value, repr(value))  # type: ignore[arg-type]
    elif isinstance(value, int):
        text = str(value) if abs(value) < 10**15 else "a very large number"
    else:
        text = "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"
    return "an object" if isinstance(value, Mapping) else text


def key_text(key: object) -> str:
    """Return a key as part of a path: as it is where it is plain, else quoted."""
    plain = isinstance(key, str) and _PLAIN_KEY.fullmatch(key)
    return str(key) if plain else shown(key)


def whole(low: int, high: int = 1_000_000) -> Reader:
    """Read a whole number from ``low`` to ``high``; 2.0 and true are not whole numbers."""

    def read(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            wanted = f"must be a whole number from {low} to {high}, not {shown(value)}"
            raise ProblemError(path, wanted)
        return int(value)

    return read


def number(low: float, high: float) -> Reader:
    """Read a finite number from ``low`` to ``high``."""

    def read(value: object, path: str) -> float:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if not plain or not low <= value <= high or not math.isfinite(value):  # type: ignore[operator,arg-type]
            wanted = f"must be a number from {low:g} to {high:g}, not {shown(value)}"
            raise ProblemError(path, wanted)
        return float(value)  # type: ignore[arg-type]

    return read


def flag(value: object, path: str) -> bool:
    """Read true or false; 0 and 1 are refused because they hide mistakes."""
    if not isinstance(value, bool):
        raise ProblemError(path, f"must be true or false, not {shown(value)}")
    return value


def text(value: object, path: str) -> str:
    """Read a short non-empty text without control characters."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_LENGTH:
        wanted = f"must be a text of 1 to {MAX_TEXT_LENGTH} characters, not {shown(value)}"
        raise ProblemError(path, wanted)
    if _CONTROL.search(value):
        raise ProblemError(path, f"must hold no control characters, not {shown(value)}")
    return value


def long_text(value: object, path: str) -> str:
    """Read a text of any length, which may be empty, without control characters."""
    if not isinstance(value, str):
        raise ProblemError(path, f"must be a text, not {shown(value)}")
    if _CONTROL.search(value):
        raise ProblemError(path, f"must hold no control characters, not {shown(value)}")
    return value


def one_of(*allowed: str) -> Reader:
    """Read one of a few fixed words."""

    def read(value: object, path: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            wanted = f"must be one of {', '.join(allowed)}, not {shown(value)}"
            raise ProblemError(path, wanted)
        return str(value)

    return read


def optional(reader: Reader) -> Reader:
    """Read as ``reader`` does, and take null for "not told"."""

    def read(value: object, path: str) -> Any:
        return None if value is None else reader(value, path)

    return read


def moment(value: object, path: str) -> datetime:
    """Read an RFC 3339 date and time (or an aware datetime) as UTC."""
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError:
            raise ProblemError(path, f"is no date of the calendar: {shown(value)}") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        wanted = f"must be a time such as 2026-11-22T18:00:00Z, not {shown(value)}"
        raise ProblemError(path, wanted)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ProblemError(path, "is a time outside the calendar in UTC") from None


# A holder reads what it holds without a path and adds the path to a complaint on its way out:
# a national file has millions of values, and a path for each of them would cost more than they do.


def listed(reader: Reader, *, at_most: int = MAX_ENTRIES) -> Reader:
    """Read a list, each entry by ``reader``; one that is too long is not even looked into."""

    def read(value: object, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ProblemError(path, f"must be a list, not {shown(value)}")
        refuse_more(value, at_most, path)
        entries: list[Any] = []
        try:
            for entry in value:
                entries.append(reader(entry, ""))
        except ProblemError as error:
            raise error.under(f"{path}[{len(entries)}]") from None
        return tuple(entries)

    return read


def words(value: object, path: str) -> frozenset[str]:
    """Read a list of texts whose order and repeats mean nothing."""
    ordered = sorted(value, key=str) if isinstance(value, frozenset | set) else value
    return frozenset(_texts(ordered, path))


_texts = listed(text)


def mapped(reader: Reader, *, at_most: int = MAX_ENTRIES) -> Reader:
    """Read an object whose keys are free texts and whose values go through ``reader``."""

    def read(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ProblemError(path, f"must be an object, not {shown(value)}")
        refuse_more(value, at_most, path)
        entries: dict[str, Any] = {}
        for key, entry in value.items():
            _read_key(key, path)
            try:
                entries[key] = reader(entry, "")
            except ProblemError as error:
                raise error.under(join(path, key_text(key))) from None
        return entries

    return read


def _read_key(key: object, path: str) -> None:
    try:
        text(key, "")
    except ProblemError as error:
        raise ProblemError(f"{path}, key {shown(key)}", error.wanted) from None


def counted(low: int, high: int = 1_000_000, *, at_most: int = MAX_ENTRIES) -> Reader:
    """Read an object of whole numbers; where nothing is wrong with any, all in one go.

    A national table of travel times holds millions of them.
    """
    one_by_one = mapped(whole(low, high), at_most=at_most)

    def read(value: object, path: str) -> dict[str, int]:
        if type(value) is dict and 0 < len(value) <= at_most and _all_fine(value, low, high):
            return dict(value)
        return one_by_one(value, path)  # type: ignore[no-any-return]

    return read


def _all_fine(numbers: dict[object, object], low: int, high: int) -> bool:
    keys, values = list(numbers), list(numbers.values())
    return (
        set(map(type, values)) == {int}
        and min(values) >= low  # type: ignore[type-var,operator]
        and max(values) <= high  # type: ignore[type-var,operator]
        and set(map(type, keys)) == {str}
        and min(map(len, keys)) > 0  # type: ignore[arg-type]
        and max(map(len, keys)) <= MAX_TEXT_LENGTH  # type: ignore[arg-type]
        and not _CONTROL.search("".join(keys))  # type: ignore[arg-type]
    )


def refuse_more(entries: Sized, at_most: int, path: str) -> None:
    """Refuse more entries than anybody has a use for."""
    if len(entries) > at_most:
        raise ProblemError(path, f"must hold at most {at_most} entries, not {len(entries)}")


def told(cls: type[T]) -> Reader:
    """Read an object with exactly the keys of the dataclass ``cls``."""

    def read(value: object, path: str) -> T:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ProblemError(path, f"must be an object, not {shown(value)}")
        _check_keys(cls, value, path)
        try:
            return cls(**value)
        except ProblemError as error:
            raise error.under(path) from None

    return read


class _Field(NamedTuple):
    """How one field of a dataclass is read; ``default`` is MISSING where there is none."""

    read: Reader
    default: object
    is_needed: bool


@cache
def _fields(cls: type) -> Mapping[str, _Field]:
    return {
        f.name: _Field(
            f.metadata["read"],
            f.default,
            f.default is MISSING and f.default_factory is MISSING,
        )
        for f in fields(cls)
        if f.init
    }


def _check_keys(cls: type, value: Mapping[Any, Any], path: str) -> None:
    known = _fields(cls)
    for key in value:
        if key not in known:
            raise ProblemError(
                join(path, key_text(key)), f"unknown key; the keys here are {', '.join(known)}"
            )
    for name, field in known.items():
        if field.is_needed and name not in value:
            raise ProblemError(join(path, name), "is missing")


def check_fields(told_object: Any) -> None:
    """Read every field of a frozen dataclass through the reader in its metadata."""
    cls: type = type(told_object)
    for name, field in _fields(cls).items():
        value = getattr(told_object, name)
        if value is field.default:
            continue
        kept = field.read(value, name)
        if kept is not value:
            object.__setattr__(told_object, name, kept)
