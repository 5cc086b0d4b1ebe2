"""The ways in which a request can go wrong on demand: by script, or by rate from a seed."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from enum import StrEnum


class Fault(StrEnum):
    """What happens to one request; those named AFTER happen once the text is accepted."""

    NONE = "none"
    TOO_MANY = "429"
    REFUSED_AUTH = "401"
    ERROR_BEFORE = "500_before"
    RESET_BEFORE = "reset_before"
    HANG_BEFORE = "hang_before"
    REDIRECT_BEFORE = "redirect_before"
    ERROR_AFTER = "503_after"
    HANG_AFTER = "hang_after"
    RESET_AFTER = "reset_after"
    GARBAGE_AFTER = "garbage_after"
    SLOW_AFTER = "slow_after"

    @property
    def is_after(self) -> bool:
        return self.value.endswith("_after")


class Faults:
    """Which fault the next create request meets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._script: deque[Fault] = deque()
            self._rates: dict[Fault, float] = {}
            self._random = random.Random(0)  # noqa: S311 - repeatable on purpose
            self.seconds = 30.0
            self.retry_after: int | None = None

    def plan(self, script: Sequence[str] = (), rates: Mapping[str, float] | None = None) -> None:
        """Queue faults for the next requests, then apply ``rates`` (fault -> share of requests).

        Raises:
            ValueError: a fault has no such name.
        """
        with self._lock:
            self._script.extend(Fault(name) for name in script)
            if rates is not None:
                self._rates = {Fault(name): float(rate) for name, rate in rates.items()}

    def tune(self, *, seconds: float | None, retry_after: int | None, seed: int | None) -> None:
        """``seconds`` is how long a hang or a slow answer takes."""
        with self._lock:
            if seconds is not None:
                self.seconds = seconds
            if retry_after is not None:
                self.retry_after = retry_after
            if seed is not None:
                self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def take(self) -> Fault:
        with self._lock:
            if self._script:
                return self._script.popleft()
            draw = self._random.random()
            for fault, rate in self._rates.items():
                draw -= rate
                if draw < 0:
                    return fault
            return Fault.NONE
