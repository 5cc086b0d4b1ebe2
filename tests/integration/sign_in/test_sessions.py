"""Sign-ins: how they begin anew, how long they live, and everything that ends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text, update

from app import create_app
from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.errors import Conflict
from app.models.accounts import User
from app.services import accounts, invariants, sign_ins
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import DATABASE, Run, settings_for
from tests.integration.sign_in.conftest import PASSWORD, Hand

Later = Callable[..., None]


def cookie_of(browser: Browser) -> str:
    found = browser.client.get_cookie("waymark")
    assert found is not None
    return found.value


@pytest.fixture
def second_worker(postgres: EmbeddedPostgres, database: str) -> Iterator[Flask]:
    """Another web process on the same database."""
    flask = create_app(settings_for(postgres, DATABASE))
    flask.testing = True
    yield flask
    with flask.app_context():
        db.engine.dispose()


def thief(app: Flask, cookie: str) -> int:
    """What a stolen cookie still opens: 200, or 302 to the sign-in page."""
    client = app.test_client()
    client.set_cookie("waymark", cookie)
    return client.get("/account").status_code


def test_the_cookie_changes_at_sign_in_and_at_proof_and_the_old_one_is_dead(
    app: Flask, cast: Cast, hand: Hand, anonymous: Browser
) -> None:
    hand.give_password(cast.amara)
    anonymous.get("/sign-in")
    planted = cookie_of(anonymous)
    form = {"email": cast.amara.email, "password": PASSWORD}

    assert anonymous.post("/sign-in", form).status_code == 302
    first = cookie_of(anonymous)
    assert thief(app, planted) == 302
    assert thief(app, first) == 200
    anonymous.get("/account")
    assert anonymous.post("/demo/prove").status_code == 404  # one tap is for one-tap people
    anonymous.sign_in_as(cast.amara.email)
    tapped = cookie_of(anonymous)
    assert thief(app, first) == 302  # whoever signs in anew leaves nothing open behind
    anonymous.get("/prove")
    assert anonymous.post("/demo/prove").status_code == 303

    assert thief(app, tapped) == 302
    assert thief(app, cookie_of(anonymous)) == 200


def test_a_stopped_account_and_a_changed_role_are_out_at_once_on_every_worker(
    app: Flask, second_worker: Flask, cast: Cast, run: Run, run_as_owner: Run, browser_of: Any
) -> None:
    amara, bea = browser_of(cast.amara.email), browser_of(cast.bea.email)
    cookies = cookie_of(amara), cookie_of(bea)
    assert [thief(each, one) for each in (app, second_worker) for one in cookies] == [200] * 4

    def promote() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(
                update(User)
                .where(User.id == cast.bea.actor.user_id)
                .values(role=Role.REFUGE_MANAGER)
            )

    run_as_owner(promote)
    run(accounts.set_active, Hand(run).public_id(cast.amara), False, by=cast.ada.actor)

    assert [thief(each, one) for each in (app, second_worker) for one in cookies] == [302] * 4


def test_it_idles_out_and_has_a_longest_time(
    run: Run, cast: Cast, hand: Hand, later: Later
) -> None:
    dee = hand.public_id(cast.dee)
    idle, busy = run(sign_ins.as_demo_person, dee), run(sign_ins.as_demo_person, dee)
    live = run(sign_ins.as_demo_person, dee)
    later(minutes=14, seconds=59)
    assert run(sign_ins.who_is, busy)
    assert run(sign_ins.who_is, live, is_present=False)
    later(seconds=2)

    assert run(sign_ins.who_is, idle) is None
    assert run(sign_ins.who_is, live) is None  # a page left open is nobody's presence
    for _ in range(51):
        assert run(sign_ins.who_is, busy)
        later(minutes=14)
    assert run(sign_ins.who_is, busy) is None


def test_the_database_keeps_no_sign_in_alive_that_is_over(
    run: Run, cast: Cast, hand: Hand, run_as_owner: Run
) -> None:
    token = run(sign_ins.as_demo_person, hand.public_id(cast.dee))

    def spoil(change: str) -> None:
        def attempt() -> None:
            with transaction(by=SYSTEM):
                db.session.execute(text(f"UPDATE sign_in SET {change}"))

        with pytest.raises(Conflict):
            run(attempt)

    spoil("last_seen_at = last_seen_at + interval '15 minutes 1 second'")
    spoil("started_at = started_at - interval '12 hours 1 second'")
    run(sign_ins.end_everywhere, by=hand.actor(token))
    spoil("ended_at = NULL")


def test_the_oldest_makes_room_for_a_sixth(run: Run, cast: Cast, hand: Hand) -> None:
    dee = hand.public_id(cast.dee)

    tokens = [run(sign_ins.as_demo_person, dee) for _ in range(sign_ins.MOST_AT_ONCE + 2)]

    assert [run(sign_ins.who_is, token) is not None for token in tokens] == [
        *(False, False),
        *([True] * sign_ins.MOST_AT_ONCE),
    ]


def test_the_account_page_ends_one_or_all_of_ones_own(
    app: Flask, cast: Cast, browser_of: Any, run: Run
) -> None:
    here, there, other = (
        browser_of(cast.amara.email),
        browser_of(cast.amara.email),
        browser_of(cast.bram.email),
    )
    by = Hand(run).signed_in(cast.amara)
    listed = [each.public_id for each in run(sign_ins.list_open, by=by)]
    here.get("/account")
    other.get("/account")

    other.post(f"/account/sign-ins/{listed[1]}/end")  # somebody else's: nothing happens
    assert thief(app, cookie_of(there)) == 200
    here.post(f"/account/sign-ins/{listed[1]}/end")
    assert thief(app, cookie_of(there)) == 302
    assert thief(app, cookie_of(here)) == 200
    response = here.post("/account/sign-out-everywhere")

    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert run(sign_ins.list_open, by=by) == []
    assert thief(app, cookie_of(other)) == 200


def test_a_password_sign_in_beside_a_passkey_would_be_noticed(
    run: Run, cast: Cast, hand: Hand, run_as_owner: Run
) -> None:
    hand.give_passkey(cast.dee)
    run(sign_ins.as_demo_person, hand.public_id(cast.dee))
    rule = "I15 a sign-in that its role or its age forbids"
    assert rule not in run(invariants.broken)

    def spoil() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(
                text("UPDATE sign_in SET how = 'password' WHERE id = (SELECT max(id) FROM sign_in)")
            )

    run(spoil)

    assert run(invariants.broken)[rule] == 1
