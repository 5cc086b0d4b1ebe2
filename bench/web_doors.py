"""The doors of the story that lead through the web pages and the houses' text messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, patiently, transaction
from app.demo import layout
from app.demo.answers import Answer, Reply
from app.demo.asking import incident_ref, officer_phone
from app.demo.doors import ServiceDoors
from app.demo.people import COORDINATOR, MAIL, officer_of, worker_of
from app.demo.plans import RefugePlan, ResidentPlan, WomanPlan
from app.demo.story import Offer
from app.models.placements import Placement
from app.models.referrals import Referral, ReferralState
from app.services import accounts, matching, offers, texts
from app.services.reference import read_rows
from app.worker import send_texts
from bench.browser import Browser, Page, PageError
from bench.stage import Stage

AVOID_ROWS = 6
TRIES = 10
NUMBER_OF = {row["code"]: row["text_number"] for row in read_rows("reasons.csv")}


@dataclass
class WebDoors:
    """What people do, they do on pages and phones; only the clock and the past go straight in.

    Run inside the owner's app context: what is measured is read from the tables, nothing that a
    person does is written there. ``inside`` keeps who is where.
    """

    inside: ServiceDoors
    stage: Stage
    requests: int = 0
    texts_in: int = 0
    _people: dict[str, UUID] = field(default_factory=dict)
    _asked_by: dict[str, str] = field(default_factory=dict)

    def lay_out(self) -> None:
        """Everybody of the world, each able to sign in, with a worker for every house."""
        layout.lay_out(self.inside.world, today=self.inside.now.date(), mail=MAIL)
        for refuge in self.inside.world.refuges:
            if refuge.opens_on_day == 0:
                layout.hire(worker_of(refuge.alias), refuge.charity)
        self._learn_people()

    def _learn_people(self) -> None:
        self._people = {person.email: person.public_id for person in accounts.demo_people()}

    def at(self, minute: int) -> None:
        self.inside.at(minute)

    def open_house(self, refuge: RefugePlan) -> None:
        self.inside.open_house(refuge)
        layout.hire(worker_of(refuge.alias), refuge.charity)
        self._learn_people()

    def settle(self, resident: ResidentPlan) -> str:
        """Before the replay nobody used the pages: her past goes straight to the services."""
        return self.inside.settle(resident)

    def ask(self, woman: WomanPlan, *, same_as: str) -> str:
        email = self._officer(woman)
        browser, _ = self._sign_in(email)
        where = f"/police/requests/new?same_as={same_as}" if same_as else "/police/requests/new"
        page = browser.get(where)
        sent = browser.send(page, page.form("/police/requests/new"), _answers(woman, same_as))
        self._done(browser)
        ref = sent.url.rsplit("/", 1)[-1]
        if not ref.startswith("R-") or ref not in sent.text:
            raise PageError(f"no reference after sending the form: {sent.url} {sent.text[:300]}")
        self._asked_by[ref] = email
        return ref

    def hand_on(self, woman: WomanPlan) -> None:
        browser, _ = self._sign_in(self._officer(woman))
        page = browser.get("/police/requests/new")
        told = browser.send(page, page.form("/police/requests/new"), {"who": "under_18"})
        self._done(browser)
        if "social worker" not in told.text:
            raise PageError(f"nobody is named for a person under 18: {told.text[:300]}")

    def decide(self) -> list[Offer]:
        with self.stage.worker.app_context():
            matching.make_plan()
        browser, board = self._sign_in(COORDINATOR.email)
        form = next((form for form in board.forms if "run" in form.names), None)
        shown = [value for name, value in form.fields if name == "shown"] if form else []
        if form is not None and shown:
            browser.send(board, form, {"which": "all"})
        self._done(browser)
        self._send_texts()
        return self.inside.offers_of(_offered(shown))

    def answer(self, offer: Offer, answer: Answer) -> None:
        if answer.by_text:
            self._answer_by_text(offer, answer)
        else:
            self._answer_on_the_web(offer, answer)

    def _answer_by_text(self, offer: Offer, answer: Answer) -> None:
        """The house reads its newest texts and replies with the code that stands in one of them."""
        with transaction(by=SYSTEM):
            code = db.session.scalars(
                select(Placement.offer_code).where(Placement.public_id == UUID(offer.key))
            ).one()
        plan = next(one for one in self.inside.world.refuges if one.alias == offer.refuge)
        if not any(
            code in text["body"] and text["recipient"] == plan.phone for text in self.stage.texts()
        ):
            raise PageError(f"{offer.refuge} was never texted {code}")
        verb = "ACCEPT" if answer.reply is Reply.ACCEPT else "DECLINE"
        self._say(plan.phone, f"{verb} {code} {NUMBER_OF.get(answer.reason, '')}")

    def _say(self, number: str, body: str) -> None:
        """A house's phone sends a text; the worker reads it and sends what it owes."""
        trouble = self.stage.reply(number, body)
        if trouble:
            raise PageError(f"the service did not take a text: {trouble}")
        with self.stage.worker.app_context():
            patiently(texts.handle_waiting, tries=TRIES)  # the worker looks again by itself
        self._send_texts()
        self.texts_in += 1

    def _answer_on_the_web(self, offer: Offer, answer: Answer) -> None:
        browser, _ = self._sign_in(worker_of(offer.refuge).email)
        page = browser.get(f"/refuge/offers/{offer.key}")
        if answer.reply is Reply.ACCEPT:
            browser.send(page, page.form("/accept"), {})
        else:
            browser.send(page, page.form("/decline"), {"reason": answer.reason})
        self._done(browser)

    def lapse(self) -> None:
        with self.stage.worker.app_context():
            offers.lapse_offers()
        self._send_texts()

    def arrive(self, ref: str) -> None:
        self._officer_says(ref, "/arrived", {})

    def not_arrive(self, ref: str, reason: str) -> None:
        self._officer_says(ref, "/not-arrived", {"reason": reason})

    def withdraw(self, ref: str, reason: str) -> None:
        self._officer_says(ref, "/withdraw", {"reason": reason})
        self._send_texts()

    def _officer_says(self, ref: str, what: str, values: dict[str, str]) -> None:
        browser, _ = self._sign_in(self._asked_by[ref])
        page = browser.get(f"/police/requests/{ref}")
        browser.send(page, page.form(what), values)
        self._done(browser)

    def depart(self, ref: str, reason: str) -> None:
        browser, _ = self._sign_in(worker_of(self.inside.houses[ref]).email)
        page = browser.get(f"/refuge/stays/{self.inside.placements[ref]}")
        browser.send(page, page.form("/depart"), {"reason": reason})
        self._done(browser)

    def give_up(self, ref: str) -> None:
        browser, _ = self._sign_in(COORDINATOR.email)
        page = browser.get(f"/desk/requests/{ref}")
        browser.send(page, page.form("/unmet"), {"reason": self.inside.why_unmet(ref)})
        self._done(browser)

    def _officer(self, woman: WomanPlan) -> str:
        forces = self.inside.world.forces
        return officer_of(next(one for one in forces if one.code == woman.force), mail=MAIL).email

    def _sign_in(self, email: str) -> tuple[Browser, Page]:
        """A browser just opened, and the person's first page; days pass between two visits."""
        browser = Browser(self.stage.web_url)
        tour = browser.get("/sign-in")
        form = tour.form("/sign-in")
        token = dict(form.fields)["csrf_token"]
        form.action, form.fields = "/demo/sign-in", [("csrf_token", token)]
        form.names.add("person")
        return browser, browser.send(tour, form, {"person": str(self._people[email])})

    def _done(self, browser: Browser) -> None:
        self.requests += browser.requests

    def _send_texts(self) -> None:
        with self.stage.worker.app_context():
            send_texts(self.stage.gateway, self.stage.web_url)


