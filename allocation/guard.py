"""Work in a child process with a limit on its memory: running out is an answer, not a crash."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable


def guarded(work: Callable[[], int], memory_mb: int) -> int | None:
    """Return the exit code of ``work``, or None when its process died of a signal.

    A solver written in C++ may end in a segmentation fault when it is refused memory; only another
    process outlives that. ``memory_mb`` limits what the child writes to, not what it maps. Where
    the system knows no fork (Windows), the work is done here and without a limit.
    """
    if not hasattr(os, "fork"):
        return work()
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(held)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C for both
        _die_with_parent(alive)
        _limit_memory(memory_mb)
        _silence_libraries()
        os._exit(_finished(work))
    os.close(alive)
    _, status = os.waitpid(child, 0)
    os.close(held)
    code = os.waitstatus_to_exitcode(status)
    return None if code < 0 else code


def _die_with_parent(alive: int) -> None:
    def watch() -> None:
        os.read(alive, 1)  # returns when the parent is gone, for whatever reason
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _limit_memory(memory_mb: int) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = memory_mb * 1024**2
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _silence_libraries() -> None:
    """Keep stderr for what we say: a dying C++ library writes pages there."""
    kept = os.fdopen(os.dup(2), "wb", buffering=0)
    sys.stderr = io.TextIOWrapper(kept, errors="backslashreplace", write_through=True)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)


def _finished(work: Callable[[], int]) -> int:
    """Do the work; like the interpreter, print what escapes from it and make it exit code 1."""
    try:
        return work()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
