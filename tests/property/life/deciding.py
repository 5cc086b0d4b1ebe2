"""The plan, and what a person makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from app.services import (
    matching,
    offers,
)
from tests.factories import at_once
from tests.integration.services.expected import now_is
from tests.property.life.ground import NEARLY, NOTHING, Life, nth, pick, refuse
from tests.property.life.model import (
    ASKED,
    Room,
    Stay,
    Woman,
    count_by_priority,
)
from tests.property.life.seen import lines_of, listed_in, newest_at


@dataclass
class Run:
    """A plan that was made: whom it gave which room, and who was offered it so far."""

    id: UUID
    lines: dict[str, Room]
    offered: set[str] = field(default_factory=set)


class Deciding(Life):
    """The desk decides, and takes back; she says no."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []

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
        self.confirm(self.runs[-1], sorted(lines)[:: 1 if is_everyone else 2], listed)

    @precondition(lambda self: self.runs)
    @rule(n=nth)
    def confirm_an_old_plan(self, n: int) -> None:
        run = self.runs[-1 - n % len(self.runs)]
        self.confirm(run, sorted(run.lines))

    def confirm(self, run: Run, refs: list[str], listed: dict[str, set[UUID]] = NOTHING) -> None:
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
        also = {ref: self.beside(run.lines[ref], listed.get(ref, set())) for ref in refs}
        desk = self.ground.cast.dee.actor
        wishes = {ref: [self.ids[room]] for ref, room in also.items() if room is not None}
        outcome = self.web(matching.confirm_plan, run.id, refs, by=desk, also=wishes)
        assert sorted(outcome.offered) == holds
        assert sorted(outcome.dropped) == [ref for ref in fresh if ref not in holds]
        run.offered.update(holds)
        for ref in holds:
            self.offered(self.model.offer(women[ref], run.lines[ref]))
        asked = [
            ref
            for ref in holds
            if (room := also[ref]) is not None and self.model.may_have(women[ref], room)
        ]
        assert sorted(outcome.beside) == asked
        for ref in asked:
            self.offered(self.model.enquire(women[ref], also[ref]))  # type: ignore[arg-type]

    def beside(self, held: Room, listed: set[UUID]) -> Room | None:
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
            self.offered(self.model.stays[-1])

    def offered(self, stay: Stay) -> None:
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
