"""Every door of the matrix: what is asked of whom, and what its own people are answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from werkzeug.test import TestResponse

from app.authz import Stage, matrix
from tests.browser_without_a_window import Browser
from tests.integration.authz.world import STAFF, Record, World

NOBODY = "nobody"
RANDOM = "random"
GONE = 404  # somebody else's thing: there is no such thing
LEADS = ("petra", "hana")
LOOKERS = ("dee", "dora", *LEADS)
MANAGERS_ALONE = {"rowan_manager": 303, "chloe": 303, "bea": 403}
HOUSE = {"house": "house of Rowan"}
MONTH, DAY = {"year": 2026, "month": 11}, {"day": 24}
# One route's record: which records it can be asked of, and what its own people get. Buttons are
# pressed where they change nothing any more, forms are sent empty: the world stays as it is.
SHOWN, REFUSED, DONE = 200, 422, 303
PROMISED = ("promised", "others", "restricted")
AT_A_HOUSE = ("asked", "lives", "declined", "missing", *PROMISED)
ALL = ("waiting", "colleagues", *AT_A_HOUSE)
ON_RECORDS: dict[tuple[str, str], tuple[str, tuple[str, ...], int]] = {
    ("police.show_request", "GET"): ("ref", ALL, SHOWN),
    ("police.request_status", "GET"): ("ref", ALL, SHOWN),
    ("police.withdraw", "POST"): ("ref", ALL, REFUSED),
    ("police.arrived", "POST"): ("ref", ("lives",), DONE),
    ("police.not_arrived", "POST"): ("ref", ALL, REFUSED),
    ("police.not_this_house", "POST"): ("ref", ALL, REFUSED),
    ("police.answer_question", "POST"): ("ref", ALL, REFUSED),
    ("refuge.show_offer", "GET"): ("public_id", AT_A_HOUSE, SHOWN),
    ("refuge.accept", "POST"): ("public_id", ("lives", "declined", "missing", *PROMISED), 302),
    ("refuge.decline", "POST"): ("public_id", ("asked", "declined"), REFUSED),
    ("refuge.ask_question", "POST"): ("public_id", ("asked", "declined"), REFUSED),
    ("refuge.show_stay", "GET"): ("public_id", ("lives", "missing", *PROMISED), SHOWN),
    ("refuge.arrived", "POST"): ("public_id", ("lives", "declined"), 302),
    ("refuge.not_arrived", "POST"): ("public_id", ("lives", "missing", *PROMISED), REFUSED),
    ("police.renew_hold", "POST"): ("ref", ("lives", *PROMISED), 302),
    ("refuge.renew_hold", "POST"): ("public_id", AT_A_HOUSE, 302),
    ("coordinator.renew_hold", "POST"): ("ref", AT_A_HOUSE, 302),
    ("police.set_out", "POST"): ("ref", ("lives",), 302),
    ("refuge.set_out", "POST"): ("public_id", ("lives", "declined"), 302),
    ("coordinator.set_out", "POST"): ("ref", ("lives", "declined", "missing"), 302),
    ("police.pause", "POST"): ("ref", ALL, REFUSED),
    ("police.resume", "POST"): ("ref", ALL, 302),
    ("coordinator.pause", "POST"): ("ref", ALL, REFUSED),
    ("coordinator.resume", "POST"): ("ref", ALL, 302),
    ("refuge.ask_transfer", "POST"): ("public_id", ("lives", "missing", *PROMISED), REFUSED),
    ("refuge.cancel_transfer", "POST"): ("public_id", ("lives", "missing", *PROMISED), REFUSED),
    ("coordinator.ask_transfer", "POST"): ("ref", ALL, REFUSED),
    ("coordinator.cancel_transfer", "POST"): ("ref", ALL, REFUSED),
    ("refuge.move_room", "POST"): ("public_id", ("lives", "missing", *PROMISED), REFUSED),
    ("coordinator.move_room", "POST"): ("ref", ALL, REFUSED),
    ("refuge.depart", "POST"): ("public_id", ("lives", "missing", *PROMISED), REFUSED),
    ("coordinator.show_request", "GET"): ("ref", ALL, SHOWN),
    ("coordinator.request_news", "GET"): ("ref", ALL, SHOWN),
    ("coordinator.room_cost", "GET"): ("ref", ALL, SHOWN),
    ("coordinator.override", "POST"): ("ref", ALL, REFUSED),
    ("coordinator.ask", "POST"): ("ref", ALL, REFUSED),
    ("coordinator.answer_question", "POST"): ("ref", AT_A_HOUSE, REFUSED),
    ("coordinator.accept", "POST"): ("ref", ("lives", *PROMISED), 302),
    ("coordinator.decline", "POST"): ("ref", AT_A_HOUSE, REFUSED),
    ("coordinator.withdraw", "POST"): ("ref", AT_A_HOUSE, REFUSED),
    ("coordinator.reopen", "POST"): ("ref", ("lives", *PROMISED), 302),
    ("coordinator.call_back", "POST"): ("ref", ALL, 302),
    ("refuge.extend_recovery", "POST"): ("public_id", ("lives",), REFUSED),
    ("refuge.date_decisions", "POST"): ("public_id", ("lives",), DONE),
    ("refuge.record_support", "POST"): ("public_id", ("lives",), REFUSED),
    ("refuge.plan_move", "POST"): ("public_id", ("lives",), DONE),
    ("coordinator.close_unmet", "POST"): ("ref", ALL, REFUSED),
    ("coordinator.let_go_of_request", "POST"): ("ref", ("waiting", "asked", *PROMISED), DONE),
    ("access.ask", "GET"): ("ref", ALL, SHOWN),
    ("access.ask", "POST"): ("ref", ALL, REFUSED),
    ("access.list_rules", "GET"): ("ref", ALL, SHOWN),
    ("access.list_rules", "POST"): ("ref", ALL, REFUSED),
}
# A house is shown its stay when she is promised: the offer's page leads on to it.
LEADS_ON = {("refuge.show_offer", name): DONE for name in ("lives", *PROMISED)}
# What is sent with a form that would do nothing, or ask nothing of the record, if it were empty.
SENT = {("coordinator.call_back", "POST"): {"outcome": "genuine"}}
# Routes without a woman's record: their own ids, and what those who may open them get.
ON_OTHERS: dict[tuple[str, str], tuple[dict[str, Any], int]] = {
    ("public.home", "GET"): ({}, SHOWN),
    ("public.about_data", "GET"): ({}, SHOWN),
    ("public.robots", "GET"): ({}, SHOWN),
    ("auth.sign_in", "GET"): ({}, SHOWN),
    ("auth.sign_in", "POST"): ({}, REFUSED),
    ("auth.demo_sign_in", "POST"): ({}, 404),
    ("auth.join", "GET"): ({}, SHOWN),
    ("auth.join", "POST"): ({}, REFUSED),
    ("auth.passkey_options", "POST"): ({}, SHOWN),
    ("auth.passkey_sign_in", "POST"): ({}, REFUSED),
    ("force.begin", "GET"): ({}, 404),
    ("force.back", "GET"): ({}, 404),
    ("public.content_report", "POST"): ({}, 204),
    ("live.stamp", "GET"): ({}, SHOWN),
    ("account.home", "GET"): ({}, SHOWN),
    ("account.set_up", "GET"): ({}, SHOWN),
    ("account.passkey_options", "POST"): ({}, SHOWN),
    ("account.new_passkey", "GET"): ({}, SHOWN),
    ("account.new_passkey", "POST"): ({}, REFUSED),
    ("account.remove_passkey", "POST"): ({"public_id": UUID(int=7)}, 404),
    ("account.new_authenticator", "POST"): ({}, DONE),
    ("account.authenticator", "GET"): ({}, SHOWN),
    ("account.authenticator", "POST"): ({}, SHOWN),  # no app waits for its first code
    ("account.remove_authenticator", "POST"): ({}, DONE),
    ("account.password", "GET"): ({}, SHOWN),
    ("account.password", "POST"): ({}, REFUSED),
    ("account.end_sign_in", "POST"): ({"public_id": UUID(int=7)}, DONE),
    ("account.prove", "GET"): ({}, SHOWN),
    ("account.prove", "POST"): ({}, REFUSED),
    ("account.prove_options", "POST"): ({}, SHOWN),
    ("account.prove_by_passkey", "POST"): ({}, REFUSED),
    ("account.demo_prove", "POST"): ({}, DONE),
    ("health.live", "GET"): ({}, SHOWN),
    ("health.ready", "GET"): ({}, 503),
    ("health.metrics", "GET"): ({}, SHOWN),
    ("static", "GET"): ({"filename": "nothing.css"}, 404),
    ("webhooks.inbound", "POST"): ({}, 403),
    ("webhooks.status", "POST"): ({"message_id": uuid4(), "attempt": 1}, 403),
    ("police.list_requests", "GET"): ({}, SHOWN),
    ("police.new_request", "GET"): ({}, SHOWN),
    ("police.new_request", "POST"): ({}, REFUSED),
    ("refuge.home", "GET"): ({}, SHOWN),
    ("refuge.tonight", "GET"): ({}, SHOWN),
    ("refuge.rooms", "GET"): ({}, SHOWN),
    ("refuge.confirm_beds", "POST"): ({}, DONE),
    ("refuge.calendar_now", "GET"): ({}, SHOWN),
    ("refuge.calendar_month", "GET"): (MONTH, SHOWN),
    ("refuge.calendar_day", "GET"): (MONTH | DAY, SHOWN),
    ("team.people", "GET"): ({}, SHOWN),
    ("team.rota", "GET"): ({}, SHOWN),
    ("team.rota", "POST"): ({}, REFUSED),
    ("coordinator.board", "GET"): ({}, SHOWN),
    ("coordinator.board_live", "GET"): ({}, SHOWN),
    ("coordinator.confirm", "POST"): ({}, REFUSED),
    ("coordinator.pre_alerts", "GET"): ({}, SHOWN),
    ("coordinator.new_pre_alert", "GET"): ({}, SHOWN),
    ("coordinator.new_pre_alert", "POST"): ({}, REFUSED),
    ("coordinator.show_pre_alert", "GET"): ({"alert": "alert"}, SHOWN),
    ("coordinator.rehearsal", "GET"): ({"alert": "alert"}, SHOWN),
    ("coordinator.they_are_here", "POST"): ({"alert": "alert"}, REFUSED),
    ("coordinator.cancel_pre_alert", "POST"): ({"alert": "alert"}, 302),
    ("coordinator.scarce", "GET"): ({}, SHOWN),
    ("coordinator.tasks", "GET"): ({}, SHOWN),
    ("coordinator.finish_task", "POST"): ({"task": "task"}, DONE),
    ("coordinator.claim_task", "POST"): ({"task": "task"}, 404),
    ("coordinator.let_go_of_task", "POST"): ({"task": "task"}, 404),
    ("coordinator.waiting_list", "GET"): ({}, SHOWN),
    ("coordinator.declines", "GET"): ({}, SHOWN),
    ("coordinator.see_decline", "POST"): ({"review": UUID(int=7)}, REFUSED),
    ("coordinator.freeing", "GET"): ({}, SHOWN),
    ("coordinator.houses", "GET"): ({}, SHOWN),
    ("coordinator.house_calendar", "GET"): (HOUSE, SHOWN),
    ("coordinator.house_month", "GET"): (HOUSE | MONTH, SHOWN),
    ("coordinator.house_day", "GET"): (HOUSE | MONTH | DAY, SHOWN),
    ("coordinator.show_room", "GET"): ({"room": "room of Rowan"}, SHOWN),
    ("coordinator.open_window", "POST"): ({"room": "room of Rowan"}, REFUSED),
    ("coordinator.close_window", "POST"): (
        {"room": "surge of Rowan", "window": "window of Rowan"},
        302,
    ),
    ("coordinator.keep_old_number", "POST"): ({"contact": "phone of Rowan"}, 302),
    ("access.list_looks", "GET"): ({}, SHOWN),
    ("records.home", "GET"): ({}, SHOWN),
    ("records.home", "POST"): ({}, REFUSED),
    ("records.see_alerts", "POST"): ({}, DONE),
    ("data_rights.overview", "GET"): ({}, SHOWN),
    ("data_rights.place_hold", "POST"): ({}, REFUSED),
    ("data_rights.ask_for_copy", "POST"): ({}, REFUSED),
    ("data_rights.lift_hold", "POST"): ({"hold": "hold"}, 302),
    ("manager.figures", "GET"): ({}, SHOWN),
    ("manager.figures_csv", "GET"): ({}, SHOWN),
    ("manager.scarce", "GET"): ({}, SHOWN),
    ("admin.list_users", "GET"): ({}, SHOWN),
    ("admin.new_user", "GET"): ({}, SHOWN),
    ("admin.new_user", "POST"): ({}, REFUSED),
    ("admin.set_active", "POST"): ({"person": "account"}, 302),
    ("admin.recover", "POST"): ({"person": "helper of Cedar"}, SHOWN),
    ("escalation.list_managers", "GET"): ({}, SHOWN),
    ("escalation.list_managers", "POST"): ({}, REFUSED),
    ("escalation.end_manager", "POST"): ({"manager": "manager"}, DONE),
}
# A house's own things by the route's ids, and what is sent: the other house's do not exist.
OF_HOUSES: dict[tuple[str, str], tuple[dict[str, str], dict[str, str], int]] = {
    ("refuge.start_void", "POST"): ({"public_id": "room"}, {"reason": "void_other"}, REFUSED),
    ("refuge.end_void", "POST"): ({"public_id": "void"}, {}, 302),
    ("refuge.show_room", "GET"): ({"public_id": "room"}, {}, SHOWN),
    ("refuge.close_room", "POST"): ({"public_id": "room"}, {}, REFUSED),
    ("refuge.change_void", "POST"): ({"public_id": "room", "void": "void"}, {}, 302),
    ("refuge.open_window", "POST"): ({"public_id": "surge"}, {}, REFUSED),
    ("team.change_number", "GET"): ({"phone": "phone"}, {}, SHOWN),
    ("team.change_number", "POST"): ({"phone": "phone"}, {}, REFUSED),
    ("team.keep_old_number", "POST"): ({"phone": "phone"}, {}, 302),
    ("team.recover", "POST"): ({"person": "helper"}, {}, SHOWN),
    ("team.end_slot", "POST"): ({"slot": "slot"}, {}, DONE),
}
# For these alone, by the route's ids: what each is answered, and what at an id that nobody has.
OF_PEOPLE: dict[tuple[str, str], tuple[dict[str, str], dict[str, int], dict[str, int]]] = {
    # A look that Dee asked for and Petra agreed to, and a line taken off a list.
    ("access.open_record", "GET"): ({"asked": "glass"}, {"dee": SHOWN}, {}),
    ("access.approve", "POST"): (
        {"asked": "glass"},
        dict.fromkeys(("dee", "dora", *LEADS), 302),
        {},
    ),
    ("access.end_rule", "POST"): ({"rule": "rule"}, {"dee": DONE, "rowan_manager": DONE}, {}),
    # A copy that Petra asked for and Hana approved: one take, and the desk takes none.
    ("data_rights.approve_copy", "POST"): (
        {"copy": "copy"},
        dict.fromkeys(LOOKERS, 302),
        dict.fromkeys(LOOKERS, 302),
    ),
    ("data_rights.take_copy", "POST"): (
        {"copy": "copy"},
        {"petra": SHOWN, "hana": 302, "dee": 403, "dora": 403},
        {"petra": 302, "hana": 302, "dee": 403, "dora": 403},
    ),
    # Her house's rule, which a worker may not change.
    ("refuge.set_turnaround", "POST"): ({}, MANAGERS_ALONE, MANAGERS_ALONE),
    # A surge place's days, closed again: a worker may not touch them.
    ("refuge.close_window", "POST"): (
        {"public_id": "surge of Rowan", "window": "window of Rowan"},
        {"rowan_manager": 302, "bea": 403, "chloe": GONE},
        {"bea": 403},
    ),
}
# Its effect is its own test: test_access.py signs out, leaves and sends a raid in.
ELSEWHERE = {
    ("auth.sign_out", "POST"),
    ("account.sign_out_everywhere", "POST"),
    ("public.leave", "GET"),
    ("public.send_surge", "POST"),
    ("coordinator.claim_request", "POST"),  # test_claims.py
}


def url(app: Flask, endpoint: str, values: dict[str, Any]) -> str:
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(endpoint, values))


def knock(
    browser: Browser, method: str, path: str, sent: dict[str, str] | None = None
) -> TestResponse:
    return browser.get(path) if method == "GET" else browser.post(path, sent)


def values_for(endpoint: str, record: Record | None) -> dict[str, Any]:
    """The route's ids of this record; of none there is: well-formed ids that nobody has."""
    placement = record.placement_id if record and record.placement_id else uuid4()
    return {
        "ref": record.ref if record else "R-2222222",
        "public_id": placement,
        "offer": placement,
        "question": placement,
    }


