"""Officers through their force's own sign-in, over HTTP to a provider on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import update

from app import create_app
from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.models.accounts import User
from app.services.force_sign_ins import REFUSED
from app.views.force import AWAY
from config import Settings, SettingsError
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import DATABASE, Run, settings_for
from tests.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.integration.sign_in.conftest import Hand


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    one = IdentityProvider()
    stop = one.serve()
    yield one
    stop()


@pytest.fixture
def screen(postgres: EmbeddedPostgres, cast: Cast, provider: IdentityProvider) -> Iterator[Browser]:
    settings = settings_for(
        postgres,
        DATABASE,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_force_code="metropolitan",
    )
    flask = create_app(settings)
    flask.testing = True
    yield Browser(flask)
    with flask.app_context():
        db.engine.dispose()


def come_in(screen: Browser, provider: IdentityProvider, **changes: str) -> Any:
    """There and back again; ``changes`` bend what comes back."""
    away = screen.get("/force/sign-in")
    assert away.status_code == 302
    code, state = provider.sign_in(away.location)
    given = {"code": code, "state": state} | changes
    return screen.get("/force/back", query_string=given)


def test_an_officer_comes_in_through_the_force_and_has_proved_it(
    screen: Browser, provider: IdentityProvider, cast: Cast, hand: Hand
) -> None:
    assert 'href="/force/sign-in"' in screen.get("/sign-in").get_data(as_text=True)
    provider.claims = {"email": cast.amara.email.upper()}

    assert come_in(screen, provider).location == "/police/requests"

    assert (provider.asked["scope"], provider.asked["max_age"]) == ("openid email", "300")
    [row] = hand.rows()
    assert (row.how, row.user_id) == ("force", cast.amara.actor.user_id)
    assert row.proved_at is not None
    assert "Sign in through your force again" in text_of(screen.get("/prove"))


def test_whoever_is_not_an_officer_of_that_force_stays_outside(
    screen: Browser, provider: IdentityProvider, cast: Cast, hand: Hand, run: Run
) -> None:
    def stop() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(
                update(User).where(User.id == cast.bram.actor.user_id).values(is_active=False)
            )

    run(stop)
    for person in (cast.cora, cast.dee, cast.bea, cast.ada, cast.bram):
        provider.claims = {"email": person.email}
        assert REFUSED in text_of(come_in(screen, provider)), person.email
    provider.claims = {"email": "nobody@force.example"}
    assert REFUSED in text_of(come_in(screen, provider))
    assert hand.rows() == []
    assert len(hand.facts("sign_in_refused")) == 6


def test_an_answer_that_is_not_enough_or_not_right_lets_nobody_in(
    screen: Browser, provider: IdentityProvider, cast: Cast, hand: Hand
) -> None:
    provider.claims = {"email": cast.amara.email}
    now = int(time.time())
    bent: list[tuple[dict[str, Any], str]] = [
        ({"amr": ["pwd"]}, REFUSED),
        ({"amr": None}, REFUSED),
        ({"email_verified": False}, REFUSED),
        ({"email_verified": "true"}, REFUSED),
        ({"auth_time": now - 3600}, REFUSED),
        ({"auth_time": now + 3600}, REFUSED),
        ({"auth_time": None}, AWAY),
        ({"amr": "mfa"}, AWAY),
        ({"email": None}, AWAY),
        ({"sub": None}, AWAY),
        ({"sub": ""}, AWAY),
        ({"sub": "a" * 256}, AWAY),
        ({"nonce": "another"}, AWAY),
        ({"nonce": None}, AWAY),
        ({"iss": "https://evil.example"}, AWAY),
        ({"aud": "another"}, AWAY),
        ({"exp": now - 3600}, AWAY),
    ]
    for spoil, said in bent:
        provider.spoil = spoil
        assert said in text_of(come_in(screen, provider)), spoil
    provider.spoil = {}
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "1"})
    assert AWAY in text_of(come_in(screen, provider))
    provider.signing_key = None
    assert hand.rows() == []
    assert come_in(screen, provider).location == "/police/requests"


def test_after_the_first_time_the_subject_counts_and_not_the_address(
    screen: Browser, provider: IdentityProvider, cast: Cast, hand: Hand
) -> None:
    provider.claims = {"email": cast.amara.email, "sub": "officer-7"}
    assert come_in(screen, provider).location == "/police/requests"
    provider.claims = {"email": "married@force.example", "sub": "officer-7"}
    assert come_in(screen, provider).location == "/police/requests"
    assert {row.user_id for row in hand.rows()} == {cast.amara.actor.user_id}

    # The force gives her old address to somebody new.
    provider.claims = {"email": cast.amara.email, "sub": "officer-8"}

    assert REFUSED in text_of(come_in(screen, provider))
    assert len(hand.rows()) == 2


def test_metadata_of_another_issuer_are_not_believed(
    screen: Browser, provider: IdentityProvider, cast: Cast, hand: Hand
) -> None:
    provider.claims = {"email": cast.amara.email}
    for named in ("https://evil.example", provider.issuer + "/"):
        provider.named = named
        assert AWAY in text_of(screen.get("/force/sign-in"))
    assert hand.rows() == []


def test_an_answer_belongs_to_the_browser_that_asked_and_counts_once(
    screen: Browser, provider: IdentityProvider, cast: Cast, hand: Hand
) -> None:
    provider.claims = {"email": cast.amara.email}
    stranger = Browser(screen.app)

    code, state = provider.sign_in(screen.get("/force/sign-in").location)
    given = {"code": code, "state": state}
    assert AWAY in text_of(stranger.get("/force/back", query_string=given))
    assert AWAY in text_of(screen.get("/force/back", query_string=given | {"state": "other"}))
    assert AWAY in text_of(screen.get("/force/back", query_string={"error": "denied"}))
    assert AWAY in text_of(screen.get("/force/back"))
    assert screen.get("/force/back", query_string=given).location == "/police/requests"
    assert AWAY in text_of(stranger.get("/force/back", query_string=given))
    assert len(hand.rows()) == 1


def test_a_provider_that_is_away_is_said_and_the_other_ways_stay(
    postgres: EmbeddedPostgres, cast: Cast
) -> None:
    nowhere = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": CLIENT}
    more = {"oidc_client_secret": SECRET, "oidc_force_code": "metropolitan"}
    flask = create_app(settings_for(postgres, DATABASE, **nowhere, **more))

    page = Browser(flask).get("/force/sign-in")

    assert AWAY in text_of(page)
    assert 'name="password"' in page.get_data(as_text=True)


def test_without_a_force_these_pages_do_not_exist(anonymous: Browser, cast: Cast) -> None:
    assert anonymous.get("/force/sign-in").status_code == 404
    assert anonymous.get("/force/back").status_code == 404
    assert "/force/" not in anonymous.get("/sign-in").get_data(as_text=True)


def test_half_of_the_settings_is_refused() -> None:
    given = {"SECRET_KEY": "only for tests, " * 3, "OIDC_ISSUER": "https://force.example"}

    with pytest.raises(SettingsError, match="Set all of OIDC_ISSUER"):
        Settings.from_env(given)
    whole = {"OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b", "OIDC_FORCE_CODE": "kent"}
    assert Settings.from_env(given | whole).oidc_force_code == "kent"
