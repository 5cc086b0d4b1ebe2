"""Fixation and stolen cookies: what a browser brings before sign-in is worth nothing after it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, session

from app import security
from app.services import sign_ins
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.attacks.ground import public_id_of
from tests.integration.test_production import HERE

COOKIE = "waymark"


def cookie_of(browser: Browser) -> str:
    found = browser.client.get_cookie(COOKIE)
    assert found is not None
    return found.value


def visitor_with(app: Flask, value: str) -> Browser:
    made = Browser(app)
    made.client.set_cookie(COOKIE, value)
    return made


def test_a_cookie_planted_before_sign_in_does_not_become_hers(
    app: Flask, cast: Cast, anonymous: Browser
) -> None:
    anonymous.get("/sign-in")
    planted = cookie_of(anonymous)

    victim = visitor_with(app, planted)
    victim.sign_in_as(cast.amara.email)

    assert cookie_of(victim) != planted
    assert victim.get("/police/requests").status_code == 200
    assert visitor_with(app, planted).get("/police/requests").location == "/sign-in"


def test_nothing_put_into_a_session_before_sign_in_is_left_after_it(
    app: Flask, cast: Cast, run: Run
) -> None:
    person = run(public_id_of, cast.dee.email)
    with app.test_request_context():
        session["outcome"] = {"offered": [], "dropped": {"R-EVIL": "planted"}}
        security.remember(sign_ins.as_demo_person(person))

        assert "outcome" not in session
        assert security.me().user_id == cast.dee.actor.user_id


def test_signing_in_as_another_ends_the_first_sign_in(
    app: Flask, cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    browser = browser_of(cast.amara.email)
    browser.get("/police/requests")
    before = cookie_of(browser)
    browser.sign_in_as(cast.ada.email)

    assert visitor_with(app, before).get("/police/requests").location == "/sign-in"


def test_a_forged_or_altered_cookie_is_nobody(
    app: Flask, cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    real = cookie_of(browser_of(cast.amara.email))
    body, signature = real.rsplit(".", 1)

    for forged in ("x", f"{body}.{signature[::-1]}", f"{body[:-2]}.{signature}", real + "x"):
        assert visitor_with(app, forged).get("/police/requests").location == "/sign-in", forged


def test_a_production_cookie_is_kept_from_scripts_other_sites_and_other_hosts(
    live: Flask,
) -> None:
    response = live.test_client().get("/sign-in", base_url=HERE)
    name, flags = response.headers["Set-Cookie"].split("=", 1)

    assert name == "__Host-waymark"
    words = {flag.strip() for flag in flags.split(";")[1:]}
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= words
    assert not [word for word in words if word.startswith(("Domain", "Expires", "Max-Age"))]
