"""A passkey made and used in Chromium, whose virtual authenticator is the person's phone."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from app import create_app
from app.db import db
from app.embedded_postgres import EmbeddedPostgres
from app.services import invitations
from tests.browser.visitor import Visitor
from tests.cast import Cast
from tests.conftest import DATABASE, Run, settings_for
from tests.integration.sign_in.test_invitations import NADIA

pytestmark = [pytest.mark.browser]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def address(postgres: EmbeddedPostgres, cast: Cast) -> Iterator[str]:
    """The web alone, by name: passkeys know no bare addresses."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    url = f"http://localhost:{server.server_port}"
    flask = create_app(settings_for(postgres, DATABASE, public_url=url))
    server.app = flask
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()
    with flask.app_context():
        db.engine.dispose()


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    one = Visitor(browser, address, address, 360, script=True)
    session = one.context.new_cdp_session(one.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield one
    assert one.leave() == []


def test_a_passkey_is_made_signs_in_and_proves(visitor: Visitor, run: Run, cast: Cast) -> None:
    code = run(invitations.invite, NADIA, by=cast.ada.actor)
    page = visitor.go("/join").page
    page.get_by_label("The code you were given").fill(code)
    visitor.tap("Come in")
    visitor.tap("Make a passkey")
    page.get_by_label("What shall we call it?").fill("Work phone")
    visitor.tap("Make the passkey")
    expect(page.get_by_text("Your passkey is added.")).to_be_visible()

    visitor.tap("Sign out")
    visitor.go("/sign-in").tap("Sign in with a passkey")
    expect(page.get_by_role("heading", name="My requests")).to_be_visible()
    visitor.go("/prove?next=/account/password").tap("Use my passkey")
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()

    # Looking through axe ends the virtual authenticator, so the looks come last.
    visitor.go("/account/authenticator").tap("Begin")
    for path in ("/account", "/account/passkeys/new", "/account/authenticator"):
        check(visitor, path)
    for path in ("/account/password", "/account/set-up", "/prove", "/join", "/sign-in"):
        check(visitor, path)


def check(visitor: Visitor, path: str) -> None:
    """Fits the screen, and axe finds nothing."""
    visitor.go(path).picture(f"sign-in{path.replace('/', '-')}", full=True)
    assert visitor.axe_faults() == [], path


def test_a_refused_passkey_is_said_and_the_button_works_again(visitor: Visitor, cast: Cast) -> None:
    page: Page = visitor.go("/sign-in").page
    expect(page.get_by_text("Nothing came from the passkey.")).to_be_hidden()

    visitor.tap("Sign in with a passkey")  # this device has none

    expect(page.get_by_text("Nothing came from the passkey.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()
    assert visitor.axe_faults() == []
