"""A change is told as it is committed to those whose pages show it, in every process that hears."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.live import Listener
from app.models.accounts import SignIn
from app.policy import live_topic
from app.security import LIVE_HEADER
from app.services import beds, matching, offers
from app.views.live import listener_of
from tests.browser_without_a_window import Browser
from tests.cast import Cast, Person
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of

PATIENCE_SECONDS = 20
Hear = Callable[[Person], str]


def soon(found: Callable[[], bool]) -> bool:
    """Whether it becomes so; the time it takes is measured in bench/, never here."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def listener(app: Flask) -> Listener:
    """The web process's own, hearing; it stops with the database of the test."""
    made = listener_of(app)
    assert soon(lambda: made.stamp("desk") != "")
    return made


@pytest.fixture
def changed_for(cast: Cast, listener: Listener) -> Callable[[Callable[[], object]], set[str]]:
    """Who of the cast is told of what this does."""
    people = {name: live_topic(each.actor) for name, each in cast.everybody().items()}
    topics = {name: topic for name, topic in people.items() if topic}

    def run(act: Callable[[], object]) -> set[str]:
        before = {name: listener.stamp(topic) for name, topic in topics.items()}
        act()
        # One more word at the end: what came before it has been heard when it has.
        with transaction(by=SYSTEM):
            end = db.session.scalar(text("SELECT pg_current_xact_id()::text"))
            db.session.execute(text("SELECT tell_live('end')"))
        assert soon(lambda: listener.stamp("end") == end)
        return {name for name, topic in topics.items() if listener.stamp(topic) != before[name]}

    return run


def test_a_change_is_told_to_those_whose_pages_show_it_and_to_nobody_else(
    app: Flask,
    cast: Cast,
    run: Run,
    run_as_worker: Run,
    changed_for: Callable[[Callable[[], object]], set[str]],
) -> None:
    told: dict[str, set[str]] = {}
    with app.app_context():
        told["asked"] = changed_for(lambda: make_referral(cast.amara.actor))
        told["planned"] = changed_for(lambda: run_as_worker(matching.make_plan))
        ref = run(make_referral, cast.amara.actor).ref
        rowan = run(room_of, "Rowan", "2").public_id
        stays = []
        told["offered"] = changed_for(
            lambda: stays.append(offer_room(ref, by=cast.dee.actor, room=rowan))
        )
        [stay] = stays
        told["accepted"] = changed_for(lambda: accept(stay, by=cast.bea.actor))
        told["arrived"] = changed_for(
            lambda: offers.record_arrival(stay.public_id, by=cast.amara.actor)
        )
        told["checked"] = changed_for(lambda: beds.confirm_beds(by=cast.chloe.actor))
        told["nothing"] = changed_for(lambda: None)

    police, rowan_too = {"amara", "sergeant"}, {"bea", "rowan_manager"}
    assert told == {
        "asked": {"dee", *police},
        "planned": {"dee", *police},
        "offered": {"dee", *police, *rowan_too},
        "accepted": {"dee", *police, *rowan_too},
        "arrived": {"dee", *police, *rowan_too},
        "checked": {"dee", "chloe"},
        "nothing": set(),
    }


def test_two_processes_say_the_same_and_a_late_one_vouches_for_nothing(
    app: Flask, cast: Cast, run: Run, listener: Listener
) -> None:
    address = app.config["SQLALCHEMY_DATABASE_URI"].replace("+psycopg", "")
    quiet = listener.stamp("desk")
    run(make_referral, cast.amara.actor)
    assert soon(lambda: listener.stamp("desk") != quiet)

    late = Listener(address)
    assert soon(lambda: late.stamp("desk") != "")
    assert late.stamp("desk") not in (quiet, listener.stamp("desk"))

    run(make_referral, cast.amara.actor)
    assert soon(lambda: late.stamp("desk") == listener.stamp("desk") != "")
    late.stop()


def test_after_a_lost_line_nothing_is_vouched_for_until_it_hears_again(
    app: Flask, cast: Cast, run: Run, run_as_owner: Run, listener: Listener
) -> None:
    before = listener.stamp("desk")

    def cut() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE '%pg_snapshot_xmax%' AND pid <> pg_backend_pid()"
                )
            )

    run(cut)
    assert soon(lambda: listener.stamp("desk") == "")
    run(make_referral, cast.amara.actor)
    assert soon(lambda: listener.stamp("desk") != "")
    assert listener.stamp("desk") != before, "what it did not hear might be news"


def test_the_question_keeps_nobody_signed_in_and_says_nothing_of_anybody(
    cast: Cast, browser_of: Callable[[str], Browser], run_as_owner: Run, listener: Listener
) -> None:
    dee = browser_of(cast.dee.email)

    def age() -> None:
        with transaction(by=SYSTEM) as now:
            for each in db.session.scalars(db.select(SignIn)):
                each.last_seen_at = now - timedelta(minutes=14)

    def last_seen() -> object:
        with transaction(by=SYSTEM):
            return db.session.scalars(db.select(SignIn.last_seen_at)).all()

    run_as_owner(age)
    before = run_as_owner(last_seen)

    answer = dee.get("/live", headers={LIVE_HEADER: "1"})

    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert answer.get_data(as_text=True) == listener.stamp("desk")
    assert answer.headers["Cache-Control"] == "no-store"
    assert run_as_owner(last_seen) == before
    assert browser_of(cast.mara.email).get("/live").get_data() == b""


def test_a_look_by_itself_says_the_services_time(
    cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    answer = browser_of(cast.bea.email).get("/refuge/tonight", headers={LIVE_HEADER: "1"})

    assert abs(int(answer.headers["X-Waymark-Time"]) - time.time()) < 60
