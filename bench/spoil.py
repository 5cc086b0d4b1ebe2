"""Small problem files with every key in use, and many ways of spoiling a file."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

Document = dict[str, Any]
Path = tuple[Any, ...]

FEATURES = ("a", "b", "lang:ro")
TIMES = ("2026-11-22T18:00:00Z", "2026-11-22T20:00:00+00:00", "2026-11-23t00:30:00.5z")
LONDON = ("either", "either", "inside_only", "outside_only", "prefers_inside", "prefers_outside")
LEVELS = ("waiting_minutes", "standing_kept", "unmet_desirable", "scarcity", "travel_minutes")
# Each has broken some reader of JSON somewhere.
ODD: tuple[Any, ...] = (
    None, True, False, 0, -0.0, 1, -1, 2.0, 0.5, 4, 5, 120, 1000, 10**6, 10**6 + 1, 2**31, 2**63,
    10**30, 10**400, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"),
    "", " ", "a", "f0", "h0", "r0", "true", "1", "GB", "a" * 200, "a" * 201, "é", "e\u0301",
    "\x00", "\x1b[2J", "\x9b", "\n", "\u2028", "\u202e", "\ud800", "\udfff", "😀" * 100,
    "2026-02-30T18:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T18:00:60Z", "2026-11-22T18:00:00",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-22T18:00:00+24:00",
    [], {}, [[]], [{}], {"": 1}, ["a"], ["a", "a"], [None], {"lat": 0, "lon": 0}, [["h0", "h1"]],
    {"refuge": "f0", "room": "r0", "fixed": True}, [{"age": 1}], {"h0": {"f0": 10**6}},
)  # fmt: skip


def problem(rng: Random) -> Document:
    """Return a valid problem of one to five households."""
    houses = [_refuge(rng, f"f{i}") for i in range(rng.randint(1, 3))]
    women = [_household(rng, f"h{i}", houses) for i in range(rng.randint(1, 5))]
    names = [woman["id"] for woman in women]
    return {
        "format": "waymark.problem/1",
        "as_of": rng.choice(TIMES),
        "households": women,
        "refuges": houses,
        "together": [rng.sample(names, rng.randint(1, len(names)))] * (rng.random() < 0.4),
        "prices": {feature: rng.randrange(9) for feature in _some(rng)},
        "spare_bed_price": rng.randrange(3),
        "travel_minutes": {rng.choice(names): {rng.choice(houses)["id"]: rng.randrange(300)}},
        "order": rng.sample(LEVELS, len(LEVELS)),
    }


def _some(rng: Random) -> list[str]:
    return [feature for feature in FEATURES if rng.random() < 0.3]


def _place(rng: Random) -> Document:
    return {"lat": rng.choice((51.5, 53.8, 53.9)), "lon": rng.choice((-1.55, -0.1, 0))}


def _refuge(rng: Random, name: str) -> Document:
    return {
        "id": name,
        "region": rng.choice(("london", "wales")),
        "in_london": rng.random() < 0.5,
        "location": _place(rng),
        "rooms": [_room(rng, f"r{i}") for i in range(rng.randint(0, 2))],
        "cell_radius_km": rng.choice((0, 5, 7.07)),
        "island": rng.choice(("GB", "GB", "IE")),
        "features": _some(rng),
        "networks": ["n"] * (rng.random() < 0.2),
        "residents": ["resident"] * (rng.random() < 0.3),
        "boys_to_age": rng.choice((11, 18)),
        "spare_children": rng.choice((None, 1, 3)),
        "spare_high_support": rng.choice((None, 0, 1)),
    }


def _room(rng: Random, name: str) -> Document:
    return {
        "id": name,
        "bed_spaces": rng.randint(1, 4),
        "cots": rng.randint(0, 1),
        "shared": rng.random() < 0.3,
        "features": _some(rng),
        "free_from": rng.choice((None, *TIMES)),
    }


def _household(rng: Random, name: str, houses: list[Document]) -> Document:
    rooms = [(house["id"], room["id"]) for house in houses for room in house["rooms"]]
    standing = None
    if rooms and rng.random() < 0.3:
        refuge, room = rng.choice(rooms)
        standing = {"refuge": refuge, "room": room, "fixed": rng.random() < 0.5}
    return {
        "id": name,
        "priority": rng.randint(1, 4),
        "waiting_minutes": rng.choice((0, 60, 90)),
        "adults": rng.choice((1, 1, 2)),
        "children": [
            {"age": rng.choice((0, 2, 15)), "sex": rng.choice("fm")}
            for _ in range(rng.choice((0, 0, 1, 2)))
        ],
        "location": _place(rng),
        "island": "GB",
        "essential": _some(rng),
        "desirable": _some(rng),
        "excludes": ["b"] * (rng.random() < 0.1),
        "danger_zones": [{**_place(rng), "radius_km": rng.choice((5, 15))}] * rng.randint(0, 1),
        "vetoed_refuges": ["f1"] * (rng.random() < 0.2),
        "vetoed_regions": ["wales"] * (rng.random() < 0.1),
        "london": rng.choice(LONDON),
        "max_travel_minutes": rng.choice((None, 60, 300)),
        "needed_by": rng.choice((None, None, *TIMES)),
        "networks": ["n"] * (rng.random() < 0.3),
        "apart_from": [n for n in ("h0", "h1", "resident") if n != name and rng.random() < 0.2],
        "may_share": rng.random() < 0.5,
        "high_support": rng.random() < 0.3,
        "standing": standing,
    }


def places(value: Any, path: Path = ()) -> list[Path]:
    """Return the path of every value inside a document, its own left out."""
    if not isinstance(value, dict | list):
        return []
    found = []
    for step, entry in value.items() if isinstance(value, dict) else enumerate(value):
        found += [(*path, step), *places(entry, (*path, step))]
    return found


def at(document: Any, path: Path) -> Any:
    """Return the value at a path."""
    for step in path:
        document = document[step]
    return document


def _replace(rng: Random, holder: Any, step: Any, _: Document) -> None:
    holder[step] = copy.deepcopy(rng.choice(ODD))


def _drop(_: Random, holder: Any, step: Any, __: Document) -> None:
    del holder[step]


def _rename(rng: Random, holder: Any, step: Any, _: Document) -> None:
    if isinstance(holder, dict):
        holder[rng.choice((step + "s", step.upper(), "", "\u2028", "\ud800", "x y"))] = holder.pop(
            step
        )


def _repeat(_: Random, holder: Any, step: Any, __: Document) -> None:
    if isinstance(holder, list):
        holder.append(copy.deepcopy(holder[step]))


def _nudge(rng: Random, holder: Any, step: Any, _: Document) -> None:
    if isinstance(holder[step], int | float):
        holder[step] += rng.choice((1, -1, 0.5, 1000, -(10**7)))


def _misplace(rng: Random, holder: Any, step: Any, document: Document) -> None:
    """Put some other value of the document here: a wrong reference, a list for a number."""
    holder[step] = copy.deepcopy(at(document, rng.choice(places(document))))


def _accept(rng: Random, _: Any, __: Any, document: Document) -> None:
    """Let every household have accepted the same room: most often a contradiction."""
    offer = {"refuge": "f0", "room": "r0", "fixed": True}
    for household in _objects(document, "households"):
        if rng.random() < 0.7:
            household["standing"] = dict(offer)


def _entangle(rng: Random, _: Any, __: Any, document: Document) -> None:
    """Overlapping groups, some of them kept apart."""
    women = _objects(document, "households")
    names = [woman.get("id") for woman in women]
    document["together"] = [[a, b] for a, b in zip(names, names[1:] + names[:1], strict=True)]
    for woman in women:
        if rng.random() < 0.3:
            woman["apart_from"] = [name for name in names if name != woman.get("id")][:1]


def _objects(document: Document, key: str) -> list[Document]:
    entries = document.get(key)
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


_ON_VALUES: tuple[Callable[[Random, Any, Any, Document], None], ...] = (
    _replace, _replace, _replace, _drop, _rename, _repeat, _nudge, _misplace, _accept, _entangle,
)  # fmt: skip


def spoil(rng: Random, document: Document) -> None:
    """Change one thing about a document's values, in place."""
    path = rng.choice(places(document) or [()])
    if path:
        rng.choice(_ON_VALUES)(rng, at(document, path[:-1]), path[-1], document)


