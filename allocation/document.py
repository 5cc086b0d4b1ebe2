"""From bytes to one JSON object: UTF-8, no key twice, nothing that is no JSON, not too large."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from allocation.reading import ProblemError, join, key_text, shown

# Together the two keep the reading of any file, however hostile, below 2 GB of memory. The travel
# times of 5,000 households to 1,088 refuges, 5.4 million of them, may still be told.
MAX_DOCUMENT_BYTES = 100 * 1024 * 1024
MAX_VALUES = 6_000_000


class _Fault(NamedTuple):
    """Stands in the document for what cannot be read, until its place is known."""

    key: str
    wanted: str


def load_document(source: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON object in ``source``.

    Raises:
        ProblemError: it is not UTF-8, not JSON, too large, too deep, or repeats a key.
    """
    if isinstance(source, Mapping):
        return source
    if len(source) > MAX_DOCUMENT_BYTES:
        raise ProblemError("", f"the file is larger than {MAX_DOCUMENT_BYTES // 1024**2} MB")
    document = _parsed(_decoded(source))
    if not isinstance(document, dict):
        raise ProblemError("", f"the file must hold a JSON object, not {shown(document)}")
    return document


def _decoded(source: str | bytes) -> str:
    try:
        return source.decode("utf-8") if isinstance(source, bytes) else source
    except UnicodeDecodeError as error:
        raise ProblemError("", f"the file is not UTF-8 (byte {error.start})") from None


def _parsed(source: str) -> object:
    # Counted before they are parsed: an empty list of two characters takes 64 bytes of memory.
    if sum(map(source.count, ",[{")) > MAX_VALUES:
        raise ProblemError("", f"the file holds more than {MAX_VALUES} values")
    faults: list[_Fault] = []
    try:
        document = _loaded(source, faults)
        if faults:
            raise next(_complaints(document, ""))
    except json.JSONDecodeError as error:
        wanted = f"the file is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise ProblemError("", wanted) from None
    except RecursionError:
        raise ProblemError("", "the file is nested too deeply") from None
    return document


def _loaded(source: str, faults: list[_Fault]) -> object:
    """Parse the text; what is no JSON, or none of ours, becomes a fault in its place."""

    def fault(wanted: str, key: str = "") -> _Fault:
        faults.append(_Fault(key, wanted))
        return faults[-1]

    def unique(pairs: list[tuple[str, Any]]) -> object:
        document = dict(pairs)
        if len(document) == len(pairs):
            return document
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return fault("this key stands twice in one object", key_text(twice))

    def whole(digits: str) -> object:
        try:
            return int(digits)
        except ValueError:
            return fault("is a number with too many digits")

    hooks: dict[str, Any] = {
        "object_pairs_hook": unique,
        "parse_constant": lambda name: fault(f"{name} is not a JSON number"),
    }
    try:
        return json.loads(source, **hooks)
    except json.JSONDecodeError:
        raise
    except ValueError:  # int() refuses thousands of digits; a hook for every number is slow
        return json.loads(source, **hooks, parse_int=whole)


def _complaints(value: object, path: str) -> Iterator[ProblemError]:
    """Yield what is wrong, in the order in which it stands in the document."""
    if isinstance(value, _Fault):
        yield ProblemError(join(path, value.key), value.wanted)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _complaints(entry, join(path, key_text(key)))
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            yield from _complaints(entry, f"{path}[{i}]")
