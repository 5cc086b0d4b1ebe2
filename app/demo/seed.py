"""Fills an empty Waymark with a Pentameter week that is still going on, through the services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.demo import calendar, layout
from app.demo.doors import ServiceDoors
from app.demo.story import DAY_MINUTES, Story
from app.demo.world import DEMO_HOUSES, STAGED, Scenario, World
from app.models.clock import ClockShift
from app.models.messages import Message, MessageState
from app.services import beds, clock, matching, voids

SEED = 2011  # chosen for its last hour: something for everybody, an honest refusal among it
STAGED_KEYS = tuple(f"t{number + 1}" for number in range(STAGED))
LAST_ANSWER_MINUTES = 70  # offers younger than this are still open when a newcomer looks
UNCHECKED = 2  # houses that have not looked at their rooms for long
NOT_EMPTY = "The database is not empty: nothing was added."
CUT_SHORT = (
    "The demonstration was cut short while it was laid out. Stop Waymark, delete its data folder"
    " (WAYMARK_DATA, var/ when not set) and start again."
)


def seed_demo(*, seed: int = SEED) -> str:
    """Play the week up to now and return a line for the terminal; nothing when not empty.

    Runs as the owner role: the service's clock is moved through the week and put back.
    """
    if not layout.is_empty():
        return NOT_EMPTY if _is_real_time() else CUT_SHORT
    now = datetime.now(UTC)
    world = World.generate(seed, Scenario.WEEK)
    doors = ServiceDoors(world, start=now - timedelta(days=world.days))
    try:
        doors.at(world.residents[0].woman.arrives_minute - DAY_MINUTES)
        layout.lay_out(world, today=now.date())
        matching.make_prices()
        end = world.days * DAY_MINUTES
        story = Story(world, doors, answers_until=end - LAST_ANSWER_MINUTES - 1)
        story.play(until=0)
        layout.plant_honey()
        closed = [doors.close_a_room(alias) for alias in DEMO_HOUSES]
        story.play(until=end - LAST_ANSWER_MINUTES)
        doors.at(end - LAST_ANSWER_MINUTES)
        for alias, void in zip(DEMO_HOUSES, closed, strict=True):
            voids.end_void(void, by=doors.house(alias))
        _ask_the_houses_of_the_tour(story, doors)
        story.play(until=end)
        for refuge in world.refuges[:-UNCHECKED]:
            beds.confirm_beds(by=doors.house(refuge.alias))
        doors.at(end)
        calendar.dress(DEMO_HOUSES[0], doors)
        doors.finish_tasks(older_than=timedelta(minutes=LAST_ANSWER_MINUTES))
        matching.make_prices()
        matching.make_plan()
    finally:
        clock.back_to_real_time()
    _texts_of_the_past_are_done()
    return (
        f"A week has been played: {len(world.refuges)} houses, {world.places} rooms,"
        f" {len(story.courses)} requests, {story.handed_on} people handed on."
    )


def _is_real_time() -> bool:
    """False when a seed was killed half-way: it puts the clock back only at its end."""
    with transaction(by=SYSTEM):
        return db.session.scalar(select(ClockShift.shift)) == timedelta(0)


def _ask_the_houses_of_the_tour(story: Story, doors: ServiceDoors) -> None:
    """Let the coordinator choose these by hand, so that their workers have an offer to answer."""
    waiting = [ref for ref, course in story.courses.items() if course.woman.key in STAGED_KEYS]
    story.minute = story.world.days * DAY_MINUTES - LAST_ANSWER_MINUTES
    for ref, alias in zip(waiting, DEMO_HOUSES, strict=True):
        offer = doors.choose(ref, alias)
        if offer is not None:
            story.made(offer)


def _texts_of_the_past_are_done() -> None:
    """Nobody waits for last week's texts; those of open offers go out when the worker starts."""
    with transaction(by=SYSTEM) as now:
        owed = Message.state == MessageState.NEW
        db.session.execute(
            update(Message)
            .where(owed, Message.not_after <= now)
            .values(state=MessageState.ACCEPTED, provider_status="delivered", status_rank=100)
        )
        db.session.execute(update(Message).where(owed).values(due_at=now))
