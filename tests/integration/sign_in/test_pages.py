"""The pages around signing in: what is asked first, what is kept, and where nobody is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from flask import Flask

from app import create_app
from app.db import db
from app.embedded_postgres import EmbeddedPostgres
from app.services import invitations
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.sign_in.conftest import PASSWORD, Hand
from tests.integration.sign_in.test_invitations import NADIA
from tests.integration.test_production import HERE, production
from tests.soft_passkey import SoftPasskey

Sign = Callable[[str], Browser]
CODE = re.compile(r"\b(?:[2-9A-Z]{4}-){4}[2-9A-Z]{4}\b")
SECRET = re.compile(r'<p class="wm-secret">([A-Z2-7 ]+)</p>')


class Earnest(Browser):
    """A browser that opens production, by its public address."""

    def get(self, path: str, **kwargs: Any) -> Any:
        return super().get(path, base_url=HERE, **kwargs)

    def post(self, path: str, data: Any = None, **kwargs: Any) -> Any:
        headers = {"Referer": HERE}
        return super().post(path, data, base_url=HERE, headers=headers, **kwargs)

    def ask(self, path: str) -> str:
        """What a script of ours would be told to ask the passkey."""
        response = self.client.post(path, base_url=HERE, headers={"X-CSRFToken": self.token})
        return str(response.get_data(as_text=True))


@pytest.fixture
def earnest(postgres: EmbeddedPostgres, cast: Cast) -> Iterator[Earnest]:
    flask: Flask = create_app(production(postgres))
    flask.testing = True
    yield Earnest(flask)
    with flask.app_context():
        db.engine.dispose()


@pytest.fixture
def key() -> SoftPasskey:
    return SoftPasskey(origin=HERE, host="waymark.example")


def test_an_officer_comes_in_with_a_code_and_sets_up_password_and_app(
    earnest: Earnest, run: Run, cast: Cast, hand: Hand, steady: None
) -> None:
    code = run(invitations.invite, NADIA, by=cast.ada.actor)
    assert "not right" in text_of(earnest.post("/join", {"code": "2222"}))
    assert earnest.post("/join", {"code": code}).location == "/account/set-up"

    for path in ("/police/requests", "/account", "/prove"):
        assert earnest.get(path).location == "/account/set-up", path
    earnest.get("/account/password")
    easy = earnest.post("/account/password", {"password": "nadia.ferris.2026"})
    assert easy.status_code == 422
    assert "too easy to guess" in text_of(easy)
    assert "nadia.ferris.2026" not in easy.get_data(as_text=True)
    done = earnest.post("/account/password", {"password": PASSWORD})
    assert done.location == "/account/set-up"
    earnest.get("/account/authenticator")
    assert earnest.post("/account/authenticator/new").location == "/account/authenticator"
    page = earnest.get("/account/authenticator").get_data(as_text=True)
    found = SECRET.search(page)
    assert found is not None
    assert "<svg" in page
    app = pyotp.TOTP(found[1].replace(" ", ""))
    assert earnest.post("/account/authenticator", {"code": "000000"}).status_code == 422
    earnest.post("/account/authenticator", {"code": app.now()})
    assert earnest.get("/police/requests").status_code == 200

    assert app.secret not in earnest.get("/account").get_data(as_text=True)
    assert [fact[0] for fact in hand.facts("authenticator_added")] == ["officer"]
    earnest.post("/sign-out")
    hand.let_codes_be_new()
    earnest.get("/sign-in")
    form = {"email": NADIA.email, "password": PASSWORD, "code": app.now()}
    assert earnest.post("/sign-in", form).location == "/police/requests"


def test_a_coordinator_gets_nowhere_without_a_passkey_and_everywhere_with_one(
    earnest: Earnest, key: SoftPasskey, cast: Cast, hand: Hand
) -> None:
    hand.give_password(cast.dee)
    earnest.post("/sign-in", {"email": cast.dee.email, "password": PASSWORD})
    assert earnest.get("/desk/board").location == "/account/set-up"
    assert "Your role needs a passkey" in text_of(earnest.get("/account/set-up"))
    earnest.get("/account/passkeys/new")

    made = key.make(earnest.ask("/account/passkeys/options"))
    earnest.post("/account/passkeys/new", {"credential": made, "label": "Desk"})

    assert "Desk" in text_of(earnest.get("/account"))
    earnest.post("/sign-out")
    earnest.get("/sign-in")
    refused = earnest.post("/sign-in", {"email": cast.dee.email, "password": PASSWORD})
    assert refused.status_code == 422
    answer = key.answer(earnest.ask("/sign-in/passkey/options"))
    assert earnest.post("/sign-in/passkey", {"credential": answer}).status_code == 302
    assert earnest.get("/account").status_code == 200
    replayed = Earnest(earnest.app)
    replayed.get("/sign-in")
    assert replayed.post("/sign-in/passkey", {"credential": answer}).status_code == 422


def test_nothing_of_one_tap_proof_exists_in_earnest(
    earnest: Earnest, key: SoftPasskey, cast: Cast, hand: Hand
) -> None:
    hand.give_password(cast.bea)
    earnest.post("/sign-in", {"email": cast.bea.email, "password": PASSWORD})
    earnest.get("/account/passkeys/new")
    made = key.make(earnest.ask("/account/passkeys/options"))
    earnest.post("/account/passkeys/new", {"credential": made})

    earnest.get("/prove")

    assert earnest.post("/demo/prove").status_code == 404


def test_the_device_cookie_is_as_closed_as_the_other_and_makes_guesses_count_apart(
    earnest: Earnest, cast: Cast, hand: Hand
) -> None:
    hand.give_password(cast.bea)
    wrong = {"email": cast.bea.email, "password": "wrong words in a row"}
    response = earnest.post("/sign-in", wrong | {"password": PASSWORD})
    cookies = [each for each in response.headers.getlist("Set-Cookie") if "-device=" in each]

    assert len(cookies) == 1
    assert cookies[0].startswith("__Host-waymark-device=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookies[0].split("; "))
    earnest.post("/sign-out")
    stranger = Earnest(earnest.app)
    stranger.get("/sign-in")
    codes = [stranger.post("/sign-in", wrong).status_code for _ in range(6)]
    assert codes == [422, 422, 422, 422, 429, 429]
    earnest.get("/sign-in")
    assert earnest.post("/sign-in", wrong | {"password": PASSWORD}).status_code == 302


def test_a_look_that_needs_a_proof_leads_there_and_back(
    cast: Cast, browser_of: Sign, hand: Hand
) -> None:
    hand.give_passkey(cast.amara)
    amara = browser_of(cast.amara.email)

    asked = amara.get("/account/password")
    assert asked.location == "/prove?next=/account/password"
    page = amara.get(asked.location)
    assert 'name="next" value="/account/password"' in page.get_data(as_text=True)
    back = amara.post("/demo/prove", {"next": "/account/password"})

    assert back.location == "/account/password"
    assert amara.get("/account/password").status_code == 200


@pytest.mark.parametrize(
    "evil",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "///evil.example"),
        *("javascript:alert(1)", "/account\\@evil.example", "/account?next=//evil.example"),
        *("/no-such-page", "account", "", "/sign-out", "/%2f%2fevil.example", "/account\n"),
    ],
)
def test_nobody_is_sent_away_from_here(cast: Cast, browser_of: Sign, evil: str, app: Flask) -> None:
    from app.pages import way_back

    with app.test_request_context():
        assert way_back(evil) is None
        assert way_back("/account") == "/account"


def test_the_way_back_is_used_by_the_page(cast: Cast, browser_of: Sign) -> None:
    amara = browser_of(cast.amara.email)
    amara.get("/prove?next=https://evil.example")

    assert amara.post("/demo/prove", {"next": "//evil.example"}).location == "/police/requests"


def test_a_form_that_needs_a_proof_keeps_what_was_typed(
    cast: Cast, browser_of: Sign, hand: Hand
) -> None:
    bea, ada = hand.public_id(cast.bea), browser_of(cast.ada.email)
    ada.get("/people/")
    form = {"note": "typed <b>words</b>", "password": "never shown"}

    first = ada.post(f"/people/{bea}/recover", form)

    body = first.get_data(as_text=True)
    assert first.status_code == 403
    assert f'action="/people/{bea}/recover"' in body
    assert 'name="note" value="typed &lt;b&gt;words&lt;/b&gt;"' in body
    assert "never shown" not in body
    ada.get("/prove")
    ada.post("/demo/prove")
    again = ada.post(f"/people/{bea}/recover", form)  # the token of the tab that lay open
    assert again.status_code == 200
    assert CODE.search(text_of(again))


def test_a_manager_helps_the_people_of_the_house_and_sees_no_others(
    cast: Cast, browser_of: Sign, hand: Hand
) -> None:
    manager = browser_of(cast.rowan_manager.email)
    page = text_of(manager.get("/team/"))
    assert "Bea" in page
    assert "Chloe" not in page
    assert cast.rowan_manager.email not in page
    manager.get("/prove")
    manager.post("/demo/prove")

    assert CODE.search(text_of(manager.post(f"/team/{hand.public_id(cast.bea)}/recover")))
    assert manager.post(f"/team/{hand.public_id(cast.chloe)}/recover").status_code == 404


def test_my_account_tells_me_what_happened_and_nothing_about_where(
    cast: Cast, browser_of: Sign, hand: Hand
) -> None:
    amara = browser_of(cast.amara.email)

    page = text_of(amara.get("/account", headers={"User-Agent": "Canary/1.0"}))

    assert "You signed in" in page
    assert "This browser" in page
    assert "127.0.0.1" not in page
    assert "Canary" not in page


def test_questions_for_passkeys_need_the_pages_token_and_are_not_kept(
    anonymous: Browser, cast: Cast
) -> None:
    assert anonymous.client.post("/sign-in/passkey/options").status_code == 400
    anonymous.get("/sign-in")

    asked = anonymous.client.post(
        "/sign-in/passkey/options", headers={"X-CSRFToken": anonymous.token}
    )

    assert asked.headers["Cache-Control"] == "no-store"
    assert json.loads(asked.get_data())["userVerification"] == "required"
    assert json.loads(asked.get_data()).get("allowCredentials", []) == []
