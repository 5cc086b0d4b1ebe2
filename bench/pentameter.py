"""Replays Pentameter 2 through the real pages: 26 weeks, 167 people, 55 forces, 35 then 54 places.

Nobody in it is real. Behind each figure stands ``data/calibration.json`` with what it is based on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median, quantiles

from app.demo.doors import ServiceDoors
from app.demo.people import MAIL
from app.demo.story import DAY_MINUTES, Course, Stage, Story
from app.demo.world import Scenario, World
from app.embedded_postgres import EmbeddedPostgres
from app.models.placements import PlacementState
from app.services import invariants
from bench.seen import Seen, duration, look, row, share
from bench.stage import stage
from bench.web_doors import WebDoors

SEED = 2007
WEEKS = 26
# Midnight in London on Wednesday 3 October 2007, when Pentameter 2 began (F007), was summer time.
BEGINS = datetime(2007, 10, 2, 23, 0, tzinfo=UTC)
HOUSED_BY_POPPY = "18.2 % of 1,265 referrals, 2003-2009 (F021)"


@dataclass(frozen=True, kw_only=True)
class Replay(Seen):
    """What was seen. Minutes run from the officer's request to the house's yes."""

    weeks: int
    world: World
    courses: tuple[Course, ...]
    handed_on: int
    web_requests: int
    broken: dict[str, int]
    seconds: float

    @property
    def promised(self) -> tuple[Course, ...]:
        """Those for whom a house said yes, whatever came after."""
        return tuple(course for course in self.courses if course.accepted_at is not None)

    @property
    def minutes(self) -> list[int]:
        return sorted(
            course.accepted_at - course.woman.arrives_minute
            for course in self.courses
            if course.accepted_at is not None
        )

    def promised_in_london(self, *, in_london: bool) -> int:
        london = {refuge.alias for refuge in self.world.refuges if refuge.in_london}
        return sum((course.refuge in london) == in_london for course in self.promised)


def replay(
    *,
    weeks: int = WEEKS,
    seed: int = SEED,
    postgres: EmbeddedPostgres | None = None,
    template: str = "",
) -> Replay:
    """Play the first ``weeks`` of the half year on a Waymark of its own and look at what happened.

    Raises:
        bench.browser.PageError: a page or a text did not do what a person needed.
    """
    started = time.monotonic()
    world = World.generate(seed, Scenario.HALF_YEAR)
    with stage(postgres, template=template) as built, built.owner.app_context():
        inside = ServiceDoors(world, start=BEGINS, mail=MAIL)
        doors = WebDoors(inside, built)
        doors.at(world.residents[0].woman.arrives_minute - DAY_MINUTES)
        doors.lay_out()
        end = weeks * 7 * DAY_MINUTES
        story = Story(world, doors, answers_until=end)
        story.play(until=end)
        doors.at(end)
        return _looked_at(story, doors, weeks, time.monotonic() - started)


def _looked_at(story: Story, doors: WebDoors, weeks: int, seconds: float) -> Replay:
    return Replay(
        **vars(look(list(story.courses))),
        weeks=weeks,
        world=story.world,
        courses=tuple(story.courses.values()),
        handed_on=story.handed_on,
        web_requests=doors.requests,
        broken=invariants.broken(),
        seconds=seconds,
    )


def report(found: Replay) -> str:
    """The replay as a table to read; percentages are of the women who were asked for."""
    return "\n".join(
        [*_headline(found), "", *_time_and_place(found), "", *_why(found), "", *_proof(found)]
    )


def _headline(found: Replay) -> Iterator[str]:
    world, asked = found.world, len(found.courses)
    stages = Counter(course.stage for course in found.courses)
    first, last = world.places, world.places_at_the_end
    forces = {course.woman.force for course in found.courses}
    yield f"Pentameter 2 again: {found.weeks} weeks, seed {world.seed}; everybody in it is made up"
    yield row("forces signed up / with a woman to place", f"{len(world.forces)} / {len(forces)}")
    yield row(
        "places", f"{first}, {last} from day {world.days // 2}; {len(world.residents)} taken before"
    )
    yield row("people found", asked + found.handed_on)
    yield row("under 18, handed on", found.handed_on)
    yield row("women asked for", asked)
    yield row("a house said yes", share(len(found.promised), asked))
    yield row("  compare: housed by Poppy", HOUSED_BY_POPPY)
    yield row("moved in", share(stages[Stage.RESIDENT] + stages[Stage.LEFT], asked))
    yield row("did not arrive", share(stages[Stage.NOT_ARRIVED], asked))
    yield row("withdrawn: her own no", share(stages[Stage.WITHDRAWN], asked))
    yield row("no place found", share(stages[Stage.UNMET], asked))
    still = stages[Stage.WAITING] + stages[Stage.OFFERED] + stages[Stage.ACCEPTED]
    yield row("still open at the end", share(still, asked))


def _time_and_place(found: Replay) -> Iterator[str]:
    minutes = found.minutes
    yield "After how long (request to the house's yes)"
    if len(minutes) > 1:
        yield row("median", duration(round(median(minutes))))
        nine_of_ten = quantiles(minutes, n=10, method="inclusive")[-1]
        yield row("9 of 10 within", duration(round(nine_of_ten)))
        yield row("longest", duration(minutes[-1]))
    yield row("within an hour", share(sum(each <= 60 for each in minutes), len(minutes)))
    yield row("placed inside London", found.promised_in_london(in_london=True))
    yield row("placed outside London", found.promised_in_london(in_london=False))


def _why(found: Replay) -> Iterator[str]:
    yield "Why not (the plan's reason, chosen by the coordinator when 72 hours had passed)"
    for text, count in found.unmet_because.most_common():
        yield row(f"  {text}", count)
    states = found.placements
    yield row("offers made", sum(states.values()))
    yield row("  answered by text / web", f"{found.answers['text']} / {found.answers['web']}")
    yield row("  without an answer in time", states[PlacementState.LAPSED])
    yield row("  declined", states[PlacementState.DECLINED])
    for text, count in found.declined_because.most_common():
        yield row(f"    {text}", count)


def _proof(found: Replay) -> Iterator[str]:
    solved = sorted(found.solve_ms)
    yield "Behind it"
    yield row("pages asked for over HTTP", found.web_requests)
    yield row("texts sent / failed", f"{found.texts_sent} / {found.texts_failed}")
    yield row(
        "plans solved", f"{len(solved)}; median {round(median(solved))} ms, longest {solved[-1]} ms"
    )
    yield row("invariants broken", found.broken or "none")
    yield row("seconds this took", f"{found.seconds:.0f}")
