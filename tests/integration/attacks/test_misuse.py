"""Misuse by people who may sign in: harvesting, fake requests, and what they must not learn."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, NotAllowed, TooMany
from app.models.abuse import AbuseLimit, CallBack, CallBackOutcome
from app.models.beds import Refuge
from app.models.events import Event
from app.models.messages import Task, TaskKind
from app.models.referrals import Referral
from app.services import call_backs, clock, follow, offers, referrals
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast, Person
from tests.conftest import Run
from tests.factories import accept, make_referral, new_referral, offer_room, room_of
from tests.integration.attacks.ground import Night, routes
from tests.integration.services.expected import now_is

GENUINE, NOT_CONFIRMED = CallBackOutcome.GENUINE, CallBackOutcome.NOT_CONFIRMED
HOUSE = ("+442079460101", "020 7946 0101", "Meeting point of Rowan")


def tasks(kind: TaskKind) -> list[bool]:
    """Whether each task of this kind is done, oldest first."""
    with transaction(by=SYSTEM):
        found = db.session.scalars(select(Task).where(Task.kind == kind).order_by(Task.id)).all()
        return [task.done_at is not None for task in found]


def reasons_of(ref: str) -> list[str] | None:
    """Why this request waits for a call; None when it does not."""
    with transaction(by=SYSTEM):
        call = db.session.scalar(
            select(CallBack)
            .join(Referral, Referral.id == CallBack.referral_id)
            .where(Referral.ref == ref)
        )
        return list(call.reasons) if call and call.outcome != GENUINE else None


def forget_who_was_vouched_for() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(delete(CallBack))


def ask(run: Run, by: Person, count: int, **changes: Any) -> list[str]:
    return [run(make_referral, by.actor, **changes).ref for _ in range(count)]


def promise(run: Run, cast: Cast, ref: str) -> Any:
    room = run(room_of, "Rowan", "1").public_id
    placement = run(offer_room, ref, by=cast.dee.actor, room=room)
    run(accept, placement, by=cast.bea.actor)
    return placement


# Looks


def test_the_thirtieth_record_opens_the_thirty_first_does_not(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: Callable[[str], Browser]
) -> None:
    refs = ask(run, cast.amara, 31)
    run_as_owner(clock.shift_by, timedelta(hours=1, seconds=1))
    amara = browser_of(cast.amara.email)

    for ref in refs[:29]:
        assert amara.get(f"/police/requests/{ref}").status_code == 200
    assert run(tasks, TaskKind.LOOKS_SPENT) == []
    assert amara.get(f"/police/requests/{refs[29]}").status_code == 200
    assert run(tasks, TaskKind.LOOKS_SPENT) == [False]

    for path in ("", "/status"):
        refused = amara.get(f"/police/requests/{refs[30]}{path}")
        assert refused.status_code == 429
        assert 3500 < int(refused.headers["Retry-After"]) <= 3600
        assert "opened 30 different records" in text_of(refused)
        assert refs[30] not in text_of(refused)
    assert amara.get(f"/police/requests/new?same_as={refs[30]}").status_code == 429

    # What is open to her stays open, so does what she asks for now; another's budget is another's.
    assert amara.get(f"/police/requests/{refs[0]}").status_code == 200
    assert amara.get(f"/police/requests/{ask(run, cast.amara, 1)[0]}").status_code == 200
    sergeant = browser_of(cast.sergeant.email)
    assert sergeant.get(f"/police/requests/{refs[30]}").status_code == 200

    run_as_owner(clock.shift_to, run(now_is) + timedelta(hours=1, seconds=1))
    run(follow.show_request, refs[30], by=cast.amara.actor)


def test_an_officer_is_not_locked_out_of_what_she_has_just_asked_for(
    cast: Cast, run: Run, browser_of: Callable[[str], Browser]
) -> None:
    """A raid of forty: each form leads to the page of its request."""
    refs = ask(run, cast.amara, 40)
    amara = browser_of(cast.amara.email)

    assert {amara.get(f"/police/requests/{ref}").status_code for ref in refs} == {200}
    assert run(tasks, TaskKind.LOOKS_SPENT) == []


def test_every_role_that_opens_records_has_a_budget(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: Callable[[str], Browser], night: Night
) -> None:
    """With one record an hour each: the second is refused to every role, on every such page."""
    run_as_owner(_set_limits, "looks_", 1)
    run_as_owner(clock.shift_by, timedelta(hours=1, seconds=1))  # what amara asked for is old news
    second = {
        "amara": (f"/police/requests/{night.waiting}", f"/police/requests/{night.offered}"),
        "sergeant": (f"/police/requests/{night.waiting}", f"/police/requests/{night.offered}"),
        "bea": (f"/refuge/offers/{night.offer}", f"/refuge/stays/{night.stay}"),
        "rowan_manager": (f"/refuge/stays/{night.stay}", f"/refuge/offers/{night.offer}"),
        "dee": (f"/desk/requests/{night.waiting}", f"/desk/requests/{night.offered}"),
    }
    for name, (first, other) in second.items():
        browser = browser_of(cast.everybody()[name].email)
        assert browser.get(first).status_code == 200, name
        assert browser.get(other).status_code == 429, name
        assert browser.get(first).status_code == 200, name


def _set_limits(start: str, at_most: int) -> None:
    with transaction(by=SYSTEM):
        db.session.execute(
            update(AbuseLimit).where(AbuseLimit.code.startswith(start)).values(at_most=at_most)
        )


def test_a_limit_of_tomorrow_is_not_in_force_today(cast: Cast, run: Run, run_as_owner: Run) -> None:
    first, second, third = ask(run, cast.amara, 3)
    run_as_owner(clock.shift_by, timedelta(hours=1, seconds=1))
    today = run(now_is).date()
    run_as_owner(_limit_from, today + timedelta(days=1), 1)
    run(follow.show_request, first, by=cast.amara.actor)
    run(follow.show_request, second, by=cast.amara.actor)

    run_as_owner(_limit_from, today, 1)
    with pytest.raises(TooMany):
        run(follow.show_request, third, by=cast.amara.actor)


def _limit_from(day: Any, at_most: int) -> None:
    with transaction(by=SYSTEM):
        db.session.merge(
            AbuseLimit(
                code="looks_officer", valid_from=day, at_most=at_most, window_minutes=60, text="x"
            )
        )


# Fake requests


def test_a_first_request_is_taken_and_the_force_is_rung_before_anybody_can_meet(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: Callable[[str], Browser]
) -> None:
    run_as_owner(forget_who_was_vouched_for)
    ref = ask(run, cast.amara, 1, callback_phone="+447700900777")[0]
    stay = promise(run, cast, ref)
    amara, bea, dee = (browser_of(each.email) for each in (cast.amara, cast.bea, cast.dee))

    assert run(reasons_of, ref) == ["first_request"]
    for path in ("", "/status"):
        shown = text_of(amara.get(f"/police/requests/{ref}{path}"))
        assert "expect that call" in shown
        assert not [secret for secret in HOUSE if secret in shown]
    house = text_of(bea.get(f"/refuge/stays/{stay.public_id}"))
    assert "checking who asked" in house
    assert "07700 900777" not in house
    assert "OP-LANTERN-7" not in house

    desk = text_of(dee.get(f"/desk/requests/{ref}"))
    listed = text_of(dee.get("/desk/tasks"))
    assert "020 7946 0999" in desk  # the force's number that we hold
    assert "Amara" in desk
    assert "Ring the force back" in listed
    assert ref in listed

    dee.post(f"/desk/requests/{ref}/call-back", {"outcome": "genuine"})

    shown = text_of(amara.get(f"/police/requests/{ref}"))
    assert "020 7946 0101" in shown
    assert "Meeting point of Rowan" in shown
    assert "07700 900777" in text_of(bea.get(f"/refuge/stays/{stay.public_id}"))
    assert "Ring the force" not in text_of(dee.get(f"/desk/requests/{ref}"))
    assert run(tasks, TaskKind.CALL_BACK) == [True]
    assert run(reasons_of, ask(run, cast.amara, 1)[0]) is None  # vouched for from now on


def test_the_number_in_the_request_is_never_the_one_to_ring(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: Callable[[str], Browser]
) -> None:
    run_as_owner(forget_who_was_vouched_for)
    ref = ask(run, cast.cora, 1, callback_phone="+447700900777")[0]

    page = browser_of(cast.dee.email).get(f"/desk/requests/{ref}").get_data(as_text=True)
    card = page[page.index('id="call-back"') : page.index('id="call-not-confirmed"')]

    assert "We have no number for the control room of Greater Manchester" in text_of_html(card)
    assert "900777" not in card.replace(" ", "")


def text_of_html(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_force_that_does_not_confirm_keeps_the_door_shut_until_it_does(
    cast: Cast, run: Run, run_as_owner: Run, browser_of: Callable[[str], Browser]
) -> None:
    run_as_owner(forget_who_was_vouched_for)
    ref = ask(run, cast.amara, 1)[0]
    promise(run, cast, ref)
    amara, dee = browser_of(cast.amara.email), browser_of(cast.dee.email)

    dee.get(f"/desk/requests/{ref}")
    dee.post(f"/desk/requests/{ref}/call-back", {"outcome": "not_confirmed"})

    assert "did not confirm this officer" in text_of(dee.get(f"/desk/requests/{ref}"))
    assert run(tasks, TaskKind.CALL_BACK) == [False]
    shown = text_of(amara.get(f"/police/requests/{ref}"))
    assert not [secret for secret in HOUSE if secret in shown]
    assert "first_request" in (run(reasons_of, ask(run, cast.amara, 1)[0]) or [])

    assert run(call_backs.record_call_back, ref, GENUINE, by=cast.dee.actor)
    assert "Meeting point of Rowan" in text_of(amara.get(f"/police/requests/{ref}"))
    with pytest.raises(Conflict):
        run(call_backs.record_call_back, ref, GENUINE, by=cast.dee.actor)


def test_only_the_desk_rings_back(cast: Cast, run: Run, run_as_owner: Run) -> None:
    run_as_owner(forget_who_was_vouched_for)
    ref = ask(run, cast.amara, 1)[0]

    for name in ("amara", "sergeant", "bea", "ada", "mara"):
        with pytest.raises(NotAllowed):
            run(call_backs.record_call_back, ref, GENUINE, by=cast.everybody()[name].actor)
    assert run(reasons_of, ref) == ["first_request"]


def test_the_sixth_open_request_is_taken_and_waits_for_a_call(cast: Cast, run: Run) -> None:
    refs = ask(run, cast.amara, 6)

    assert [run(reasons_of, ref) for ref in refs] == [None] * 5 + [["many_open"]]
    assert run(reasons_of, ask(run, cast.bram, 1)[0]) is None  # a colleague's are her own
    assert run(tasks, TaskKind.CALL_BACK) == [False]

    run(referrals.withdraw, refs[0], "duplicate", by=cast.amara.actor)
    run(referrals.withdraw, refs[1], "duplicate", by=cast.amara.actor)
    assert run(reasons_of, ask(run, cast.amara, 1)[0]) is None  # five open again


def test_the_eleventh_request_of_a_day_waits_for_a_call(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    refs = []
    for _ in range(11):
        refs += ask(run, cast.amara, 1)
        run(referrals.withdraw, refs[-1], "duplicate", by=cast.amara.actor)

    assert [run(reasons_of, ref) for ref in refs] == [None] * 10 + [["many_today"]]

    run_as_owner(clock.shift_to, run(now_is) + timedelta(hours=24, seconds=1))
    assert run(reasons_of, ask(run, cast.amara, 1)[0]) is None


def test_one_call_settles_a_raid(
    cast: Cast, run: Run, run_as_worker: Run, browser_of: Callable[[str], Browser]
) -> None:
    """Twelve women of one incident: nobody is refused, and the desk rings once."""
    first = ask(run, cast.amara, 1)[0]
    raid = [first, *ask(run, cast.amara, 11, same_as=first)]
    waiting = [ref for ref in raid if run(reasons_of, ref) is not None]
    assert len(waiting) == 7
    assert run(tasks, TaskKind.CALL_BACK) == [False]

    settled = run(call_backs.record_call_back, waiting[0], GENUINE, by=cast.dee.actor)

    assert settled == waiting
    later = ask(run, cast.amara, 12, same_as=first)
    assert [run(reasons_of, ref) for ref in later] == [None] * 12


def test_two_taps_at_once_are_counted_one_after_the_other(app: Flask, cast: Cast, run: Run) -> None:
    from concurrent.futures import ThreadPoolExecutor

    ask(run, cast.amara, 3)

    def tap(_: int) -> str:
        with app.app_context():
            new = new_referral(form_key=uuid4())
            return referrals.make_referral(new, by=cast.amara.actor)

    with ThreadPoolExecutor(4) as pool:
        refs = list(pool.map(tap, range(4)))

    assert len([ref for ref in refs if run(reasons_of, ref)]) == 2  # of seven open, two too many


def test_a_promised_room_that_was_not_used_is_remembered_and_three_raise_an_alarm(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    for number in range(1, 4):
        ref = ask(run, cast.amara, 1)[0]
        waits = run(reasons_of, ref)
        assert waits == (None if number == 1 else ["abandoned_before"]), number
        placement = promise(run, cast, ref)
        if number == 2:
            run(referrals.withdraw, ref, "things_changed", by=cast.amara.actor)
        else:
            run(
                offers.record_not_arrived,
                placement.public_id,
                "cannot_be_reached",
                by=cast.bea.actor,
            )
        assert run(tasks, TaskKind.ABANDONED) == ([False] if number == 3 else [])

    run_as_owner(clock.shift_to, run(now_is) + timedelta(days=30, seconds=1))
    assert run(reasons_of, ask(run, cast.amara, 1)[0]) is None


def test_what_is_withdrawn_before_a_house_promised_is_nobodys_misuse(cast: Cast, run: Run) -> None:
    ref = ask(run, cast.amara, 1)[0]
    run(offer_room, ref, by=cast.dee.actor, room=run(room_of, "Rowan", "1").public_id)
    run(referrals.withdraw, ref, "things_changed", by=cast.amara.actor)

    assert run(reasons_of, ask(run, cast.amara, 1)[0]) is None


def test_the_web_cannot_change_a_limit_or_a_control_room(app: Flask, run: Run, cast: Cast) -> None:
    for table, column in (("abuse_limit", "at_most = 1000"), ("control_room", "phone = '+1'")):
        with pytest.raises(Exception, match="permission denied"), app.app_context():
            _write(f"UPDATE {table} SET {column}")


def _write(statement: str) -> None:
    from sqlalchemy import text

    with transaction(by=SYSTEM):
        db.session.execute(text(statement))


def test_what_was_asked_and_answered_is_in_the_audit_trail(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    run_as_owner(forget_who_was_vouched_for)
    ref = ask(run, cast.amara, 1)[0]
    run(call_backs.record_call_back, ref, NOT_CONFIRMED, by=cast.dee.actor)

    def kinds() -> dict[str, int]:
        with transaction(by=SYSTEM):
            rows = db.session.execute(select(Event.kind, func.count()).group_by(Event.kind))
            return {row[0]: row[1] for row in rows}

    found = run(kinds)
    assert found["call_back_asked"] == 1
    assert found["called_back"] == 1


# What nobody outside a house may learn

# A distance, a time of travel, a place on a map: each narrows a house down.
WHERE = re.compile(
    r"\d+(?:\.\d+)?\s*(?:km|kilomet|miles?)|\d+\s*(?:minutes?|hours?) (?:away|from|by|drive)"
    r"|latitude|longitude|cell_|coordinates|<iframe|openstreetmap|google\.[a-z]+/maps|geo:",
    re.IGNORECASE,
)
NO_SEARCH = re.compile(r"search|find|lookup|query|autocomplete|suggest", re.IGNORECASE)


def test_nobody_outside_a_house_reads_how_far_or_where_it_is(
    app: Flask, night: Night, run: Run, everybody: dict[str, Browser]
) -> None:
    cell = run(_cell_of_rowan)
    assert all(len(number) > 4 for number in cell)
    for name in ("amara", "bram", "cora", "sergeant", "dee", "mara", "olga", "ada", "chloe"):
        for endpoint, path in routes(app, night, "GET"):
            if endpoint == "public.leave":
                continue
            response = everybody[name].get(path)
            page = response.get_data(as_text=True)
            shown = [found for found in WHERE.findall(text_of(response)) if found]
            if endpoint not in ASKS_FOR_DISTANCES:
                assert shown == [], (name, path, shown)
            assert not [number for number in cell if number in page], (name, path)


def _cell_of_rowan() -> list[str]:
    with transaction(by=SYSTEM):
        house = db.session.scalars(select(Refuge).where(Refuge.alias == "Rowan")).one()
        return [str(house.cell_lat), str(house.cell_lon)]


# The form on which the officer says how far from a named place she must not be: no house in it.
ASKS_FOR_DISTANCES = {"police.new_request", "public.about_data"}


def test_police_have_no_way_to_look_a_person_up(
    app: Flask, night: Night, everybody: dict[str, Browser]
) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("police."):
            assert not NO_SEARCH.search(rule.rule), rule.rule
            assert rule.arguments <= {"ref", "question"}, rule.rule
    for name in ("amara", "sergeant"):
        for path in ("/police/requests", f"/police/requests/{night.promised}"):
            page = everybody[name].get(path).get_data(as_text=True)
            assert 'type="search"' not in page
            assert 'role="search"' not in page
            assert 'method="get"' not in page.lower()
        plain = text_of(everybody[name].get("/police/requests"))
        for query in ("q", "name", "phone", "incident_ref", "search"):
            asked = everybody[name].get(f"/police/requests?{query}={night.offered}")
            assert text_of(asked) == plain, query