def of_house(world: World, things: dict[str, str], house: str) -> dict[str, UUID]:
    return {
        parameter: world.ids.get(f"{thing} of {house}", UUID(int=7))
        for parameter, thing in things.items()
    }


# What each kind of token is called where a page's dataclass shows it.
TOLD_BY: dict[str, set[tuple[str, str]]] = {
    "callback_phone": {
        ("follow.RequestAsSent", "callback_phone"),
        ("admissions.Meeting", "callback_phone"),
        ("case.CasePage", "callback_phone"),
        ("break_glass.Opened", "callback_phone"),
        ("tasks.TaskShown", "officer_phone"),
    },
    "incident_ref": {
        ("follow.RequestRow", "incident_ref"),
        ("follow.RequestAsSent", "incident_ref"),
        ("admissions.Meeting", "incident_ref"),
        ("case.CasePage", "incident_ref"),
        ("break_glass.Opened", "incident_ref"),
    },
    "place": {("follow.RequestRow", "place"), ("follow.RequestAsSent", "place")},
    "language": {
        ("follow.RequestAsSent", "language"),
        ("admissions.Suitability", "language"),
        ("desk_people.Person", "needs"),
    },
    "people": {
        ("follow.RequestRow", "people"),
        ("follow.RequestAsSent", "people"),
        ("houses.WomanRow", "people"),
        ("admissions.Suitability", "people"),
        ("desk_people.Person", "people"),
    },
}
EVERY_PAGE = [
    *((endpoint, method) for endpoint, method in ON_RECORDS if method == "GET"),
    *((endpoint, method) for endpoint, method in ON_OTHERS if method == "GET"),
    *((endpoint, method) for endpoint, method in OF_HOUSES if method == "GET"),
    *((endpoint, method) for endpoint, method in OF_PEOPLE if method == "GET"),
]
LISTS_EVERY_LANGUAGE = {"police.new_request", "coordinator.new_pre_alert"}


