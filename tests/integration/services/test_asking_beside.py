"""Which houses may be asked beside the one whose room is held, and what the database refuses."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid
from app.models.beds import Refuge, Room
from app.models.plans import PlanLine
from app.models.reference import Urgency
from app.models.referrals import LinkKind, Referral
from app.services import clock, matching, offers
from app.services.matching.beside import NOT_READ, SAME_HOUSE, TOGETHER
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, room_of
from tests.several_houses import HOUSES, ask, plan_for, say, states, two_more_houses


@pytest.fixture
def ref(cast: Cast, run: Run, run_as_owner: Run) -> str:
    """A woman who waits, and four houses that could take her."""
    run_as_owner(two_more_houses, cast)
    return str(run(make_referral, cast.amara.actor).ref)


def test_how_many_houses_are_asked_at_once_is_dated_policy(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_owner(two_more_houses, cast)
    run_as_owner(_policy_from_tomorrow)
    others = HOUSES[1:]
    for urgency, more in ((Urgency.EMERGENCY, 2), (Urgency.URGENT, 1), (Urgency.PLANNED, 0)):
        ref = run(make_referral, cast.amara.actor, urgency=urgency).ref
        with pytest.raises(Invalid, match="may be asked beside the first"):
            ask(run, run_as_worker, cast, ref, *others[: more + 1])
        assert run(states, ref) == {}, "nobody is asked"
        outcome = ask(run, run_as_worker, cast, ref, *others[:more])
        assert outcome.beside == ({ref: more} if more else {})
        run(offers.withdraw_offer, run(_held, ref), "offer_mistake", by=cast.dee.actor)
    run_as_owner(clock.shift_by, timedelta(days=1))
    ref = run(make_referral, cast.amara.actor).ref

    assert ask(run, run_as_worker, cast, ref, *others).beside == {ref: 3}


def _policy_from_tomorrow() -> None:
    with transaction(by=SYSTEM) as now:
        tomorrow = {"day": now.date() + timedelta(days=1)}
        policy = text("INSERT INTO enquiry_policy VALUES ('emergency', :day, 4, 50)")
        db.session.execute(policy, tomorrow)


def _held(ref: str) -> UUID:
    with transaction(by=SYSTEM):
        held = "SELECT p.public_id FROM placement p JOIN referral r ON r.id = p.referral_id"
        which = text(f"{held} WHERE r.ref = :ref AND p.live")
        return UUID(str(db.session.scalar(which, {"ref": ref})))


def test_what_cannot_be_asked_says_why_and_the_offer_stands(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, ref: str
) -> None:
    """A room that is not listed, a second one of the same house, one taken since, one forbidden."""
    run_as_owner(_four_at_once)
    run_as_worker(matching.make_plan)
    run_id = run_as_worker(plan_for, ref)
    second = run(room_of, "Rowan", "2")
    run_as_worker(_list_also, ref, second)
    rooms = [run(room_of, "Cedar", "2"), second, *(run(room_of, each, "1") for each in HOUSES[2:])]
    run_as_owner(_close, "Fern")
    run_as_owner(_too_near_for_her, "Hazel", ref)

    outcome = run(
        matching.confirm_plan,
        run_id,
        [ref],
        by=cast.dee.actor,
        also={ref: [room.public_id for room in rooms]},
    )

    assert outcome.not_asked[ref][:3] == [
        f"Cedar, room 2: {NOT_READ}",
        f"Rowan, room 2: {SAME_HOUSE}",
        f"Fern, room 1: {matching.STALE}",
    ]
    assert outcome.not_asked[ref][3].startswith("Hazel, room 1: A rule would be broken")
    assert (outcome.offered, outcome.beside) == ([ref], {})
    assert run(states, ref) == {"Rowan": "offered"}


def _four_at_once() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text("UPDATE enquiry_policy SET houses_at_once = 5"))


def _close(alias: str) -> None:
    with transaction(by=SYSTEM):
        db.session.execute(update(Refuge).where(Refuge.alias == alias).values(is_open=False))


def _too_near_for_her(alias: str, ref: str) -> None:
    """Men who know the house's women would know her."""
    with transaction(by=SYSTEM):
        db.session.execute(update(Refuge).where(Refuge.alias == alias).values(networks=["n1"]))
        mine = "UPDATE safety SET networks = ARRAY['n1'] FROM referral r"
        hers = text(f"{mine} WHERE r.safety_id = safety.id AND r.ref = :ref")
        db.session.execute(hers, {"ref": ref})


