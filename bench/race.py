"""One method on one night, in a process of its own: its time, its peak memory, its plan's worth."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from allocation import parse_problem, score, violations
from bench.nights import Size, night
from bench.peers import method

KILLED, FAILED = "killed", "failed"
# A solver may overrun its limit while it tidies up; after so much more it is ended.
GRACE_SECONDS = 10.0
PARSE_SECONDS = 600.0
WARM_UP = Size.of(6, 8)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run came to.

    ``seconds`` is from the parsed problem to the plan, building of any model included; for a run
    that was killed it is how long it was let run. ``processor_seconds`` is what its process (all
    threads) used meanwhile, which says more on a machine that does other things as well; none for a
    run that was killed. ``values`` is the objective of its plan, or the
    bound it proved; none where it had no plan. ``broken`` is how many rules the plan breaks.
    """

    method: str
    seconds: float
    parse_seconds: float
    peak_mb: float
    standing: str
    values: Mapping[str, int] | None
    broken: int = 0
    processor_seconds: float | None = None


def race(name: str, problem_file: Path, limit: float) -> Run:
    """Run one method on a written-down problem, and end it when it does not end itself."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_child, args=(there, name, problem_file, limit))
    process.start()
    there.close()
    try:
        return _followed(here, process.pid or 0, name, limit)
    finally:
        process.kill()
        process.join()
        here.close()


def _followed(child: Connection, pid: int, name: str, limit: float) -> Run:
    parsed, allowed = 0.0, limit + GRACE_SECONDS
    standing, peak = KILLED, 0.0
    try:
        if child.poll(PARSE_SECONDS):
            parsed = child.recv()
            if child.poll(allowed):
                finished: Run = child.recv()
                return finished
        peak = peak_mb(pid)
    except EOFError:
        standing = FAILED
    return Run(
        method=name,
        seconds=allowed,
        parse_seconds=parsed,
        peak_mb=peak,
        standing=standing,
        values=None,
    )


def _child(parent: Connection, name: str, problem_file: Path, limit: float) -> None:
    """Parse, load the solver's libraries on a tiny night, then run against the clock."""
    source = problem_file.read_bytes()
    started = time.perf_counter()
    problem = parse_problem(source)
    parsed = time.perf_counter() - started
    run = method(name)
    run(night(WARM_UP, 0), limit)
    parent.send(parsed)
    started, used = time.perf_counter(), time.process_time()
    answer = run(problem, limit)
    taken, used = time.perf_counter() - started, time.process_time() - used
    peak = peak_mb()
    plan = answer.placements
    parent.send(
        Run(
            method=name,
            seconds=taken,
            processor_seconds=used,
            parse_seconds=parsed,
            peak_mb=peak,
            standing=answer.standing.value,
            values=answer.bounds if plan is None else score(problem, plan),
            broken=0 if plan is None else len(violations(problem, plan)),
        )
    )


def peak_mb(pid: int | str = "self") -> float:
    """The most memory a process has held, in MB.

    Linux is asked for the peak since the program began: ``ru_maxrss`` of a spawned child would
    start at what its parent held. Elsewhere ``ru_maxrss`` of this process is all there is.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 if pid == "self" else 0.0
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines.get("VmHWM", "0 kB").split()[0]) / 1024
