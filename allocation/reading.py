"""Readers that turn told values into checked ones, naming the place of every bad one."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

Reader = Callable[[object, str], Any]
T = TypeVar("T")

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
MAX_TEXT_LENGTH = 200
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
    return parent + child if child.startswith("[") else f"{parent}.{child}"


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
    if any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in value):
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


def listed(reader: Reader) -> Reader:
    """Read a list, each entry by ``reader``."""

    def read(value: object, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ProblemError(path, f"must be a list, not {shown(value)}")
        return tuple(reader(entry, f"{path}[{i}]") for i, entry in enumerate(value))

    return read


def words(value: object, path: str) -> frozenset[str]:
    """Read a list of texts whose order and repeats mean nothing."""
    if isinstance(value, frozenset | set):
        value = sorted(value)
    return frozenset(listed(text)(value, path))


def mapped(reader: Reader) -> Reader:
    """Read an object whose keys are free texts and whose values go through ``reader``."""

    def read(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ProblemError(path, f"must be an object, not {shown(value)}")
        return {
            text(key, f"{path}, key {shown(key)}"): reader(entry, join(path, str(key)))
            for key, entry in value.items()
        }

    return read


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


def _check_keys(cls: type, value: Mapping[Any, Any], path: str) -> None:
    known = {f.name: f for f in fields(cls) if f.init}
    for key in value:
        if key not in known:
            raise ProblemError(join(path, _key_text(key)), f"unknown key; {_known(known)}")
    for name, f in known.items():
        if name not in value and f.default is MISSING and f.default_factory is MISSING:
            raise ProblemError(join(path, name), "is missing")


def _known(names: Mapping[str, object]) -> str:
    return f"the keys here are {', '.join(names)}"


def _key_text(key: object) -> str:
    plain = isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,60}", key)
    return str(key) if plain else shown(key)


def check_fields(told_object: Any) -> None:
    """Read every field of a frozen dataclass through the reader in its metadata."""
    for f in fields(told_object):
        if not f.init:
            continue
        value = f.metadata["read"](getattr(told_object, f.name), f.name)
        object.__setattr__(told_object, f.name, value)


def load_document(source: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON object in ``source``.

    Raises:
        ProblemError: it is not UTF-8, not JSON, too large, too deep, or repeats a key.
    """
    if isinstance(source, Mapping):
        return source
    if len(source) > MAX_DOCUMENT_BYTES:
        wanted = f"the file is larger than {MAX_DOCUMENT_BYTES // 1024**2} MB"
        raise ProblemError("", wanted)
    document = _parse_json(_decoded(source))
    if not isinstance(document, dict):
        raise ProblemError("", f"the file must hold a JSON object, not {shown(document)}")
    return document


def _decoded(source: str | bytes) -> str:
    try:
        return source.decode("utf-8") if isinstance(source, bytes) else source
    except UnicodeDecodeError as error:
        raise ProblemError("", f"the file is not UTF-8 (byte {error.start})") from None


def _parse_json(source: str) -> object:
    try:
        return json.loads(source, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except ProblemError:
        raise
    except RecursionError:
        raise ProblemError("", "the file is nested too deeply") from None
    except json.JSONDecodeError as error:
        wanted = f"the file is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise ProblemError("", wanted) from None
    except ValueError:
        raise ProblemError("", "the file holds a number with too many digits") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ProblemError(_key_text(twice), "this key stands twice in one object")
    return document


def _refuse_constant(name: str) -> object:
    raise ProblemError("", f"{name} is not a JSON number")
