"""Plays a world through time: who does what next, whichever door they do it through.

The seed plays a week through the services; the replay plays half a year through the web forms.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Protocol

from app.demo.answers import Answer, Reply, answer_of
from app.demo.plans import RefugePlan, ResidentPlan, WomanPlan
from app.demo.world import World
from app.services.reference import calibration

# Minutes from the last and from the first news to the coordinator's decision: an assumption.
DECIDES_AFTER, DECIDES_BY = 10, 20
DAY_MINUTES = 24 * 60
JOURNEY_MINUTES = (60, 300)  # from acceptance to the door: an assumption
NOT_ARRIVED = ("cannot_be_reached", "left_police_care", "arrival_changed_mind")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An offer that was made: the request, the house, and how long it has to answer."""

    ref: str
    key: str
    refuge: str
    reply_minutes: int


class Doors(Protocol):
    """What people can do, in the order of a woman's night. Times are minutes of the scenario."""

    def at(self, minute: int) -> None:
        """It is now this minute."""

    def open_house(self, refuge: RefugePlan) -> None: ...

    def settle(self, resident: ResidentPlan) -> str:
        """She has lived there since now; the reference of her request."""

    def ask(self, woman: WomanPlan, *, same_as: str) -> str:
        """The reference of the new request; ``same_as`` is the first request of the incident."""

    def hand_on(self, woman: WomanPlan) -> None: ...

    def decide(self) -> list[Offer]:
        """Plan, and let the coordinator confirm every line; the offers that were made."""

    def answer(self, offer: Offer, answer: Answer) -> None: ...

    def lapse(self) -> None:
        """Let go of the offers whose time has passed."""

    def arrive(self, ref: str) -> None: ...

    def not_arrive(self, ref: str, reason: str) -> None: ...

    def depart(self, ref: str, reason: str) -> None: ...

    def withdraw(self, ref: str, reason: str) -> None: ...

    def give_up(self, ref: str) -> None:
        """Close a request that found no place."""


class Answering(Protocol):
    """How the houses answer: see ``app.demo.answers.answer_of``."""

    def __call__(
        self, seed: int, /, *, woman: str, refuge: str, attempt: int, reply_minutes: int
    ) -> Answer: ...


