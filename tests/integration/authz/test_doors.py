"""Every route, method and person, on a record at every stage: who gets in, and what they are shown.

What is expected is made from the access matrix and from what each person is to each record.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask, template_rendered
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.actors import SYSTEM
from app.authz import Stage, disclosed, matrix, name_of
from app.db import db, transaction
from app.models.accounts import SignIn
from tests.browser_without_a_window import Browser
from tests.integration.authz.world import ROOM, STAFF, Record, World

NOBODY = "nobody"
RANDOM = "random"
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
    ("refuge.show_offer", "GET"): ("public_id", AT_A_HOUSE, SHOWN),
    ("refuge.accept", "POST"): ("public_id", ("lives", "declined", "missing", *PROMISED), 302),
    ("refuge.decline", "POST"): ("public_id", ("asked", "declined"), REFUSED),
    ("refuge.show_stay", "GET"): ("public_id", ("lives", "missing", *PROMISED), SHOWN),
    ("refuge.arrived", "POST"): ("public_id", ("lives", "declined"), 302),
    ("refuge.not_arrived", "POST"): ("public_id", ("lives", "missing", *PROMISED), REFUSED),
    ("refuge.depart", "POST"): ("public_id", ("lives", "missing", *PROMISED), REFUSED),
    ("coordinator.show_request", "GET"): ("ref", ALL, SHOWN),
    ("coordinator.request_news", "GET"): ("ref", ALL, SHOWN),
    ("coordinator.room_cost", "GET"): ("ref", ALL, SHOWN),
    ("coordinator.override", "POST"): ("ref", ALL, REFUSED),
    ("coordinator.accept", "POST"): ("ref", ("lives", *PROMISED), 302),
    ("coordinator.decline", "POST"): ("ref", AT_A_HOUSE, REFUSED),
    ("coordinator.withdraw", "POST"): ("ref", AT_A_HOUSE, REFUSED),
    ("coordinator.reopen", "POST"): ("ref", ("lives", *PROMISED), 302),
    ("coordinator.close_unmet", "POST"): ("ref", ALL, REFUSED),
    ("access.ask", "GET"): ("ref", ALL, SHOWN),
    ("access.ask", "POST"): ("ref", ALL, REFUSED),
    ("access.list_rules", "GET"): ("ref", ALL, SHOWN),
    ("access.list_rules", "POST"): ("ref", ALL, REFUSED),
}
# A house is shown its stay when she is promised: the offer's page leads on to it.
LEADS_ON = {("refuge.show_offer", name): DONE for name in ("lives", *PROMISED)}
# Routes without a woman's record: their own ids, and what those who may open them get.
ON_OTHERS: dict[tuple[str, str], tuple[dict[str, Any], int]] = {
    ("public.home", "GET"): ({}, SHOWN),
    ("public.about_data", "GET"): ({}, SHOWN),
    ("public.robots", "GET"): ({}, SHOWN),
    ("auth.sign_in", "GET"): ({}, SHOWN),
    ("auth.sign_in", "POST"): ({}, REFUSED),
    ("auth.demo_sign_in", "POST"): ({}, 404),
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
    ("access.list_looks", "GET"): ({}, SHOWN),
    ("manager.figures", "GET"): ({}, SHOWN),
    ("manager.figures_csv", "GET"): ({}, SHOWN),
    ("manager.scarce", "GET"): ({}, SHOWN),
    ("admin.list_users", "GET"): ({}, SHOWN),
    ("admin.new_user", "GET"): ({}, SHOWN),
    ("admin.new_user", "POST"): ({}, REFUSED),
    ("admin.set_active", "POST"): ({"person": "account"}, 302),
}
# A house's own things, and what is sent: the other house's do not exist.
OF_HOUSES: dict[tuple[str, str], tuple[str, dict[str, str], int]] = {
    ("refuge.start_void", "POST"): ("room", {"reason": "void_other"}, REFUSED),
    ("refuge.end_void", "POST"): ("void", {}, 302),
}
# A look that Dee asked for and Petra agreed to, and a line taken off a list: for these alone.
OF_PEOPLE: dict[tuple[str, str], tuple[str, str, dict[str, int]]] = {
    ("access.open_record", "GET"): ("asked", "glass", {"dee": SHOWN}),
    ("access.approve", "POST"): ("asked", "glass", {"dee": 302, "dora": 302, "petra": 302}),
    ("access.end_rule", "POST"): ("rule", "rule", {"dee": DONE, "rowan_manager": DONE}),
}
# Its effect is its own test: test_access.py signs out, leaves and sends a raid in.
ELSEWHERE = {("auth.sign_out", "POST"), ("public.leave", "GET"), ("public.send_surge", "POST")}
# Where a found id is asked of somebody else's thing and there is no such thing.
GONE = 404


def test_no_route_goes_unknocked() -> None:
    knocked = {*ON_RECORDS, *ON_OTHERS, *OF_HOUSES, *OF_PEOPLE, *ELSEWHERE}

    assert knocked == {(name, method) for name, of in matrix().routes.items() for method in of}


@pytest.fixture(scope="module")
def browsers(authz_app: Flask, world: World) -> dict[str, Browser]:
    """Everybody signed in with a fresh proof, and somebody who is not."""
    found = {
        name: Browser(authz_app).sign_in_as(person.email) for name, person in world.people.items()
    }
    with authz_app.app_context(), transaction(by=SYSTEM) as now:
        db.session.execute(update(SignIn).values(proved_at=now))
    found[NOBODY] = Browser(authz_app)
    for browser in found.values():
        browser.get("/about-the-data")
    return found


def url(app: Flask, endpoint: str, values: dict[str, Any]) -> str:
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(endpoint, values))


def knock(browser: Browser, method: str, path: str) -> TestResponse:
    return browser.get(path) if method == "GET" else browser.post(path)


def expected(world: World, person: str, endpoint: str, method: str, own: int) -> int:
    """The matrix's answer where the thing asked for is there for this person."""
    if person == NOBODY:
        return own if matrix().may_open(endpoint, method, None) else 302
    return own if matrix().may_open(endpoint, method, world.actor(person).role) else GONE