def _list_also(ref: str, room: Room) -> None:
    with transaction(by=SYSTEM):
        line = db.session.scalars(
            select(PlanLine).join(Referral).where(Referral.ref == ref).order_by(PlanLine.id.desc())
        ).first()
        assert line is not None
        entry = {"room_id": room.id, "refuge_id": room.refuge_id, "allowed": True}
        line.alternatives = [*(line.alternatives or []), entry | {"cost_text": "", "rule_text": ""}]


def test_women_who_stay_together_are_asked_of_one_house(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    run(make_referral, cast.amara.actor, same_as=ref, tie=LinkKind.TOGETHER)
    run_id = run_as_worker(matching.make_plan)
    beside = run(room_of, run_as_worker(_not_proposed, ref), "1").public_id

    outcome = run(matching.confirm_plan, run_id, [ref], by=cast.dee.actor, also={ref: [beside]})

    assert len(outcome.offered) == 2
    assert outcome.not_asked[ref][0].endswith(TOGETHER)


def _not_proposed(ref: str) -> str:
    """A house that the plan does not propose for her."""
    with transaction(by=SYSTEM):
        taken = select(PlanLine.refuge_id).join(Referral).where(Referral.ref == ref)
        free = select(Refuge.alias).where(Refuge.id.not_in(taken)).order_by(Refuge.id)
        return str(db.session.scalars(free).first())


# What the database itself refuses.

COPY = (
    "INSERT INTO placement (referral_id, refuge_id, room_id, bed_spaces, state, during,"
    " offer_code, offer_expires_at, decided_by_id)"
    " SELECT referral_id, refuge_id, room_id, bed_spaces, '{state}', during, 'ZZZZZZ',"
    " offer_expires_at, decided_by_id FROM placement WHERE state = 'enquired'"
)
REFUSED = {
    "a placement begins as an offer or an enquiry": [COPY.format(state="accepted")],
    "it does not begin with its end": [COPY.format(state="declined")],
    "no house is asked twice for her at once": [COPY.format(state="enquired")],
    "an enquiry is answered before she arrives": [
        "UPDATE placement SET state = 'arrived' WHERE state = 'enquired'"
    ],
    "an enquiry ends in an answer": [
        "UPDATE placement SET state = 'not_arrived' WHERE state = 'enquired'"
    ],
    "an enquiry never becomes the offer": [
        "UPDATE placement SET state = 'withdrawn' WHERE state = 'offered'",
        "UPDATE placement SET state = 'offered' WHERE state = 'enquired'",
    ],
    "an enquiry has its time": [
        "UPDATE placement SET offer_expires_at = NULL WHERE state = 'enquired'"
    ],
    "who is asked for does not wait for the plan": [
        "UPDATE placement SET state = 'declined' WHERE state = 'offered'",
        "UPDATE referral SET state = 'ready' WHERE state = 'offered'",
    ],
    "who is promised a room is asked for no more": [
        "UPDATE placement SET state = 'accepted' WHERE state = 'offered'",
        "UPDATE referral SET state = 'confirmed' WHERE state = 'offered'",
    ],
    "a yes without beds is none": [
        "UPDATE placement SET state = 'declined' WHERE state = 'offered'",
        "UPDATE placement SET state = 'accepted' WHERE state = 'enquired'",
        "UPDATE referral SET state = 'confirmed' WHERE state = 'offered'",
    ],
}


def test_the_database_refuses_what_the_code_would_never_do(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, ref: str
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")

    for what, statements in REFUSED.items():
        assert run_as_owner(_is_refused, statements), what

    assert run(states, ref) == {"Rowan": "offered", "Cedar": "enquired"}


def _is_refused(statements: list[str]) -> bool:
    try:
        with transaction(by=SYSTEM):
            for statement in statements:
                db.session.execute(text(statement))
    except Conflict:
        return True
    return False


def test_a_yes_that_forgot_the_other_houses_is_no_yes(
    cast: Cast, run: Run, run_as_worker: Run, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(run, run_as_worker, cast, ref, "Cedar")
    monkeypatch.setattr(offers, "withdraw_the_others", lambda *_: None)

    for alias in ("Rowan", "Cedar"):
        with pytest.raises(Conflict, match="hanged"):
            say(run, cast, ref, alias)

    assert run(states, ref) == {"Rowan": "offered", "Cedar": "enquired"}
