"""The doors of the demonstration's story that lead straight to the services."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.demo import layout
from app.demo.answers import Answer, Reply
from app.demo.asking import request_for
from app.demo.people import COORDINATOR, FORCE_MAIL, officer_of
from app.demo.plans import RefugePlan, ResidentPlan, WomanPlan
from app.demo.story import Offer
from app.demo.world import World
from app.errors import Conflict, Invalid
from app.models.abuse import CallBackOutcome
from app.models.beds import Bed, Refuge, Room
from app.models.messages import Contact
from app.models.placements import LIVE, Channel, Placement
from app.models.plans import PlanLine, PlanRun
from app.models.reference import ClockPolicy, HandOnFor
from app.models.referrals import Needs, Referral
from app.services import (
    call_backs,
    clock,
    closing,
    escalation,
    holding,
    matching,
    offers,
    referrals,
    tasks,
    voids,
)
from app.services.snapshot import sleeps

CHOSEN_BY_HAND = "She asked to be near her solicitor."
NO_BED = "no_bed_anywhere"
# The plan's reason, most telling first, and the reason of the list that says it.
UNMET_BECAUSE = {
    "together": "group_not_placed",
    "size": "no_bed_for_family",
    "boys_age": "no_bed_for_family",
    "children_places": "no_bed_for_family",
    "safety_distance": "no_safe_bed",
    "apart_resident": "no_safe_bed",
    "network": "no_safe_bed",
    "essential_missing": "no_bed_with_support",
    "high_support_places": "no_bed_with_support",
    "vetoed": "every_refuge_said_no",
}


@dataclass
class ServiceDoors:
    """The doors of the story that lead straight to the services.

    By request: who asked (``officers``), the newest room (``placements``), its house (``houses``).
    """

    world: World
    start: datetime
    now: datetime = field(init=False)
    mail: str = FORCE_MAIL
    actors: dict[str, Actor] = field(default_factory=dict)
    officers: dict[str, Actor] = field(default_factory=dict)
    placements: dict[str, UUID] = field(default_factory=dict)
    houses: dict[str, str] = field(default_factory=dict)

    def at(self, minute: int) -> None:
        self.now = self.start + timedelta(minutes=minute)
        clock.shift_to(self.now)
        escalation.escalate()  # as the worker does while clocks run out
        escalation.settle()

    def open_house(self, refuge: RefugePlan) -> None:
        layout.open_house(refuge)

    def settle(self, resident: ResidentPlan) -> str:
        ref = self.ask(resident.woman, same_as="")
        desk, house = self.actor(COORDINATOR.email), self.house(resident.refuge)
        with transaction(by=desk) as now:
            referral = db.session.scalars(select(Referral).where(Referral.ref == ref)).one()
            needs = db.session.get_one(Needs, referral.needs_id)
            room = db.session.scalars(
                select(Room).where(Room.refuge_id == house.refuge_id, Room.code == resident.room)
            ).one()
            all_beds = list(db.session.scalars(select(Bed).where(Bed.room_id == room.id)))
            ages = [child["age"] for child in needs.children]
            size = sleeps(needs.adults, ages, room.cots)
            placement = holding.hold_room(
                referral, room, all_beds, size=size, by=desk, now=now, run_id=None
            )
            self.placements[ref], self.houses[ref] = placement.public_id, resident.refuge
        offers.accept_offer(by=house, channel=Channel.WEB, public_id=self.placements[ref])
        self.arrive(ref)
        return ref

    def ask(self, woman: WomanPlan, *, same_as: str) -> str:
        officer = self.officer(woman)
        ref = referrals.make_referral(request_for(woman, same_as=same_as), by=officer)
        self.officers[ref] = officer
        with suppress(Conflict):  # nothing waits for a call
            desk = self.actor(COORDINATOR.email)
            call_backs.record_call_back(ref, CallBackOutcome.GENUINE, by=desk)
        return ref

    def hand_on(self, woman: WomanPlan) -> None:
        referrals.hand_on(HandOnFor.UNDER_18, by=self.officer(woman))

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
        outcome = matching.confirm_plan(run_id, refs, by=self.actor(COORDINATOR.email))
        return self.offers_of(outcome.offered)

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
        return voids.start_void(room, "repair", by=self.house(alias))

    def finish_tasks(self, *, older_than: timedelta) -> None:
        """The desk has dealt with the week's loose ends."""
        desk = self.actor(COORDINATOR.email)
        before = self.now - older_than
        groups = tasks.list_tasks(by=desk).groups
        for task in (task for group in groups for task in group.tasks):
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
        desk = self.actor(COORDINATOR.email)
        for room in rooms:
            try:
                choice = matching.Choice(
                    room=room, reason="her_wish", note=CHOSEN_BY_HAND, cannot_wait=True
                )
                matching.override(ref, choice, by=desk)
            except (Conflict, Invalid):
                continue
            return self.offers_of([ref])[0]
        return None

    def offers_of(self, refs: list[str]) -> list[Offer]:
        with transaction(by=SYSTEM):
            rows = db.session.execute(
                select(Referral.ref, Placement.public_id, Refuge.alias, ClockPolicy.reply_minutes)
                .join(Placement, Placement.referral_id == Referral.id)
                .join(Refuge, Refuge.id == Placement.refuge_id)
                .join(ClockPolicy, ClockPolicy.id == Referral.clock_policy_id)
                .where(Referral.ref.in_(refs), Placement.state.in_(LIVE))
                .order_by(Referral.id)
            ).all()
        self.placements.update({ref: public_id for ref, public_id, _, _ in rows})
        self.houses.update({ref: alias for ref, _, alias, _ in rows})
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
        offers.record_arrival(self.placements[ref], by=self.house(self.houses[ref]))

    def not_arrive(self, ref: str, reason: str) -> None:
        offers.record_not_arrived(self.placements[ref], reason, by=self.house(self.houses[ref]))

    def depart(self, ref: str, reason: str) -> None:
        offers.record_departure(self.placements[ref], reason, by=self.house(self.houses[ref]))

    def withdraw(self, ref: str, reason: str) -> None:
        referrals.withdraw(ref, reason, by=self.officers[ref])

    def give_up(self, ref: str) -> None:
        closing.close_unmet(ref, self.why_unmet(ref), by=self.actor(COORDINATOR.email))

    def why_unmet(self, ref: str) -> str:
        """The reason that the newest plan gives, as the coordinator would choose it."""
        with transaction(by=SYSTEM):
            reasons = db.session.scalar(
                select(PlanLine.reasons)
                .join(PlanRun, PlanRun.id == PlanLine.run_id)
                .join(Referral, Referral.id == PlanLine.referral_id)
                .where(Referral.ref == ref)
                .order_by(PlanRun.as_of.desc())
                .limit(1)
            )
        codes = {reason["code"] for reason in reasons or []}
        return next((reason for code, reason in UNMET_BECAUSE.items() if code in codes), NO_BED)

    def officer(self, woman: WomanPlan) -> Actor:
        force = next(force for force in self.world.forces if force.code == woman.force)
        return self.actor(officer_of(force, mail=self.mail).email)

    def actor(self, email: str) -> Actor:
        if email not in self.actors:
            self.actors[email] = layout.actor(email)
        return self.actors[email]

    def house(self, alias: str) -> Actor:
        """Somebody of the house, answering on its phone."""
        if alias not in self.actors:
            with transaction(by=SYSTEM):
                row = db.session.execute(
                    select(Refuge.id, Refuge.organisation_id, Contact.id)
                    .join(Contact, Contact.refuge_id == Refuge.id)
                    .where(Refuge.alias == alias)
                    .order_by(Contact.position, Contact.id)
                    .limit(1)
                ).one()
            self.actors[alias] = Actor(
                role=Role.REFUGE_WORKER,
                refuge_id=row[0],
                organisation_id=row[1],
                contact_id=row[2],
                name=alias,
            )
        return self.actors[alias]