def values_for(endpoint: str, record: Record | None) -> dict[str, Any]:
    """The route's ids of this record; of none there is: well-formed ids that nobody has."""
    placement = record.placement_id if record and record.placement_id else uuid4()
    return {
        "ref": record.ref if record else "R-2222222",
        "public_id": placement,
        "offer": placement,
    }


def may_see(record: Record, person: str, endpoint: str) -> bool:
    stage = record.stage_for(person)
    if endpoint == "access.list_rules" and stage is Stage.WAS_HERE:
        return False  # a house keeps the list while she is asked for or hers
    return stage is not None


@pytest.mark.parametrize(("endpoint", "method"), sorted(ON_RECORDS))
def test_each_record_opens_to_its_own_people_alone(
    authz_app: Flask, world: World, browsers: dict[str, Browser], endpoint: str, method: str
) -> None:
    _, names, own = ON_RECORDS[endpoint, method]
    wrong = []
    for name in (*names, RANDOM):
        record = world.records.get(name)
        values = values_for(endpoint, record)
        if endpoint == "coordinator.room_cost":
            values["room"] = world.ids["room of Rowan"]
        path = url(authz_app, endpoint, values)
        for person, browser in browsers.items():
            is_there = record is not None and may_see(record, person, endpoint)
            status = LEADS_ON.get((endpoint, name), own) if is_there else GONE
            wanted = expected(world, person, endpoint, method, status)
            got = knock(browser, method, path).status_code
            if got != wanted:
                wrong.append((name, person, got, wanted))
    assert wrong == []


@pytest.mark.parametrize(("endpoint", "method"), sorted(ON_OTHERS))
def test_each_page_opens_to_its_readers_alone(
    authz_app: Flask, world: World, browsers: dict[str, Browser], endpoint: str, method: str
) -> None:
    given, own = ON_OTHERS[endpoint, method]
    ids = {key: world.ids.get(str(value), value) for key, value in given.items()}
    path = url(authz_app, endpoint, ids)
    for person, browser in browsers.items():
        wanted = expected(world, person, endpoint, method, own)
        assert knock(browser, method, path).status_code == wanted, person


