"""One small world with a record at every stage, each field holding a value found nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update

from app.actors import SYSTEM, Actor, Role
from app.authz import Stage
from app.db import db, transaction
from app.html import phone_text
from app.models.abuse import CallBackOutcome
from app.models.access import RecordRule, RuleKind
from app.models.accounts import User
from app.models.beds import Refuge, RoomKind
from app.models.clocks import Level, RotaSlot
from app.models.messages import Contact, Task, TaskKind
from app.models.placements import Channel
from app.models.retention import HoldReason
from app.outbox import open_task
from app.services import (
    beds,
    break_glass,
    call_backs,
    clock,
    data_rights,
    managers,
    matching,
    offers,
    pre_alerts,
    restrictions,
    subject_access,
    surge,
    tasks,
    voids,
)
from app.services.accounts import DEMO_DOMAIN
from app.services.asked import AvoidedPlace, NewChild, NewPreAlert
from tests.cast import Cast, Person, _user, invite_cast
from tests.factories import at_once, make_referral, placement_of, room_of

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
    "restricted": ("E8", "ru", "Russian", 10),
    "missing": ("N8", "pt", "Portuguese", 11),
}
ASKER = {"colleagues": "bram", "others": "cora"}
ROOM = {"asked": "3", "promised": "4", "lives": "5", "declined": "6", "others": "4",
        "restricted": "7", "missing": "8"}  # fmt: skip
# Said once in this world, by the field that holds it.
GLASS_REASON, RULE_REASON = "The officer's line is dead", "Known to him"
OVERRIDE_NOTE = "The lift is out until Thursday"
AWAY_FROM = "IV27"  # where the waiting woman must not be
PRE_ALERT_LANGUAGE = ("so", "Somali")
# Whom the list of the restricted record keeps out.
KEPT_OUT = ("bea", "sergeant", "dora")
STAFF = {"Rowan": ("bea", "rowan_manager"), "Cedar": ("chloe",)}
HOUSE_STAGE = {
    "asked": Stage.ASKED,
    "promised": Stage.PROMISED,
    "others": Stage.PROMISED,
    "lives": Stage.LIVES_HERE,
    "declined": Stage.WAS_HERE,
    "restricted": Stage.PROMISED,
    "missing": Stage.WAS_HERE,
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
        if self.name == "restricted" and person in KEPT_OUT:
            return None
        if person == self.asker:
            return Stage.ASKER
        if person == "sergeant" and self.asker in ("amara", "bram"):
            return Stage.FORCE
        if person in ("dee", "dora"):
            return Stage.DESK_RINGS if self.name == "missing" else Stage.DESK
        return HOUSE_STAGE.get(self.name) if person in STAFF[self.house] else None


@dataclass(kw_only=True)
class World:
    """Everybody, the records by name, and the ids of what is no woman's record."""

    cast: Cast
    people: dict[str, Person]
    records: dict[str, Record]
    ids: dict[str, UUID]

    def actor(self, person: str) -> Actor:
        return self.people[person].actor


def build(web: Run, worker: Run, owner: Run) -> World:
    """Lay the world out; it takes some seconds, so it is made once."""
    cast: Cast = owner(invite_cast)
    people = cast.everybody() | owner(_two_more, cast)
    helpers = owner(_helpers, cast)
    for house in ("Rowan", "Cedar"):
        owner(_more_rooms, house)
    owner(clock.shift_by, timedelta(days=-2))
    lives = web(_ask, cast, "lives")
    _promise(web, cast, lives)
    web(offers.record_arrival, lives.placement_id, by=cast.bea.actor)
    owner(clock.back_to_real_time)
    others = [web(_ask, cast, name) for name in ONLY_HERS if name != "lives"]
    records = {each.name: each for each in (lives, *others)}
    # Amara asks for more than five: the desk has rung her force back.
    web(
        call_backs.record_call_back,
        records["waiting"].ref,
        CallBackOutcome.GENUINE,
        by=cast.dee.actor,
    )
    web(_offer, cast, records["asked"])
    for name in ("promised", "others", "restricted", "missing"):
        _promise(web, cast, records[name])
    web(_offer, cast, records["declined"])
    web(_decline, cast, records["declined"])
    web(
        offers.record_not_arrived,
        records["missing"].placement_id,
        "cannot_be_reached",
        by=cast.bea.actor,
    )
    worker(matching.make_plan)
    ids = _others(web, owner, cast, records) | _access(web, owner, people, records)
    ids |= helpers | _kept_and_copied(web, people, records)
    return World(cast=cast, people=people, records=records, ids=ids)