class Stage(StrEnum):
    """Where a woman's story stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    RESIDENT = "resident"
    LEFT = "left"
    NOT_ARRIVED = "not_arrived"
    WITHDRAWN = "withdrawn"
    UNMET = "unmet"


@dataclass
class Course:
    """What has become of one request so far; minutes of the scenario, None for not yet."""

    woman: WomanPlan
    ref: str
    stage: Stage = Stage.WAITING
    offers: int = 0
    refuge: str = ""
    accepted_at: int | None = None
    declined: list[str] = field(default_factory=list)
    lapsed: int = 0


@dataclass
class Story:
    """Plays ``world`` through ``doors``; ``courses`` tells what became of whom.

    ``answers_until`` is the last minute at which an offer made is also answered; ``answering``
    says how.
    """

    world: World
    doors: Doors
    answers_until: int
    answering: Answering = answer_of
    courses: dict[str, Course] = field(default_factory=dict)
    handed_on: int = 0
    minute: int = 0
    _events: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _decides_at: int | None = None
    _news_since: int = 0
    _first_of: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for refuge in self.world.refuges:
            if refuge.opens_on_day:
                minute = refuge.opens_on_day * DAY_MINUTES
                self._at(minute, partial(self._open, refuge))
        for resident in self.world.residents:
            self._at(resident.woman.arrives_minute, partial(self._settles, resident))
        for woman in self.world.women:
            self._at(woman.arrives_minute, partial(self._arrives, woman))

    def play(self, *, until: int) -> None:
        """Let everything happen up to and including minute ``until``; may be called again."""
        while self._events and self._events[0][0] <= until:
            self.minute, _, happen = heapq.heappop(self._events)
            self.doors.at(self.minute)
            happen()

    def _at(self, minute: int, happen: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (minute, self._count, happen))

    def _open(self, refuge: RefugePlan) -> None:
        self.doors.open_house(refuge)
        self._decide_soon()

    def _settles(self, resident: ResidentPlan) -> None:
        ref = self.doors.settle(resident)
        stay = resident.woman.stay_days * DAY_MINUTES
        self._at(self.minute + stay, partial(self._moves_out, ref, resident.woman))

    def _moves_out(self, ref: str, woman: WomanPlan) -> None:
        self.doors.depart(ref, woman.leaves_because)
        self._decide_soon()

    def _arrives(self, woman: WomanPlan) -> None:
        if woman.under_18:
            self.doors.hand_on(woman)
            self.handed_on += 1
            return
        ref = self.doors.ask(woman, same_as=self._first_of.get(woman.incident, ""))
        self._first_of.setdefault(woman.incident, ref)
        self.courses[ref] = Course(woman, ref)
        patience = calibration()["pentameter"]["patience_hours"] * 60
        self._at(self.minute + patience, partial(self._lose_patience, ref))
        self._decide_soon()

    def _decide_soon(self) -> None:
        """The coordinator waits a little for more news of the same raid, but not for long."""
        if self._decides_at is None:
            self._news_since = self.minute
            self._at(self.minute + DECIDES_AFTER, self._decide)
        self._decides_at = min(self.minute + DECIDES_AFTER, self._news_since + DECIDES_BY)

    def _decide(self) -> None:
        if self._decides_at is not None and self.minute < self._decides_at:
            self._at(self._decides_at, self._decide)
            return
        self._decides_at = None
        if not any(course.stage is Stage.WAITING for course in self.courses.values()):
            return
        for offer in self.doors.decide():
            self.made(offer)

    def made(self, offer: Offer) -> None:
        """An offer was made, by the plan or by hand: the house will answer."""
        course = self.courses[offer.ref]
        course.stage, course.refuge = Stage.OFFERED, offer.refuge
        course.offers += 1
        self._await(offer, course)

    def _await(self, offer: Offer, course: Course) -> None:
        lapses = self.minute + offer.reply_minutes
        given = self.answering(
            self.world.seed,
            woman=course.woman.key,
            refuge=offer.refuge,
            attempt=course.offers,
            reply_minutes=offer.reply_minutes,
        )
        if self.minute > self.answers_until:
            return
        if given.reply is not Reply.SILENCE and given.minutes < offer.reply_minutes:
            self._at(self.minute + given.minutes, partial(self._answer, offer, given))
        else:
            self._at(lapses + 1, partial(self._lapse, offer))

    def _answer(self, offer: Offer, answer: Answer) -> None:
        course = self.courses[offer.ref]
        self.doors.answer(offer, answer)
        if answer.reply is Reply.DECLINE:
            course.stage = Stage.WAITING
            course.declined.append(answer.reason)
            self._decide_soon()
            return
        course.stage, course.accepted_at = Stage.ACCEPTED, self.minute
        rng = random.Random(f"waymark/{self.world.seed}/journey/{course.woman.key}")
        journey = rng.randint(*JOURNEY_MINUTES)
        if course.woman.says_no:
            self._at(self.minute + journey // 2, partial(self._says_no, course))
        elif course.woman.will_arrive:
            self._at(self.minute + journey, partial(self._moves_in, course))
        else:
            reason = rng.choice(NOT_ARRIVED)
            self._at(self.minute + journey, partial(self._is_missing, course, reason))

    def _lapse(self, offer: Offer) -> None:
        course = self.courses[offer.ref]
        self.doors.lapse()
        course.stage = Stage.WAITING
        course.lapsed += 1
        self._decide_soon()

    def _says_no(self, course: Course) -> None:
        self.doors.withdraw(course.ref, course.woman.says_no)
        course.stage = Stage.WITHDRAWN
        self._decide_soon()

    def _moves_in(self, course: Course) -> None:
        self.doors.arrive(course.ref)
        course.stage = Stage.RESIDENT
        self._at(self.minute + course.woman.stay_days * DAY_MINUTES, partial(self._leaves, course))

    def _is_missing(self, course: Course, reason: str) -> None:
        self.doors.not_arrive(course.ref, reason)
        course.stage = Stage.NOT_ARRIVED
        self._decide_soon()

    def _leaves(self, course: Course) -> None:
        course.stage = Stage.LEFT
        self._moves_out(course.ref, course.woman)

    def _lose_patience(self, ref: str) -> None:
        course = self.courses[ref]
        if course.stage is Stage.WAITING:
            self.doors.give_up(ref)
            course.stage = Stage.UNMET
        elif course.stage is Stage.OFFERED:
            self._at(self.minute + 60, partial(self._lose_patience, ref))
