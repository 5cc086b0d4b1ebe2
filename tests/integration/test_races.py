"""32 people want the same bed at the same moment, through the web: one gets it, nobody loses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import text

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.errors import Conflict
from app.models.beds import JUST_TAKEN
from app.models.placements import Channel
from app.models.referrals import ReferralState
from app.services import invariants, offers
from app.services.matching import deciding
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast, _user
from tests.conftest import Run
from tests.factories import make_referral, offer_room, room_of

MANY = 32


def _all_at_once(tasks: list[Callable[[], str]]) -> list[str]:
    start = Barrier(len(tasks))

    def go(task: Callable[[], str]) -> str:
        start.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(go, tasks))


def _everybody_wants_one_room(app: Flask, cast: Cast, run: Run) -> tuple[list[str], list[str]]:
    """Each of 32 coordinators offers Rowan's room 1 to a woman of her own."""
    room = str(run(room_of, "Rowan", "1").public_id)
    refs = [run(make_referral, cast.amara.actor).ref for _ in range(MANY)]
    browsers = [Browser(app).sign_in_as(run(_coordinator, cast, ref)) for ref in refs]
    for browser, ref in zip(browsers, refs, strict=True):
        browser.get(f"/desk/requests/{ref}")  # draws the form, and its token

    def ask(browser: Browser, ref: str) -> Callable[[], str]:
        answer = {
            "room": room,
            "reason": "her_wish",
            "note": "she asked for it",
            "cannot_wait": "yes",
        }

        def send() -> str:
            response = browser.post(f"/desk/requests/{ref}/override", answer)
            return f"{response.status_code} {text_of(response)}"

        return send

    pairs = zip(browsers, refs, strict=True)
    return refs, _all_at_once([ask(browser, ref) for browser, ref in pairs])


def _coordinator(cast: Cast, word: str) -> str:
    """One more at the desk: a person has only so many sign-ins at once."""
    desk = cast.dee.actor.organisation_id
    assert desk is not None
    with transaction(by=SYSTEM):
        return _user(word.lower(), Role.COORDINATOR, desk).email


def _states(app: Flask) -> Counter[str]:
    with app.app_context(), transaction(by=SYSTEM):
        return Counter(db.session.scalars(text("SELECT state FROM referral")).all())


def test_one_of_32_gets_the_bed_and_the_others_read_why(app: Flask, cast: Cast, run: Run) -> None:
    _, answers = _everybody_wants_one_room(app, cast, run)

    assert Counter(answer[:3] for answer in answers) == {"303": 1, "422": MANY - 1}
    lost = [answer for answer in answers if answer.startswith("422")]
    assert all(JUST_TAKEN in answer for answer in lost)
    assert all("she asked for it" in answer for answer in lost)
    assert _states(app) == {ReferralState.OFFERED: 1, ReferralState.READY: MANY - 1}
    assert run(invariants.broken) == {}


@pytest.fixture
def without_guards(run_as_owner: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The constraint dropped and the row locks gone: what is left is a check before an insert."""

    def drop() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text("ALTER TABLE bed_use DROP CONSTRAINT bed_use_no_overlap"))

    run_as_owner(drop)
    monkeypatch.setattr(deciding, "_lock", lambda refs, room_ids: None)
    monkeypatch.setattr(deciding, "one_committer", lambda **_: None)


@pytest.mark.usefixtures("without_guards")
def test_without_constraint_and_locks_the_bed_is_booked_twice(
    app: Flask, cast: Cast, run: Run
) -> None:
    _everybody_wants_one_room(app, cast, run)

    assert "I1 two live uses of one bed" in run(invariants.broken)


def test_the_constraint_alone_is_enough(
    app: Flask, cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "_lock", lambda refs, room_ids: None)
    monkeypatch.setattr(deciding, "one_committer", lambda **_: None)

    _, answers = _everybody_wants_one_room(app, cast, run)

    assert sum(answer.startswith("303") for answer in answers) == 1
    assert run(invariants.broken) == {}


def test_web_text_and_desk_answer_at_once_and_the_first_counts(
    app: Flask, cast: Cast, run: Run
) -> None:
    referral = run(make_referral, cast.amara.actor)
    room = run(room_of, "Rowan", "1").public_id
    placement = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    ways = [
        (cast.bea, Channel.WEB),
        (cast.rowan_manager, Channel.TEXT),
        (cast.dee, Channel.COORDINATOR),
    ]

    def answer(number: int) -> Callable[[], str]:
        person, channel = ways[number % 3]

        def send() -> str:
            with app.app_context():
                try:
                    if number % 2:
                        offers.accept_offer(
                            by=person.actor, channel=channel, code=placement.offer_code
                        )
                    else:
                        offers.decline_offer(
                            by=person.actor,
                            channel=channel,
                            reason="full",
                            code=placement.offer_code,
                        )
                except Conflict as error:
                    return str(error)
                return "done"

        return send

    answers = _all_at_once([answer(number) for number in range(12)])

    assert answers.count("done") == 1
    assert all("already been" in each for each in answers if each != "done")
    assert run(invariants.broken) == {}
