"""A week of a network of 54 beds through real pages and texts, every invariant held every hour.

Nobody in it is real. The same seed plays the same week.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.demo.doors import ServiceDoors
from app.demo.people import MAIL
from app.demo.story import Course, Stage, Story
from app.demo.world import World
from app.embedded_postgres import EmbeddedPostgres
from app.models.reference import Reason
from app.services import invariants
from bench import ledgers, week_world
from bench.personas import Persona, Personas
from bench.seen import Seen, duration, look, row, share
from bench.stage import drawn_codes, stage
from bench.week_doors import SURGE, WeekDoors
from bench.week_world import DAY_MINUTES, WEEK, Size

SEED = 2009
# Midnight in London on a Monday in summer time; the network is as large as Poppy's of 2009 (F017).
BEGINS = datetime(2026, 10, 4, 23, 0, tzinfo=UTC)
HOUR = 60
MORNING = 9  # when houses look after their rooms
RULES = len(invariants.RULES) + 1 + len(ledgers.RULES)


@dataclass(frozen=True, kw_only=True)
class Week(Seen):
    """What was seen. ``broken`` is hour -> what did not hold then."""

    size: Size
    world: World
    courses: tuple[Course, ...]
    waiting_because: Counter[str]
    handed_on: int
    beside: Counter[str]
    web_requests: int
    hours: int
    broken: dict[int, dict[str, int]]
    seconds: float

    @property
    def promised(self) -> tuple[Course, ...]:
        """Those for whom a house said yes, whatever came after."""
        return tuple(course for course in self.courses if course.accepted_at is not None)

    @property
    def raid(self) -> tuple[Course, ...]:
        return tuple(course for course in self.courses if course.woman.incident == SURGE)


def play(
    *,
    seed: int = SEED,
    size: Size = WEEK,
    postgres: EmbeddedPostgres | None = None,
    template: str = "",
) -> Week:
    """Play the week on a Waymark of its own; invariants and ledgers are read after every hour.

    ``postgres`` and ``template`` are as for ``stage``.

    Raises:
        bench.browser.PageError: a page or a text did not do what a person needed.
    """
    started = time.monotonic()
    world = week_world.draw(seed, size)
    on = stage(postgres, template=template)
    with on as built, built.owner.app_context(), drawn_codes(seed):
        inside = ServiceDoors(world, start=BEGINS, mail=MAIL)
        personas = Personas(of_house=week_world.personas(world))
        doors = WeekDoors(inside=inside, stage=built, personas=personas, size=size)
        doors.at(world.residents[0].woman.arrives_minute - DAY_MINUTES)
        doors.lay_out()
        end = size.days * DAY_MINUTES
        story = Story(world, doors, answers_until=end, answering=personas)
        story.play(until=0)
        broken = {}
        for hour in range(1, size.days * 24 + 1):
            _begin_hour(doors, hour - 1)
            story.play(until=hour * HOUR)
            doors.at(hour * HOUR)
            if found := _held(doors):
                broken[hour] = found
        return _looked_at(story, doors, broken, time.monotonic() - started)


def _begin_hour(doors: WeekDoors, hour: int) -> None:
    """What happens by the clock of the houses and the desk."""
    doors.at(hour * HOUR)
    if hour % 24 == MORNING:
        doors.morning(hour // 24)
    if hour == doors.size.surge_at // HOUR - doors.size.warned_hours:
        doors.pre_alert()
    doors.start_again()


def _held(doors: WeekDoors) -> dict[str, int]:
    """The worker's round of this hour, then every rule: what does not hold, and how often."""
    doors.sweep()
    ledgers.wait_for_news()
    return invariants.broken() | ledgers.apart(doors.stage.texts())


