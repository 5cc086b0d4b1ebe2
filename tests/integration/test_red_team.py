"""Ten abuse stories, each played through as its villain would; docs/red-team-diary.md tells them.

A villain has a browser, a phone or a login, and nothing that a test alone could have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.models.abuse import AbuseLimit, CallBack
from app.models.accounts import User
from app.models.events import Event
from app.models.messages import Contact, Message, SmsInbox, Task
from app.models.placements import Placement
from app.services import accounts, clock, honey, texts, trail, trail_check
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast, _user
from tests.conftest import Run
from tests.factories import accept, make_referral, new_referral, offer_room, room_of
from tests.integration.services.expected import now_is

SignIn = Callable[[str], Browser]
CALLBACK, INCIDENT = ("+447700900555", "07700 900555"), "OP-LANTERN-7"
# Whatever tells where a house is or how to reach it.
HOUSE = ("020 7946 0101", "+442079460101", "Meeting point of Rowan")
ASKER = (*CALLBACK, INCIDENT)
PHONE = "+447700900101"  # Rowan's own
WEB = "http://127.0.0.1:8000"
INBOUND = "/hooks/twilio/inbound"


def secrets_in(page: str, secrets: tuple[str, ...]) -> list[str]:
    return [each for each in secrets if each in page]


def ask(run: Run, cast: Cast) -> str:
    return str(run(make_referral, cast.amara.actor).ref)


def offer(run: Run, cast: Cast, ref: str) -> Placement:
    room = run(room_of, "Rowan", "1").public_id
    return run(offer_room, ref, by=cast.dee.actor, room=room)  # type: ignore[no-any-return]


def promise(run: Run, cast: Cast, ref: str) -> Placement:
    placement = offer(run, cast, ref)
    run(accept, placement, by=cast.bea.actor)
    return placement


def facts(run: Run) -> list[str]:
    def read() -> list[str]:
        with transaction(by=SYSTEM):
            return list(db.session.scalars(select(Event.kind).order_by(Event.id)))

    return run(read)  # type: ignore[no-any-return]


def open_tasks(run: Run) -> list[str]:
    def read() -> list[str]:
        with transaction(by=SYSTEM):
            return list(db.session.scalars(select(Task.kind).where(Task.done_at.is_(None))))

    return run(read)  # type: ignore[no-any-return]


def person_id(run: Run, email: str) -> UUID:
    def read() -> UUID:
        with transaction(by=SYSTEM):
            return db.session.scalars(select(User.public_id).where(User.email == email)).one()

    return run(read)  # type: ignore[no-any-return]


def state(run: Run, placement: Placement) -> str:
    def read() -> str:
        with transaction(by=SYSTEM):
            return str(db.session.get_one(Placement, placement.id).state)

    return run(read)  # type: ignore[no-any-return]


def test_a_corrupt_officers_false_request_ends_at_the_control_room(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: SignIn
) -> None:
    def nobody_is_vouched_for() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(delete(CallBack))

    run_as_owner(nobody_is_vouched_for)
    amara, dee, bea = (browser_of(each.email) for each in (cast.amara, cast.dee, cast.bea))
    new = {
        "who": "woman", "place": "SE15", "urgency": "emergency", "household": "alone",
        "language": "sq", "callback_phone": "07700 900555", "incident_ref": INCIDENT,
        "form_key": amara.form_key(),
    }  # fmt: skip
    sent = amara.post("/police/requests/new", new)
    assert sent.status_code == 303
    ref = sent.location.rsplit("/", 1)[1]
    placement = promise(run, cast, ref)

    dee.get(f"/desk/requests/{ref}")
    assert (
        dee.post(f"/desk/requests/{ref}/call-back", {"outcome": "not_confirmed"}).status_code == 303
    )

    for path in ("", "/status"):
        told = text_of(amara.get(f"/police/requests/{ref}{path}"))
        assert "Rowan" in told or path == ""  # an alias is all there is
        assert secrets_in(told, HOUSE) == []
    assert secrets_in(text_of(amara.get("/police/requests")), HOUSE) == []
    for path in ("/desk/board", f"/desk/requests/{ref}", f"/refuge/stays/{placement.public_id}"):
        assert amara.get(path).status_code == 404
    # Nor does the house ring a number that nobody has checked.
    assert secrets_in(text_of(bea.get(f"/refuge/stays/{placement.public_id}")), ASKER) == []
    assert "call_back" in open_tasks(run)


def test_a_curious_officer_finds_no_request_of_a_colleague(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: SignIn
) -> None:
    ref = ask(run, cast)
    promise(run, cast, ref)
    gone = person_id(run, cast.cora.email)
    run(accounts.set_active, gone, False, by=cast.ada.actor)
    planted = run_as_owner(honey.plant, new_referral(), officer=cast.cora.email)
    bram, hana = browser_of(cast.bram.email), browser_of(cast.hana.email)

    answers = set()
    for each in (ref, planted, "R-2222222"):
        for path in (f"/police/requests/{each}", f"/police/requests/{each}/status"):
            response = bram.get(path)
            answers.add((response.status_code, text_of(response).replace(each, "")))
    assert {status for status, _ in answers} == {404}
    assert len(answers) == 1  # a colleague's, a planted one and none at all read the same
    assert bram.get(f"/police/requests/new?same_as={ref}").status_code == 404
    assert ref not in text_of(bram.get("/police/requests"))

    assert facts(run).count("referral_refused") >= 4
    assert planted in text_of(hana.get("/records/"))  # and somebody is told who tried


def test_a_perpetrators_contact_in_the_house_is_out_on_the_next_click(
    cast: Cast, run: Run, browser_of: SignIn
) -> None:
    ref = ask(run, cast)
    stay = f"/refuge/stays/{promise(run, cast, ref).public_id}"
    bea, manager = browser_of(cast.bea.email), browser_of(cast.rowan_manager.email)
    assert ref in text_of(bea.get(stay))

    people = f"/access/requests/{ref}/people"
    manager.get(people)
    told = {"person": str(person_id(run, cast.bea.email)), "kind": "deny", "reason": "Known to him"}
    assert manager.post(people, told).status_code == 303

    assert bea.get(stay).status_code == 404
    for button in ("arrived", "not-arrived", "depart", "recovery", "decisions", "support", "move"):
        assert bea.post(f"{stay}/{button}").status_code == 404, button
    for path in ("/refuge/", "/refuge/tonight", "/refuge/rooms", "/refuge/calendar", "/account"):
        page = text_of(bea.get(path))
        assert secrets_in(page, (ref, *ASKER)) == [], path
    assert bea.get(people).status_code == 404  # nor who wrote it, nor why
    assert manager.get(stay).status_code == 200


def test_a_slow_harvester_runs_into_the_budget_and_is_named(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: SignIn
) -> None:
    def three_an_hour() -> None:
        with transaction(by=SYSTEM):
            which = AbuseLimit.code == "looks_force_supervisor"
            db.session.execute(update(AbuseLimit).where(which).values(at_most=3))

    run_as_owner(three_an_hour)
    refs = [ask(run, cast) for _ in range(5)]
    sergeant = browser_of(cast.sergeant.email)

    got = [sergeant.get(f"/police/requests/{ref}") for ref in refs]

    assert [each.status_code for each in got] == [200, 200, 200, 429, 429]
    assert secrets_in(text_of(got[3]), (refs[3], *ASKER)) == []
    assert open_tasks(run).count("looks_spent") == 1
    # Their list has the references of the force's requests, and no number to ring.
    assert secrets_in(text_of(sergeant.get("/police/requests")), CALLBACK) == []
    assert sergeant.get("/police/requests.csv").status_code == 404
    run_as_owner(clock.shift_to, run(now_is) + timedelta(minutes=10))
    assert sergeant.get(f"/police/requests/{refs[4]}").status_code == 429


def test_nobody_breaks_the_glass_alone(cast: Cast, run: Run, browser_of: SignIn) -> None:
    ref = ask(run, cast)
    promise(run, cast, ref)
    dee, hana = browser_of(cast.dee.email), browser_of(cast.hana.email)
    path = f"/access/requests/{ref}/who-asked"
    why = {"reason": "The officer's line is dead"}
    dee.get(path)
    assert dee.post(path, why).status_code == 403  # not without a fresh proof
    dee.post("/demo/prove")
    assert dee.post(path, {"reason": "short"}).status_code == 422
    assert dee.post(path, why).status_code == 303

    page = hana.get("/access/").get_data(as_text=True)
    found = re.search(r'action="(/access/looks/[0-9a-f-]+)/approve"', page)
    assert found is not None
    look = found[1]
    dee.post(f"{look}/approve")  # her own yes is none
    alone = dee.get(look)
    assert alone.status_code != 200
    assert secrets_in(text_of(alone) + text_of(dee.get(f"/desk/requests/{ref}")), ASKER) == []

    assert hana.post(f"{look}/approve").status_code == 403  # the second person proves it too
    assert dee.get(look).status_code != 200
    hana.post("/demo/prove")
    assert hana.post(f"{look}/approve").status_code == 303
    assert secrets_in(text_of(dee.get(look)), ASKER) == ["07700 900555", INCIDENT]
    assert hana.get(look).status_code == 404
    # The manager of her house reads who looked.
    assert "line is dead" in text_of(browser_of(cast.rowan_manager.email).get("/access/"))


def test_a_stolen_phone_and_forged_texts_learn_nothing_of_her(
    app: Flask, cast: Cast, run: Run, run_as_worker: Run, browser_of: SignIn
) -> None:
    ref = ask(run, cast)
    offered = offer(run, cast, ref)
    client = app.test_client()

    def send(sid: str, sender: str, body: str, *, is_forged: bool = False) -> int:
        fields = {"MessageSid": "SM" + sid * 32, "From": sender, "To": "+447700900000"}
        fields["Body"] = body
        token = "a guess" if is_forged else app.config["SETTINGS"].twilio_auth_token
        signed = RequestValidator(token).compute_signature(WEB + INBOUND, fields)
        headers = {"X-Twilio-Signature": signed}
        status = client.post(INBOUND, data=fields, headers=headers).status_code
        run_as_worker(texts.handle_waiting)
        return int(status)

    # The manager says that the phone is gone; from then on it is nobody's.
    manager = browser_of(cast.rowan_manager.email)
    manager.post("/demo/prove")
    phone = run(_contact)
    manager.get(f"/team/phones/{phone}")
    lost = {"phone": "07700 900888", "lost": "yes"}
    assert manager.post(f"/team/phones/{phone}", lost).status_code == 303

    yes = f"ACCEPT {offered.offer_code}"
    assert send("1", PHONE, yes, is_forged=True) == 403  # forged
    assert run(_kept) == 0
    assert client.post(INBOUND, data={"From": PHONE, "Body": yes}).status_code == 403
    assert send("2", PHONE, yes) in (200, 204)  # the thief holds the phone itself
    assert state(run, offered) == "offered"
    assert send("3", "+447700900777", yes) in (200, 204)  # and a stranger with the code
    assert state(run, offered) == "offered"
    before = run(_owed)
    for _ in range(3):
        assert send("3", "+447700900777", yes) in (200, 204)  # replayed
    assert run(_kept) == 2
    assert run(_owed) == before

    for template, variables in before:
        said = f"{template} {json.dumps(variables)}"
        assert secrets_in(said, (ref, *ASKER, *HOUSE)) == []


def _contact() -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Contact.public_id).order_by(Contact.id).limit(1)).one()


def _kept() -> int:
    with transaction(by=SYSTEM):
        return len(db.session.scalars(select(SmsInbox.message_sid)).all())


def _owed() -> list[tuple[str, dict[str, str]]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(select(Message.template, Message.variables).order_by(Message.id))
        return [(template, variables) for template, variables in rows]


def test_a_stolen_browser_is_worth_a_quarter_of_an_hour_at_most(
    app: Flask, cast: Cast, run: Run, run_as_owner: Run, browser_of: SignIn
) -> None:
    ref = ask(run, cast)
    mine, stolen = browser_of(cast.amara.email), browser_of(cast.amara.email)
    page = f"/police/requests/{ref}"
    shown = stolen.get(page)
    assert shown.headers["Cache-Control"] == "no-store"
    title = shown.get_data(as_text=True).split("</title>")[0].rsplit("<title>", 1)[1]
    assert secrets_in(title, (*ASKER, "SE15", "Peckham", "Albanian")) == []  # nor in the history

    mine.get("/account")
    gone = mine.post("/account/sign-out-everywhere")
    assert '"cache"' in gone.headers["Clear-Site-Data"]
    for browser in (stolen, mine):
        after = browser.get(page)
        assert (after.status_code, ref in text_of(after)) == (302, False)

    left_open = browser_of(cast.amara.email)
    assert left_open.get(page).status_code == 200
    assert left_open.get("/account/set-up").status_code == 200
    run_as_owner(clock.shift_to, run(now_is) + timedelta(minutes=15, seconds=1))
    assert left_open.get(page).status_code == 302
    assert left_open.get("/live", headers={"X-Waymark-Live": "1"}).status_code == 302


def test_a_curious_manager_counts_and_meets_nobody(
    cast: Cast, run: Run, browser_of: SignIn
) -> None:
    ref = ask(run, cast)
    placement = promise(run, cast, ref)
    mara = browser_of(cast.mara.email)

    for path in ("/figures/", "/figures/?days=1", "/figures/figures.csv", "/figures/scarce"):
        said = mara.get(path).get_data(as_text=True)
        assert secrets_in(said, (ref, *ASKER, *HOUSE, "SE15", "Albanian", "Amara")) == [], path
    for path in (
        *(f"/desk/requests/{ref}", f"/police/requests/{ref}", "/desk/board", "/desk/houses"),
        *(f"/refuge/stays/{placement.public_id}", "/refuge/rooms", "/refuge/calendar"),
        *("/records/", "/data-rights/", "/people/", "/team/", "/access/"),
    ):
        assert mara.get(path).status_code == 404, path
    assert mara.post("/records/", {"ref": ref, "why": "complaint"}).status_code == 404


def test_an_insider_at_the_database_reads_noise_and_leaves_a_mark(
    cast: Cast, run: Run, run_as_owner: Run, run_as_worker: Run, browser_of: SignIn,
    web_app: Flask, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ref = ask(run, cast)
    promise(run, cast, ref)
    run(texts.receive_text, "SM" + "4" * 32, PHONE, "+447700900000", "lilac umbrella")
    assert run_as_worker(trail.seal_all) > 2

    def read_everything() -> str:
        with transaction(by=SYSTEM):
            names = db.session.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ).all()
            return "\n".join(
                str(row)
                for name in names
                for row in db.session.scalars(text(f"SELECT t::text FROM {name} t"))
            )

    stolen = run_as_owner(read_everything)
    assert ref in stolen  # the insider does read rows
    numbers = tuple(each.removeprefix("+") for each in (*CALLBACK, PHONE))
    assert secrets_in(stolen, (*numbers, INCIDENT, "lilac umbrella", "Meeting point")) == []

    def cover_up() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text("ALTER TABLE event DISABLE TRIGGER USER"))
            db.session.execute(
                text("UPDATE event SET actor_user_id = NULL WHERE kind = 'offer_accepted'")
            )
            db.session.execute(text("ALTER TABLE event ENABLE TRIGGER USER"))

    run_as_owner(cover_up)
    broken = run_as_worker(trail_check.verify, [], []).broken
    assert broken is not None
    run_as_worker(trail_check.check, web_app.config["SETTINGS"])
    assert "The audit trail is broken at position" in text_of(
        browser_of(cast.hana.email).get("/records/")
    )
    assert "trail_broken" in open_tasks(run)


def test_a_court_gets_her_own_record_by_two_people_and_no_house(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: SignIn
) -> None:
    def second() -> Any:
        assert cast.dee.actor.organisation_id is not None
        with transaction(by=SYSTEM):
            return _user("petra", Role.DATA_PROTECTION_LEAD, cast.dee.actor.organisation_id)

    petra = browser_of(run_as_owner(second).email)
    hana, dee = browser_of(cast.hana.email), browser_of(cast.dee.email)
    ref = ask(run, cast)
    promise(run, cast, ref)
    for browser in (hana, petra, dee):
        browser.get("/data-rights/")
        browser.post("/demo/prove")

    held = {"ref": ref, "reason": "court_order"}
    assert dee.post("/data-rights/holds", held).status_code == 403  # the lead's to decide
    assert hana.post("/data-rights/holds", held).status_code == 303
    assert hana.post("/data-rights/copies", {"ref": ref}).status_code == 303
    page = petra.get("/data-rights/").get_data(as_text=True)
    found = re.search(r'action="(/data-rights/copies/[0-9a-f-]+)/approve"', page)
    assert found is not None
    copy = found[1]
    assert hana.post(f"{copy}/take").status_code == 302  # nobody has agreed
    hana.post(f"{copy}/approve")
    assert hana.post(f"{copy}/take").status_code == 302  # her own yes is none
    assert petra.post(f"{copy}/approve").status_code == 303
    assert petra.post(f"{copy}/take").status_code == 302  # it is the asker's
    taken = hana.post(f"{copy}/take")

    assert taken.headers["Cache-Control"] == "no-store"
    said = taken.get_data(as_text=True)
    assert "Albanian" in said  # it is hers
    staff = tuple(each.email for each in cast.everybody().values())
    assert secrets_in(said, (*ASKER, *HOUSE, "Rowan", "Amara", "Bea", *staff)) == []
    assert hana.post(f"{copy}/take").status_code == 302  # once
    # A hold outlives the time after which she would be forgotten.
    assert "court" in text_of(dee.get("/data-rights/")).lower()
