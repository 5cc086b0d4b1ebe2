"""The story: what happens when, told to doors that only take notes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from app.demo.answers import Answer, Reply
from app.demo.plans import RefugePlan, ResidentPlan, WomanPlan
from app.demo.story import DAY_MINUTES, Offer, Stage, Story
from app.demo.world import Scenario, World

REPLY_MINUTES = 20


@dataclass
class Notebook:
    """Doors behind which every woman finds a place, up to ``places``."""

    places: int
    log: list[tuple[int, str, str]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    offered: dict[str, int] = field(default_factory=dict)
    minute: int = 0
    taken: int = 0

    def note(self, what: str, whom: str) -> None:
        self.log.append((self.minute, what, whom))

    def at(self, minute: int) -> None:
        assert minute >= self.minute or not self.log, "time runs one way"
        self.minute = minute

    def open_house(self, refuge: RefugePlan) -> None:
        self.note("open", refuge.alias)

    def settle(self, resident: ResidentPlan) -> str:
        self.note("settle", resident.woman.key)
        return resident.woman.key

    def ask(self, woman: WomanPlan, *, same_as: str) -> str:
        self.note("ask", woman.key)
        self.waiting.append(woman.key)
        return woman.key

    def hand_on(self, woman: WomanPlan) -> None:
        self.note("hand_on", woman.key)

    def decide(self) -> list[Offer]:
        self.note("decide", "")
        room = self.places - self.taken
        chosen, self.waiting = self.waiting[:room], self.waiting[room:]
        self.taken += len(chosen)
        self.offered.update(dict.fromkeys(chosen, self.minute))
        return [
            Offer(ref=ref, key=ref, refuge="Rowan House", reply_minutes=REPLY_MINUTES)
            for ref in chosen
        ]

    def answer(self, offer: Offer, answer: Answer) -> None:
        assert self.minute < self.offered[offer.ref] + REPLY_MINUTES, "too late to answer"
        self.note(answer.reply.value, offer.ref)
        del self.offered[offer.ref]
        if answer.reply is Reply.DECLINE:
            self._back(offer.ref)

    def lapse(self) -> None:
        for ref in [ref for ref, at in self.offered.items() if at + REPLY_MINUTES < self.minute]:
            self.note("lapse", ref)
            del self.offered[ref]
            self._back(ref)

    def _back(self, ref: str) -> None:
        self.taken -= 1
        self.waiting.append(ref)

    def arrive(self, ref: str) -> None:
        self.note("arrive", ref)

    def not_arrive(self, ref: str, reason: str) -> None:
        self.note("not_arrive", ref)
        self.taken -= 1

    def depart(self, ref: str, reason: str) -> None:
        self.note("depart", ref)

    def withdraw(self, ref: str, reason: str) -> None:
        self.note("withdraw", ref)
        self.taken -= 1

    def give_up(self, ref: str) -> None:
        self.note("give_up", ref)
        self.waiting.remove(ref)


def played(places: int, *, until_days: int = 60) -> tuple[Story, Notebook]:
    world = World.generate(3, Scenario.HALF_YEAR)
    notes = Notebook(places, minute=world.residents[0].woman.arrives_minute)
    story = Story(world, notes, answers_until=until_days * DAY_MINUTES)
    story.play(until=until_days * DAY_MINUTES)
    return story, notes


def test_each_person_found_is_asked_for_or_handed_on_once() -> None:
    story, notes = played(10_000)
    found = [woman for woman in story.world.women if woman.arrives_minute <= 60 * DAY_MINUTES]
    done = [whom for _, what, whom in notes.log if what in ("ask", "hand_on")]

    assert sorted(done) == sorted(woman.key for woman in found)
    assert story.handed_on == sum(woman.under_18 for woman in found)


def test_with_beds_for_all_everybody_is_answered_and_nobody_given_up() -> None:
    story, notes = played(10_000)

    assert not [whom for _, what, whom in notes.log if what == "give_up"]
    assert all(course.stage is not Stage.UNMET for course in story.courses.values())
    accepted = [course for course in story.courses.values() if course.accepted_at is not None]
    assert len(accepted) > 0.9 * len(story.courses)


def test_without_a_bed_every_request_is_given_up_after_three_days() -> None:
    story, notes = played(0)
    asked = {whom: minute for minute, what, whom in notes.log if what == "ask"}
    given_up = {whom: minute for minute, what, whom in notes.log if what == "give_up"}

    assert given_up
    assert {whom: minute - asked[whom] for whom, minute in given_up.items()} == dict.fromkeys(
        given_up, 72 * 60
    )
    assert {story.courses[whom].stage for whom in given_up} == {Stage.UNMET}


def test_a_woman_moves_out_when_her_stay_is_over() -> None:
    _, notes = played(10_000, until_days=182)
    came = {whom: minute for minute, what, whom in notes.log if what == "arrive"}
    left = {whom: minute for minute, what, whom in notes.log if what == "depart"}
    plans = {woman.key: woman for woman in World.generate(3, Scenario.HALF_YEAR).women}
    both = set(came) & set(left)

    assert both
    for whom in both:
        assert left[whom] - came[whom] == plans[whom].stay_days * DAY_MINUTES


def test_the_coordinator_decides_within_twenty_minutes_of_news() -> None:
    _, notes = played(10_000)
    decisions = [minute for minute, what, _ in notes.log if what == "decide"]

    for minute, what, _ in notes.log:
        if what == "ask" and minute < 59 * DAY_MINUTES:
            assert any(minute < decision <= minute + 20 for decision in decisions)


def test_offers_made_late_stay_open() -> None:
    world = World.generate(3, Scenario.HALF_YEAR)
    notes = Notebook(10_000, minute=world.residents[0].woman.arrives_minute)
    story = Story(world, notes, answers_until=-1)
    story.play(until=30 * DAY_MINUTES)

    assert {course.stage for course in story.courses.values()} == {Stage.OFFERED}


def test_a_story_can_be_played_in_parts() -> None:
    whole, _ = played(5, until_days=40)
    world = World.generate(3, Scenario.HALF_YEAR)
    notes = Notebook(5, minute=world.residents[0].woman.arrives_minute)
    parts = Story(world, notes, answers_until=40 * DAY_MINUTES)
    for day in range(-1, 41):
        parts.play(until=day * DAY_MINUTES)

    assert {ref: course.stage for ref, course in parts.courses.items()} == {
        ref: course.stage for ref, course in whole.courses.items()
    }


@pytest.mark.parametrize("places", [1, 5, 20])
def test_scarce_beds_are_used_again_when_they_become_free(places: int) -> None:
    story, notes = played(places, until_days=182)
    accepted = sum(what == "accept" for _, what, _ in notes.log)

    assert accepted >= min(places, 5)
    assert notes.taken <= places
    assert len(story.courses) > accepted
