"""What people ask for, parsed: the frozen shapes that forms make and use cases take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from app.models.care import SupportState
from app.models.reference import Urgency
from app.models.referrals import LinkKind, London


@dataclass(frozen=True, kw_only=True)
class NewChild:
    """A child who comes with her; whole years; ``f``, ``m`` or not known."""

    age: int
    sex: str | None


@dataclass(frozen=True, kw_only=True)
class AvoidedPlace:
    """A place she must stay away from, as typed, and how far."""

    place: str
    km: int


@dataclass(frozen=True, kw_only=True)
class NewReferral:
    """What an officer asks for one household. Places are a district's code or a town's name.

    ``hide_from`` are e-mail addresses of people who must not see it.
    """

    form_key: UUID
    place: str
    urgency: Urgency
    language: str
    callback_phone: str
    incident_ref: str = ""
    children: tuple[NewChild, ...] = ()
    needs: tuple[str, ...] = ()
    may_share: bool = False
    avoid: tuple[AvoidedPlace, ...] = ()
    unsafe_regions: tuple[str, ...] = ()
    london: London = London.EITHER
    hide_from: tuple[str, ...] = ()
    same_as: str = ""
    tie: LinkKind | None = None


@dataclass(frozen=True, kw_only=True)
class NewPreAlert:
    """What the desk was told is coming; times are aware, needs are those of each woman."""

    form_key: UUID
    women_least: int
    women_most: int
    region: str
    expected_from: datetime
    expected_until: datetime
    with_children: int = 0
    languages: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChosenReason:
    """A reason's code."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class LongerRecovery:
    """Until which day she has at least the right to recover, and why longer."""

    until: date
    extension_reason: str


@dataclass(frozen=True, kw_only=True)
class DecisionDays:
    """The days on which the two decisions came; None: not yet, or not said."""

    reasonable_on: date | None = None
    conclusive_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class SupportGiven:
    """What became of one kind of support; ``on_day`` is today where it is None."""

    item: str
    state: SupportState
    on_day: date | None = None


@dataclass(frozen=True, kw_only=True)
class MovePlan:
    """When she plans to move on, and where to; None and empty: not known yet.

    ``later_because`` says why the day is later than the one that was planned.
    """

    leaves_on: date | None = None
    destination: str = ""
    later_because: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpectedAt:
    """The time in London at which a woman on her way may be there; None: nobody knows."""

    at: time | None = None


@dataclass(frozen=True, kw_only=True)
class NewPause:
    """Why a request is to wait, and until which moment."""

    reason: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class NewTransfer:
    """Why she is to move to another house, how soon, and what must be there now."""

    reason: str
    urgency: Urgency
    needs: tuple[str, ...] = ()
