"""One night for all attacks: a woman waiting, one offered a room, one promised a room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.actors import SYSTEM
from app.db import db
from app.embedded_postgres import EmbeddedPostgres
from app.logs import init_logs
from app.london import london_day
from app.models.beds import RoomKind
from app.services import beds, matching, pre_alerts, surge, voids
from app.services.void_steps import Terms
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of
from tests.integration.attacks.ground import Night, house_of, public_id_of
from tests.integration.services.expected import coming, now_is
from tests.integration.test_production import production


@pytest.fixture
def night(app: Flask, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run) -> Night:
    """Amara's three requests: waiting, offered to Rowan, promised by Rowan."""
    waiting, offered, promised = (run(make_referral, cast.amara.actor) for _ in range(3))
    run_as_worker(matching.make_plan)
    rooms = [run(room_of, "Rowan", code).public_id for code in ("1", "2")]
    offer = run(offer_room, offered.ref, by=cast.dee.actor, room=rooms[0])
    stay = run(offer_room, promised.ref, by=cast.dee.actor, room=rooms[1])
    run(accept, stay, by=cast.bea.actor)
    alert = run(pre_alerts.record_pre_alert, coming(run(now_is)), by=cast.dee.actor)
    person = run(public_id_of, cast.bram.email)
    surge_room = beds.NewRoom(code="9", bed_spaces=1, kind=RoomKind.SURGE)
    run_as_owner(beds.add_room, run(house_of, "Rowan"), surge_room, by=SYSTEM)
    now = run(now_is)
    place = run(room_of, "Rowan", "9").public_id
    later = Terms(starts_at=now + timedelta(days=20))
    return Night(
        waiting=waiting.ref,
        offered=offered.ref,
        promised=promised.ref,
        offer=offer.public_id,
        stay=stay.public_id,
        room=rooms[0],
        alert=alert,
        person=person,
        house=run(house_of, "Rowan"),
        window=run(surge.open_window, place, now + timedelta(days=20), None, by=cast.dee.actor),
        closure=run(voids.start_void, place, "cleaning", by=cast.bea.actor, terms=later),
        on=london_day(now),
    )


@pytest.fixture
def everybody(cast: Cast, browser_of: Callable[[str], Browser]) -> dict[str, Browser]:
    """A signed-in browser for each person of the cast, by name."""
    found: dict[str, Any] = {}
    for name, person in cast.everybody().items():
        found[name] = browser_of(person.email)
        found[name].get("/about-the-data")
    return found


@pytest.fixture
def written(app: Flask) -> Iterator[StringIO]:
    """Everything that this process logs meanwhile, ours and the libraries'."""
    stream = StringIO()
    init_logs(app.config["SETTINGS"], stream)
    yield stream
    init_logs(app.config["SETTINGS"])


@pytest.fixture
def live(postgres: EmbeddedPostgres, database: str) -> Iterator[Flask]:
    """A production web on an empty database."""
    flask = create_app(production(postgres))
    flask.testing = True
    yield flask
    with flask.app_context():
        db.engine.dispose()
