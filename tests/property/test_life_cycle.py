"""Random lives of requests on the real services and PostgreSQL, held against a plain model.

WAYMARK_HYPOTHESIS_EXAMPLES sets how many lives are lived.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.embedded_postgres import EmbeddedPostgres
from app.models.reference import Urgency
from app.services import (
    clock,
    closing,
    invariants,
    matching,
    offers,
    pauses,
    pre_alerts,
    referrals,
    trail,
    voids,
)
from app.services.asked import NewChild, NewPause
from app.worker import sweep
from tests.cast import Cast
from tests.factories import at_once, new_referral
from tests.fake_twilio import fake_twilio
from tests.integration.services.expected import coming, now_is
from tests.property.life_cycle_answers import Answers
from tests.property.life_cycle_ground import (
    AIMED,
    MOST_WOMEN,
    NEARLY,
    NOTHING,
    NOWHERE,
    Ground,
    Run,
    Seen,
    all_seen,
    asked,
    lines_of,
    listed_in,
    newest_at,
    nth,
    pick,
    refuse,
)
from tests.property.life_cycle_model import (
    ASKED,
    Alert,
    Room,
    Stay,
    Woman,
    count_by_priority,
)

EXAMPLES = int(os.environ.get("WAYMARK_HYPOTHESIS_EXAMPLES", "6"))
LIVES = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class LifeCycle(Answers):
    """Each rule does one thing to the model and to the service; both must agree that it may be."""

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
        lines = {ref: rooms[room] for ref, room in self.web(lines_of, run_id)}
        assert len(set(map(id, lines.values()))) == len(lines)
        assert all(self.model.may_have(women[ref], room) for ref, room in lines.items())
        assert count_by_priority(women[ref] for ref in lines) == self.model.best_counts()
        self.runs.append(Run(run_id, lines))
        if asks_beside:
            self.worker(matching.explain_newest_plan)
        listed = self.web(listed_in, run_id) if asks_beside else {}
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
        row = self.web(newest_at, stay.woman.ref, stay.room.house)
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
        seen, model = self.web(all_seen), self.model
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
