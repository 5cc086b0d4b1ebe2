"""What police read of a request, and how long; a supervisor follows it and reads no needs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.events import Event
from app.models.placements import Placement
from app.models.plans import PlanLine
from app.models.referrals import Referral
from app.services import matching, offers
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of

BrowserOf = Callable[[str], Browser]
PHONE = "07700 900777"
DUTY_LINE = "020 7946 0101"
MEETING_POINT = "Meeting point of Rowan"


@pytest.fixture
def promised(cast: Cast, run: Run) -> Referral:
    """Amara's request, promised by Rowan."""
    referral: Referral = run(
        make_referral,
        cast.amara.actor,
        callback_phone="+447700900777",
        needs=("women_only_staff",),
    )
    room = run(room_of, "Rowan", "1").public_id
    run(accept, run(offer_room, referral.ref, by=cast.dee.actor, room=room), by=cast.bea.actor)
    return referral


def test_the_house_is_named_only_until_she_is_there(
    cast: Cast, browser_of: BrowserOf, run: Run, promised: Referral
) -> None:
    amara, path = browser_of(cast.amara.email), f"/police/requests/{promised.ref}"
    for said in (text_of(amara.get(path)), text_of(amara.get(f"{path}/status"))):
        assert "Placed: Rowan" in said
        assert DUTY_LINE in said
        assert MEETING_POINT in said

    stay: Placement = run(placement_of, promised.ref)
    run(offers.record_arrival, stay.public_id, by=cast.bea.actor)

    for said in (text_of(amara.get(path)), text_of(amara.get(f"{path}/status"))):
        assert "She has arrived" in said
        for word in ("Rowan", DUTY_LINE, MEETING_POINT):
            assert word not in said


def test_a_supervisor_reads_status_times_and_alias_alone(
    cast: Cast, browser_of: BrowserOf, promised: Referral
) -> None:
    sergeant, path = browser_of(cast.sergeant.email), f"/police/requests/{promised.ref}"
    pages = [sergeant.get(at) for at in (path, f"{path}/status", "/police/requests")]

    assert "Placed: Rowan" in text_of(pages[0])
    assert "Placed: Rowan" in text_of(pages[1])
    assert promised.ref in text_of(pages[2])
    for page in pages:
        html = page.get_data(as_text=True)
        hers = (PHONE, "7700900777", "Albanian", "Peckham", "SE15", "alone", "Women staff only")
        for word in (*hers, DUTY_LINE, "2079460101", MEETING_POINT, "same_as"):
            assert word not in html

    shown = text_of(browser_of(cast.amara.email).get(path))
    for word in (PHONE, "Albanian", "SE15", "A woman alone", DUTY_LINE, MEETING_POINT):
        assert word in shown


def test_a_supervisor_copies_nobodys_answers(
    cast: Cast, browser_of: BrowserOf, promised: Referral
) -> None:
    path = f"/police/requests/new?same_as={promised.ref}"

    answer = browser_of(cast.sergeant.email).get(path)

    assert answer.status_code == 403
    assert PHONE not in answer.get_data(as_text=True)
    assert PHONE in browser_of(cast.amara.email).get(path).get_data(as_text=True)


def test_an_officer_reads_no_count_of_rooms(
    cast: Cast, browser_of: BrowserOf, run: Run, run_as_worker: Run
) -> None:
    referral = run(make_referral, cast.amara.actor, needs=("wheelchair",))
    run_as_worker(matching.make_plan)
    run_as_worker(_say_in_numbers, referral.id)

    shown = text_of(browser_of(cast.amara.email).get(f"/police/requests/{referral.ref}/status"))

    told = shown[shown.index("Why") : shown.index("What to do until then")]
    assert "Free rooms are too near to danger." in told
    assert told.count("Free rooms do not pass the safety check.") == 1
    assert "If a house took older boys." in told
    assert not any(sign.isdigit() for sign in told)


def test_looks_are_written_down_when_they_show_something_new(
    cast: Cast, browser_of: BrowserOf, run: Run, promised: Referral
) -> None:
    amara, path = browser_of(cast.amara.email), f"/police/requests/{promised.ref}"
    amara.get(path)
    for _ in range(3):
        assert amara.get(f"{path}/status").status_code == 200
    assert len(run(_looks, promised.id, cast.amara.actor.user_id)) == 1

    browser_of(cast.sergeant.email).get(f"{path}/status")
    assert len(run(_looks, promised.id, cast.sergeant.actor.user_id)) == 1
    assert len(run(_looks, promised.id, cast.amara.actor.user_id)) == 1

    stay = run(placement_of, promised.ref)
    run(offers.record_arrival, stay.public_id, by=cast.bea.actor)
    amara.get(f"{path}/status")
    amara.get(f"{path}/status")
    assert [look.detail["live"] for look in run(_looks, promised.id, cast.amara.actor.user_id)] == [
        False,
        True,
    ]


def test_a_poll_before_a_house_is_named_is_a_look_too(
    cast: Cast, browser_of: BrowserOf, run: Run
) -> None:
    referral = run(make_referral, cast.amara.actor)

    browser_of(cast.amara.email).get(f"/police/requests/{referral.ref}/status")

    assert len(run(_looks, referral.id, cast.amara.actor.user_id)) == 1


def test_a_list_says_whose_requests_it_named(cast: Cast, browser_of: BrowserOf, run: Run) -> None:
    hers = [run(make_referral, cast.amara.actor).id for _ in range(2)]
    others = run(make_referral, cast.bram.actor).id

    browser_of(cast.amara.email).get("/police/requests")
    browser_of(cast.sergeant.email).get("/police/requests")

    listed = [event.detail["referral_ids"] for event in run(_events, "referrals_listed")]
    assert listed == [hers, [*hers, others]]


def _say_in_numbers(referral_id: int) -> None:
    """The plan's word on her as the engine gives it to the desk."""
    with transaction(by=SYSTEM):
        line = db.session.scalars(select(PlanLine).where(PlanLine.referral_id == referral_id)).one()
        line.reasons = [
            {"code": "safety_distance", "text": "2 of 4 rooms lie nearer than is safe for her."},
            {"code": "network", "text": "1 of 4 rooms do not pass a safety check."},
            {"code": "apart_resident", "text": "1 of 4 rooms do not pass a safety check."},
        ]
        line.unlock = [
            {"code": "older_boys", "text": "If one refuge took boys up to 15 instead of 12."}
        ]


def _events(kind: str) -> list[Event]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


def _looks(referral_id: int, user_id: int) -> list[Event]:
    return [
        event
        for event in _events("referral_viewed")
        if (event.referral_id, event.actor_user_id) == (referral_id, user_id)
    ]
