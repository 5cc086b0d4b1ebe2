"""Fills an empty Waymark with a Pentameter week that is still going on, through the services."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.demo import layout
from app.demo.answers import Answer, Reply
from app.demo.asking import request_for
from app.demo.people import COORDINATOR, officer_of
from app.demo.plans import RefugePlan, ResidentPlan, WomanPlan
from app.demo.story import DAY_MINUTES, Offer, Story
from app.demo.world import DEMO_HOUSES, STAGED, Scenario, World
from app.errors import Conflict, Invalid
from app.models.beds import Bed, Refuge, Room
from app.models.messages import Contact, Message, MessageState
from app.models.placements import LIVE, Channel, Placement
from app.models.plans import PlanLine
from app.models.reference import ClockPolicy, HandOnFor
from app.models.referrals import Needs, Referral
from app.services import beds, clock, closing, matching, offers, referrals, tasks
from app.services.snapshot import sleeps

SEED = 2007
CHOSEN_BY_HAND = "She asked to be near her solicitor."
STAGED_KEYS = tuple(f"t{number + 1}" for number in range(STAGED))
NO_BED = "no_bed_anywhere"
LAST_ANSWER_MINUTES = 70  # offers younger than this are still open when a newcomer looks


def seed_demo(*, seed: int = SEED) -> str:
    """Play the week up to now and return a line for the terminal; nothing when not empty.

    Runs as the owner role: the service's clock is moved through the week and put back.
    """
    if not layout.is_empty():
        return "The database is not empty: nothing was added."
    now = datetime.now(UTC)
    world = World.generate(seed, Scenario.WEEK)
    doors = ServiceDoors(world, start=now - timedelta(days=world.days))
    try:
        doors.at(world.residents[0].woman.arrives_minute - DAY_MINUTES)
        layout.lay_out(world, today=now.date())
        end = world.days * DAY_MINUTES
        story = Story(world, doors, answers_until=end - LAST_ANSWER_MINUTES - 1)
        story.play(until=0)
        closed = [doors.close_a_room(alias) for alias in DEMO_HOUSES]
        story.play(until=end - LAST_ANSWER_MINUTES)
        doors.at(end - LAST_ANSWER_MINUTES)
        for alias, void in zip(DEMO_HOUSES, closed, strict=True):
            beds.end_void(void, by=doors.house(alias))
        _ask_the_houses_of_the_tour(story, doors)
        story.play(until=end)
        doors.at(end)
        doors.finish_tasks(older_than=timedelta(minutes=LAST_ANSWER_MINUTES))
        matching.make_plan()
    finally:
        clock.back_to_real_time()
    _texts_of_the_past_are_done()
    return (
        f"A week has been played: {len(world.refuges)} houses, {world.places} rooms,"
        f" {len(story.courses)} requests, {story.handed_on} people handed on."
    )


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


@dataclass
class ServiceDoors:
    """The doors of the story that lead straight to the services."""

    world: World
    start: datetime
    now: datetime = field(init=False)
    _actors: dict[str, Actor] = field(default_factory=dict)
    _officers: dict[str, Actor] = field(default_factory=dict)
    _placements: dict[str, UUID] = field(default_factory=dict)
    _houses: dict[str, str] = field(default_factory=dict)

    def at(self, minute: int) -> None:
        self.now = self.start + timedelta(minutes=minute)
        clock.shift_to(self.now)

    def open_house(self, refuge: RefugePlan) -> None:
        layout.open_house(refuge)

    def settle(self, resident: ResidentPlan) -> str:
        ref = self.ask(resident.woman, same_as="")
        desk, house = self._actor(COORDINATOR.email), self.house(resident.refuge)
        with transaction(by=desk) as now:
            referral = db.session.scalars(select(Referral).where(Referral.ref == ref)).one()
            needs = db.session.get_one(Needs, referral.needs_id)
            room = db.session.scalars(
                select(Room).where(Room.refuge_id == house.refuge_id, Room.code == resident.room)
            ).one()
            all_beds = list(db.session.scalars(select(Bed).where(Bed.room_id == room.id)))
            ages = [child["age"] for child in needs.children]
            size = sleeps(needs.adults, ages, room.cots)
            placement = offers.hold_room(
                referral, room, all_beds, size=size, by=desk, now=now, run_id=None
            )
            self._placements[ref], self._houses[ref] = placement.public_id, resident.refuge
        offers.accept_offer(by=house, channel=Channel.WEB, public_id=self._placements[ref])
        self.arrive(ref)
        return ref

    def ask(self, woman: WomanPlan, *, same_as: str) -> str:
        officer = self._officer(woman)
        ref = referrals.make_referral(request_for(woman, same_as=same_as), by=officer)
        self._officers[ref] = officer
        return ref

    def hand_on(self, woman: WomanPlan) -> None:
        referrals.hand_on(HandOnFor.UNDER_18, by=self._officer(woman))

    def decide(self) -> list[Offer]:
        run_id = matching.make_plan()
        with transaction(by=SYSTEM):
            refs = list(
                db.session.scalars(
                    select(Referral.ref)
                    .join(PlanLine, PlanLine.referral_id == Referral.id)
                    .where(PlanLine.run_id == run_id, PlanLine.room_id.is_not(None))
                )
            )
        if not refs:
            return []
        outcome = matching.confirm_plan(run_id, refs, by=self._actor(COORDINATOR.email))
        return self._offers(outcome.offered)

    def close_a_room(self, alias: str) -> UUID:
        """Take a free room of this house out of use, so that it is there for the tour later."""
        lived_in = {one.room for one in self.world.residents if one.refuge == alias}
        with transaction(by=SYSTEM):
            room = db.session.scalars(
                select(Room.public_id)
                .join(Refuge, Refuge.id == Room.refuge_id)
                .where(Refuge.alias == alias, Room.code.not_in(lived_in))
                .order_by(Room.bed_spaces, Room.code)
                .limit(1)
            ).one()
        return beds.start_void(room, "repair", by=self.house(alias))

    def finish_tasks(self, *, older_than: timedelta) -> None:
        """The desk has dealt with the week's loose ends."""
        desk = self._actor(COORDINATOR.email)
        before = self.now - older_than
        for task in tasks.list_tasks(by=desk).tasks:
            if task.opened_at < before:
                tasks.finish_task(task.public_id, by=desk)

    def choose(self, ref: str, alias: str) -> Offer | None:
        """Offer a free room of this house by hand; None when it has none that a rule allows."""
        with transaction(by=SYSTEM):
            rooms = db.session.scalars(
                select(Room.public_id)
                .join(Refuge, Refuge.id == Room.refuge_id)
                .where(Refuge.alias == alias)
                .order_by(Room.bed_spaces, Room.code)
            ).all()
        desk = self._actor(COORDINATOR.email)
        for room in rooms:
            try:
                matching.override(ref, room, reason="her_wish", note=CHOSEN_BY_HAND, by=desk)
            except (Conflict, Invalid):
                continue
            return self._offers([ref])[0]
        return None

    def _offers(self, refs: list[str]) -> list[Offer]:
        with transaction(by=SYSTEM):
            rows = db.session.execute(
                select(Referral.ref, Placement.public_id, Refuge.alias, ClockPolicy.reply_minutes)
                .join(Placement, Placement.referral_id == Referral.id)
                .join(Refuge, Refuge.id == Placement.refuge_id)
                .join(ClockPolicy, ClockPolicy.id == Referral.clock_policy_id)
                .where(Referral.ref.in_(refs), Placement.state.in_(LIVE))
                .order_by(Referral.id)
            ).all()
        self._placements.update({ref: public_id for ref, public_id, _, _ in rows})
        self._houses.update({ref: alias for ref, _, alias, _ in rows})
        return [
            Offer(ref=ref, key=str(public_id), refuge=alias, reply_minutes=minutes)
            for ref, public_id, alias, minutes in rows
        ]

    def answer(self, offer: Offer, answer: Answer) -> None:
        house = self.house(offer.refuge)
        channel = Channel.TEXT if answer.by_text else Channel.WEB
        public_id = UUID(offer.key)
        if answer.reply is Reply.ACCEPT:
            offers.accept_offer(by=house, channel=channel, public_id=public_id)
        else:
            offers.decline_offer(
                by=house, channel=channel, public_id=public_id, reason=answer.reason
            )

    def lapse(self) -> None:
        offers.lapse_offers()

    def arrive(self, ref: str) -> None:
        offers.record_arrival(self._placements[ref], by=self.house(self._houses[ref]))

    def not_arrive(self, ref: str, reason: str) -> None:
        offers.record_not_arrived(self._placements[ref], reason, by=self.house(self._houses[ref]))

    def depart(self, ref: str, reason: str) -> None:
        offers.record_departure(self._placements[ref], reason, by=self.house(self._houses[ref]))

    def withdraw(self, ref: str, reason: str) -> None:
        referrals.withdraw(ref, reason, by=self._officers[ref])

    def give_up(self, ref: str) -> None:
        closing.close_unmet(ref, NO_BED, by=self._actor(COORDINATOR.email))

    def _officer(self, woman: WomanPlan) -> Actor:
        force = next(force for force in self.world.forces if force.code == woman.force)
        return self._actor(officer_of(force).email)

    def _actor(self, email: str) -> Actor:
        if email not in self._actors:
            self._actors[email] = layout.actor(email)
        return self._actors[email]

    def house(self, alias: str) -> Actor:
        """Somebody of the house, answering on its phone."""
        if alias not in self._actors:
            with transaction(by=SYSTEM):
                row = db.session.execute(
                    select(Refuge.id, Refuge.organisation_id, Contact.id)
                    .join(Contact, Contact.refuge_id == Refuge.id)
                    .where(Refuge.alias == alias)
                ).one()
            self._actors[alias] = Actor(
                role=Role.REFUGE_WORKER,
                refuge_id=row[0],
                organisation_id=row[1],
                contact_id=row[2],
                name=alias,
            )
        return self._actors[alias]
