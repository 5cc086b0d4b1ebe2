"""What can go wrong that a person can do something about; ``str(error)`` is always safe to show.

DomainError
├── NotFound    it is not there, or it is not yours: the two look the same on purpose
├── NotAllowed  you may see it, but not do this
│   └── ProofNeeded  not before you have proved once more that it is you
├── Invalid     what was sent cannot be understood; ``field`` says where
├── TooMany     all that is allowed in this time is used up; ``retry_after_seconds`` says when
├── Conflict    somebody was faster, or the thing has moved on
├── Unreadable  it is kept sealed, and its key is not here; never shown as empty
└── Busy        the database or a lock kept us waiting too long; trying again is safe
    └── Unrecorded  the audit trail took no row, so nothing was done and nothing is shown
"""

from __future__ import annotations


class DomainError(Exception):
    """Base of every expected failure."""

    status = 500


class NotFound(DomainError):
    status = 404


class NotAllowed(DomainError):
    status = 403


class ProofNeeded(NotAllowed):
    pass


class Invalid(DomainError):
    status = 422

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class TooMany(DomainError):
    status = 429

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Conflict(DomainError):
    status = 409


class Unreadable(DomainError):
    pass


class Busy(DomainError):
    status = 503


class Unrecorded(Busy):
    pass