def _two_more(cast: Cast) -> dict[str, Person]:
    """A second coordinator and the data protection lead."""
    desk = cast.dee.actor.organisation_id
    assert desk is not None
    with transaction(by=SYSTEM):
        return {
            "dora": _user("dora", Role.COORDINATOR, desk),
            "petra": _user("petra", Role.DATA_PROTECTION_LEAD, desk),
        }


def _helpers(cast: Cast) -> dict[str, UUID]:
    """One worker more in each house, whose account is the one that is recovered."""
    with transaction(by=SYSTEM):
        houses = {"Rowan": cast.rowan_id, "Cedar": cast.cedar_id}
        for house, refuge_id in houses.items():
            refuge = db.session.get_one(Refuge, refuge_id)
            _user(f"helper.{house}", Role.REFUGE_WORKER, refuge.organisation_id, refuge)
    return {f"helper of {house}": _public_id(f"helper.{house}{DEMO_DOMAIN}") for house in houses}


def _kept_and_copied(
    web: Run, people: dict[str, Person], records: dict[str, Record]
) -> dict[str, UUID]:
    """A hold that was lifted again, one that stands, and a copy that waits to be taken."""
    petra, hana = (web(proved, people[name].actor) for name in ("petra", "hana"))
    hold = web(data_rights.place_hold, records["lives"].ref, HoldReason.COURT_ORDER, by=petra)
    web(data_rights.lift_hold, hold, by=petra)
    web(data_rights.lift_hold, hold, by=hana)
    web(data_rights.place_hold, records["restricted"].ref, HoldReason.COURT_ORDER, by=petra)
    copy = web(subject_access.ask, records["promised"].ref, by=petra)
    web(subject_access.approve, copy, by=hana)
    return {"hold": hold, "copy": copy}


def _access(
    web: Run, owner: Run, people: dict[str, Person], records: dict[str, Record]
) -> dict[str, UUID]:
    """Who must not see the restricted record, a line taken off again, and a broken glass."""
    dee = people["dee"].actor
    for name in (*KEPT_OUT, "bram"):
        person = owner(_public_id, people[name].email)
        new = restrictions.NewRule(person=person, kind=RuleKind.DENY, reason=RULE_REASON)
        web(restrictions.add_rule, records["restricted"].ref, new, by=dee)
    bram = people["bram"].actor.user_id
    rule = owner(_rule_of, bram)
    web(restrictions.end_rule, rule, by=dee)
    glass = web(break_a_glass, people, records["promised"].ref)
    return {"rule": rule, "glass": glass}


def break_a_glass(people: dict[str, Person], ref: str) -> UUID:
    """Dee asks, Petra agrees, both with a fresh proof."""
    asked = break_glass.ask(ref, GLASS_REASON, by=proved(people["dee"].actor))
    break_glass.approve(asked, by=proved(people["petra"].actor))
    return asked


def proved(actor: Actor) -> Actor:
    """The same person, who has just proved it."""
    with transaction(by=SYSTEM) as now:
        return replace(actor, proved_at=now)


def _rule_of(user_id: int) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(RecordRule.public_id).where(RecordRule.user_id == user_id)
        ).one()