def _flip(rng: Random, raw: bytes) -> bytes:
    i = rng.randrange(len(raw))
    return raw[:i] + bytes([raw[i] ^ 1 << rng.randrange(8)]) + raw[i + 1 :]


def _truncate(rng: Random, raw: bytes) -> bytes:
    return raw[: rng.randrange(len(raw))]


def _cut(rng: Random, raw: bytes) -> bytes:
    i = rng.randrange(len(raw))
    return raw[:i] + raw[i + rng.randint(1, 20) :]


def _double(rng: Random, raw: bytes) -> bytes:
    i = rng.randrange(len(raw))
    j = i + rng.randint(1, 80)
    return raw[:j] + raw[i:j] + raw[j:]


def _insert(rng: Random, raw: bytes) -> bytes:
    odd = (b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"{", b"]", b'"', b"\\ud800", b"\\u0000",
           b",", b"1" * 5000, b"e999", b"NaN", b"-Infinity", b"//", b"'", b"\n")  # fmt: skip
    i = rng.randrange(len(raw))
    return raw[:i] + rng.choice(odd) + raw[i:]


def _instead(rng: Random, raw: bytes) -> bytes:
    """Put something after a colon in place of the value that begins there."""
    odd = (
        b"NaN,",
        b"-Infinity,",
        b"9" * 5000 + b",",
        b"[" * 2000,
        b'{"a":' * 990 + b"1",
        b"1e999,",
    )
    colons = [i for i, byte in enumerate(raw) if byte == ord(":")] or [0]
    i = rng.choice(colons) + 1
    return raw[:i] + rng.choice(odd) + b' "spoilt": ' * (rng.random() < 0.5) + raw[i:]


def _key_twice(rng: Random, raw: bytes) -> bytes:
    keys = (b'"id":', b'"priority":', b'"lat":', b'"format":', b'"rooms":', b'"a":')
    key = rng.choice([key for key in keys if key in raw] or [b"{"])
    return raw.replace(key, key + b" 1, " + key, 1)


def _encode(rng: Random, raw: bytes) -> bytes:
    name = rng.choice(("utf-8-sig", "utf-16", "utf-32", "utf-16-le"))
    return raw.decode("utf-8", "replace").encode(name)


_ON_BYTES: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip, _flip, _truncate, _cut, _double, _insert, _instead, _key_twice, _encode,
)  # fmt: skip


def spoil_bytes(rng: Random, raw: bytes) -> bytes:
    """Return the file with one thing changed about its bytes."""
    return rng.choice(_ON_BYTES)(rng, raw or b" ")


def file(rng: Random, document: Document) -> bytes:
    """Return a document as a file with one to three things wrong, or in one of twenty none."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        spoil(rng, document)
    raw = json.dumps(document, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")
    return spoil_bytes(rng, raw) if rng.random() < 0.25 else raw
