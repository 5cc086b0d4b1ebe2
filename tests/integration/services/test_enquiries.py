"""Several houses asked at once: the first yes wins, and nobody else is left in doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.errors import Conflict, Invalid
from app.models.placements import Channel
from app.models.referrals import LinkKind, ReferralState
from app.services import clock, invariants, matching, offers, referrals, snapshot, voids
from app.services.matching import fitting
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import at_once, make_referral, room_of
from tests.several_houses import (
    ask,
    asks_of,
    beds_used,
    house,
    say,
    state_of,
    states,
    texts,
    two_more_houses,
)


@pytest.fixture
def ref(cast: Cast, run: Run, run_as_owner: Run) -> str:
    """A woman who waits, and four houses that could take her."""
    run_as_owner(two_more_houses, cast)
    return str(run(make_referral, cast.amara.actor).ref)


def test_houses_are_asked_beside_the_offer_and_hold_nothing(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    outcome = ask(run, run_as_worker, cast, ref, "Cedar", "Fern")

    assert (outcome.offered, outcome.beside, outcome.not_asked) == ([ref], {ref: 2}, {})
    assert run(states, ref) == {"Rowan": "offered", "Cedar": "enquired", "Fern": "enquired"}
    assert run(beds_used, ref) == {"Rowan"}
    asks = run(asks_of, ref)
    assert len({each.offer_code for each in asks.values()}) == 3
    assert len({each.offer_expires_at for each in asks.values()}) == 1, "one clock for all"
    assert asks["Fern"].override_cost == "Costs Fern."
    assert {alias for alias, _ in run(texts, "offer")} == {"Rowan", "Cedar", "Fern"}
    assert run(invariants.broken) == {}


def test_the_first_yes_wins_though_it_held_nothing(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar", "Fern")

    say(run, cast, ref, "Fern")

    assert run(states, ref) == {"Rowan": "withdrawn", "Cedar": "withdrawn", "Fern": "accepted"}
    assert run(state_of, ref) == ReferralState.CONFIRMED
    assert run(beds_used, ref) == {"Fern"}
    asks = run(asks_of, ref)
    assert {asks[alias].reason_code for alias in ("Rowan", "Cedar")} == {"another_house_first"}
    told = {(alias, asks[alias].offer_code) for alias in ("Rowan", "Cedar")}
    assert set(run(texts, "offer_withdrawn")) == told
    assert run(invariants.broken) == {}


def test_a_yes_to_the_held_room_ends_the_enquiries(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")

    say(run, cast, ref, "Rowan")

    assert run(states, ref) == {"Rowan": "accepted", "Cedar": "withdrawn"}
    assert [alias for alias, _ in run(texts, "offer_withdrawn")] == ["Cedar"]
    with pytest.raises(Conflict, match="Another house said yes first"):
        say(run, cast, ref, "Cedar")
    assert run(invariants.broken) == {}


def test_she_waits_for_the_houses_that_are_left_and_then_for_the_plan(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")

    say(run, cast, ref, "Rowan", "full")

    assert run(state_of, ref) == ReferralState.OFFERED
    assert run(beds_used, ref) == set()
    assert ref not in run(_in_the_plan), "no third room meanwhile"
    say(run, cast, ref, "Cedar", "outside_hours")
    assert run(state_of, ref) == ReferralState.READY
    assert ref in run(_in_the_plan)
    vetoed = run(_vetoed, ref)
    assert {f"refuge-{cast.rowan_id}", f"refuge-{cast.cedar_id}"} <= vetoed
    assert run(invariants.broken) == {}


def test_an_enquired_house_reads_what_an_asked_house_reads_and_no_more(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")

    def rows() -> dict[str, tuple[int, ...]]:
        tables = ("needs", "safety", "caller", "placement", "bed_use")
        found = {}
        for alias in ("Rowan", "Cedar"):
            with transaction(by=_staff(cast, alias)):
                counts = [text(f"SELECT count(*) FROM {table}") for table in tables]
                found[alias] = tuple(int(db.session.scalar(each) or 0) for each in counts)
        return found

    assert run(rows) == {"Rowan": (1, 0, 0, 1, 1), "Cedar": (1, 0, 0, 1, 0)}
    say(run, cast, ref, "Rowan")
    assert run(rows)["Cedar"] == (0, 0, 0, 1, 0), "she is not theirs"


def _staff(cast: Cast, alias: str) -> Actor:
    return {"Rowan": cast.bea, "Cedar": cast.chloe}[alias].actor


def _in_the_plan() -> list[str]:
    with transaction(by=SYSTEM) as now:
        return [each["id"] for each in snapshot.take(now).problem["households"]]


def _vetoed(ref: str) -> set[str]:
    with transaction(by=SYSTEM) as now:
        households = snapshot.take(now).problem["households"]
    return set(next(each for each in households if each["id"] == ref)["vetoed_refuges"])


def test_a_yes_still_counts_when_the_held_room_is_gone(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar", "Fern")
    say(run, cast, ref, "Rowan", "full")

    say(run, cast, ref, "Cedar")

    assert run(states, ref) == {"Rowan": "declined", "Cedar": "accepted", "Fern": "withdrawn"}
    assert run(invariants.broken) == {}


def test_nobody_answers_and_each_silence_is_written_down(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")
    run_as_owner(clock.shift_by, timedelta(minutes=20))

    assert run_as_worker(offers.lapse_offers) == 2

    assert run(states, ref) == {"Rowan": "lapsed", "Cedar": "lapsed"}
    reasons = {placement.reason_code for placement in run(asks_of, ref).values()}
    assert reasons == {"no_reply_house"}
    assert run(state_of, ref) == ReferralState.READY
    assert run(invariants.broken) == {}


def test_an_enquiry_is_open_until_its_last_second(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")
    run_as_owner(clock.shift_by, timedelta(minutes=20))

    with pytest.raises(Conflict, match="time to answer"):
        say(run, cast, ref, "Cedar")

    assert run(states, ref)["Rowan"] == "offered", "nothing else was changed"


@pytest.mark.parametrize("is_last", [False, True])
def test_the_room_has_gone_and_nothing_else_is_changed(
    cast: Cast, run: Run, run_as_worker: Run, ref: str, is_last: bool
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")
    if is_last:
        say(run, cast, ref, "Rowan", "full")
    room = run(room_of, "Cedar", "1").public_id
    other = run(make_referral, cast.amara.actor).ref
    run(matching.override, other, at_once(room), by=cast.dee.actor)

    with pytest.raises(Conflict, match="taken in the meantime"):
        say(run, cast, ref, "Cedar")

    found = run(asks_of, ref)
    assert (found["Cedar"].state, found["Cedar"].reason_code) == ("withdrawn", "room_gone")
    assert found["Rowan"].state == ("declined" if is_last else "offered")
    assert run(state_of, ref) == (ReferralState.READY if is_last else ReferralState.OFFERED)
    assert run(states, other) == {"Cedar": "offered"}
    assert run(invariants.broken) == {}


def test_a_room_taken_out_of_use_cannot_be_said_yes_to(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")
    run(voids.start_void, run(room_of, "Cedar", "1").public_id, "repair", by=cast.chloe.actor)

    with pytest.raises(Conflict, match="taken in the meantime"):
        say(run, cast, ref, "Cedar")

    assert run(states, ref) == {"Rowan": "offered", "Cedar": "withdrawn"}


def test_every_rule_holds_again_at_the_yes(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    """Somebody she must never meet has come to the house since it was asked."""
    ask(run, run_as_worker, cast, ref, "Cedar")
    apart = run(make_referral, cast.amara.actor, same_as=ref, tie=LinkKind.APART).ref
    second = run(room_of, "Cedar", "2").public_id
    run(matching.override, apart, at_once(second), by=cast.dee.actor)

    with pytest.raises(Conflict, match="somebody else has come"):
        say(run, cast, ref, "Cedar")

    assert run(states, ref) == {"Rowan": "offered", "Cedar": "withdrawn"}
    assert run(invariants.broken) == {}


def test_the_officer_withdraws_and_every_house_is_told(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar", "Fern")

    run(referrals.withdraw, ref, "other_bed_found", by=cast.amara.actor)

    assert set(run(states, ref).values()) == {"withdrawn"}
    assert {each.reason_code for each in run(asks_of, ref).values()} == {"other_bed_found"}
    assert [alias for alias, _ in run(texts, "offer_withdrawn")] == ["Cedar", "Fern", "Rowan"]
    assert run(invariants.broken) == {}


def test_the_desk_stops_asking_one_house(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")
    enquiry = run(asks_of, ref)["Cedar"].public_id

    run(offers.withdraw_offer, enquiry, "offer_mistake", by=cast.dee.actor)

    assert run(states, ref) == {"Rowan": "offered", "Cedar": "withdrawn"}
    assert run(state_of, ref) == ReferralState.OFFERED


# Many at once.


def _all_at_once(tasks: list[Callable[[], str]]) -> list[str]:
    start = Barrier(len(tasks))

    def go(task: Callable[[], str]) -> str:
        start.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(go, tasks))


def _everybody_says_yes(app: Flask, run: Run, cast: Cast, ref: str, times: int) -> list[str]:
    ways = [
        (run(house, cast, alias), placement.public_id)
        for alias, placement in run(asks_of, ref).items()
    ]

    def answer(by: Actor, which: UUID) -> Callable[[], str]:
        def send() -> str:
            with app.app_context():
                try:
                    offers.accept_offer(by=by, channel=Channel.WEB, public_id=which)
                except Conflict as conflict:
                    return str(conflict)
                return "yes"

        return send

    return _all_at_once([answer(*way) for way in ways * times])


def test_every_house_says_yes_at_once_and_one_has_her(
    app: Flask, cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar", "Fern")

    answers = _everybody_says_yes(app, run, cast, ref, times=4)

    assert answers.count("yes") == 1
    assert Counter(run(states, ref).values()) == {"accepted": 1, "withdrawn": 2}
    (winner,) = [alias for alias, state in run(states, ref).items() if state == "accepted"]
    assert run(beds_used, ref) == {winner}
    told = {alias for alias, _ in run(texts, "offer_withdrawn")}
    assert told == {"Rowan", "Cedar", "Fern"} - {winner}
    assert run(invariants.broken) == {}


def test_two_women_asked_of_one_room_and_the_house_says_yes_to_both_at_once(
    app: Flask, cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    other = str(run(make_referral, cast.amara.actor).ref)
    ask(run, run_as_worker, cast, ref, "Hazel")
    ask(run, run_as_worker, cast, other, "Hazel", proposed="Fern")
    by = run(house, cast, "Hazel")
    both = [run(asks_of, each)["Hazel"].public_id for each in (ref, other)]

    def yes(which: UUID) -> Callable[[], str]:
        def send() -> str:
            with app.app_context():
                try:
                    offers.accept_offer(by=by, channel=Channel.WEB, public_id=which)
                except Conflict as conflict:
                    return str(conflict)
                return "yes"

        return send

    answers = _all_at_once([yes(which) for which in both])

    assert sorted(answers)[1] == "yes"
    assert "taken in the meantime" in sorted(answers)[0]
    ends = Counter(run(states, each)["Hazel"] for each in (ref, other))
    assert ends == {"accepted": 1, "withdrawn": 1}
    assert run(invariants.broken) == {}


def _a_yes_and_a_choice(
    app: Flask, cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> list[str]:
    """Hazel says yes while the desk chooses Hazel for somebody whom she must never meet."""
    apart = str(run(make_referral, cast.amara.actor, same_as=ref, tie=LinkKind.APART).ref)
    ask(run, run_as_worker, cast, ref, "Hazel")
    second = run(room_of, "Hazel", "2").public_id
    by, which = run(house, cast, "Hazel"), run(asks_of, ref)["Hazel"].public_id

    def told(act: Callable[[], object]) -> Callable[[], str]:
        def go() -> str:
            with app.app_context():
                try:
                    act()
                except (Conflict, Invalid):
                    return "no"
                return "yes"

        return go

    return _all_at_once(
        [
            told(lambda: offers.accept_offer(by=by, channel=Channel.WEB, public_id=which)),
            told(lambda: matching.override(apart, at_once(second), by=cast.dee.actor)),
        ]
    )


def test_a_yes_and_a_choice_at_once_never_bring_two_together_who_must_not_meet(
    app: Flask, cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    said = _a_yes_and_a_choice(app, cast, run, run_as_worker, ref)

    assert sorted(said) == ["no", "yes"]
    assert run(invariants.broken) == {}


def test_without_waiting_for_its_turn_a_yes_would(
    app: Flask,
    cast: Cast,
    run: Run,
    run_as_worker: Run,
    ref: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matching, "wait_for_turn", lambda: None)
    both_have_looked = Barrier(2, timeout=10)

    def look(*args: Any, **kwargs: Any) -> object:
        seen = snapshot.take(*args, **kwargs)
        if kwargs["person_for"]:  # not the decision that asked the houses
            both_have_looked.wait()
        return seen

    monkeypatch.setattr(fitting, "take", look)

    _a_yes_and_a_choice(app, cast, run, run_as_worker, ref)

    assert "I17 women to be kept apart in one house" in run(invariants.broken)