@pytest.mark.parametrize(("endpoint", "method"), sorted(OF_HOUSES))
def test_a_houses_things_are_its_own(
    authz_app: Flask, world: World, browsers: dict[str, Browser], endpoint: str, method: str
) -> None:
    thing, sent, own = OF_HOUSES[endpoint, method]
    for house in (*STAFF, RANDOM):
        public_id = world.ids.get(f"{thing} of {house}", UUID(int=7))
        path = url(authz_app, endpoint, {"public_id": public_id})
        for person, browser in browsers.items():
            status = own if person in STAFF.get(house, ()) else GONE
            wanted = expected(world, person, endpoint, method, status)
            assert browser.post(path, sent).status_code == wanted, (house, person)


@pytest.mark.parametrize(("endpoint", "method"), sorted(OF_PEOPLE))
def test_a_look_and_a_list_are_for_those_they_are_of(
    authz_app: Flask, world: World, browsers: dict[str, Browser], endpoint: str, method: str
) -> None:
    parameter, thing, own = OF_PEOPLE[endpoint, method]
    for public_id in (world.ids[thing], UUID(int=7)):
        path = url(authz_app, endpoint, {parameter: public_id})
        for person, browser in browsers.items():
            status = own.get(person, GONE) if public_id == world.ids[thing] else GONE
            wanted = expected(world, person, endpoint, method, status)
            assert knock(browser, method, path).status_code == wanted, (person, public_id)


# What each kind of token is called where a page's dataclass shows it.
TOLD_BY = {
    "callback_phone": {
        ("follow.RequestAsSent", "callback_phone"),
        ("admissions.Meeting", "callback_phone"),
        ("case.CasePage", "callback_phone"),
        ("tasks.TaskShown", "officer_phone"),
    },
    "incident_ref": {
        ("follow.RequestRow", "incident_ref"),
        ("follow.RequestAsSent", "incident_ref"),
        ("admissions.Meeting", "incident_ref"),
        ("case.CasePage", "incident_ref"),
    },
    "place": {("follow.RequestRow", "place"), ("follow.RequestAsSent", "place")},
    "language": {
        ("follow.RequestAsSent", "language"),
        ("admissions.Suitability", "language"),
        ("desk.Person", "needs"),
    },
    "people": {
        ("follow.RequestRow", "people"),
        ("follow.RequestAsSent", "people"),
        ("houses.WomanRow", "people"),
        ("admissions.Suitability", "people"),
        ("desk.Person", "people"),
    },
}
EVERY_PAGE = [
    *((endpoint, method) for endpoint, method in ON_RECORDS if method == "GET"),
    *((endpoint, method) for endpoint, method in ON_OTHERS if method == "GET"),
]
LISTS_EVERY_LANGUAGE = {"police.new_request", "coordinator.new_pre_alert"}


def allowed(stage: Stage | None, token: str) -> bool:
    return stage is not None and any(
        field in matrix().objects[name].get(stage, frozenset()) for name, field in TOLD_BY[token]
    )


PAGES_OF_RECORDS = {
    "police.show_request": "follow.RequestAsSent",
    "refuge.show_offer": "admissions.OfferPage",
    "refuge.show_stay": "admissions.StayPage",
    "coordinator.show_request": "case.CasePage",
}


@dataclasses.dataclass(kw_only=True)
class Look:
    """What one person was answered at one address, and what its templates were handed."""

    endpoint: str
    path: str
    person: str
    record: Record | None
    said: str
    handed: list[Any]


@pytest.fixture(scope="module")
def looks(authz_app: Flask, world: World, browsers: dict[str, Browser]) -> list[Look]:
    """Every page, looked at once by everybody."""
    found: list[Look] = []
    handed: list[Any] = []

    def keep(_app: Flask, template: Any, context: dict[str, Any], **_: Any) -> None:
        handed.extend(kinds_in(context))

    with template_rendered.connected_to(keep, authz_app):
        for endpoint, _ in EVERY_PAGE:
            for path, record in paths(authz_app, world, endpoint):
                for person, browser in browsers.items():
                    handed.clear()
                    response = browser.get(path)
                    found.append(
                        Look(
                            endpoint=endpoint,
                            path=path,
                            person=person,
                            record=record,
                            said=response.get_data(as_text=True) + str(response.headers),
                            handed=list(handed),
                        )
                    )
    return found


