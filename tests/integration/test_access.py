"""Who may open what: every route, every person; somebody else's page does not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.actors import POLICE, REFUGE, Role
from app.services import matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of

# A route of a blueprint that is not named here fails the test: nothing is open by accident.
AUDIENCES: dict[str, tuple[Role, ...]] = {
    "police": POLICE,
    "refuge": REFUGE,
    "coordinator": (Role.COORDINATOR,),
    "manager": (Role.CHARITY_MANAGER,),
    "admin": (Role.ADMINISTRATOR,),
    "data_rights": (Role.DATA_PROTECTION_LEAD, Role.COORDINATOR),
}
OPEN_TO_ALL = {
    *("static", "public.home", "public.about_data", "public.leave", "public.robots"),
    *("public.send_surge", "auth.sign_in", "auth.demo_sign_in"),
    *("health.live", "health.ready", "health.metrics"),
    *("webhooks.inbound", "webhooks.status"),
}
SIGNED_IN = {"auth.sign_out"}
DIGEST = "SELECT md5(string_agg(t::text, '')) FROM {} t"


def _rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, method


def _path(app: Flask, rule: Rule) -> str:
    """The route with random ids: what is asked is who may knock, not what is inside."""
    given: dict[str, Any] = {
        name: uuid4()
        if type(converter).__name__ == "UUIDConverter"
        else 7
        if type(converter).__name__ == "IntegerConverter"
        else "R-2222222"
        for name, converter in rule._converters.items()
    }
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(rule.endpoint, given, method=None))


def test_every_route_has_an_audience(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    named = {each for each in endpoints if each.split(".")[0] in AUDIENCES}

    assert endpoints - named == OPEN_TO_ALL | SIGNED_IN


def test_a_page_of_another_audience_does_not_exist(
    app: Flask, cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    for person in cast.everybody().values():
        browser = browser_of(person.email)
        browser.get("/about-the-data")
        for rule, method in _rules(app):
            audience = AUDIENCES.get(rule.endpoint.split(".")[0])
            if audience is None or person.actor.role in audience:
                continue
            path = _path(app, rule)
            response = browser.get(path) if method == "GET" else browser.post(path)
            assert response.status_code == 404, (person.email, method, path)


def test_nobody_signed_out_gets_further_than_sign_in(app: Flask, anonymous: Browser) -> None:
    for rule, method in _rules(app):
        if rule.endpoint in OPEN_TO_ALL:
            continue
        path = _path(app, rule)
        response = anonymous.get(path) if method == "GET" else anonymous.post(path)
        assert response.status_code == 302, (method, path)
        assert response.location == "/sign-in", (method, path)


def test_every_form_needs_its_token(
    app: Flask, cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    for person in cast.everybody().values():
        browser = browser_of(person.email)
        for rule, method in _rules(app):
            if method != "POST" or rule.endpoint.startswith("webhooks."):
                continue
            response = browser.client.post(_path(app, rule), data={"csrf_token": "forged"})
            assert response.status_code == 400, rule.endpoint


def test_looking_changes_nothing_but_the_audit_trail(
    app: Flask,
    cast: Cast,
    browser_of: Callable[[str], Browser],
    run: Run,
    run_as_worker: Run,
    run_as_owner: Run,
) -> None:
    from sqlalchemy import text

    from app.actors import SYSTEM
    from app.db import db, transaction

    run(make_referral, cast.amara.actor)
    run_as_worker(matching.make_plan)
    quiet = {"event", "sign_in", "procrastinate_jobs"}

    def digest() -> dict[str, str]:
        with transaction(by=SYSTEM):
            names = db.session.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ).all()
            return {
                name: str(
                    db.session.scalar(text(f"SELECT md5(string_agg(t::text, '')) FROM {name} t"))
                )
                for name in names
                if name not in quiet and not name.startswith("procrastinate")
            }

    before = run_as_owner(digest)
    for person in cast.everybody().values():
        browser = browser_of(person.email)
        for rule, method in _rules(app):
            if method == "GET" and rule.endpoint not in ("public.leave", "static"):
                browser.get(_path(app, rule))
    assert run_as_owner(digest) == before


@pytest.fixture
def promised(cast: Cast, run: Run) -> str:
    """Amara's request, promised by Rowan."""
    referral = run(make_referral, cast.amara.actor, callback_phone="+447700900777")
    room = run(room_of, "Rowan", "1").public_id
    placement = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    run(accept, placement, by=cast.bea.actor)
    return str(referral.ref)


def test_an_officers_request_is_hers_alone(
    cast: Cast, browser_of: Callable[[str], Browser], promised: str
) -> None:
    path = f"/police/requests/{promised}"

    assert browser_of(cast.amara.email).get(path).status_code == 200
    assert browser_of(cast.sergeant.email).get(path).status_code == 200
    for other in (cast.bram, cast.cora):
        browser = browser_of(other.email)
        assert browser.get(path).status_code == 404
        assert browser.get(f"{path}/status").status_code == 404
        assert browser.post(f"{path}/withdraw", {"reason": "duplicate"}).status_code == 404
        assert browser.post(f"{path}/arrived").status_code == 404
        assert promised not in text_of(browser.get("/police/requests"))
        assert browser.get(f"/police/requests/new?same_as={promised}").status_code == 404


def test_police_learn_alias_duty_line_and_meeting_point_and_no_more(
    cast: Cast, browser_of: Callable[[str], Browser], promised: str
) -> None:
    shown = text_of(browser_of(cast.amara.email).get(f"/police/requests/{promised}"))

    assert "Rowan" in shown
    assert "Meeting point of Rowan" in shown
    for word in ("London", "E12000007", "km", "minutes away", "Cedar", "Harbour"):
        assert word not in shown.replace("minutes left", "")


def test_a_house_reads_nothing_of_another_house(
    cast: Cast, browser_of: Callable[[str], Browser], promised: str
) -> None:
    chloe = browser_of(cast.chloe.email)

    for path in ("/refuge/", "/refuge/rooms"):
        response = chloe.get(path, follow_redirects=True)
        assert response.status_code == 200, path
        assert promised not in text_of(response)
        assert "Rowan" not in text_of(response)


def test_a_stopped_account_is_out_on_its_next_click(
    cast: Cast, browser_of: Callable[[str], Browser], run: Run
) -> None:
    from app.actors import SYSTEM
    from app.db import db, transaction
    from app.models.accounts import User
    from app.policy import visible_users
    from app.services import accounts

    amara = browser_of(cast.amara.email)
    assert amara.get("/police/requests").status_code == 200

    def public_id() -> Any:
        with transaction(by=SYSTEM):
            query = visible_users(SYSTEM).where(User.email == cast.amara.email)
            return db.session.scalars(query).one().public_id

    run(accounts.set_active, run(public_id), False, by=cast.ada.actor)

    assert amara.get("/police/requests").location == "/sign-in"


def test_sign_out_ends_the_sign_in_and_not_only_the_cookie(
    app: Flask, cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    amara = browser_of(cast.amara.email)
    amara.get("/police/requests")
    kept = amara.client.get_cookie("waymark")
    assert kept is not None

    amara.post("/sign-out")
    thief = app.test_client()
    thief.set_cookie("waymark", kept.value)

    assert thief.get("/police/requests").status_code == 302