def _looked_at(
    story: Story, doors: WeekDoors, broken: dict[int, dict[str, int]], seconds: float
) -> Week:
    courses = tuple(story.courses.values())
    waiting = [one.ref for one in courses if one.stage in (Stage.WAITING, Stage.OFFERED)]
    why = Counter(doors.inside.why_unmet(ref) for ref in waiting)
    with transaction(by=SYSTEM):
        rows = db.session.execute(select(Reason.code, Reason.text)).all()
        words = {code: text for code, text in rows}  # noqa: C416 - rows are no pairs to mypy
    return Week(
        **vars(look([one.ref for one in courses])),
        size=doors.size,
        world=story.world,
        courses=courses,
        waiting_because=Counter({words[code]: count for code, count in why.items()}),
        handed_on=story.handed_on,
        beside=doors.seen,
        web_requests=doors.requests,
        hours=doors.size.days * 24,
        broken=broken,
        seconds=seconds,
    )


def report(found: Week) -> str:
    """The week as a table to read; percentages are of the women who were asked for."""
    parts = (_headline(found), _why(found), _houses(found), _proof(found))
    return "\n\n".join("\n".join(part) for part in parts)


def _headline(found: Week) -> Iterator[str]:
    world, asked = found.world, len(found.courses)
    stages = Counter(course.stage for course in found.courses)
    yield f"{found.size.days} days, seed {world.seed}; everybody in it is made up"
    yield row("beds, in houses; women living there before", _network(world))
    yield row("women asked for, of them in the raid", f"{asked}, {len(found.raid)}")
    yield row("under 18, handed on", found.handed_on)
    yield row("a house said yes", share(len(found.promised), asked))
    raid = sum(course.accepted_at is not None for course in found.raid)
    yield row("  of the raid", share(raid, len(found.raid)))
    yield row("moved in", share(stages[Stage.RESIDENT] + stages[Stage.LEFT], asked))
    yield row("did not arrive", share(stages[Stage.NOT_ARRIVED], asked))
    yield row("withdrawn: her own no", share(stages[Stage.WITHDRAWN], asked))
    yield row("no place found, closed", share(stages[Stage.UNMET], asked))
    yield row(
        "waiting or being asked for at the end", share(sum(found.waiting_because.values()), asked)
    )
    yield row("on her way at the end", share(stages[Stage.ACCEPTED], asked))
    minutes = sorted(
        course.accepted_at - course.woman.arrives_minute
        for course in found.courses
        if course.accepted_at is not None
    )
    if minutes:
        yield row("median from the request to the house's yes", duration(round(median(minutes))))
        yield row("longest", duration(minutes[-1]))


def _network(world: World) -> str:
    return f"{week_world.beds(world)}, {len(world.refuges)}; {len(world.residents)}"


def _why(found: Week) -> Iterator[str]:
    yield "Without a place, by the plan's reason"
    for text, count in (found.unmet_because + found.waiting_because).most_common():
        yield row(f"  {text}", count)
    states = found.placements
    yield row("offers made", sum(states.values()))
    for channel, count in sorted(found.answers.items()):
        yield row(f"  answered by {channel}", count)
    yield row("  without an answer in time", states["lapsed"])
    yield row("  declined", states["declined"])
    for text, count in found.declined_because.most_common():
        yield row(f"    {text}", count)


def _houses(found: Week) -> Iterator[str]:
    yield "What else happened"
    for text, count in sorted(found.beside.items()):
        yield row(f"  {text}", count)
    yield "The houses"
    said_yes = Counter(course.refuge for course in found.promised)
    for alias, persona in week_world.personas(found.world).items():
        yield row(f"  {alias} {Persona(persona).value}"[:64], f"{said_yes[alias]} times yes")


def _proof(found: Week) -> Iterator[str]:
    yield "Behind it"
    yield row("pages asked for over HTTP", found.web_requests)
    texts = f"{found.texts_sent} / {found.texts_failed} / {found.texts_received}"
    yield row("texts taken by the provider / refused / received", texts)
    yield row("plans solved", len(found.solve_ms))
    rules = f"{RULES} x {found.hours} = {RULES * found.hours}"
    yield row("invariants, the ledger among them, x hours", rules)
    yield row("rows that broke one", sum(sum(each.values()) for each in found.broken.values()))
    for hour, rules_broken in found.broken.items():
        for rule, count in rules_broken.items():
            yield row(f"  hour {hour}: {rule}", count)
    yield row("seconds this took", f"{found.seconds:.0f}")
