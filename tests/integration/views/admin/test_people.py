"""Adding people, stopping them and letting them in again; the administrator sees nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.models.accounts import User
from app.models.events import Event
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral

Sign = Callable[[str], Browser]
NEW = {
    "role": "officer",
    "name": "Nadia Ferris",
    "email": "nadia@force.example",
    "organisation": "Metropolitan Police",
    "refuge": "",
}
CODE = re.compile(r"\b(?:[2-9A-Z]{4}-)+[2-9A-Z]{4}\b")


@pytest.fixture
def ada(cast: Cast, browser_of: Sign) -> Browser:
    return browser_of(cast.ada.email)


def public_id(run: Run, email: str) -> UUID:
    def find() -> UUID:
        with transaction(by=SYSTEM):
            return db.session.scalars(select(User.public_id).where(User.email == email)).one()

    return run(find)  # type: ignore[no-any-return]


def facts(run: Run, kind: str) -> list[str]:
    def read() -> list[str]:
        with transaction(by=SYSTEM):
            return list(db.session.scalars(select(Event.actor_role).where(Event.kind == kind)))

    return run(read)  # type: ignore[no-any-return]


def test_everybody_is_listed_by_organisation(ada: Browser) -> None:
    page = text_of(ada.get("/people/"))

    for words in ("Metropolitan Police", "Harbour", "Bea", "House worker, Rowan", "Stop Bea"):
        assert words in page


def test_somebody_new_comes_in_with_the_code_and_nobody_types_their_password(
    ada: Browser, anonymous: Browser, run: Run
) -> None:
    ada.get("/people/new")

    response = ada.post("/people/new", NEW | {"password": "typed by an administrator"})

    code = CODE.search(text_of(response))
    assert code is not None
    assert "Nadia Ferris" in text_of(response)
    assert CODE.search(text_of(ada.get("/people/"))) is None  # shown once
    joined = anonymous.post("/join", {"code": code[0].lower().replace("-", " ")})
    assert joined.location == "/account/set-up"
    assert facts(run, "user_created") == ["administrator"]


def test_a_house_worker_belongs_to_a_house(ada: Browser, run: Run) -> None:
    ada.get("/people/new")
    house = NEW | {"role": "refuge_worker", "organisation": "Harbour"}

    missing = ada.post("/people/new", house)
    made = ada.post("/people/new", house | {"refuge": "Cedar"})

    assert missing.status_code == 422
    assert "Choose a house of this organisation." in text_of(missing)
    assert made.status_code == 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": "system"}, "Choose a role."),
        ({"role": ""}, "Choose a role."),
        ({"name": "N"}, "Type a name of 2 to 80 characters."),
        ({"name": "N" * 5000}, "Type a name of 2 to 80 characters."),
        ({"email": "not an address"}, "Type a work e-mail address"),
        ({"organisation": "Harbour"}, "Choose an organisation that has people of this role."),
        ({"organisation": ""}, "Choose an organisation."),
        ({"name": "Nadia\x00Ferris"}, "take out the characters that cannot be read"),
        ({"email": "bea@demo.waymark.example"}, "Somebody already signs in with that"),
    ],
)
def test_what_does_not_fit_is_said_and_the_rest_stays(
    ada: Browser, changes: dict[str, str], message: str
) -> None:
    ada.get("/people/new")

    response = ada.post("/people/new", NEW | changes)

    body = response.get_data(as_text=True)
    assert response.status_code == 422
    assert message in text_of(response)
    assert 'value="nadia@force.example"' in body or "email" in changes


def test_a_stopped_account_is_signed_out_at_once_and_may_come_back(
    cast: Cast, ada: Browser, run: Run, browser_of: Sign
) -> None:
    bea, path = browser_of(cast.bea.email), f"/people/{public_id(run, cast.bea.email)}/active"
    assert bea.client.get("/").status_code == 200
    ada.get("/people/")

    stopped = ada.post(path, {"active": "no"})

    assert (stopped.status_code, stopped.location) == (303, "/people/")
    assert bea.client.get("/police/requests").location == "/sign-in"
    assert "Stopped" in text_of(ada.get("/people/"))
    ada.post(path, {"active": "yes"})
    assert "Stopped" not in text_of(ada.get("/people/"))
    assert facts(run, "user_disabled") == facts(run, "user_enabled") == ["administrator"]


def test_nobody_stops_themselves(cast: Cast, ada: Browser, run: Run) -> None:
    ada.get("/people/")

    ada.post(f"/people/{public_id(run, cast.ada.email)}/active", {"active": "no"})

    assert "You cannot stop your own account." in text_of(ada.get("/people/"))


def test_an_account_that_is_not_there_is_not_found(ada: Browser) -> None:
    ada.get("/people/")

    assert ada.post(f"/people/{uuid4()}/active", {"active": "no"}).status_code == 404
    assert ada.post("/people/not-an-id/active", {"active": "no"}).status_code == 404


def test_anything_but_yes_or_no_changes_nothing(cast: Cast, ada: Browser, run: Run) -> None:
    ada.get("/people/")

    response = ada.post(f"/people/{public_id(run, cast.bea.email)}/active", {"active": "perhaps"})

    assert response.location == "/people/"
    assert "Nothing was changed." in text_of(ada.get("/people/"))
    assert facts(run, "user_disabled") == []


@pytest.mark.parametrize("path", ["/people/", "/people/new"])
def test_only_an_administrator_has_these_pages(cast: Cast, browser_of: Sign, path: str) -> None:
    for person in cast.everybody().values():
        status = browser_of(person.email).get(path).status_code
        assert status == (200 if person.actor.role is Role.ADMINISTRATOR else 404), person.email


def test_only_an_administrator_stops_anybody(cast: Cast, run: Run, browser_of: Sign) -> None:
    path = f"/people/{public_id(run, cast.bea.email)}/active"
    for person in cast.everybody().values():
        if person.actor.role is not Role.ADMINISTRATOR:
            browser = browser_of(person.email)
            assert browser.post(path, {"active": "no"}).status_code == 404, person.email

    assert facts(run, "user_disabled") == []


def test_the_administrator_sees_no_request_bed_or_figure(
    cast: Cast, ada: Browser, run: Run
) -> None:
    ref = run(make_referral, cast.amara.actor).ref

    for path in ("/people/", "/people/new"):
        assert ref not in ada.get(path).get_data(as_text=True)
    for path in (f"/police/requests/{ref}", "/police/requests", "/figures/"):
        assert ada.get(path).status_code == 404
