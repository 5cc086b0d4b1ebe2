"""IDOR: the id of somebody else's thing is worth nothing, on every route that takes one."""

from __future__ import annotations

from flask import Flask

from app.authz import ANYBODY, SIGNED_IN, matrix
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.attacks.ground import Night, digest, routes

# Who of an audience may reach the night's things; everybody else of it is a stranger to them.
RIGHTFUL = {"police": {"amara", "sergeant"}, "refuge": {"bea", "rowan_manager"}}
REASONS = {
    "decline": "full",
    "depart": "planned_move",
    "not_arrived": "cannot_be_reached",
    "start_void": "cleaning",
    "withdraw": "duplicate",
}
LISTS = {  # routes without an id, which show each person's own
    *("police.list_requests", "police.new_request", "refuge.home", "refuge.tonight"),
    *("refuge.rooms", "refuge.confirm_beds", "refuge.set_turnaround"),
    *("refuge.calendar_now", "refuge.calendar_month", "refuge.calendar_day"),
}


def test_an_id_of_somebody_elses_is_an_id_of_nothing(
    app: Flask, night: Night, cast: Cast, everybody: dict[str, Browser], run_as_owner: Run
) -> None:
    before = run_as_owner(digest)
    tried = 0
    for name, browser in everybody.items():
        for method in ("GET", "POST"):
            for endpoint, path in routes(app, night, method):
                audience = endpoint.split(".")[0]
                if audience not in RIGHTFUL or endpoint in LISTS or name in RIGHTFUL[audience]:
                    continue
                is_look = method == "GET"
                sent = browser.get(path) if is_look else browser.post(path, reason_for(endpoint))
                assert sent.status_code == 404, (name, method, path)
                tried += 1
    assert tried > 100
    assert run_as_owner(digest) == before


def reason_for(endpoint: str) -> dict[str, str]:
    """A good answer, so that nothing but whose it is can be what stops it."""
    return {"reason": REASONS.get(endpoint.split(".")[1], "")}


def test_the_rightful_do_reach_them(
    app: Flask, night: Night, cast: Cast, everybody: dict[str, Browser]
) -> None:
    """Without this the sweep above could be passing on ids that are nobody's."""
    for name, audience in (("amara", "police"), ("bea", "refuge")):
        for endpoint, path in routes(app, night, "GET"):
            if endpoint.startswith(f"{audience}."):
                assert everybody[name].get(path).status_code in (200, 303), path


def test_ids_cannot_be_counted_through(app: Flask) -> None:
    """A path holds random ids alone; a counting number would say how many there are."""
    numbers = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "<int:" in rule.rule and "<int:year>" not in rule.rule  # a date is no id
    ]

    # The attempt counts how often one text was tried, and only the texting provider may ask.
    assert numbers == ["/hooks/twilio/status/<uuid:message_id>/<int:attempt>"]


def test_every_audience_with_ids_is_swept(app: Flask) -> None:
    """The others' ids: the desk sees all of its own, accounts and lists have tests of their own."""
    with_ids = {
        rule.endpoint.split(".")[0]
        for rule in app.url_map.iter_rules()
        if rule.arguments
        and not any(
            readers & {ANYBODY, SIGNED_IN} for readers in matrix().routes[rule.endpoint].values()
        )
    }

    assert with_ids == {
        *RIGHTFUL,
        "coordinator",
        "admin",
        "team",
        "access",
        "data_rights",
        "escalation",
    }
