"""Who looked at a record: asked by reference and reason, and the asking is written down too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.errors import NotAllowed
from app.services import matching, records
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room, placement_of, room_of

Sign = Callable[[str], Browser]


@pytest.fixture
def looked_at(cast: Cast, run: Run, run_as_worker: Run, browser_of: Sign) -> str:
    """Amara's request, offered to Rowan, seen by five people in five ways."""
    ref: str = run(make_referral, cast.amara.actor).ref
    run_as_worker(matching.make_plan)
    placement = run(offer_room, ref, by=cast.dee.actor, room=run(room_of, "Rowan", "1").public_id)
    browser_of(cast.amara.email).get(f"/police/requests/{ref}")
    browser_of(cast.sergeant.email).get("/police/requests")
    browser_of(cast.dee.email).get("/desk/board")
    browser_of(cast.bea.email).get("/refuge/")
    browser_of(cast.bea.email).get(f"/refuge/offers/{placement.public_id}")
    browser_of(cast.cora.email).get(f"/police/requests/{ref}")
    return ref


def _looks() -> list[tuple[int | None, dict[str, Any]]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            text("SELECT actor_user_id, detail FROM event WHERE kind = 'trail_viewed' ORDER BY id")
        )
        return [(row.actor_user_id, row.detail) for row in rows]


@pytest.mark.parametrize("who", ["hana", "dee"])
def test_every_look_is_there_with_name_organisation_and_way(
    cast: Cast, looked_at: str, browser_of: Sign, run: Run, who: str
) -> None:
    person = cast.everybody()[who]
    browser = browser_of(person.email)
    browser.get("/records/")

    response = browser.post("/records/", {"ref": looked_at.lower(), "why": "she_asks"})

    assert response.status_code == 200
    page = text_of(response)
    for words in (
        "Amara Police officer Metropolitan Police Looked at the request on the web",
        "Sergeant Police supervisor Metropolitan Police Saw it in a list (among others)",
        "Dee Duty coordinator The desk Saw it on the board (among others)",
        "Bea House worker Harbour Saw it in a list (among others)",
        "Bea House worker Harbour Looked at the offer",
        "Cora Police officer Greater Manchester Tried to open it and was not shown it",
        "Amara Police officer Metropolitan Police Sent the request",
    ):
        assert words in page, words
    assert page.index("Tried to open it") < page.index("Sent the request")
    assert run(_looks) == [
        (person.actor.user_id, {"why": "she_asks", "before": None}),
    ]


def test_a_house_that_tries_anothers_offer_is_written_down(
    cast: Cast, looked_at: str, browser_of: Sign, run: Run
) -> None:
    offer = run(placement_of, looked_at).public_id
    chloe = browser_of(cast.chloe.email)
    for path in (f"/refuge/offers/{offer}", f"/refuge/offers/{uuid4()}"):
        assert chloe.get(path).status_code == 404

    found = run(
        records.who_looked, records.Asked(ref=looked_at, why=records.Why.ALERT), by=cast.hana.actor
    )

    tried = [entry.who for entry in found.entries if entry.what == "referral_refused"]
    assert tried == ["Chloe", "Cora"]


def test_another_womans_looks_are_not_among_them(cast: Cast, looked_at: str, run: Run) -> None:
    other = run(make_referral, cast.cora.actor).ref

    found = run(
        records.who_looked, records.Asked(ref=other, why=records.Why.ROUTINE), by=cast.hana.actor
    )

    assert [(entry.what, entry.who) for entry in found.entries] == [
        ("trail_viewed", "Hana"),
        ("referral_made", "Cora"),
    ]


def test_a_long_trail_is_read_page_by_page(
    cast: Cast, looked_at: str, browser_of: Sign, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "SHOWN", 3)
    asked = records.Asked(ref=looked_at, why=records.Why.ROUTINE)
    seen: list[tuple[Any, str]] = []
    while True:
        page = run(records.who_looked, asked, by=cast.hana.actor)
        seen += [(entry.at, entry.what) for entry in page.entries if entry.what != "trail_viewed"]
        if page.older is None:
            break
        asked = records.Asked(ref=looked_at, why=asked.why, before=page.older)

    monkeypatch.setattr(records, "SHOWN", 500)
    whole = run(
        records.who_looked, asked.__class__(ref=looked_at, why=asked.why), by=cast.hana.actor
    )
    assert seen == [
        (entry.at, entry.what) for entry in whole.entries if entry.what != "trail_viewed"
    ]
    assert len(seen) > 6


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"ref": "", "why": "alert"}, "Type the reference"),
        ({"ref": "Mary Example", "why": "alert"}, "Type the reference"),
        ({"ref": "R-2222222", "why": "alert"}, "There is no request with that reference"),
        ({"ref": "R-2222222"}, "Choose why you ask"),
        ({"ref": "R-2222222", "why": "because"}, "Choose why you ask"),
    ],
)
def test_what_cannot_be_asked_is_said_and_kept(
    cast: Cast, browser_of: Sign, run: Run, typed: dict[str, str], said: str
) -> None:
    hana = browser_of(cast.hana.email)
    hana.get("/records/")

    response = hana.post("/records/", typed)

    assert response.status_code == 422
    assert said in text_of(response)
    if typed["ref"]:
        assert f'value="{typed["ref"]}"' in response.get_data(as_text=True)
    assert run(_looks) == []


def test_the_lead_begins_there(cast: Cast, browser_of: Sign) -> None:
    from app.pages import HOME, NAV

    assert set(HOME) == set(NAV) == set(Role) - {Role.SYSTEM}
    page = text_of(browser_of(cast.hana.email).get("/records/"))
    assert "has not been checked yet" in page


def test_nobody_else_may_ask(cast: Cast, looked_at: str, run: Run) -> None:
    asked = records.Asked(ref=looked_at, why=records.Why.ROUTINE)
    for person in cast.everybody().values():
        if person.actor.role not in records.MAY_ASK:
            with pytest.raises(NotAllowed):
                run(records.who_looked, asked, by=person.actor)
            with pytest.raises(NotAllowed):
                run(records.last_check, by=person.actor)


def test_the_newest_check_stands_on_the_page(cast: Cast, browser_of: Sign, run: Run) -> None:
    from app.events import Fact, record

    def check(detail: dict[str, object]) -> None:
        with transaction(by=SYSTEM):
            record(Fact.TRAIL_CHECKED, by=SYSTEM, detail=detail)

    hana = browser_of(cast.hana.email)
    run(check, {"rows": 4711, "anchors": 2})
    assert "4711 rows, none changed" in text_of(hana.get("/records/"))
    run(check, {"rows": 16, "anchors": 2, "broken": 17, "fault": "changed"})
    assert "broken at position 17" in text_of(hana.get("/records/"))