def paths(app: Flask, world: World, endpoint: str) -> Iterator[tuple[str, Record | None]]:
    if (endpoint, "GET") in ON_OTHERS:
        given, _ = ON_OTHERS[endpoint, "GET"]
        yield url(app, endpoint, {key: world.ids.get(v, v) for key, v in given.items()}), None
        return
    for name in ON_RECORDS[endpoint, "GET"][1]:
        room = {"room": world.ids["room of Rowan"]}
        record = world.records[name]
        yield url(app, endpoint, values_for(endpoint, record) | room), record


def kinds_in(value: Any) -> Iterator[Any]:
    """Every dataclass of ours inside what a template was handed."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if type(value).__module__.startswith("app.services"):
            yield value
        for each in dataclasses.fields(value):
            yield from kinds_in(getattr(value, each.name))
    elif isinstance(value, dict):
        for each in value.values():
            yield from kinds_in(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from kinds_in(each)


def test_no_page_says_of_her_what_the_matrix_does_not_give(world: World, looks: list[Look]) -> None:
    """The sweep: every page for everybody, searched for what only one record holds."""
    leaked, found = [], set()
    for look in looks:
        for record in world.records.values():
            for token, word in record.tokens.items():
                lists_all = token == "language" and look.endpoint in LISTS_EVERY_LANGUAGE
                if word in look.said and not lists_all:
                    stage = record.stage_for(look.person)
                    found.add((stage, token))
                    if not allowed(stage, token):
                        leaked.append((look.path, look.person, record.name, token))

    assert leaked == []
    # Each cell that is given is seen somewhere: the sweep cannot pass for want of words.
    assert found == {
        (stage, token) for stage in Stage for token in TOLD_BY if allowed(stage, token)
    }


def filled(page: Any) -> set[str]:
    """The fields that say something: their default, when they have one, says nothing."""
    return {
        each.name
        for each in dataclasses.fields(page)
        if getattr(page, each.name)
        or (each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING)
    }


def withholdable(kind: type) -> frozenset[str]:
    """Fields that some stage is not shown."""
    by_stage = list(matrix().objects[name_of(kind)].values())
    everything: frozenset[str] = frozenset().union(*by_stage)
    return everything - frozenset.intersection(*by_stage)


def stages_of(world: World, person: str) -> set[Stage]:
    if person == NOBODY:
        return {Stage.EVERYBODY}
    role = world.actor(person).role
    return {stage for stage, roles in matrix().stages.items() if role in roles}


def test_templates_are_handed_nothing_that_no_stage_of_the_reader_sees(
    world: World, looks: list[Look]
) -> None:
    seen = set()
    for look in looks:
        for page in look.handed:
            shown = matrix().objects[name_of(type(page))]
            seen.add(name_of(type(page)))
            assert any(
                filled(page) <= shown.get(stage, frozenset())
                for stage in stages_of(world, look.person)
            ), (look.path, look.person, page)

    assert len(seen) > 30


def test_a_records_page_holds_exactly_the_fields_of_the_stage(looks: list[Look]) -> None:
    checked = set()
    for look in looks:
        stage = look.record.stage_for(look.person) if look.record else None
        for page in look.handed:
            kind = type(page)
            if stage and name_of(kind) == PAGES_OF_RECORDS.get(look.endpoint):
                given = withholdable(kind) & disclosed(kind, stage)
                checked.add((look.endpoint, stage))
                assert filled(page) & withholdable(kind) == given, (look.path, look.person)

    assert checked == {
        *(("police.show_request", stage) for stage in (Stage.ASKER, Stage.FORCE)),
        *(("refuge.show_offer", stage) for stage in (Stage.ASKED, Stage.WAS_HERE)),
        *(
            ("refuge.show_stay", stage)
            for stage in (Stage.PROMISED, Stage.LIVES_HERE, Stage.WAS_HERE)
        ),
        *(("coordinator.show_request", stage) for stage in (Stage.DESK, Stage.DESK_RINGS)),
    }


def test_a_meeting_point_is_for_the_officer_it_was_promised_to(looks: list[Look]) -> None:
    point = re.compile(r"Meeting point of (Rowan|Cedar)")
    told = {(look.person, house) for look in looks for house in point.findall(look.said)}

    assert told == {("amara", "Rowan"), ("cora", "Cedar")}


def test_rooms_of_the_world_are_as_the_tests_take_them(world: World) -> None:
    assert set(ROOM) | {"lives"} == {
        name for name, each in world.records.items() if each.placement_id
    }