def stage_at(endpoint: str, record: Record, person: str) -> Stage | None:
    """What somebody is to a record on this page: Dee broke the glass of the promised one."""
    if endpoint == "access.open_record" and (record.name, person) == ("promised", "dee"):
        return Stage.BROKEN_GLASS
    return record.stage_for(person)


def gives(stage: Stage | None, fields: set[tuple[str, str]]) -> bool:
    """Whether the matrix shows any of these fields at this stage."""
    return stage is not None and any(
        field in matrix().objects[name].get(stage, frozenset()) for name, field in fields
    )


def paths(app: Flask, world: World, endpoint: str) -> Iterator[tuple[str, Record | None]]:
    if (endpoint, "GET") in ON_OTHERS:
        given, _ = ON_OTHERS[endpoint, "GET"]
        yield url(app, endpoint, {key: world.ids.get(v, v) for key, v in given.items()}), None
        return
    if (endpoint, "GET") in OF_HOUSES:
        for house in STAFF:
            things = OF_HOUSES[endpoint, "GET"][0]
            yield url(app, endpoint, of_house(world, things, house)), None
        return
    if (endpoint, "GET") in OF_PEOPLE:
        named = OF_PEOPLE[endpoint, "GET"][0]
        yield url(app, endpoint, {each: world.ids[thing] for each, thing in named.items()}), None
        return
    for name in ON_RECORDS[endpoint, "GET"][1]:
        room = {"room": world.ids["room of Rowan"]}
        record = world.records[name]
        yield url(app, endpoint, values_for(endpoint, record) | room), record
