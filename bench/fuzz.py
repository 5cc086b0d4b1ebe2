"""Spoilt files by the thousand through the command line: an answer or one clear line, no crash."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from allocation import ProblemError, parse_problem
from allocation.__main__ import main
from allocation.reading import key_text
from bench import spoil

SECONDS = "2"
PROCESS_EVERY = 1000  # of so many files, one is also given to a process of its own: the hundredth
PLANS_EACH = 3
# What is said of a file as a whole; everything else must begin with a place inside it.
_OF_THE_FILE = re.compile(
    r"the file (is not JSON: .* at line \d+, column \d+|is not UTF-8 \(byte \d+\)"
    r"|is nested too deeply|must hold a JSON object, not .+)"
)


@dataclass
class Found:
    """What became of the files: counts by outcome, and every fault with the file's number."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Fault(AssertionError):
    """The command line did what it must never do."""


def run(files: int, seed: int = 0) -> Found:
    """Spoil and try so many files; file ``i`` of a seed is always the same."""
    found = Found()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="waymark-fuzz-") as folder:
        for i in range(files):
            try:
                _try(i, seed, Path(folder), found.outcomes)
            except Fault as fault:
                found.faults.append(f"file {i} of seed {seed}: {fault}")
    found.seconds = time.monotonic() - started
    return found


def make(i: int, seed: int) -> tuple[Random, bytes]:
    """Return file ``i``, and the randomness that follows it."""
    rng = Random(f"{seed}/{i}")
    return rng, spoil.file(rng, spoil.problem(rng))


def _try(i: int, seed: int, folder: Path, outcomes: Counter[str]) -> None:
    rng, raw = make(i, seed)
    path = folder / "problem.json"
    path.write_bytes(raw)
    solving = ["solve", str(path), "--seconds", SECONDS]
    code, out, err = call(solving)
    if i % PROCESS_EVERY == 99:
        _same_in_a_process(solving, code)
        outcomes["also tried in a process of its own"] += 1
    if code == 2:
        said = complaint(err)
        check_place(said, raw)
        outcomes["refused: accepted offers" if _parses(raw) else "refused"] += 1
        return
    if code != 0 or err:
        raise Fault(f"exit {code}: {err}")
    plan = folder / "plan.json"
    plan.write_text(out)
    code, out, err = call(["verify", str(path), str(plan)])
    if code != 0:
        raise Fault(f"solved, but verify says {out}{err}")
    outcomes["solved and verified"] += 1
    _try_plans(rng, path, plan, outcomes)


def call(arguments: list[str]) -> tuple[int, str, str]:
    """Run one command in this process; return its exit code, stdout and stderr.

    Raises:
        Fault: something escaped from it.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except BaseException as error:
            raise Fault(f"{arguments[0]} raised {error!r}") from error
    return code, out.getvalue(), err.getvalue()


def complaint(err: str) -> str:
    """Return what stderr says, which must be one printable line of our own."""
    line = err.removesuffix("\n")
    start = "python -m allocation: "
    if not line.startswith(start) or not line.isprintable() or not line.isascii():
        raise Fault(f"not one printable line: {err!r}")
    return line.removeprefix(start)


def check_place(said: str, raw: bytes) -> None:
    """Refuse a complaint that names no place in the file.

    Raises:
        Fault: no place is named, or none that the file has.
    """
    if _OF_THE_FILE.fullmatch(said):
        return
    where, _, wanted = said.partition(": ")
    where = where.partition(", key ")[0]
    if wanted.startswith("is missing"):
        where = where.rpartition(".")[0]
    elif not wanted or not where:
        raise Fault(f"names no place: {said}")
    if not stands(where, json.loads(raw, parse_int=float)):
        raise Fault(f"names no place of the file: {said}")


def stands(where: str, value: Any) -> bool:
    """Whether a value has such a place inside it; it has itself."""
    if not where:
        return True
    return any(
        stands(where[len(name) :].removeprefix("."), entry)
        for name, entry in _steps(value)
        if where == name or where.startswith((f"{name}.", f"{name}["))
    )


def _steps(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [(f"[{i}]", entry) for i, entry in enumerate(value)]
    if isinstance(value, dict):
        return [(key_text(key), entry) for key, entry in value.items()]
    return []


def _parses(raw: bytes) -> bool:
    try:
        parse_problem(raw)
    except ProblemError:
        return False
    return True


def _same_in_a_process(arguments: list[str], expected: int) -> None:
    done = subprocess.run([sys.executable, "-m", "allocation", *arguments], capture_output=True)
    if done.returncode != expected:
        raise Fault(f"exit {done.returncode} in a process, {expected} here: {done.stderr!r}")
    if expected == 2:
        complaint(done.stderr.decode())


def _try_plans(rng: Random, problem: Path, plan: Path, outcomes: Counter[str]) -> None:
    """Spoil a good plan; verify and explain must still answer."""
    document = json.loads(plan.read_text())
    for _ in range(PLANS_EACH):
        plan.write_bytes(spoil.file(rng, document))
        code, out, err = call(["verify", str(problem), str(plan)])
        if code == 2:
            complaint(err)
        elif code not in (0, 1) or not out.replace("\n", "").isascii():
            raise Fault(f"verify: exit {code}: {out}{err}")
        outcomes[f"spoilt plan: verify exit {code}"] += 1
        if rng.random() < 0.1:
            code, _, err = call(["explain", str(problem), str(plan), "h0"])
            if code == 2:
                complaint(err)
            elif code != 0:
                raise Fault(f"explain: exit {code}: {err}")
            outcomes[f"spoilt plan: explain exit {code}"] += 1


def report(found: Found) -> str:
    """Return the counts as a table, and the first faults."""
    width = max(map(len, found.outcomes), default=0)
    rows = [f"{name:{width}}  {count:>9,}" for name, count in sorted(found.outcomes.items())]
    end = f"{len(found.faults)} faults in {found.seconds:.0f} s"
    return "\n".join([*rows, end, *found.faults[:20]])
