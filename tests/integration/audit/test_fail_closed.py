"""No look without its row in the trail: one row for each page, and no page when there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.actors import SYSTEM
from app.authz import ANYBODY, SIGNED_IN, matrix
from app.db import db, transaction
from app.london import london_day
from app.models.beds import Refuge
from app.services import matching, pre_alerts
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of
from tests.integration.services.expected import coming, now_is

CANARIES = ("900777", "OP-CANARY-5", "Albanian")
WHO = {"police": "amara", "refuge": "bea", "coordinator": "dee", "records": "hana"}
# What shows nobody's needs, danger, caller or house, and why it is no look.
NO_LOOK = {
    "coordinator.request_news": "a state and a time of a reference that the page shows already",
    "coordinator.room_cost": "a room, and references whom it would cost something",
    "coordinator.new_pre_alert": "an empty form",
    "coordinator.rehearsal": "how many beds there would be for an operation",
    "coordinator.scarce": "prices of features",
    "refuge.rooms": "rooms and their states",
    "coordinator.freeing": "when rooms free; written down as a forecast",
    "refuge.show_room": "one room, its closures and its days",
    "coordinator.declines": "what houses answered and how often, and no request",
    "coordinator.houses": "houses and how old their counts are",
    "coordinator.show_room": "one room, its closures and its days",
    "records.home": "an empty form; an answer comes by POST",
}
# A page left open asks by itself; what it was shown already is no new look, so these come first.
LIVE = {"police.request_status", "coordinator.board_live", "refuge.tonight"}
# Figures, accounts, and the lists of looks, which hold references and no record.
NOBODYS = {"manager", "admin", "team", "access", "data_rights", "escalation"}
LOOKS = "SELECT count(*) FROM event WHERE kind LIKE '%viewed' OR kind LIKE '%listed'"


@pytest.fixture
def places(cast: Cast, run: Run, run_as_worker: Run) -> dict[str, Any]:
    """A woman promised, one asked for, one waiting and an operation; what addresses need."""
    told = {"callback_phone": "+447700900777", "incident_ref": "OP-CANARY-5"}
    refs = [run(make_referral, cast.amara.actor, **told).ref for _ in range(3)]
    rooms = [run(room_of, "Rowan", code).public_id for code in ("1", "2")]
    stay, offer = (
        run(offer_room, ref, by=cast.dee.actor, room=room)
        for ref, room in zip(refs, rooms, strict=False)
    )
    run(accept, stay, by=cast.bea.actor)
    run_as_worker(matching.make_plan)
    alert = run(pre_alerts.record_pre_alert, coming(run(now_is)), by=cast.dee.actor)
    today = london_day(run(now_is))
    return {
        "ref": refs[0],
        "refuge.show_offer": offer.public_id,
        "refuge.show_stay": stay.public_id,
        "alert": alert,
        "part": "lines",
        "house": run(_rowan),
        "year": today.year,
        "month": today.month,
        "day": today.day,
        "room": rooms[0],
    }


def _rowan() -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Refuge.public_id).where(Refuge.alias == "Rowan")).one()


def _pages(app: Flask, places: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every page that is a look, as (endpoint, address)."""
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint)
    for rule in sorted(rules, key=lambda rule: rule.endpoint not in LIVE):
        endpoint = rule.endpoint
        readers = matrix().routes[endpoint].get("GET", frozenset())
        if not readers or readers & {ANYBODY, SIGNED_IN} or endpoint in NO_LOOK:
            continue
        if endpoint.split(".")[0] in NOBODYS:
            continue
        given = {name: places[endpoint if name == "public_id" else name] for name in rule.arguments}
        if endpoint == "police.new_request":
            given["same_as"] = places["ref"]
        with app.test_request_context():
            yield endpoint, str(app.url_map.bind("localhost").build(endpoint, given))


def test_each_page_about_people_is_one_row_and_none_is_shown_without(
    app: Flask,
    cast: Cast,
    places: dict[str, Any],
    browser_of: Callable[[str], Browser],
    run_as_owner: Run,
) -> None:
    def count() -> int:
        with transaction(by=SYSTEM):
            return int(db.session.scalar(text(LOOKS)) or 0)

    def change(statement: str) -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text(statement))

    browsers = {area: browser_of(cast.everybody()[name].email) for area, name in WHO.items()}
    pages = list(_pages(app, places))
    assert len(pages) >= 10
    shown = 0
    for may_write in (False, True):
        change_to = "GRANT INSERT ON event TO" if may_write else "REVOKE INSERT ON event FROM"
        run_as_owner(change, f"{change_to} waymark_web")
        for endpoint, path in pages:
            before = run_as_owner(count)
            response = browsers[endpoint.split(".")[0]].get(path)
            body = response.get_data(as_text=True)
            if may_write:
                assert (response.status_code, run_as_owner(count)) == (200, before + 1), path
                shown += any(canary in body for canary in CANARIES)
            else:
                assert response.status_code == 503, path
                assert response.headers["Retry-After"] == "5"
                assert not any(canary in body for canary in CANARIES), path
    assert shown >= 6


def test_every_page_left_out_is_a_page(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}

    assert set(NO_LOOK) <= endpoints
    assert NOBODYS | set(WHO) == {
        endpoint.split(".")[0]
        for endpoint, methods in matrix().routes.items()
        if any(not readers & {ANYBODY, SIGNED_IN} for readers in methods.values())
    }


def test_no_act_is_done_that_cannot_be_written_down(
    cast: Cast, places: dict[str, Any], browser_of: Callable[[str], Browser], run_as_owner: Run
) -> None:
    def block() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text("REVOKE INSERT ON event FROM waymark_web"))

    def state() -> object:
        with transaction(by=SYSTEM):
            return db.session.scalar(
                text("SELECT state FROM referral WHERE ref = :ref"), {"ref": places["ref"]}
            )

    amara = browser_of(cast.amara.email)
    amara.get(f"/police/requests/{places['ref']}")
    run_as_owner(block)

    response = amara.post(f"/police/requests/{places['ref']}/withdraw", {"reason": "duplicate"})

    assert response.status_code == 503
    assert run_as_owner(state) == "confirmed"


@pytest.mark.parametrize("path", ["/police/requests/R-2222222", "/nowhere/R-2222222"])
def test_an_attempt_that_cannot_be_written_down_learns_nothing(
    cast: Cast, browser_of: Callable[[str], Browser], run_as_owner: Run, path: str
) -> None:
    def block() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text("REVOKE INSERT ON event FROM waymark_web"))

    amara = browser_of(cast.amara.email)
    run_as_owner(block)

    assert amara.get(path).status_code == 503
