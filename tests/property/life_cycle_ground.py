"""The ground on which lives are lived: the processes, the people, and what the tables say."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
)
from sqlalchemy import func, select

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.errors import DomainError
from app.models.beds import BedUse, Refuge, Void
from app.models.beds import Room as RoomRow
from app.models.enquiries import HouseQuestion
from app.models.messages import SmsInbox
from app.models.placements import Channel, Placement
from app.models.plans import PlanLine
from app.models.pre_alerts import PreAlert
from app.models.referrals import Referral
from app.services import (
    texts,
)
from app.services.asked import NewReferral
from app.services.void_steps import TURNAROUND
from bench.stage import drawn_codes
from tests.cast import Cast
from tests.conftest import WITH_CAST, fresh_copy
from tests.fake_twilio import FakeTwilio
from tests.integration.services.expected import now_is
from tests.property.life_cycle_model import (
    Alert,
    Model,
    Refused,
    Room,
    Stay,
    Woman,
)

PHONES = {"Rowan": "+447700900101", "Cedar": "+447700900102"}
SERVICE = "+447700900999"
NOWHERE = "http://127.0.0.1:9"  # where the phones' news goes: nobody waits for it here
NOTHING: dict[str, set[UUID]] = {}
QUESTIONS = {"ask_cot": 2, "ask_stairs": 3}  # and their numbers in a text
NEARLY = timedelta(seconds=30)  # time runs on while a step is made
MOST_WOMEN = 7
MOST_WRONG = 3  # of this life: the fifth wrong code within minutes would stop its phone
# Most picks aim at what the act is meant for; the rest take anything, to be refused.
nth = st.integers(0, 11)
AIMED = 8
ways = st.sampled_from(["web", "text", "desk"])
asked = st.tuples(
    st.sampled_from(["emergency", "urgent"]),
    st.sampled_from([(), (), (0,), (6,), (0, 6), (4, 6, 9)]),
)


@dataclass
class Ground:
    """Where lives are lived: the processes and the people."""

    postgres: EmbeddedPostgres
    web: Flask
    worker: Flask
    owner: Flask
    cast: Cast
    phones: FakeTwilio

    def staff(self, house: str) -> Actor:
        return {"Rowan": self.cast.bea, "Cedar": self.cast.chloe}[house].actor


@dataclass
class Run:
    """A plan that was made: whom it gave which room, and who was offered it so far."""

    id: UUID
    lines: dict[str, Room]
    offered: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Seen:
    """What stands in the tables: states by reference and id, the beds that a stay keeps as (room,
    how many), until when a promise is kept, closures by people, rooms that are made ready."""

    women: dict[str, str]
    stays: dict[UUID, str]
    holds: dict[UUID, Any]
    beds: dict[UUID, tuple[UUID, int]]
    alerts: dict[UUID, str]
    closed: set[UUID]
    made_ready: set[UUID]


class Ways(RuleBasedStateMachine):
    """How a life is lived: each step is done to the model and to the service alike."""

    ground: ClassVar[Ground]

    def __init__(self) -> None:
        super().__init__()
        ground = self.ground
        self._copy = ExitStack()
        self._copy.enter_context(drawn_codes(0))  # a life is the same whenever it is lived again
        apps = (ground.web, ground.worker, ground.owner)
        self._copy.enter_context(fresh_copy(ground.postgres, WITH_CAST, apps))
        rooms = [
            Room(house, code, beds, cots)
            for house in PHONES
            for code, beds, cots in (("1", 1, 0), ("2", 3, 1))
        ]
        self.model = Model(rooms=rooms, now=self.web(now_is))
        self.asked: dict[Woman, NewReferral] = {}
        self.ids: dict[Stay | Alert | Room, UUID] = {}
        self.codes: dict[Stay, str] = {}
        self.runs: list[Run] = []
        self.closures: dict[Room, UUID] = {}
        self.texts = self.wrong = 0
        self.is_swept = True
        self.held: Seen | None = None
        keys = self.web(room_keys)
        self.ids.update({room: keys[room.house, room.code] for room in rooms})

    def teardown(self) -> None:
        self._copy.close()

    # How things are done

    def web(self, use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self.ground.web.app_context():
            return use_case(*args, **kwargs)

    def worker(self, job: Callable[..., Any], *args: Any) -> Any:
        with self.ground.worker.app_context():
            return job(*args)

    def owner(self, act: Callable[..., Any], *args: Any) -> Any:
        with self.ground.owner.app_context():
            return act(*args)

    def both(
        self, expected: Callable[[], object], use_case: Callable[..., Any], *args: Any, **kw: Any
    ) -> bool:
        """Do it in the model and in the service: done by both, or refused by both alike."""
        self.model.now = self.web(now_is)
        foreseen = seen = ""
        try:
            expected()
        except Refused as refusal:
            foreseen = refusal.kind
        try:
            self.web(use_case, *args, **kw)
        except DomainError as error:
            seen = type(error).__name__
        assert seen == foreseen
        return not seen

    def says(self, stay: Stay, body: str, expected: Callable[[], object], done: str) -> None:
        """A phone of the house texts; what may not be changes nothing, and is answered so."""
        self.model.now = self.web(now_is)
        try:
            expected()
        except Refused:
            done = "not_changed"
        assert self.text(stay.room.house, body) == done

    def text(self, house: str, body: str) -> str:
        self.texts += 1
        sid = f"SM{self.texts:032x}"
        self.worker(texts.receive_text, sid, PHONES[house], SERVICE, body)
        self.worker(texts.handle_waiting)
        return str(self.web(outcome_of, sid))

    def _who(self, stay: Stay, way: str) -> tuple[Actor, Channel]:
        if way == "desk":
            return self.ground.cast.dee.actor, Channel.COORDINATOR
        return self.ground.staff(stay.room.house), Channel.WEB


def pick(things: list[Any], n: int, *states: str) -> Any:
    """The n-th from the end, going round; an aimed pick is among those in one of ``states``."""
    meant = [thing for thing in things if thing.state in states] if n < AIMED else []
    among = meant or things
    return among[-1 - n % len(among)]


def refuse(kind: str = "Conflict") -> Callable[[], object]:
    """A use case that must not be."""

    def go() -> object:
        raise Refused(kind)

    return go


def room_keys() -> dict[tuple[str, str], UUID]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Refuge.alias, RoomRow.code, RoomRow.public_id).join(
                RoomRow, RoomRow.refuge_id == Refuge.id
            )
        )
        return {(alias, code): public_id for alias, code, public_id in rows}


def lines_of(run_id: UUID) -> list[tuple[str, UUID]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            select(Referral.ref, RoomRow.public_id)
            .join(PlanLine, PlanLine.referral_id == Referral.id)
            .join(RoomRow, RoomRow.id == PlanLine.room_id)
            .where(PlanLine.run_id == run_id)
        )
        return [(ref, room) for ref, room in rows]


def listed_in(run_id: UUID) -> dict[str, set[UUID]]:
    """The other rooms that the plan lists for each woman as allowed."""
    with transaction(by=SYSTEM):
        rooms = {row.id: row.public_id for row in db.session.scalars(select(RoomRow))}
        rows = db.session.execute(
            select(Referral.ref, PlanLine.alternatives)
            .join(PlanLine, PlanLine.referral_id == Referral.id)
            .where(PlanLine.run_id == run_id)
        )
        return {
            ref: {rooms[entry["room_id"]] for entry in given or [] if entry["allowed"]}
            for ref, given in rows
        }


def newest_at(ref: str, house: str) -> Placement:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(Placement)
            .join(Referral, Referral.id == Placement.referral_id)
            .join(Refuge, Refuge.id == Placement.refuge_id)
            .where(Referral.ref == ref, Refuge.alias == house)
            .order_by(Placement.id.desc())
            .limit(1)
        ).one()


def question_of(stay: UUID) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(HouseQuestion.public_id)
            .join(Placement, Placement.id == HouseQuestion.placement_id)
            .where(Placement.public_id == stay)
        ).one()


def all_seen() -> Seen:
    with transaction(by=SYSTEM):
        placements = db.session.execute(
            select(Placement.public_id, Placement.state, Placement.hold_until)
        ).all()
        uses = db.session.execute(
            select(Placement.public_id, RoomRow.public_id, func.count(BedUse.id))
            .join(BedUse, BedUse.placement_id == Placement.id)
            .join(RoomRow, RoomRow.id == Placement.room_id)
            .where(BedUse.live)
            .group_by(Placement.public_id, RoomRow.public_id)
        )
        alerts = db.session.execute(select(PreAlert.public_id, PreAlert.ended_how))
        live = select(Void.public_id, RoomRow.public_id, Void.reason_code).where(Void.live)
        voids_now = db.session.execute(live.join(RoomRow, RoomRow.id == Void.room_id)).all()
        return Seen(
            women={r: str(s) for r, s in db.session.execute(select(Referral.ref, Referral.state))},
            stays={stay: str(state) for stay, state, _ in placements},
            holds={stay: until for stay, _, until in placements},
            beds={stay: (room, count) for stay, room, count in uses},
            alerts={key: str(how) if how else "open" for key, how in alerts},
            closed={void for void, _, reason in voids_now if reason != TURNAROUND},
            made_ready={room for _, room, reason in voids_now if reason == TURNAROUND},
        )


def hold_until_of(stay: UUID) -> Any:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(Placement.hold_until).where(Placement.public_id == stay))


def outcome_of(sid: str) -> str | None:
    with transaction(by=SYSTEM):
        return db.session.get_one(SmsInbox, sid).outcome
