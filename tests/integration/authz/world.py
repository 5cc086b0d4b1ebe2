"""One small world with a record at every stage, each field holding a value found nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from app.actors import SYSTEM, Actor
from app.authz import Stage
from app.db import db, transaction
from app.html import phone_text
from app.models.beds import Refuge
from app.models.messages import Task, TaskKind
from app.models.placements import Channel
from app.outbox import open_task
from app.services import beds, clock, matching, offers, pre_alerts, tasks, voids
from app.services.asked import NewChild, NewPreAlert
from tests.cast import Cast, invite_cast
from tests.factories import make_referral, offer_room, room_of

Run = Callable[..., Any]
# Place, its name, language, its name, and the age of a child: no two records share one.
ONLY_HERS = {
    "waiting": ("SE15", "sq", "Albanian", 3),
    "asked": ("E1", "vi", "Vietnamese", 4),
    "promised": ("N1", "th", "Thai", 5),
    "lives": ("W8", "lt", "Lithuanian", 6),
    "declined": ("SW9", "ti", "Tigrinya", 7),
    "colleagues": ("NW1", "hu", "Hungarian", 8),
    "others": ("M1", "ro", "Romanian", 9),
}
ASKER = {"colleagues": "bram", "others": "cora"}
ROOM = {"asked": "3", "promised": "4", "lives": "5", "declined": "6", "others": "4"}
STAFF = {"Rowan": ("bea", "rowan_manager"), "Cedar": ("chloe",)}
HOUSE_STAGE = {
    "asked": Stage.ASKED,
    "promised": Stage.PROMISED,
    "others": Stage.PROMISED,
    "lives": Stage.LIVES_HERE,
    "declined": Stage.WAS_HERE,
}


@dataclass(kw_only=True)
class Record:
    """One woman's request. ``tokens`` hold what only hers says, by the field that says it."""

    name: str
    ref: str
    referral_id: int
    asker: str
    house: str
    placement_id: UUID | None = None
    tokens: dict[str, str]

    def stage_for(self, person: str) -> Stage | None:
        """What somebody of the cast is to this record; None: nothing at all."""
        if person == self.asker:
            return Stage.ASKER
        if person == "sergeant" and self.asker in ("amara", "bram"):
            return Stage.FORCE
        if person == "dee":
            return Stage.DESK
        return HOUSE_STAGE.get(self.name) if person in STAFF[self.house] else None


@dataclass(kw_only=True)
class World:
    """The cast, the records by name, and the ids of what is no woman's record."""

    cast: Cast
    records: dict[str, Record]
    ids: dict[str, UUID]

    def actor(self, person: str) -> Actor:
        return self.cast.everybody()[person].actor


def build(web: Run, worker: Run, owner: Run) -> World:
    """Lay the world out; it takes some seconds, so a module makes it once."""
    cast: Cast = owner(invite_cast)
    for house in ("Rowan", "Cedar"):
        owner(_more_rooms, house)
    owner(clock.shift_by, timedelta(days=-2))
    lives = web(_ask, cast, "lives")
    _promise(web, cast, lives)
    web(offers.record_arrival, lives.placement_id, by=cast.bea.actor)
    owner(clock.back_to_real_time)
    others = [web(_ask, cast, name) for name in ONLY_HERS if name != "lives"]
    records = {each.name: each for each in (lives, *others)}
    web(_offer, cast, records["asked"])
    for name in ("promised", "others"):
        _promise(web, cast, records[name])
    web(_offer, cast, records["declined"])
    web(_decline, cast, records["declined"])
    worker(matching.make_plan)
    return World(cast=cast, records=records, ids=_others(web, owner, cast, records))


def _more_rooms(house: str) -> None:
    with transaction(by=SYSTEM):
        public_id = db.session.scalars(select(Refuge.public_id).where(Refuge.alias == house)).one()
        lines = {"Rowan": "+442079460171", "Cedar": "+442079460172"}
        db.session.execute(
            update(Refuge).where(Refuge.alias == house).values(duty_line=lines[house])
        )
    for code in ("3", "4", "5", "6"):
        beds.add_room(public_id, beds.NewRoom(code=code, bed_spaces=2), by=SYSTEM)


def _ask(cast: Cast, name: str) -> Record:
    place, language, spoken, age = ONLY_HERS[name]
    number = list(ONLY_HERS).index(name)
    phone, incident = f"+44770090081{number}", f"OP-{name.upper()}-88"
    asker = ASKER.get(name, "amara")
    made = make_referral(
        cast.everybody()[asker].actor,
        place=place,
        language=language,
        children=(NewChild(age=age, sex="f"),),
        needs=("women_only_staff",),
        callback_phone=phone,
        incident_ref=incident,
    )
    return Record(
        name=name,
        ref=made.ref,
        referral_id=made.id,
        asker=asker,
        house="Cedar" if name == "others" else "Rowan",
        tokens={
            "callback_phone": phone_text(phone),
            "incident_ref": incident,
            "place": f"({place})",
            "language": spoken,
            "people": f"(aged {age})",
        },
    )


def _offer(cast: Cast, record: Record) -> None:
    room = room_of(record.house, ROOM[record.name])
    record.placement_id = offer_room(record.ref, by=cast.dee.actor, room=room.public_id).public_id


def _promise(web: Run, cast: Cast, record: Record) -> None:
    web(_offer, cast, record)
    staff = cast.everybody()[STAFF[record.house][0]].actor
    web(offers.accept_offer, by=staff, channel=Channel.WEB, public_id=record.placement_id)


def _decline(cast: Cast, record: Record) -> None:
    offers.decline_offer(
        by=cast.bea.actor,
        channel=Channel.WEB,
        reason="outside_hours",
        public_id=record.placement_id,
    )


def _others(web: Run, owner: Run, cast: Cast, records: dict[str, Record]) -> dict[str, UUID]:
    """Rooms, an ended closure of each house, a done task, a pre-alert called off, an account."""
    found: dict[str, UUID] = {}
    for house, staff in (("Rowan", cast.bea.actor), ("Cedar", cast.chloe.actor)):
        found[f"room of {house}"] = web(room_of, house, "2").public_id
        found[f"void of {house}"] = web(
            voids.start_void, found[f"room of {house}"], "repair", by=staff
        )
        web(voids.end_void, found[f"void of {house}"], by=staff)
    found["task"] = web(_done_task, cast, records["declined"])
    found["alert"] = web(_called_off, cast)
    found["account"] = owner(_account, cast)
    return found


def _done_task(cast: Cast, record: Record) -> UUID:
    with transaction(by=SYSTEM):
        open_task(TaskKind.OFFER_LAPSED, referral_id=record.referral_id)
        public_id = db.session.scalars(select(Task.public_id)).one()
    tasks.finish_task(public_id, by=cast.dee.actor)
    return public_id


def _called_off(cast: Cast) -> UUID:
    from uuid import uuid4

    with transaction(by=SYSTEM) as now:
        new = NewPreAlert(
            form_key=uuid4(),
            women_least=2,
            women_most=3,
            region="E12000007",
            expected_from=now + timedelta(hours=2),
            expected_until=now + timedelta(hours=9),
        )
    made = pre_alerts.record_pre_alert(new, by=cast.dee.actor)
    pre_alerts.cancel(made, by=cast.dee.actor)
    return made


def _account(cast: Cast) -> UUID:
    from app.models.accounts import User

    with transaction(by=SYSTEM):
        return db.session.scalars(select(User.public_id).where(User.email == cast.olga.email)).one()
