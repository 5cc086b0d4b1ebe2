"""Where lives are lived, and how one thing is done to the model and to the service alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
)

from app.actors import Actor
from app.embedded_postgres import EmbeddedPostgres
from app.errors import DomainError
from app.models.placements import Channel
from app.services import (
    invariants,
    texts,
    trail,
)
from app.services.asked import NewReferral
from bench.stage import drawn_codes
from tests.cast import Cast
from tests.conftest import WITH_CAST, fresh_copy
from tests.fake_twilio import FakeTwilio
from tests.integration.services.expected import now_is
from tests.property.life.model import (
    Alert,
    Model,
    Refused,
    Room,
    Stay,
    Woman,
)
from tests.property.life.seen import Seen, outcome_of, room_keys, seen_now

PHONES = {"Rowan": "+447700900101", "Cedar": "+447700900102"}
SERVICE = "+447700900999"
NOWHERE = "http://127.0.0.1:9"  # where the phones' news goes: nobody waits for it here
NOTHING: dict[str, set[UUID]] = {}
QUESTIONS = {"ask_cot": 2, "ask_stairs": 3}  # and their numbers in a text
NEARLY = timedelta(seconds=30)  # time runs on while a step is made
MOST_WOMEN = 7
MOST_WRONG = 3  # of this life: the fifth wrong code within minutes would stop its phone

# Most picks aim at what the act is meant for; the rest take anything, to be refused.
nth = st.integers(0, 11)
AIMED = 8
ways = st.sampled_from(["web", "text", "desk"])
asked = st.tuples(
    st.sampled_from(["emergency", "urgent"]),
    st.sampled_from([(), (), (0,), (6,), (0, 6), (4, 6, 9)]),
)


@dataclass
class Ground:
    """Where lives are lived: the processes and the people."""

    postgres: EmbeddedPostgres
    web: Flask
    worker: Flask
    owner: Flask
    cast: Cast
    phones: FakeTwilio

    def staff(self, house: str) -> Actor:
        return {"Rowan": self.cast.bea, "Cedar": self.cast.chloe}[house].actor


class Life(RuleBasedStateMachine):
    """Each rule does one thing to the model and to the service; both must agree that it may be."""

    ground: ClassVar[Ground]

    def __init__(self) -> None:
        super().__init__()
        ground = self.ground
        self._copy = ExitStack()
        self._copy.enter_context(drawn_codes(0))  # a life is the same whenever it is lived again
        apps = (ground.web, ground.worker, ground.owner)
        self._copy.enter_context(fresh_copy(ground.postgres, WITH_CAST, apps))
        rooms = [
            Room(house, code, beds, cots)
            for house in PHONES
            for code, beds, cots in (("1", 1, 0), ("2", 3, 1))
        ]
        self.model = Model(rooms=rooms, now=self.web(now_is))
        self.asked: dict[Woman, NewReferral] = {}
        self.ids: dict[Stay | Alert | Room, UUID] = {}
        self.codes: dict[Stay, str] = {}
        self.closures: dict[Room, UUID] = {}
        self.texts = self.wrong = 0
        self.is_swept = True
        self.held: Seen | None = None
        keys = self.web(room_keys)
        self.ids.update({room: keys[room.house, room.code] for room in rooms})

    def teardown(self) -> None:
        self._copy.close()

    # After every step

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        seen, model = self.web(seen_now), self.model
        assert seen.women == {woman.ref: woman.state for woman in model.women}
        assert seen.stays == {self.ids[stay]: stay.state for stay in model.stays}
        assert seen.alerts == {self.ids[alert]: alert.state for alert in model.alerts}
        assert seen.beds == {
            self.ids[stay]: (self.ids[stay.room], stay.room.beds + stay.room.cots)
            for stay in model.stays
            if stay.is_live
        }
        assert seen.closed == {self.closures[room] for room in model.rooms if room.is_closed}
        made_ready = {self.ids[room] for room in model.rooms if room.ready_at is not None}
        assert seen.made_ready == made_ready
        kept = {self.ids[s]: s.hold_until for s in model.stays if s.state == "accepted"}
        assert all(abs(seen.holds[stay] - until) < NEARLY for stay, until in kept.items())
        self._no_rule_is_broken(seen)

    def _no_rule_is_broken(self, seen: Seen) -> None:
        """Where the worker is alive, that is: until it has swept, an offer may be overdue.

        Where a step changed nothing, what held before it holds still.
        """
        if self.is_swept and seen != self.held:
            self.worker(trail.seal)
            assert self.owner(invariants.broken) == {}
            self.held = seen

    # How things are done

    def web(self, use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self.ground.web.app_context():
            return use_case(*args, **kwargs)

    def worker(self, job: Callable[..., Any], *args: Any) -> Any:
        with self.ground.worker.app_context():
            return job(*args)

    def owner(self, act: Callable[..., Any], *args: Any) -> Any:
        with self.ground.owner.app_context():
            return act(*args)

    def both(
        self, expected: Callable[[], object], use_case: Callable[..., Any], *args: Any, **kw: Any
    ) -> bool:
        """Do it in the model and in the service: done by both, or refused by both alike."""
        self.model.now = self.web(now_is)
        foreseen = seen = ""
        try:
            expected()
        except Refused as refusal:
            foreseen = refusal.kind
        try:
            self.web(use_case, *args, **kw)
        except DomainError as error:
            seen = type(error).__name__
        assert seen == foreseen
        return not seen

    def says(self, stay: Stay, body: str, expected: Callable[[], object], done: str) -> None:
        """A phone of the house texts; what may not be changes nothing, and is answered so."""
        self.model.now = self.web(now_is)
        try:
            expected()
        except Refused:
            done = "not_changed"
        assert self.text(stay.room.house, body) == done

    def text(self, house: str, body: str) -> str:
        self.texts += 1
        sid = f"SM{self.texts:032x}"
        self.worker(texts.receive_text, sid, PHONES[house], SERVICE, body)
        self.worker(texts.handle_waiting)
        return str(self.web(outcome_of, sid))

    def who(self, stay: Stay, way: str) -> tuple[Actor, Channel]:
        if way == "desk":
            return self.ground.cast.dee.actor, Channel.COORDINATOR
        return self.ground.staff(stay.room.house), Channel.WEB


def pick(things: list[Any], n: int, *states: str) -> Any:
    """The n-th from the end, going round; an aimed pick is among those in one of ``states``."""
    meant = [thing for thing in things if thing.state in states] if n < AIMED else []
    among = meant or things
    return among[-1 - n % len(among)]


def refuse(kind: str = "Conflict") -> Callable[[], object]:
    """A use case that must not be."""

    def go() -> object:
        raise Refused(kind)

    return go
