"""The solver in a process of its own, so that one that hangs or dies costs no plan."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from allocation.plan import Plan
from allocation.problem import Problem
from allocation.reading import ProblemError

DEFAULT_GRACE = 10.0
# Solves within so many seconds, and tells its first plan and every better one.
Solver = Callable[[Problem, float, Callable[[Plan], None]], None]


def solve_within(
    problem: Problem,
    *,
    seconds: float,
    grace: float = DEFAULT_GRACE,
    solver: Solver | None = None,  # for tests; a function of a module, as it is sent by name
) -> Plan:
    """Return the last plan of a solver that is ended ``grace`` seconds after its time limit.

    A solver that hangs is killed; one that dies (by the system's hand, too) has told the plans it
    had found by then. Where it told none, the plan that needs no solver is made here.

    Raises:
        ProblemError: accepted offers contradict one another or a safety rule, so no plan is valid.
    """
    deadline = time.monotonic() + seconds + grace
    # Not forked: a solver that has begun threads does not survive that.
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_child, args=(there, problem, seconds, solver or _solve))
    child.start()
    there.close()
    told: list[Plan | tuple[str, str]] = []
    # Read by a thread: a child that hangs in the middle of a plan would hold up whoever reads it.
    reader = threading.Thread(target=_listen, args=(here, told))
    reader.start()
    try:
        reader.join(max(0.0, deadline - time.monotonic()))
    finally:
        child.kill()
        child.join()
        reader.join()  # the pipe has no other end any more
        here.close()
    last = told[-1] if told else None
    if isinstance(last, tuple):
        raise ProblemError(*last)
    return last or _at_once(problem)


def _listen(pipe: Connection, told: list[Plan | tuple[str, str]]) -> None:
    """Note every word of the child: a plan, or why there can be none."""
    with contextlib.suppress(EOFError, OSError):  # the child has ended, maybe in mid-sentence
        while True:
            told.append(pipe.recv())


def _child(pipe: Connection, problem: Problem, seconds: float, solver: Solver) -> None:
    try:
        solver(problem, seconds, pipe.send)
    except ProblemError as error:
        pipe.send((error.path, error.wanted))
    pipe.close()


def _solve(problem: Problem, seconds: float, tell: Callable[[Plan], None]) -> None:
    from allocation.solver import solve

    tell(solve(problem, seconds=seconds, tell=tell))


def _at_once(problem: Problem) -> Plan:
    from allocation.solver import place

    return place(problem, seconds=0).plan
