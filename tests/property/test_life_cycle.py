"""Random lives of requests on the real services and PostgreSQL, held against a plain model.

WAYMARK_HYPOTHESIS_EXAMPLES sets how many lives are lived.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.errors import DomainError
from app.models.beds import BedUse, Refuge, Void
from app.models.beds import Room as RoomRow
from app.models.enquiries import HouseQuestion, QuestionAnswer
from app.models.messages import SmsInbox
from app.models.placements import Channel, Placement
from app.models.plans import PlanLine
from app.models.pre_alerts import PreAlert
from app.models.reference import Urgency
from app.models.referrals import Referral
from app.services import (
    clock,
    closing,
    holds,
    invariants,
    matching,
    offers,
    pauses,
    pre_alerts,
    questions,
    referrals,
    texts,
    trail,
    transfers,
    voids,
)
from app.services.asked import NewChild, NewPause, NewReferral, NewTransfer
from app.services.questions import NewAnswer
from app.services.void_steps import TURNAROUND
from app.worker import sweep
from bench.stage import drawn_codes
from tests.cast import Cast
from tests.conftest import WITH_CAST, fresh_copy
from tests.factories import at_once, new_referral
from tests.fake_twilio import FakeTwilio, fake_twilio
from tests.integration.services.expected import coming, now_is
from tests.property.life_cycle_model import (
    ASKED,
    LIVE,
    Alert,
    Model,
    Refused,
    Room,
    Stay,
    Woman,
    count_by_priority,
)

EXAMPLES = int(os.environ.get("WAYMARK_HYPOTHESIS_EXAMPLES", "12"))
LIVES = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
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


@dataclass
class Run:
    """A plan that was made: whom it gave which room, and who was offered it so far."""

    id: UUID
    lines: dict[str, Room]
    offered: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Seen:
    """What stands in the tables: states by reference and id, the beds that a stay keeps as (room,
    how many), until when a promise is kept, closures by people, rooms that are made ready."""

    women: dict[str, str]
    stays: dict[UUID, str]
    holds: dict[UUID, Any]
    beds: dict[UUID, tuple[UUID, int]]
    alerts: dict[UUID, str]
    closed: set[UUID]
    made_ready: set[UUID]


class LifeCycle(RuleBasedStateMachine):
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
        self.runs: list[Run] = []
        self.closures: dict[Room, UUID] = {}
        self.texts = self.wrong = 0
        self.is_swept = True
        self.held: Seen | None = None
        keys = self.web(_room_keys)
        self.ids.update({room: keys[room.house, room.code] for room in rooms})

    def teardown(self) -> None:
        self._copy.close()

    @initialize(first=asked, second=asked, third=asked)
    def begin(self, first: Any, second: Any, third: Any) -> None:
        """Nothing happens where nobody is asked for: a life begins with a night."""
        for urgency, ages in (first, second, third):
            self.ask(urgency, ages)
        self.plan_and_confirm(is_everyone=True, asks_beside=True)

    # Asking

    @precondition(lambda self: len(self.model.women) < MOST_WOMEN)
    @rule(who=asked)
    def somebody_is_asked_for(self, who: tuple[str, tuple[int, ...]]) -> None:
        self.ask(*who)

    def ask(self, urgency: str, ages: tuple[int, ...]) -> None:
        children = tuple(NewChild(age=age, sex="f") for age in ages)
        new = new_referral(urgency=Urgency(urgency), children=children)
        ref = self.web(referrals.make_referral, new, by=self.ground.cast.amara.actor)
        self.asked[self.model.ask(ref, urgency, ages)] = new

    @precondition(lambda self: self.model.women)
    @rule(n=nth, is_same=st.booleans())
    def send_the_form_again(self, n: int, is_same: bool) -> None:
        woman = pick(list(self.asked), n, "ready")
        by = self.ground.cast.amara.actor
        if is_same:
            new = self.asked[woman]
            assert self.web(referrals.make_referral, new, by=by) == woman.ref
        else:
            new = replace(self.asked[woman], language="vi")
            self.both(refuse(), referrals.make_referral, new, by=by)

    @precondition(lambda self: self.model.women)
    @rule(n=nth, is_hers=st.sampled_from([True, True, False]))
    def officer_withdraws(self, n: int, is_hers: bool) -> None:
        woman, cast = pick(self.model.women, n, "confirmed", "offered"), self.ground.cast
        if is_hers and woman.home is None:
            self.is_withdrawn(woman)
        else:  # a house asked for those who move
            by = cast.amara.actor if is_hers else cast.bram.actor
            gone = (woman.ref, "things_changed")
            self.both(refuse("NotFound"), referrals.withdraw, *gone, by=by)

    def is_withdrawn(self, woman: Woman) -> None:
        by, gone = self.ground.cast.amara.actor, (woman.ref, "things_changed")
        self.both(lambda: self.model.withdraw(woman), referrals.withdraw, *gone, by=by)

    @precondition(lambda self: self.model.women)
    @rule(n=nth, is_end=st.booleans())
    def desk_closes_or_reopens(self, n: int, is_end: bool) -> None:
        desk = self.ground.cast.dee.actor
        if is_end:
            woman = pick(self.model.women, n, "ready", "not_arrived")
            reason = "no_bed_anywhere"
            ends = lambda: self.model.close_unmet(woman)  # noqa: E731
            self.both(ends, closing.close_unmet, woman.ref, reason, by=desk)
        else:
            self.reopens(pick(self.model.women, n, "unmet", "not_arrived"))

    def reopens(self, woman: Woman) -> bool:
        desk = self.ground.cast.dee.actor
        return self.both(lambda: self.model.reopen(woman), closing.reopen, woman.ref, by=desk)

    @precondition(lambda self: self.model.women)
    @rule(n=nth, is_end=st.booleans())
    def request_waits_or_goes_on(self, n: int, is_end: bool) -> None:
        desk = self.ground.cast.dee.actor
        if is_end:
            woman = pick(self.model.women, n, "paused")
            self.both(lambda: self.model.resume(woman), pauses.resume, woman.ref, by=desk)
            return
        woman = pick(self.model.women, n, "ready")
        until = self.web(now_is) + timedelta(hours=3)
        asleep = NewPause(reason="pause_asked", until=until)
        begins = lambda: self.model.pause(woman, until)  # noqa: E731
        self.both(begins, pauses.pause, woman.ref, asleep, by=desk)

    # Deciding

    @precondition(lambda self: self.model.waiting())
    @rule(is_everyone=st.booleans(), asks_beside=st.booleans())
    def plan_and_confirm(self, is_everyone: bool, asks_beside: bool) -> None:
        """As many women as can have a room get one, the most urgent first; a person decides."""
        self.model.now = self.web(now_is)
        run_id = self.worker(matching.make_plan)
        women = {woman.ref: woman for woman in self.model.women}
        rooms = {self.ids[room]: room for room in self.model.rooms}
        lines = {ref: rooms[room] for ref, room in self.web(_lines, run_id)}
        assert len(set(map(id, lines.values()))) == len(lines)
        assert all(self.model.may_have(women[ref], room) for ref, room in lines.items())
        assert count_by_priority(women[ref] for ref in lines) == self.model.best_counts()
        self.runs.append(Run(run_id, lines))
        if asks_beside:
            self.worker(matching.explain_newest_plan)
        listed = self.web(_listed, run_id) if asks_beside else {}
        self._confirm(self.runs[-1], sorted(lines)[:: 1 if is_everyone else 2], listed)

    @precondition(lambda self: self.runs)
    @rule(n=nth)
    def confirm_an_old_plan(self, n: int) -> None:
        run = self.runs[-1 - n % len(self.runs)]
        self._confirm(run, sorted(run.lines))

    def _confirm(self, run: Run, refs: list[str], listed: dict[str, set[UUID]] = NOTHING) -> None:
        """What no longer holds is dropped with its reason, and the others stand.

        Of the rooms that the plan ``listed`` for a woman, one of another house is asked beside.
        """
        if not refs:
            return
        self.model.now = self.web(now_is)
        women = {woman.ref: woman for woman in self.model.women}
        fresh = [ref for ref in refs if ref not in run.offered]
        holds = [
            ref
            for ref in fresh
            if women[ref].state == "ready" and self.model.may_have(women[ref], run.lines[ref])
        ]
        also = {ref: self._beside(run.lines[ref], listed.get(ref, set())) for ref in refs}
        desk = self.ground.cast.dee.actor
        wishes = {ref: [self.ids[room]] for ref, room in also.items() if room is not None}
        outcome = self.web(matching.confirm_plan, run.id, refs, by=desk, also=wishes)
        assert sorted(outcome.offered) == holds
        assert sorted(outcome.dropped) == [ref for ref in fresh if ref not in holds]
        run.offered.update(holds)
        for ref in holds:
            self._offered(self.model.offer(women[ref], run.lines[ref]))
        asked = [
            ref
            for ref in holds
            if (room := also[ref]) is not None and self.model.may_have(women[ref], room)
        ]
        assert sorted(outcome.beside) == asked
        for ref in asked:
            self._offered(self.model.enquire(women[ref], also[ref]))  # type: ignore[arg-type]

    def _beside(self, held: Room, listed: set[UUID]) -> Room | None:
        others = (room for room in self.model.rooms if self.ids[room] in listed)
        return next((room for room in others if room.house != held.house), None)

    @precondition(lambda self: self.model.women)
    @rule(n=nth, room=st.integers(0, 3))
    def choose_by_hand(self, n: int, room: int) -> None:
        self.desk_gives(pick(self.model.women, n, "ready"), self.model.rooms[room])

    def desk_gives(self, woman: Woman, wanted: Room) -> None:
        done = self.both(
            lambda: self.model.choose(woman, wanted),
            matching.override,
            woman.ref,
            at_once(self.ids[wanted]),
            by=self.ground.cast.dee.actor,
        )
        if done:
            self._offered(self.model.stays[-1])

    def _offered(self, stay: Stay) -> None:
        row = self.web(_newest_at, stay.woman.ref, stay.room.house)
        self.ids[stay], self.codes[stay] = row.public_id, row.offer_code
        assert abs(row.offer_expires_at - stay.expires_at) < NEARLY
        stay.expires_at = row.offer_expires_at

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, is_hers=st.sampled_from([True, True, False]))
    def she_says_no(self, n: int, is_hers: bool) -> None:
        """By her own officer: another of the force, or of a woman who moves, finds nothing."""
        stay, cast = pick(self.model.stays, n, *ASKED, "accepted"), self.ground.cast
        by = cast.amara.actor if is_hers else cast.bram.actor
        is_own = is_hers and stay.woman.home is None
        expected = lambda: self.model.withdraw_offer(stay, is_her_word=True)  # noqa: E731
        no = (self.ids[stay], "too_far")
        self.both(expected if is_own else refuse("NotFound"), offers.decline_for_her, *no, by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, is_her_word=st.booleans())
    def desk_takes_it_back(self, n: int, is_her_word: bool) -> None:
        stay = pick(self.model.stays, n, *ASKED, "accepted")
        self.both(
            lambda: self.model.withdraw_offer(stay, is_her_word=is_her_word),
            offers.withdraw_offer,
            self.ids[stay],
            "too_far" if is_her_word else "bed_lost",
            by=self.ground.cast.dee.actor,
        )

    # Answering

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, way=ways)
    def accept(self, n: int, way: str) -> None:
        self._accept(pick(self.model.stays, n, *ASKED), way)

    def _accept(self, stay: Stay, way: str) -> None:
        expected = lambda: self.model.accept(stay)  # noqa: E731
        if way == "text":
            self.says(stay, f"ACCEPT {self.codes[stay]}", expected, "accepted")
            return
        by, channel = self._who(stay, way)
        self.both(expected, offers.accept_offer, by=by, channel=channel, public_id=self.ids[stay])

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, way=ways)
    def decline(self, n: int, way: str) -> None:
        stay = pick(self.model.stays, n, *ASKED)
        expected = lambda: self.model.decline(stay)  # noqa: E731
        if way == "text":
            self.says(stay, f"DECLINE {self.codes[stay]} 2", expected, "declined")
            return
        by, channel = self._who(stay, way)
        answer = {"by": by, "channel": channel, "reason": "room_not_right"}
        self.both(expected, offers.decline_offer, public_id=self.ids[stay], **answer)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth)
    def maybe(self, n: int) -> None:
        """The house wants to ask first: that answers nothing."""
        stay = pick(self.model.stays, n, *ASKED)
        expected = lambda: None if self.model.is_open(stay) else refuse()()  # noqa: E731
        self.says(stay, f"MAYBE {self.codes[stay]}", expected, "asked_first")

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, question=st.sampled_from(sorted(QUESTIONS)), by_text=st.booleans())
    def house_asks(self, n: int, question: str, by_text: bool) -> None:
        stay = pick(self.model.stays, n, *ASKED)
        expected = lambda: self.model.ask_question(stay, question)  # noqa: E731
        if by_text:
            body = f"MAYBE {self.codes[stay]} {QUESTIONS[question]}"
            self.says(stay, body, expected, "asked_first")
            return
        by = self.ground.staff(stay.room.house)
        asks = {"by": by, "channel": Channel.WEB, "public_id": self.ids[stay]}
        self.both(expected, questions.ask_question, question, **asks)

    @precondition(lambda self: any(stay.question for stay in self.model.stays))
    @rule(n=nth)
    def house_is_answered(self, n: int) -> None:
        stay = pick([stay for stay in self.model.stays if stay.question], n, *ASKED)
        asked, yes = self.web(_question_of, self.ids[stay]), NewAnswer(answer=QuestionAnswer.YES)
        desk = self.ground.cast.dee.actor
        expected = lambda: self.model.answer_question(stay)  # noqa: E731
        self.both(expected, questions.answer_question, asked, yes, by=desk)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, by_text=st.booleans())
    def another_house_answers(self, n: int, by_text: bool) -> None:
        stay = pick(self.model.stays, n, *ASKED)
        other = next(house for house in PHONES if house != stay.room.house)
        if not by_text:
            by, channel = self.ground.staff(other), Channel.WEB
            ours = {"by": by, "channel": channel, "public_id": self.ids[stay]}
            self.both(refuse("NotFound"), offers.accept_offer, **ours)
        elif self.wrong < MOST_WRONG:
            self.wrong += 1
            assert self.text(other, f"ACCEPT {self.codes[stay]}") == "wrong_code"

    # Arriving and leaving

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, way=ways)
    def arrive(self, n: int, way: str) -> None:
        self._arrive(pick(self.model.stays, n, "accepted"), way)

    def _arrive(self, stay: Stay, way: str) -> None:
        expected = lambda: self.model.arrive(stay)  # noqa: E731
        if way == "text":
            # Said again it is answered the same and done once.
            known = stay.state == "arrived"
            said = f"she has ARRIVED {self.codes[stay]}"
            self.says(stay, said, (lambda: None) if known else expected, "arrived")
            return
        by = self.ground.staff(stay.room.house)
        if way == "desk" and stay.woman.home is None:
            by = self.ground.cast.amara.actor  # her officer: the desk need not be asked
        self.both(expected, offers.record_arrival, self.ids[stay], by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth)
    def not_arrive(self, n: int) -> None:
        self.does_not_come(pick(self.model.stays, n, "accepted"))

    def does_not_come(self, stay: Stay) -> None:
        self.both(
            lambda: self.model.not_arrive(stay),
            offers.record_not_arrived,
            self.ids[stay],
            "cannot_be_reached",
            by=self.ground.staff(stay.room.house),
        )

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, is_desk=st.booleans(), is_read=st.sampled_from([True, True, True, False]))
    def keep_it_longer(self, n: int, is_desk: bool, is_read: bool) -> None:
        """Only the end that is read can be made later: two taps are one renewal."""
        stay = pick(self.model.stays, n, "accepted")
        by = self.ground.cast.dee.actor if is_desk else self.ground.staff(stay.room.house)
        seen = self.web(_hold_until, self.ids[stay]) if is_read else None
        expected = lambda: self.model.renew(stay, is_desk=is_desk)  # noqa: E731
        renewed = (holds.renew, self.ids[stay], seen)
        self.both(expected if is_read else refuse(), *renewed, by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth)
    def she_sets_out(self, n: int) -> None:
        stay = pick(self.model.stays, n, "accepted")
        by = self.ground.staff(stay.room.house)
        self.both(lambda: self.model.set_out(stay), holds.set_out, self.ids[stay], None, by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, is_house=st.sampled_from([True, True, False]))
    def depart(self, n: int, is_house: bool) -> None:
        stay = pick(self.model.stays, n, "arrived")
        if is_house:
            self._depart(stay)
        else:
            officer = self.ground.cast.amara.actor
            gone = (self.ids[stay], "planned_move")
            self.both(refuse("NotAllowed"), offers.record_departure, *gone, by=officer)

    def _depart(self, stay: Stay) -> None:
        by, gone = self.ground.staff(stay.room.house), (self.ids[stay], "planned_move")
        self.both(lambda: self.model.depart(stay), offers.record_departure, *gone, by=by)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, way=ways, steps=st.integers(1, 3))
    def everybody_does_their_part(self, n: int, way: str, steps: int) -> None:
        """The house says yes, then she arrives, then she moves on."""
        stay = pick(self.model.stays, n, *LIVE, "enquired")
        for _ in range(steps):
            match stay.state:
                case "offered" | "enquired":
                    self._accept(stay, way)
                case "accepted":
                    self._arrive(stay, way)
                case "arrived":
                    self._depart(stay)

    # Moving

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, room=st.integers(0, 3))
    def change_room(self, n: int, room: int) -> None:
        stay, wanted = pick(self.model.stays, n, "arrived"), self.model.rooms[room]
        self.both(
            lambda: self.model.change_room(stay, wanted),
            matching.move_room,
            self.ids[stay],
            self.ids[wanted],
            by=self.ground.cast.dee.actor,
        )

    @precondition(lambda self: self.model.stays and len(self.model.women) < MOST_WOMEN)
    @rule(n=nth, urgency=st.sampled_from(["emergency", "urgent"]))
    def ask_for_another_house(self, n: int, urgency: str) -> None:
        stay = pick(self.model.stays, n, "arrived")
        by, refs = self.ground.staff(stay.room.house), list[str]()
        new = NewTransfer(reason="transfer_wish", urgency=Urgency(urgency))
        done = self.both(
            lambda: self.model.may_ask_move(stay),
            lambda: refs.append(transfers.ask_transfer(self.ids[stay], new, by=by)),
        )
        if done:
            self.model.ask_move(stay, refs[0], urgency)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth)
    def call_the_move_off(self, n: int) -> None:
        stay = pick(self.model.stays, n, "arrived")
        by, off = self.ground.staff(stay.room.house), (self.ids[stay], "transfer_stays")
        self.both(lambda: self.model.cancel_move(stay), transfers.cancel_transfer, *off, by=by)

    # Rooms, and what is expected

    @rule(room=st.integers(0, 3), is_again=st.sampled_from([False, False, True]))
    def room_closes_or_opens(self, room: int, is_again: bool) -> None:
        """``is_again``: what is so already is asked for once more."""
        changed = self.model.rooms[room]
        by = self.ground.staff(changed.house)
        if changed in self.closures and changed.is_closed is not is_again:
            opens = lambda: self.model.reopen_room(changed)  # noqa: E731
            self.both(opens, voids.end_void, self.closures[changed], by=by)
            return
        made: list[UUID] = []
        self.both(
            lambda: self.model.close(changed),
            lambda: made.append(voids.start_void(self.ids[changed], "repair", by=by)),
        )
        self.closures.update(dict.fromkeys([changed], *made) if made else {})

    @precondition(lambda self: len(self.model.alerts) < 2)
    @rule()
    def pre_alert(self) -> None:
        """Rooms are kept softly for those expected: that nobody waits for it, the plan shows."""
        new = coming(self.web(now_is))
        alert = Alert(new.expected_until)
        by = self.ground.cast.dee.actor
        self.ids[alert] = self.web(pre_alerts.record_pre_alert, new, by=by)
        self.model.alerts.append(alert)
        self.worker(matching.rehearse)

    @precondition(lambda self: self.model.alerts)
    @rule(n=nth)
    def cancel_pre_alert(self, n: int) -> None:
        alert, by = pick(self.model.alerts, n, "open"), self.ground.cast.dee.actor
        self.both(lambda: self.model.cancel(alert), pre_alerts.cancel, self.ids[alert], by=by)

    # Time

    @rule(minutes=st.sampled_from([9, 45, 100, 420]))
    def time_passes(self, minutes: int) -> None:
        self.owner(clock.shift_by, timedelta(minutes=minutes))
        self.is_swept, self.held = False, None

    @rule()
    def worker_sweeps(self) -> None:
        self.model.now = self.web(now_is)
        assert self.worker(offers.lapse_offers) == self.model.lapse()
        assert self.worker(pre_alerts.expire) == self.model.expire()
        assert self.worker(pauses.wake_the_due) == self.model.wake()
        self.model.make_ready()
        self.worker(sweep, self.ground.phones.gateway(), NOWHERE)
        self.is_swept = True

    # After every step

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        seen, model = self.web(_seen), self.model
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
        return str(self.web(_outcome, sid))

    def _who(self, stay: Stay, way: str) -> tuple[Actor, Channel]:
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


def _room_keys() -> dict[tuple[str, str], UUID]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Refuge.alias, RoomRow.code, RoomRow.public_id).join(
                RoomRow, RoomRow.refuge_id == Refuge.id
            )
        )
        return {(alias, code): public_id for alias, code, public_id in rows}


def _lines(run_id: UUID) -> list[tuple[str, UUID]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Referral.ref, RoomRow.public_id)
            .join(PlanLine, PlanLine.referral_id == Referral.id)
            .join(RoomRow, RoomRow.id == PlanLine.room_id)
            .where(PlanLine.run_id == run_id)
        )
        return [(ref, room) for ref, room in rows]


def _listed(run_id: UUID) -> dict[str, set[UUID]]:
    """The other rooms that the plan lists for each woman as allowed."""
    with transaction(by=SYSTEM):
        rooms = {row.id: row.public_id for row in db.session.scalars(select(RoomRow))}
        rows = db.session.execute(
            select(Referral.ref, PlanLine.alternatives)
            .join(PlanLine, PlanLine.referral_id == Referral.id)
            .where(PlanLine.run_id == run_id)
        )
        return {
            ref: {rooms[entry["room_id"]] for entry in given or [] if entry["allowed"]}
            for ref, given in rows
        }


def _newest_at(ref: str, house: str) -> Placement:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(Placement)
            .join(Referral, Referral.id == Placement.referral_id)
            .join(Refuge, Refuge.id == Placement.refuge_id)
            .where(Referral.ref == ref, Refuge.alias == house)
            .order_by(Placement.id.desc())
            .limit(1)
        ).one()


def _question_of(stay: UUID) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(HouseQuestion.public_id)
            .join(Placement, Placement.id == HouseQuestion.placement_id)
            .where(Placement.public_id == stay)
        ).one()


def _seen() -> Seen:
    with transaction(by=SYSTEM):
        placements = db.session.execute(
            select(Placement.public_id, Placement.state, Placement.hold_until)
        ).all()
        uses = db.session.execute(
            select(Placement.public_id, RoomRow.public_id, func.count(BedUse.id))
            .join(BedUse, BedUse.placement_id == Placement.id)
            .join(RoomRow, RoomRow.id == Placement.room_id)
            .where(BedUse.live)
            .group_by(Placement.public_id, RoomRow.public_id)
        )
        alerts = db.session.execute(select(PreAlert.public_id, PreAlert.ended_how))
        live = select(Void.public_id, RoomRow.public_id, Void.reason_code).where(Void.live)
        voids_now = db.session.execute(live.join(RoomRow, RoomRow.id == Void.room_id)).all()
        return Seen(
            women={r: str(s) for r, s in db.session.execute(select(Referral.ref, Referral.state))},
            stays={stay: str(state) for stay, state, _ in placements},
            holds={stay: until for stay, _, until in placements},
            beds={stay: (room, count) for stay, room, count in uses},
            alerts={key: str(how) if how else "open" for key, how in alerts},
            closed={void for void, _, reason in voids_now if reason != TURNAROUND},
            made_ready={room for _, room, reason in voids_now if reason == TURNAROUND},
        )


def _hold_until(stay: UUID) -> Any:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(Placement.hold_until).where(Placement.public_id == stay))


def _outcome(sid: str) -> str | None:
    with transaction(by=SYSTEM):
        return db.session.get_one(SmsInbox, sid).outcome


@pytest.fixture
def lived(
    postgres: EmbeddedPostgres,
    cast_once: Cast,
    web_app: Flask,
    worker_app: Flask,
    owner_app: Flask,
    tmp_path: Path,
) -> Iterator[type[LifeCycle]]:
    with fake_twilio(tmp_path / "ledger.sqlite") as phones:
        LifeCycle.ground = Ground(postgres, web_app, worker_app, owner_app, cast_once, phones)
        yield LifeCycle


@pytest.mark.slow
def test_no_life_is_other_than_the_model_says(lived: type[LifeCycle]) -> None:
    run_state_machine_as_test(lived, settings=LIVES)


def test_one_life_with_every_turn(lived: type[LifeCycle]) -> None:
    """What random lives seldom reach: two moves, the first of which fails, and both homes left."""
    life = lived()
    model, turn = life.model, life.all_is_as_the_model_says
    try:
        life.begin(first=("urgent", ()), second=("urgent", ()), third=("emergency", (6,)))
        home = model.stays[0]
        for woman in model.women:
            if woman is not home.woman:
                life.is_withdrawn(woman)
        steps: tuple[Callable[[], object], ...] = (
            lambda: life._accept(home, "text"),
            lambda: life.keep_it_longer(n=AIMED - 1, is_desk=False, is_read=True),
            lambda: life.she_sets_out(n=0),
            lambda: life._arrive(home, "text"),
            lambda: life.ask_for_another_house(n=0, urgency="emergency"),
            lambda: life.depart(n=0, is_house=True),
        )
        for step in steps:
            step()
            turn()
        assert (home.state, home.woman.state) == ("arrived", "resident")
        for is_there in (False, True):
            moving = model.move_of(home)
            assert moving is not None
            room = next(each for each in model.rooms if model.may_have(moving, each))
            life.desk_gives(moving, room)
            there = model.stays[-1]
            life._accept(there, "web")
            turn()
            if is_there:
                life._arrive(there, "web")
            else:
                life.does_not_come(there)
                life.ask_for_another_house(n=0, urgency="urgent")
            turn()
        assert (home.state, home.woman.state) == ("departed", "moved_on")
        life._depart(there)
        turn()
        assert life.reopens(model.women[3]) is False
        turn()
        life.worker_sweeps()
        turn()
    finally:
        life.teardown()