def _offered(refs: list[str]) -> list[str]:
    """Those whose house was really asked; a line may have gone stale before it was confirmed."""
    with transaction(by=SYSTEM):
        return list(
            db.session.scalars(
                select(Referral.ref).where(
                    Referral.ref.in_(refs), Referral.state == ReferralState.OFFERED
                )
            )
        )


def _answers(woman: WomanPlan, same_as: str) -> dict[str, str | list[str]]:
    """What the officer types; a second woman's form comes filled in and is put right."""
    typed: dict[str, str | list[str]] = {
        "who": "woman",
        "place": woman.district,
        "urgency": woman.urgency,
        "household": "children" if woman.children else "alone",
        "language": woman.language,
        "needs": list(woman.essential),
        "may_share": ["yes"] if woman.may_share else [],
        "london": woman.london,
        "callback_phone": officer_phone(woman),
        "incident_ref": incident_ref(woman),
    }
    for number, child in enumerate(woman.children):
        typed[f"children-{number}-age"] = str(child.age)
        typed[f"children-{number}-sex"] = child.sex
    for number in range(AVOID_ROWS):
        zone = woman.zones[number] if number < len(woman.zones) else None
        typed[f"avoid-{number}-place"] = zone.district if zone else ""
        if zone:
            typed[f"avoid-{number}-km"] = str(zone.radius_km)
    if same_as:
        typed["tie"] = woman.link or "either"
    return typed
