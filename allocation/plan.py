"""What the allocation answers: placements, reasons for the unplaced, and the figures reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allocation.canonical import canonical_json, check_format, sha256_of
from allocation.document import load_document
from allocation.problem import MAX_ROOMS
from allocation.reading import (
    ProblemError,
    Reader,
    check_fields,
    flag,
    listed,
    long_text,
    mapped,
    number,
    one_of,
    shown,
    text,
    told,
    whole,
)

PLAN_FORMAT = "waymark.plan/1"
OPTIMAL = "optimal"
FEASIBLE = "feasible"
MAX_REASONS = 100
_FIGURE = whole(-(10**15), 10**15)


def _read(reader: Reader) -> dict[str, Reader]:
    return {"read": reader}


def _parameter(value: object, path: str) -> Any:
    """Read a text, a number, true or false, nothing, or a list or object of them."""
    for kind, reader in _PARAMETER_READERS:
        if isinstance(value, kind):
            return reader(value, path)
    raise ProblemError(path, f"must be plainer than {shown(value)}")


def _plain(value: object, path: str) -> Any:
    if isinstance(value, list | tuple | Mapping):
        raise ProblemError(path, f"must not be {shown(value)} within another")
    return _parameter(value, path)


_PARAMETER_READERS: tuple[tuple[Any, Reader], ...] = (
    (bool, flag),
    (int, _FIGURE),
    (float, number(-(10**15), 10**15)),
    (str, long_text),
    (type(None), lambda value, _: value),
    (list | tuple, lambda value, path: list(listed(_plain)(value, path))),
    (Mapping, mapped(_plain)),
)


@dataclass(frozen=True)
class Placement:
    """One household in one room."""

    household: str = field(metadata=_read(text))
    refuge: str = field(metadata=_read(text))
    room: str = field(metadata=_read(text))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Reason:
    """A code with its parameters; ``text`` says the same in plain English, without names."""

    code: str = field(metadata=_read(text))
    params: Mapping[str, Any] = field(
        default_factory=dict, metadata=_read(mapped(_parameter, at_most=MAX_REASONS))
    )
    text: str = field(default="", metadata=_read(long_text))

    def __post_init__(self) -> None:
        check_fields(self)

    def to_json(self) -> dict[str, Any]:
        """Return the reason as a JSON object."""
        return {"code": self.code, "params": dict(self.params), "text": self.text}


@dataclass(frozen=True)
class Unplaced:
    """A household without a room: a minimal set of reasons, and single changes that would help."""

    household: str = field(metadata=_read(text))
    reasons: tuple[Reason, ...] = field(
        default=(), metadata=_read(listed(told(Reason), at_most=MAX_REASONS))
    )
    unlock: tuple[Reason, ...] = field(
        default=(), metadata=_read(listed(told(Reason), at_most=MAX_REASONS))
    )

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Figure:
    """The value a plan reaches on one level, and the best that any plan could reach there."""

    level: str = field(metadata=_read(text))
    value: int = field(metadata=_read(_FIGURE))
    bound: int = field(metadata=_read(_FIGURE))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole plan; ``optimal`` when every value equals its proven bound, else ``feasible``."""

    problem_sha256: str = field(metadata=_read(text))
    status: str = field(metadata=_read(one_of(OPTIMAL, FEASIBLE)))
    placements: tuple[Placement, ...] = field(
        metadata=_read(listed(told(Placement), at_most=MAX_ROOMS))
    )
    unplaced: tuple[Unplaced, ...] = field(metadata=_read(listed(told(Unplaced))))
    objective: tuple[Figure, ...] = field(metadata=_read(listed(told(Figure), at_most=MAX_REASONS)))
    seconds: float = field(default=0.0, metadata=_read(number(0, 10**9)))

    def __post_init__(self) -> None:
        check_fields(self)


def parse_plan(source: str | bytes | Mapping[str, Any]) -> Plan:
    """Read a ``waymark.plan/1`` document; whether it is any good, ``verify`` says.

    Raises:
        ProblemError: the document is no plan; the text names the place and what is wanted.
    """
    document = load_document(source)
    check_format(document, PLAN_FORMAT)
    plan: Plan = told(Plan)({k: v for k, v in document.items() if k != "format"}, "")
    return plan


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Return the document that ``parse_plan`` reads back as an equal plan."""
    return {
        "format": PLAN_FORMAT,
        "problem_sha256": plan.problem_sha256,
        "status": plan.status,
        "placements": [
            {"household": p.household, "refuge": p.refuge, "room": p.room} for p in plan.placements
        ],
        "unplaced": [
            {
                "household": u.household,
                "reasons": [reason.to_json() for reason in u.reasons],
                "unlock": [reason.to_json() for reason in u.unlock],
            }
            for u in plan.unplaced
        ],
        "objective": [
            {"level": f.level, "value": f.value, "bound": f.bound} for f in plan.objective
        ],
        "seconds": plan.seconds,
    }


def plan_sha256(plan: Plan) -> str:
    """Return the SHA-256 of the plan's canonical JSON without ``seconds``, in hexadecimal.

    ``seconds`` alone depends on the clock: the same problem, solved again to a proven end by the
    same ``ENGINE_VERSION``, gives the same value on every machine.
    """
    document = plan_to_json(plan)
    del document["seconds"]
    return sha256_of(document)


def same_decisions(a: Plan, b: Plan) -> bool:
    """Whether two plans decide and explain the same, whatever time they took."""
    drop = ("seconds", "problem_sha256")
    left, right = (
        {k: v for k, v in plan_to_json(plan).items() if k not in drop} for plan in (a, b)
    )
    return canonical_json(left) == canonical_json(right)
