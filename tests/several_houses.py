"""Four houses that could take her, and what becomes of asking several of them at once."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.models.beds import BedUse, Refuge, Room
from app.models.messages import Message
from app.models.placements import Channel, Placement
from app.models.plans import PlanLine
from app.models.referrals import Referral
from app.services import matching, offers
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_refuge, room_of

HOUSES = ("Rowan", "Cedar", "Fern", "Hazel")


def two_more_houses(cast: Cast) -> None:
    """Fern and Hazel, with a phone each; needs the owner's rights."""
    charity = cast.mara.actor.organisation_id
    assert charity is not None
    for number, alias in enumerate(HOUSES[2:], start=3):
        phone = f"+44770090010{number}"
        make_refuge(alias, organisation_id=charity, region="E12000007", phone=phone)


def plan_for(ref: str, proposed: str = "Rowan", code: str = "1") -> UUID:
    """The newest plan proposes this room, and lists room 1 of every other house beside it."""
    with transaction(by=SYSTEM):
        rooms = {
            alias: (room.id, room.refuge_id)
            for room, alias in db.session.execute(
                select(Room, Refuge.alias)
                .join(Refuge, Refuge.id == Room.refuge_id)
                .where(Room.code == code)
            )
        }
        room_id, refuge_id = rooms.pop(proposed)
        line = db.session.scalars(
            select(PlanLine)
            .join(Referral, Referral.id == PlanLine.referral_id)
            .where(Referral.ref == ref)
            .order_by(PlanLine.id.desc())
            .limit(1)
        ).one()
        line.room_id, line.refuge_id = room_id, refuge_id
        line.alternatives = [
            {"room_id": other, "refuge_id": house, "allowed": True, "cost_text": f"Costs {alias}.",
             "rule_text": ""}
            for alias, (other, house) in sorted(rooms.items())
        ]  # fmt: skip
        return line.run_id


def ask(
    run: Run, run_as_worker: Run, cast: Cast, ref: str, *beside: str, proposed: str = "Rowan"
) -> matching.Outcome:
    """Ask the house of the plan, and room 1 of these beside it."""
    run_as_worker(matching.make_plan)
    run_id = run_as_worker(plan_for, ref, proposed)
    rooms = [run(room_of, alias, "1").public_id for alias in beside]
    outcome: matching.Outcome = run(
        matching.confirm_plan, run_id, [ref], by=cast.dee.actor, also={ref: rooms}
    )
    return outcome


def asks_of(ref: str) -> dict[str, Placement]:
    """Every offer and enquiry for her, by the house."""
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Refuge.alias, Placement)
            .join(Refuge, Refuge.id == Placement.refuge_id)
            .join(Referral, Referral.id == Placement.referral_id)
            .where(Referral.ref == ref)
        )
        return {alias: placement for alias, placement in rows}  # noqa: C416 - rows


def states(ref: str) -> dict[str, str]:
    return {alias: placement.state for alias, placement in asks_of(ref).items()}


def state_of(ref: str) -> str:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral.state).where(Referral.ref == ref)).one()


def house(cast: Cast, alias: str) -> Actor:
    """Somebody of a house, also of one that has nobody in the cast."""
    with transaction(by=SYSTEM):
        refuge_id = db.session.scalars(select(Refuge.id).where(Refuge.alias == alias)).one()
    return Actor(role=Role.REFUGE_WORKER, user_id=cast.bea.actor.user_id, refuge_id=refuge_id)


def say(run: Run, cast: Cast, ref: str, alias: str, reason: str = "") -> None:
    """This house says yes, or no for a reason."""
    by = run(house, cast, alias)
    which = run(asks_of, ref)[alias].public_id
    if reason:
        run(offers.decline_offer, by=by, channel=Channel.WEB, reason=reason, public_id=which)
    else:
        run(offers.accept_offer, by=by, channel=Channel.WEB, public_id=which)


def texts(template: str) -> list[tuple[str, str]]:
    """(house, code) of every text of one kind that was ever owed."""
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Refuge.alias, Message.variables["code"].astext)
            .join(Placement, Placement.id == Message.placement_id)
            .join(Refuge, Refuge.id == Placement.refuge_id)
            .where(Message.template == template)
        )
        return sorted((alias, code) for alias, code in rows)


def beds_used(ref: str) -> set[str]:
    """The houses in which a bed is kept for her now."""
    with transaction(by=SYSTEM):
        return set(
            db.session.scalars(
                select(Refuge.alias)
                .join(Placement, Placement.refuge_id == Refuge.id)
                .join(BedUse, BedUse.placement_id == Placement.id)
                .join(Referral, Referral.id == Placement.referral_id)
                .where(Referral.ref == ref, BedUse.live)
            )
        )