def _more_rooms(house: str) -> None:
    with transaction(by=SYSTEM):
        public_id = db.session.scalars(select(Refuge.public_id).where(Refuge.alias == house)).one()
        lines = {"Rowan": "+442079460171", "Cedar": "+442079460172"}
        db.session.execute(
            update(Refuge).where(Refuge.alias == house).values(duty_line=lines[house])
        )
    for code in ("3", "4", "5", "6", "7", "8"):
        beds.add_room(public_id, beds.NewRoom(code=code, bed_spaces=2), by=SYSTEM)
    surge_room = beds.NewRoom(code="9", bed_spaces=1, kind=RoomKind.SURGE)
    beds.add_room(public_id, surge_room, by=SYSTEM)


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
        avoid=(AvoidedPlace(place=AWAY_FROM, km=5),) if name == "waiting" else (),
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
    choice = replace(at_once(room.public_id), note=OVERRIDE_NOTE if record.name == "asked" else "")
    matching.override(record.ref, choice, by=cast.dee.actor)
    record.placement_id = placement_of(record.ref).public_id


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
        found[f"phone of {house}"] = web(_first, Contact, house)
        found[f"house of {house}"] = web(_first, Refuge, house)
        surge_room = found[f"surge of {house}"] = web(room_of, house, "9").public_id
        found[f"slot of {house}"] = owner(_slot_to_come, house)
        window = found[f"window of {house}"] = web(_window, cast, surge_room)
        web(surge.close_window, window, by=cast.dee.actor)
    found["task"] = web(_done_task, cast, records["declined"])
    found["alert"] = web(_called_off, cast)
    found["account"] = owner(_public_id, cast.olga.email)
    found["manager"] = web(_manager, cast)
    return found


def _manager(cast: Cast) -> UUID:
    """A duty manager whose days begin in a year."""
    with transaction(by=SYSTEM) as now:
        first = now.date() + timedelta(days=365)
    new = managers.NewManager(
        level=Level.DUTY_MANAGER,
        organisation="The desk",
        name="Dora Quist",
        phone="+447700900701",
        from_day=first,
    )
    return managers.add_manager(new, by=proved(cast.ada.actor))


def _first(kind: type[Contact] | type[Refuge], house: str) -> UUID:
    with transaction(by=SYSTEM):
        query = select(kind.public_id).where(Refuge.alias == house)
        if kind is Contact:
            query = query.join(Refuge, Refuge.id == Contact.refuge_id)
        return db.session.scalars(query).one()


def _slot_to_come(house: str) -> UUID:
    """A duty on the house's phone that begins in a year."""
    with transaction(by=SYSTEM) as now:
        phone = db.session.scalars(
            select(Contact)
            .join(Refuge, Refuge.id == Contact.refuge_id)
            .where(Refuge.alias == house)
        ).one()
        slot = RotaSlot(
            refuge_id=phone.refuge_id,
            contact_id=phone.id,
            position=1,
            days=[],
            first_on=now.date() + timedelta(days=365),
            from_time=time(8),
            until_time=time(20),
            ended_at=now,
        )
        db.session.add(slot)
        db.session.flush()
        return slot.public_id


def _window(cast: Cast, room: UUID) -> UUID:
    with transaction(by=SYSTEM) as now:
        until = now + timedelta(days=3)
    return surge.open_window(room, now, until, by=cast.dee.actor)


def _done_task(cast: Cast, record: Record) -> UUID:
    with transaction(by=SYSTEM):
        open_task(TaskKind.OFFER_LAPSED, referral_id=record.referral_id)
        done = select(Task.public_id).where(Task.kind == TaskKind.OFFER_LAPSED)
        public_id = db.session.scalars(done).one()
    tasks.finish_task(public_id, by=cast.dee.actor)
    return public_id


def _called_off(cast: Cast) -> UUID:
    with transaction(by=SYSTEM) as now:
        new = NewPreAlert(
            form_key=uuid4(),
            women_least=2,
            women_most=3,
            region="E12000007",
            languages=(PRE_ALERT_LANGUAGE[0],),
            expected_from=now + timedelta(hours=2),
            expected_until=now + timedelta(hours=9),
        )
    made = pre_alerts.record_pre_alert(new, by=cast.dee.actor)
    pre_alerts.cancel(made, by=cast.dee.actor)
    return made


def _public_id(email: str) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(User.public_id).where(User.email == email)).one()
