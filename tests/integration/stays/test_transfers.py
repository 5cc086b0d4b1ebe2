"""A move to another house: planned like a request, while she keeps her bed and counts once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text, update

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.fields import open_field
from app.models.access import RecordRule
from app.models.beds import Void
from app.models.care import RecoveryExtension
from app.models.placements import Placement, PlacementState
from app.models.reference import Urgency
from app.models.referrals import Caller, LinkKind, Needs, Referral, ReferralState, Safety
from app.services import closing, holds, invariants, matching, offers, reports, transfers
from app.services.asked import NewTransfer
from app.services.snapshot import take
from app.services.tonight import tonight
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of
from tests.integration.stays.conftest import Promised, of, request_of, written


def move(reason: str = "transfer_needs", **changes: Any) -> NewTransfer:
    given: dict[str, Any] = {"urgency": Urgency.URGENT, "needs": ("staff_24h",)}
    return NewTransfer(reason=reason, **(given | changes))


def referral_of(ref: str) -> Referral:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral).where(Referral.ref == ref)).one()


@pytest.fixture
def moving(lives_at_rowan: Promised, cast: Cast, run: Run) -> str:
    """A move is asked for; its reference."""
    stay = lives_at_rowan()
    return str(run(transfers.ask_transfer, stay.public_id, move(), by=cast.bea.actor))


def promise_at_cedar(run: Run, cast: Cast, ref: str) -> Placement:
    room = run(room_of, "Cedar", "1").public_id
    offer: Placement = run(offer_room, ref, by=cast.dee.actor, room=room)
    run(accept, offer, by=cast.chloe.actor)
    found: Placement = run(placement_of, ref)
    return found


def kept_of(ref: str) -> tuple[Needs, Safety, str, str]:
    with transaction(by=SYSTEM):
        her = db.session.scalars(select(Referral).where(Referral.ref == ref)).one()
        caller = db.session.get_one(Caller, her.caller_id)
        return (
            db.session.get_one(Needs, her.needs_id),
            db.session.get_one(Safety, her.safety_id),
            open_field(caller, "callback_phone"),
            open_field(caller, "incident_ref"),
        )


def test_it_is_a_request_of_its_own_with_nothing_of_the_officers(
    moving: str, lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    first, made = run(request_of, lives_at_rowan()), run(referral_of, moving)

    needs, _, phone, incident = run(kept_of, moving)
    assert (phone, incident) == ("+442079460101", ""), "her house is rung, never the officer"
    assert needs.essential == ["staff_24h"]
    assert needs.id != first.needs_id
    assert (made.transfer_of_id, made.urgency) == (lives_at_rowan().id, "urgent")
    assert made.officer_id == cast.bea.actor.user_id
    for police in (cast.amara, cast.sergeant, cast.bram):
        assert run(seen_by, moving, police.actor) is False
    assert run(seen_by, moving, cast.dee.actor) is True
    assert run(invariants.broken) == {}


def seen_by(ref: str, by: Actor) -> bool:
    with transaction(by=by):
        return db.session.scalar(select(Referral.id).where(Referral.ref == ref)) is not None


def test_she_keeps_her_bed_until_she_is_there_and_then_her_stay_ends_by_itself(
    moving: str, lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    there = promise_at_cedar(run, cast, moving)
    run(holds.set_out, there.public_id, None, by=cast.dee.actor)
    assert lives_at_rowan().state == PlacementState.ARRIVED
    stay = lives_at_rowan().public_id
    with pytest.raises(Conflict, match="cancel the move first"):
        run(offers.record_departure, stay, "own_home", by=cast.bea.actor)

    run(offers.record_arrival, there.public_id, by=cast.chloe.actor)

    left = lives_at_rowan()
    assert (left.state, left.reason_code) == (PlacementState.DEPARTED, "another_refuge")
    assert run(request_of, left).state == ReferralState.MOVED_ON
    assert run(referral_of, moving).state == ReferralState.RESIDENT
    assert run(voids_of, left.room_id) == ["turnaround"]
    [event] = run(of, "departed")
    assert event.detail == {"reason": "another_refuge", "transfer": True}
    assert run(invariants.broken) == {}


def voids_of(room_id: int) -> list[str]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Void.reason_code).where(Void.room_id == room_id)))


def test_cancelling_leaves_the_stay_as_it_was_and_lets_the_other_room_go(
    moving: str, lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    there, stay = promise_at_cedar(run, cast, moving), lives_at_rowan()
    run(transfers.cancel_transfer, stay.public_id, "transfer_stays", by=cast.bea.actor)

    assert run(placement_of, moving).state == PlacementState.WITHDRAWN
    assert run(referral_of, moving).state == ReferralState.WITHDRAWN
    assert lives_at_rowan().state == PlacementState.ARRIVED
    assert lives_at_rowan().version == stay.version
    with pytest.raises(Conflict, match="No move"):
        run(transfers.cancel_transfer, stay.public_id, "transfer_stays", by=cast.bea.actor)
    with pytest.raises(Conflict, match="withdrawn"):
        run(offers.record_arrival, there.public_id, by=cast.chloe.actor)
    again = run(transfers.ask_transfer, stay.public_id, move(), by=cast.dee.actor)
    with pytest.raises(Conflict, match="asked for already"):
        run(transfers.ask_transfer, stay.public_id, move(), by=cast.dee.actor)
    assert again != moving
    assert run(invariants.broken) == {}


def test_her_own_house_is_never_proposed_and_for_safety_nor_its_neighbours(
    lives_at_rowan: Promised, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    stay = lives_at_rowan()
    plain = run(transfers.ask_transfer, stay.public_id, move(), by=cast.bea.actor)
    [household] = run_as_worker(households)
    assert household["vetoed_refuges"] == [f"refuge-{cast.rowan_id}"]
    assert household["danger_zones"] == []
    room = run(room_of, "Rowan", "2").public_id
    with pytest.raises(Invalid, match="said no to the refuge"):
        run(offer_room, plain, by=cast.dee.actor, room=room)
    run(transfers.cancel_transfer, stay.public_id, "transfer_mistake", by=cast.dee.actor)

    safe = run(transfers.ask_transfer, stay.public_id, move("transfer_safety"), by=cast.dee.actor)
    [household] = run_as_worker(households)
    [zone] = household["danger_zones"]
    assert zone["radius_km"] == 7 + transfers.UNSAFE_KM
    there = promise_at_cedar(run, cast, safe)
    run(offers.record_arrival, there.public_id, by=cast.chloe.actor)
    assert lives_at_rowan().reason_code == "safety_move"


def households() -> list[dict[str, Any]]:
    with transaction(by=SYSTEM) as at:
        found: list[dict[str, Any]] = take(at).problem["households"]
        return found


def test_she_counts_once_and_is_nowhere_without_a_bed(
    moving: str, lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    def counts() -> tuple[Any, ...]:
        found = run(reports.exact_figures, 7, by=cast.mara.actor).everywhere
        asked = found.requests
        return asked.received, asked.placed, asked.waiting, asked.unmet, found.nights.waited

    before = run(tonight)
    assert (before.waiting, before.placed_this_week) == (0, 1)
    assert counts() == (1, 1, 0, 0, 0)
    there = promise_at_cedar(run, cast, moving)
    assert counts() == (1, 1, 0, 0, 0)
    run(offers.record_arrival, there.public_id, by=cast.chloe.actor)
    assert counts() == (1, 1, 0, 0, 0)
    assert run(tonight).placed_this_week == 1


def test_she_is_never_unmet(moving: str, cast: Cast, run: Run) -> None:
    with pytest.raises(Conflict, match="Cancel the move instead"):
        run(closing.close_unmet, moving, "no_bed_anywhere", by=cast.dee.actor)
    unmet = text("UPDATE referral SET state = 'unmet' WHERE transfer_of_id IS NOT NULL")
    with pytest.raises(Conflict):
        run(written, unmet, cast.dee.actor)


def test_when_she_does_not_come_she_has_her_bed_and_the_desk_may_look_on(
    moving: str, lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    there = promise_at_cedar(run, cast, moving)
    run(offers.record_not_arrived, there.public_id, "transport_failed", by=cast.chloe.actor)

    assert lives_at_rowan().state == PlacementState.ARRIVED
    run(closing.reopen, moving, by=cast.dee.actor)
    assert run(referral_of, moving).state == ReferralState.READY
    assert run(invariants.broken) == {}


LOSE_HER_BED = (
    "UPDATE placement SET state = 'departed' WHERE state = 'arrived'",
    "UPDATE referral SET transfer_of_id = NULL, transfer_reason = NULL",
)
OF_NO_STAY = """
    INSERT INTO referral (ref, force_id, officer_id, incident_id, needs_id, safety_id, caller_id,
                          clock_policy_id, urgency, transfer_of_id, transfer_reason)
    SELECT 'R-2222222', force_id, officer_id, incident_id, gen_random_uuid(), safety_id, caller_id,
           clock_policy_id, urgency, 999, transfer_reason
      FROM referral WHERE transfer_of_id IS NOT NULL"""


def test_the_database_keeps_her_bed_and_one_who_lost_it_is_noticed(
    moving: str, lives_at_rowan: Promised, cast: Cast, run: Run, run_as_owner: Run
) -> None:
    for statement in LOSE_HER_BED:
        for by in (cast.dee.actor, SYSTEM):
            with pytest.raises(Conflict):
                run(written, text(statement), by)
    assert lives_at_rowan().state == PlacementState.ARRIVED

    free = "ALTER TABLE referral DROP CONSTRAINT {}"
    for name in ("fk_referral_needs_id", "uq_referral_safety_id"):
        run_as_owner(written, text(free.format(name)), SYSTEM)
    with pytest.raises(Conflict):
        run_as_owner(written, text(OF_NO_STAY), SYSTEM)
    run_as_owner(written, text("ALTER TABLE placement DISABLE TRIGGER USER"), SYSTEM)
    run_as_owner(written, text(LOSE_HER_BED[0]), SYSTEM)
    assert "I32" in {name.split()[0] for name in run(invariants.broken)}


def test_the_database_refuses_two_homes(
    moving: str, lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    there = promise_at_cedar(run, cast, moving)

    def both() -> None:
        with transaction(by=cast.dee.actor) as now:
            db.session.execute(
                update(Placement)
                .where(Placement.id == there.id)
                .values(state=PlacementState.ARRIVED, arrived_at=now)
            )
            db.session.execute(
                update(Referral).where(Referral.ref == moving).values(state="resident")
            )

    with pytest.raises(Conflict):
        run(both)


def test_whom_she_must_not_meet_and_who_must_not_see_her_go_with_her(
    lives_at_rowan: Promised, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    first = run(request_of, lives_at_rowan())
    enemy = run(make_referral, cast.amara.actor, same_as=first.ref, tie=LinkKind.APART)
    run(deny, first.id, cast.chloe.actor, cast.dee.actor)
    ref = run(
        transfers.ask_transfer, lives_at_rowan().public_id, move(), by=cast.rowan_manager.actor
    )

    [hers] = [each for each in run_as_worker(households) if each["id"] == ref]
    assert enemy.ref in hers["apart_from"]
    assert run(seen_by, ref, cast.chloe.actor) is False
    assert run(denied, run(referral_of, ref).id) == [cast.chloe.actor.user_id]
    run(deny, first.id, cast.rowan_manager.actor, cast.dee.actor)  # later on, too
    assert len(run(denied, run(referral_of, ref).id)) == 2


def deny(referral_id: int, whom: Actor, by: Actor) -> None:
    with transaction(by=by):
        db.session.add(
            RecordRule(
                referral_id=referral_id,
                user_id=whom.user_id,
                kind="deny",
                reason="Known to him",
                by_id=by.user_id,
            )
        )


def denied(referral_id: int) -> list[int]:
    with transaction(by=SYSTEM):
        query = select(RecordRule.user_id).where(RecordRule.referral_id == referral_id)
        return list(db.session.scalars(query))


def test_women_who_belong_together_move_together(
    lives_at_rowan: Promised, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    first = run(request_of, lives_at_rowan())
    sister = run(make_referral, cast.amara.actor, same_as=first.ref, tie=LinkKind.TOGETHER)
    room = run(room_of, "Rowan", "2").public_id
    hers = run(offer_room, sister.ref, by=cast.dee.actor, room=room)
    run(accept, hers, by=cast.bea.actor)
    run(offers.record_arrival, hers.public_id, by=cast.bea.actor)

    one = run(transfers.ask_transfer, lives_at_rowan().public_id, move(needs=()), by=cast.bea.actor)
    assert run_as_worker(groups) == [], "one who stays does not hold her here"
    other = run(transfers.ask_transfer, hers.public_id, move(needs=()), by=cast.bea.actor)
    assert run_as_worker(groups) == [sorted([one, other])]
    run_id = run_as_worker(matching.make_plan)
    outcome = run(matching.confirm_plan, run_id, [one], by=cast.dee.actor)
    assert sorted(outcome.offered) == sorted([one, other])


def groups() -> list[list[str]]:
    with transaction(by=SYSTEM) as at:
        found: list[list[str]] = take(at).problem["together"]
        return found


def test_her_right_to_recover_is_never_made_shorter_by_moving(
    lives_at_rowan: Promised, moving: str, cast: Cast, run: Run
) -> None:
    stay = lives_at_rowan()
    far = text(
        "INSERT INTO recovery_extension"
        " (placement_id, refuge_id, until_day, reason_code, recorded_by_id)"
        f" SELECT {stay.id}, refuge_id, starts_on + 200, 'recovery_health', :by FROM recovery"
    ).bindparams(by=cast.bea.actor.user_id)
    run(written, far, cast.bea.actor)
    there = promise_at_cedar(run, cast, moving)
    run(offers.record_arrival, there.public_id, by=cast.chloe.actor)

    carried = run(extension_of, there.id)
    assert carried.reason_code == "recovery_carried"
    assert (carried.until_day - run(extension_of, stay.id).until_day).days == 0


def extension_of(placement_id: int) -> RecoveryExtension:
    with transaction(by=SYSTEM):
        return db.session.scalars(
            select(RecoveryExtension).where(RecoveryExtension.placement_id == placement_id)
        ).one()


def test_only_her_house_and_the_desk_ask_and_call_off(
    moving: str, lives_at_rowan: Promised, cast: Cast, run: Run
) -> None:
    stay = lives_at_rowan().public_id
    for by, error in (
        (cast.chloe, NotFound),
        (cast.amara, NotAllowed),
        (cast.sergeant, NotAllowed),
        (cast.mara, NotAllowed),
        (cast.ada, NotAllowed),
    ):
        with pytest.raises(error):
            run(transfers.ask_transfer, stay, move(), by=by.actor)
        with pytest.raises(error):
            run(transfers.cancel_transfer, stay, "transfer_stays", by=by.actor)
    for wrong in (move("full"), move("pause_asked")):
        with pytest.raises(Invalid):
            run(transfers.ask_transfer, stay, wrong, by=cast.bea.actor)
    assert run(referral_of, moving).state == ReferralState.READY
