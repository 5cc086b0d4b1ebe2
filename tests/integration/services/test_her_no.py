"""She says no to a house: it costs her nothing, and it is nobody else's no."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.events import Event
from app.models.messages import Task
from app.models.placements import Channel
from app.models.referrals import Referral, ReferralState
from app.services import case, follow, invariants, offers, snapshot
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of
from tests.several_houses import asks_of, state_of, states, texts


@pytest.fixture
def ref(cast: Cast, run: Run) -> str:
    """A woman for whom Rowan is asked."""
    ref = str(run(make_referral, cast.amara.actor).ref)
    room = run(room_of, "Rowan", "1").public_id
    run(offer_room, ref, by=cast.dee.actor, room=room)
    return ref


def _vetoed(ref: str) -> list[str]:
    with transaction(by=SYSTEM) as now:
        households = snapshot.take(now).problem["households"]
    return list(next(each for each in households if each["id"] == ref)["vetoed_refuges"])


def _since(ref: str) -> object:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral.submitted_at).where(Referral.ref == ref)).one()


def _tasks() -> int:
    with transaction(by=SYSTEM):
        return db.session.scalar(select(func.count(Task.id))) or 0


def _facts(ref: str) -> list[str]:
    with transaction(by=SYSTEM):
        kinds = select(Event.kind).join(Referral, Referral.id == Event.referral_id)
        return list(db.session.scalars(kinds.where(Referral.ref == ref).order_by(Event.id)))


@pytest.mark.parametrize("who", ["amara", "dee"])
@pytest.mark.parametrize("is_promised", [False, True])
def test_she_keeps_her_turn_and_the_house_is_left_out(
    cast: Cast, run: Run, ref: str, who: str, is_promised: bool
) -> None:
    if is_promised:
        run(accept, run(placement_of, ref), by=cast.bea.actor)
    since, offer = run(_since, ref), run(placement_of, ref).public_id
    decline = offers.decline_for_her if who == "amara" else offers.withdraw_offer

    run(decline, offer, "too_near", by=cast.everybody()[who].actor)

    assert run(state_of, ref) == ReferralState.READY
    assert run(_since, ref) == since
    assert run(_vetoed, ref) == [f"refuge-{cast.rowan_id}"], "her wish is kept"
    assert run(_tasks) == 0, "nothing counts against her or her officer"
    assert "she_declined" in run(_facts, ref)
    assert "offer_withdrawn" not in run(_facts, ref)
    assert [alias for alias, _ in run(texts, "offer_withdrawn")] == ["Rowan"]
    [past] = run(case.show_case, ref, by=cast.dee.actor).history
    assert (past.ended_by, past.reason) == (
        "declined_by_survivor",
        "It is too near to where she was harmed",
    )
    assert run(invariants.broken) == {}


def test_only_her_reasons_only_her_force_and_only_while_a_room_is_kept(
    cast: Cast, run: Run, ref: str
) -> None:
    offer = run(placement_of, ref).public_id
    for reason in ("full", "duplicate", "her_wish", "no_reply_house"):
        with pytest.raises(Invalid):
            run(offers.decline_for_her, offer, reason, by=cast.amara.actor)
    for name, error in (("bram", NotFound), ("cora", NotFound), ("bea", NotAllowed)):
        with pytest.raises(error):
            run(offers.decline_for_her, offer, "too_far", by=cast.everybody()[name].actor)
    assert run(follow.her_room, ref, by=cast.amara.actor) == offer
    run(offers.decline_offer, by=cast.bea.actor, channel=Channel.WEB, reason="full",
        public_id=offer)  # fmt: skip

    with pytest.raises(Conflict, match="No room is kept"):
        run(follow.her_room, ref, by=cast.amara.actor)
    with pytest.raises(Conflict, match="already been declined"):
        run(offers.decline_for_her, offer, "too_far", by=cast.amara.actor)


def test_a_retired_reason_is_offered_to_nobody_and_still_read(
    cast: Cast, run: Run, run_as_owner: Run, ref: str
) -> None:
    offer = run(placement_of, ref).public_id
    run(offers.decline_for_her, offer, "too_near", by=cast.amara.actor)
    run_as_owner(_retire, "too_near")

    page = run(case.show_case, ref, by=cast.dee.actor)
    mine = run(follow.show_request, ref, by=cast.amara.actor)

    assert page.history[0].reason == "It is too near to where she was harmed"
    listed = [*page.her_reasons, *mine.her_reasons, *mine.withdraw_reasons]
    assert "too_far" in dict(listed)
    assert "too_near" not in dict(listed)
    room = run(room_of, "Cedar", "1").public_id
    second = run(offer_room, ref, by=cast.dee.actor, room=room).public_id
    with pytest.raises(Invalid):
        run(offers.decline_for_her, second, "too_near", by=cast.amara.actor)
    assert run(states, ref) == {"Rowan": "withdrawn", "Cedar": "offered"}
    assert run(asks_of, ref)["Rowan"].reason_code == "too_near"


def _retire(code: str) -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text("UPDATE reason SET is_active = false WHERE code = :c"), {"c": code})
