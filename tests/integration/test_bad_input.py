"""Hostile and mistaken input, on every form of every person: a clear message, and never a 500."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from app.authz import matrix
from app.services import matching
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room, placement_of, room_of
from tests.integration.test_access import _rules

NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "🚨🛏️" * 20,
    "\u202eevil\u202c",
    "' OR 1=1; DROP TABLE referral; --",
    "{{ 7*7 }}${7*7}<script>alert(1)</script>",
    "9" * 5000,
    "-1",
    "1e400",
    "NaN",
    "١٢٣",
    "ja, bitte",
    "../../etc/passwd",
    "null",
    "[]",
]
FIELDS = (
    *("who", "form_key", "place", "urgency", "household", "children-0-age", "children-0-sex"),
    *("language", "needs", "may_share", "avoid-0-place", "avoid-0-km", "london", "unsafe_regions"),
    *("callback_phone", "incident_ref", "same_as", "tie", "reason", "note", "room", "run", "line"),
    *(
        "ref",
        "why",
        "before",
        "up_to",
        "which",
        "shown",
        "email",
        "password",
        "person",
        "role",
        "name",
        "organisation",
        "refuge",
    ),
    *(
        "back_on",
        "closes_on",
        "conclusive_on",
        "cost_owner",
        "destination",
        "extension_reason",
        "item",
        "leaves_on",
        "minutes",
        "on_day",
        "opens_on",
        "reasonable_on",
        "starts_on",
        "state",
        "until",
    ),
)
CALM = {200, 302, 303, 400, 403, 404, 405, 409, 413, 422}  # 403: prove first that it is you
GOOD = {
    "who": "woman",
    "place": "SE15",
    "urgency": "emergency",
    "household": "alone",
    "language": "sq",
    "callback_phone": "07700 900123",
    "incident_ref": "OP-7",
}


def _filled(rule: Any, known: dict[str, Any]) -> dict[str, Any]:
    return {name: known.get(name, uuid4()) for name in rule.arguments}


def test_no_form_of_anybody_breaks(
    app: Flask, cast: Cast, browser_of: Callable[[str], Browser], run: Run, run_as_worker: Run
) -> None:
    referral = run(make_referral, cast.amara.actor)
    run_as_worker(matching.make_plan)
    room = run(room_of, "Rowan", "1").public_id
    placement = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    known = {
        "ref": referral.ref,
        "offer": placement.public_id,
        "stay": placement.public_id,
        "placement": placement.public_id,
        "room": room,
        "part": "lines",
    }
    people = {each.actor.role: each for each in cast.everybody().values()}
    broken = []
    for rule, method in _rules(app):
        readers = matrix().routes[rule.endpoint].get(method, frozenset())
        roles = [role for role in people if role.value in readers]
        if not roles or method != "POST":
            continue
        browser = browser_of(people[roles[0]].email)
        browser.get("/about-the-data")
        with app.test_request_context():
            path = app.url_map.bind("localhost").build(rule.endpoint, _filled(rule, known))
        for nasty in NASTY:
            response = browser.post(path, dict.fromkeys(FIELDS, nasty))
            if response.status_code not in CALM or "Traceback" in text_of(response):
                broken.append((rule.endpoint, nasty[:20], response.status_code))
    assert broken == []


@pytest.mark.parametrize("field", sorted(GOOD))
@pytest.mark.parametrize("nasty", ["", "\x00", "🚨" * 30, "x" * 4000, "<script>alert(1)</script>"])
def test_one_bad_answer_keeps_all_the_others(
    cast: Cast, browser_of: Callable[[str], Browser], field: str, nasty: str
) -> None:
    amara = browser_of(cast.amara.email)
    key = amara.form_key()

    response = amara.post("/police/requests/new", {**GOOD, "form_key": key, field: nasty})

    if response.status_code == 303:
        assert field == "incident_ref"
        return
    page = response.get_data(as_text=True)
    assert response.status_code == 422
    assert "Please look at" in page
    assert "<script>alert" not in page
    for name in ("place", "callback_phone", "incident_ref"):
        if name != field:
            assert f'value="{GOOD[name]}"' in page, name
    assert key in page


def test_a_huge_form_is_refused_in_words(cast: Cast, browser_of: Callable[[str], Browser]) -> None:
    amara = browser_of(cast.amara.email)
    amara.form_key()

    response = amara.post("/police/requests/new", {**GOOD, "incident_ref": "x" * 200_000})

    assert response.status_code == 413
    assert "too much" in text_of(response)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("place", "ZZ99", "We do not know the place"),
        ("place", "Atlantis", "We do not know the place"),
        ("place", "12345", "first half of the postcode"),
        ("callback_phone", "ring me", "phone number that reaches you"),
        ("callback_phone", "0770", "phone number that reaches you"),
        ("language", "klingon", "Choose a language from the list"),
        ("urgency", "yesterday", "how soon she needs a place"),
        ("household", "children", "age in whole years"),
        ("needs", "helicopter", "Choose from the list of what must be there"),
        ("unsafe_regions", "Mordor", "Choose from the list of regions"),
        ("avoid-0-place", "Nowhere-on-Sea", "We do not know the place"),
        ("children-0-age", "44", "0 to 17 years old"),
    ],
)
def test_each_mistake_is_named(
    cast: Cast, browser_of: Callable[[str], Browser], field: str, typed: str, said: str
) -> None:
    amara = browser_of(cast.amara.email)
    form = {**GOOD, "form_key": amara.form_key(), field: typed}
    if field.startswith("children"):
        form["household"] = "children"

    response = amara.post("/police/requests/new", form)

    assert response.status_code == 422
    assert said in text_of(response)


def test_a_full_postcode_is_cut_to_its_district_and_kept_nowhere(
    cast: Cast, browser_of: Callable[[str], Browser], run: Run
) -> None:
    amara = browser_of(cast.amara.email)

    response = amara.post(
        "/police/requests/new", {**GOOD, "place": "se15 4ql", "form_key": amara.form_key()}
    )

    assert response.status_code == 303
    shown = text_of(amara.get(response.location))
    assert "SE15" in shown
    assert "4QL" not in shown


def test_a_double_tap_is_one_request(cast: Cast, browser_of: Callable[[str], Browser]) -> None:
    amara = browser_of(cast.amara.email)
    form = {**GOOD, "form_key": amara.form_key()}

    first = amara.post("/police/requests/new", form)
    second = amara.post("/police/requests/new", form)
    changed = amara.post("/police/requests/new", {**form, "place": "M14"})

    assert first.location == second.location
    assert changed.status_code == 422
    assert "was sent already" in text_of(changed)


def test_a_code_of_another_house_is_not_found(
    cast: Cast, browser_of: Callable[[str], Browser], run: Run
) -> None:
    referral = run(make_referral, cast.amara.actor)
    room = run(room_of, "Rowan", "1").public_id
    run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    offer = run(placement_of, referral.ref).public_id

    chloe = browser_of(cast.chloe.email)
    chloe.get("/refuge/")

    assert chloe.post(f"/refuge/offers/{offer}/accept").status_code == 404


@pytest.mark.parametrize("who", ["under_18", "man"])
def test_a_child_or_a_man_is_sent_on_with_who_to_call_and_counted(
    cast: Cast, browser_of: Callable[[str], Browser], run: Run, who: str
) -> None:
    from sqlalchemy import select

    from app.actors import SYSTEM
    from app.db import db, transaction
    from app.models.referrals import HandOn, Referral

    amara = browser_of(cast.amara.email)
    amara.form_key()

    response = amara.post("/police/requests/new", {"who": who})

    assert response.status_code == 200
    assert "We have counted that you asked" in text_of(response)

    def counted() -> tuple[int, int]:
        with transaction(by=SYSTEM):
            return (
                len(db.session.scalars(select(HandOn)).all()),
                len(db.session.scalars(select(Referral)).all()),
            )

    assert run(counted) == (1, 0)


def test_one_code_in_two_countries_is_the_officers_own(run: Run) -> None:
    from app.actors import SYSTEM
    from app.db import transaction
    from app.services.choices import find_place

    def place(force: str) -> str:
        with transaction(by=SYSTEM):
            return find_place("W12", near_force=force, field="place").code

    assert run(place, "metropolitan") == "W12"
    assert run(place, "ireland") == "W12-IE"
    assert run(place, "kent") == "W12"
