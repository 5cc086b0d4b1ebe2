"""The doors of the simulated week: real pages and texts, and houses that answer as people do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from app import worker
from app.actors import SYSTEM
from app.db import db, transaction
from app.demo.answers import Answer, Reply
from app.demo.people import COORDINATOR, worker_of
from app.demo.plans import RefugePlan, WomanPlan
from app.demo.story import Offer
from app.london import LONDON
from app.models.beds import Refuge
from app.models.placements import Placement, PlacementState
from app.services import beds, matching, trail
from bench.browser import PageError
from bench.personas import Persona, Personas, Text, steps
from bench.web_doors import WebDoors
from bench.week_world import RAIDED_REGION, Size

SECOND_PHONE = "+447700900{:03d}"  # of Ofcom's range for drama; the first phones are below 200
STARTS_AGAIN = timedelta(hours=12)
SURGE = "surge"  # the incident of the raid


@dataclass(kw_only=True)
class WeekDoors(WebDoors):
    """As the replay's doors, with personas on the phones and a coordinator who rings.

    ``seen`` counts what happened beside the answers; ``size`` says when the raid comes.
    """

    personas: Personas
    size: Size
    seen: Counter[str] = field(default_factory=Counter)
    _second: dict[str, str] = field(default_factory=dict)
    _starts_at: dict[str, datetime] = field(default_factory=dict)
    _stopped_once: set[str] = field(default_factory=set)
    _late_told: set[UUID] = field(default_factory=set)
    _incidents: dict[str, str] = field(default_factory=dict)
    _alert: str = ""
    _begun: bool = False

    def at(self, minute: int) -> None:
        """Time goes on running between two events, and is never set back."""
        if self._begun and self.inside.start + timedelta(minutes=minute) <= self.now():
            return
        super().at(minute)
        self._begun = True

    def now(self) -> datetime:
        """What the service's clock shows."""
        with transaction(by=SYSTEM) as now:
            return now

    def lay_out(self) -> None:
        super().lay_out()
        self.stage.settle(callbacks={"delays": [0.0]})
        for number, refuge in enumerate(self.inside.world.refuges):
            persona = self.personas.of_house[refuge.alias]
            if persona is Persona.TWO_PHONES:
                self._second[refuge.alias] = SECOND_PHONE.format(201 + number)
                with transaction(by=SYSTEM):
                    house = db.session.scalars(
                        select(Refuge.public_id).where(Refuge.alias == refuge.alias)
                    ).one()
                beds.add_contact(house, self._second[refuge.alias], "Second phone", by=SYSTEM)
            elif persona is Persona.DEAD_PHONE:
                self.stage.settle(failing={refuge.phone: 30003})

    # What the houses do

    def answer(self, offer: Offer, answer: Answer) -> None:
        """Give the answer in the persona's way, and by another way where that one is barred."""
        refuge = self._plan(offer.refuge)
        persona = self.personas.of_house[offer.refuge]
        if persona is Persona.STOPS and offer.refuge not in self._stopped_once:
            self._stopped_once.add(offer.refuge)
            self._starts_at[offer.refuge] = self.now() + STARTS_AGAIN
            self._say(refuge.phone, "STOP")
            self.seen["STOP instead of an answer"] += 1
        if persona is Persona.DEAD_PHONE or offer.refuge in self._starts_at:
            self._answer_at_the_desk(offer, answer)
        else:
            self._answer_as(persona, refuge, offer, answer)
        self._is_settled(offer, answer)

    def _answer_as(
        self, persona: Persona, refuge: RefugePlan, offer: Offer, answer: Answer
    ) -> None:
        code = self._code(offer)
        for step in steps(persona, code, self._open_code_elsewhere(offer.refuge), answer):
            if isinstance(step, Text):
                number = self._second[offer.refuge] if step.phone else refuge.phone
                self._was_asked(number, code)
                self._say(number, step.body)
            else:
                self._answer_on_the_web(offer, answer)
        if self._state(offer) == PlacementState.OFFERED:
            # Too many wrong codes from this phone: the page still takes the answer.
            self.seen["texts ignored after wrong codes, answered on the web"] += 1
            self._answer_on_the_web(offer, answer)

    def _answer_at_the_desk(self, offer: Offer, answer: Answer) -> None:
        """No text reaches the house: the coordinator rings its duty line and writes it down."""
        browser, _ = self._sign_in(COORDINATOR.email)
        page = browser.get(f"/desk/requests/{offer.ref}")
        where = f"/offers/{offer.key}/"
        if answer.reply is Reply.ACCEPT:
            browser.send(page, page.form(where + "accept"), {})
        else:
            browser.send(page, page.form(where + "decline"), {"reason": answer.reason})
        self._done(browser)
        self._send_texts()
        self.seen["rung up by the desk"] += 1

    def lapse(self) -> None:
        """Then somebody of a late house texts all the same, and is told that it is too late."""
        super().lapse()
        for alias, persona in self.personas.of_house.items():
            if persona is Persona.LATE:
                for public_id, code in self._lapsed(alias):
                    self._late_told.add(public_id)
                    self._say(self._plan(alias).phone, f"ACCEPT {code}")
                    self.seen["yes after the time had passed, refused"] += 1
                    if self._state_of(public_id) != PlacementState.LAPSED:
                        raise PageError("a yes after its time was taken")

    def start_again(self) -> None:
        """A phone that had stopped takes texts again."""
        for alias, at in list(self._starts_at.items()):
            if at <= self.now():
                del self._starts_at[alias]
                self._say(self._plan(alias).phone, "START")
                self.seen["START"] += 1

    def arrive(self, ref: str) -> None:
        """The house says so by text where it can, the officer on the web where not."""
        alias = self.inside.houses[ref]
        by_text = self.personas.of_house[alias] in (Persona.QUICK, Persona.MIXED_CODES)
        if not by_text:
            super().arrive(ref)
            return
        with transaction(by=SYSTEM):
            code = db.session.scalars(
                select(Placement.offer_code).where(
                    Placement.public_id == self.inside.placements[ref]
                )
            ).one()
        self._say(self._plan(alias).phone, f"ARRIVED {code}")
        self.seen["arrivals told by text"] += 1

    def morning(self, number: int) -> None:
        """What a house says of its beds on a day: one closes a bed by text, one a room on the web,
        one opens its bed again, and all that read texts confirm their counts."""
        houses = self.inside.world.refuges
        for refuge in houses:
            if self._reads_texts(refuge.alias):
                self._say(refuge.phone, "ALL OK")
        closes, opens = houses[number % len(houses)], houses[(number - 1) % len(houses)]
        if self._reads_texts(opens.alias):
            self._say(opens.phone, "B 1 FREE")
        if self._reads_texts(closes.alias):
            self._say(closes.phone, "B 1 VOID CLEAN 1D")
            self.seen["beds called by text"] += 1
        self._close_a_room(houses[(number + 3) % len(houses)].alias)

    def _close_a_room(self, alias: str) -> None:
        browser, _ = self._sign_in(worker_of(alias).email)
        page = browser.get("/refuge/rooms")
        if page.has_form("/out-of-use"):
            browser.send(page, page.form("/out-of-use"), {"reason": "repair"})
            self.seen["rooms closed on the web"] += 1
        if page.has_form("/back-in-use/"):
            browser.send(page, page.form("/back-in-use/"), {})
        self._done(browser)

    # What the desk does

    def pre_alert(self) -> None:
        """The desk is told that a raid is coming, and the worker rehearses it."""
        arrives = self.inside.start + timedelta(minutes=self.size.surge_at)
        day = arrives.astimezone(LONDON).date()
        browser, _ = self._sign_in(COORDINATOR.email)
        page = browser.get("/desk/pre-alerts/new")
        typed = {
            "women_least": str(self.size.surge * 3 // 4),
            "women_most": str(self.size.surge),
            "region": RAIDED_REGION,
            "from_day": day.isoformat(),
            "from_time": f"{arrives.astimezone(LONDON):%H:%M}",
            "until_day": day.isoformat(),
            "until_time": "23:00",
        }
        shown = browser.send(page, page.form("/pre-alerts/new"), typed)
        self._alert = "/desk/pre-alerts/" + shown.url.rsplit("/", 1)[-1].split("#")[0]
        with self.stage.worker.app_context():
            matching.make_plan()
            matching.rehearse()
        shown = browser.get(self._alert)
        self._done(browser)
        if "would have a bed" not in shown.text:
            raise PageError(f"the raid was not rehearsed: {shown.text[:500]}")
        self.seen["pre-alerts"] += 1

    def decide(self) -> list[Offer]:
        """Before the plan: whoever is of the raid is said to be here, and the force is rung."""
        self._they_are_here()
        return super().decide()

    def _they_are_here(self) -> None:
        raid = [ref for ref, incident in self._incidents.items() if incident == SURGE]
        if not (self._alert and raid):
            return
        browser, _ = self._sign_in(COORDINATOR.email)
        page = browser.get(self._alert)
        browser.send(page, page.form("/here"), {"refs": raid})
        self.seen["raids announced"] += 1
        page = browser.get(f"/desk/requests/{raid[-1]}")
        if page.has_form("/call-back"):
            browser.send(page, page.form("/call-back"), {"outcome": "genuine"})
            self.seen["forces rung back"] += 1
        self._done(browser)
        self._alert = ""

    # What officers do

    def ask(self, woman: WomanPlan, *, same_as: str) -> str:
        ref = super().ask(woman, same_as=same_as)
        self._incidents[ref] = woman.incident
        return ref

    # What the worker does

    def sweep(self) -> None:
        """The worker's own round, the sealing of the trail, and its head put out of reach."""
        with self.stage.worker.app_context():
            worker.sweep(self.stage.gateway, self.stage.web_url)
            trail.seal_all()
            worker.anchor(self.stage.worker.config["SETTINGS"])

    # What is read of the tables

    def _is_settled(self, offer: Offer, answer: Answer) -> None:
        came_to = (
            PlacementState.ACCEPTED if answer.reply is Reply.ACCEPT else PlacementState.DECLINED
        )
        if (state := self._state(offer)) != came_to:
            raise PageError(f"{offer.refuge} meant {came_to} and the offer is {state}")

    def _state(self, offer: Offer) -> PlacementState:
        return self._state_of(UUID(offer.key))

    def _state_of(self, public_id: UUID) -> PlacementState:
        with transaction(by=SYSTEM):
            state = select(Placement.state).where(Placement.public_id == public_id)
            return PlacementState(db.session.scalars(state).one())

    def _code(self, offer: Offer) -> str:
        with transaction(by=SYSTEM):
            code = select(Placement.offer_code).where(Placement.public_id == UUID(offer.key))
            return db.session.scalars(code).one()

    def _open_code_elsewhere(self, alias: str) -> str:
        with transaction(by=SYSTEM):
            found = db.session.scalar(
                select(func.min(Placement.offer_code))
                .join(Refuge, Refuge.id == Placement.refuge_id)
                .where(Placement.state == PlacementState.OFFERED, Refuge.alias != alias)
            )
            return found or ""

    def _lapsed(self, alias: str) -> list[tuple[UUID, str]]:
        with transaction(by=SYSTEM):
            rows = db.session.execute(
                select(Placement.public_id, Placement.offer_code)
                .join(Refuge, Refuge.id == Placement.refuge_id)
                .where(Placement.state == PlacementState.LAPSED, Refuge.alias == alias)
                .where(Placement.public_id.not_in(self._late_told))
                .order_by(Placement.id)
            )
            return [(public_id, code) for public_id, code in rows]

    def _was_asked(self, number: str, code: str) -> None:
        if not any(
            code in text["body"] and text["recipient"] == number for text in self.stage.texts()
        ):
            raise PageError(f"no text with its code reached a phone of a house: {code}")

    def _plan(self, alias: str) -> RefugePlan:
        return next(one for one in self.inside.world.refuges if one.alias == alias)

    def _reads_texts(self, alias: str) -> bool:
        persona = self.personas.of_house[alias]
        gone = (Persona.SILENT, Persona.DEAD_PHONE)
        return persona not in gone and alias not in self._starts_at
