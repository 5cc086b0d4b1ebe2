"""The pages of a move to another house: asked for, followed and called off, and whom each rings."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.placements import Placement
from app.models.reference import Urgency
from app.models.referrals import Referral
from app.services import holds, matching, offers, transfers
from app.services.asked import NewTransfer
from tests.browser_without_a_window import text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, offer_room, placement_of, room_of
from tests.integration.stays.conftest import Promised, request_of

ASKED = {"transfer_reason": "transfer_nearer", "transfer_urgency": "planned"}
CEDAR = ("Cedar", "020 7946 0101", "Meeting point of Cedar")


def newest_ref() -> str:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Referral.ref).order_by(Referral.id.desc())).first() or ""


def promise(run: Run, cast: Cast, ref: str) -> Placement:
    room = run(room_of, "Cedar", "1").public_id
    run(accept, run(offer_room, ref, by=cast.dee.actor, room=room), by=cast.chloe.actor)
    found: Placement = run(placement_of, ref)
    return found


def test_the_house_asks_follows_and_calls_off(
    lives_at_rowan: Promised, cast: Cast, run: Run, browser_of: Any
) -> None:
    page = f"/refuge/stays/{lives_at_rowan().public_id}"
    bea = browser_of(cast.bea.email)
    assert "Ask for another house" in text_of(bea.get(page))
    refused = bea.post(f"{page}/transfer", {"transfer_needs": "staff_24h"})
    assert refused.status_code == 422
    assert "Choose how soon." in text_of(refused)
    assert 'value="staff_24h" checked' in refused.get_data(as_text=True)
    assert bea.post(f"{page}/transfer", ASKED | {"transfer_urgency": "now"}).status_code == 422

    assert bea.post(f"{page}/transfer", ASKED).status_code == 303

    assert "Looking for another house To be nearer to family" in text_of(bea.get(page))
    promise(run, cast, run(newest_ref))
    shown = text_of(bea.get(page))
    assert all(each in shown for each in CEDAR), "she is brought there as an officer would"
    leaves = bea.post(f"{page}/depart", {"reason": "own_home"}, follow_redirects=True)
    assert "cancel the move first" in text_of(leaves)
    assert bea.post(f"{page}/transfer/cancel", {}).status_code == 422
    assert bea.post(f"{page}/transfer/cancel", {"end_reason": "transfer_stays"}).status_code == 303
    after = text_of(bea.get(page))
    assert "She lives here" in after
    assert not any(each in after for each in CEDAR)


@pytest.mark.parametrize("reason", ["transfer_nearer", "transfer_safety"])
def test_each_house_reads_of_the_other_no_more_than_the_journey_needs(
    lives_at_rowan: Promised, cast: Cast, run: Run, browser_of: Any, reason: str
) -> None:
    stay = lives_at_rowan()
    new = NewTransfer(reason=reason, urgency=Urgency.PLANNED)
    there = promise(run, cast, run(transfers.ask_transfer, stay.public_id, new, by=cast.dee.actor))
    old = text_of(browser_of(cast.bea.email).get(f"/refuge/stays/{stay.public_id}"))
    next_one = browser_of(cast.chloe.email)
    offered = text_of(next_one.get(f"/refuge/stays/{there.public_id}"))

    assert "Rowan" not in offered
    assert "07700 900555" not in offered, "the officer's number"
    assert "OP-LANTERN-7" not in offered
    if reason == "transfer_safety":
        assert not any(each in old for each in CEDAR)
        assert "the duty coordinator arranges the journey" in old
        assert "020 7946 0101" not in offered
        assert "The duty coordinator arranges the journey and rings you" in offered
    else:
        assert all(each in old for each in CEDAR)
        assert "Ring the house she lives in" in offered
    desk = browser_of(cast.dee.email)
    case = text_of(desk.get(f"/desk/requests/{run(request_of, stay).ref}"))
    assert all(each in case for each in CEDAR), "the desk stands between them"
    run(offers.record_arrival, there.public_id, by=cast.chloe.actor)
    here = text_of(next_one.get(f"/refuge/stays/{there.public_id}"))
    assert "She lives here" in here
    assert "020 7946 0101" not in here


def test_the_desk_plans_her_as_one_who_has_her_bed(
    lives_at_rowan: Promised, cast: Cast, run: Run, run_as_worker: Run, browser_of: Any
) -> None:
    stay, dee = lives_at_rowan(), browser_of(cast.dee.email)
    home = f"/desk/requests/{run(request_of, stay).ref}"
    dee.get(home)
    assert dee.post(f"{home}/transfer", {}).status_code == 422
    needs = {"transfer_needs": "step_free"}  # no house has it: she is left out
    assert dee.post(f"{home}/transfer", ASKED | needs).status_code == 303
    ref = run(newest_ref)
    run_as_worker(matching.make_plan)

    board = text_of(dee.get("/desk/board"))
    case = text_of(dee.get(f"/desk/requests/{ref}"))

    assert "Lives in Rowan and keeps her bed there until she has moved." in board
    assert "What the officer is told to do" not in board + case
    assert "She moves from Rowan" in case
    assert "no place was found" not in case, "she is not unmet"
    assert ref in text_of(dee.get(home))
    typed = {"end_reason": "transfer_mistake"}
    assert dee.post(f"/desk/requests/{ref}/transfer/cancel", typed).status_code == 303
    assert dee.post(f"{home}/transfer", ASKED).status_code == 303
    again = dee.post(f"{home}/transfer", ASKED, follow_redirects=True)
    assert "asked for already" in text_of(again)
    there = promise(run, cast, run(newest_ref))
    run(holds.set_out, there.public_id, None, by=cast.dee.actor)
    assert "She is on the way there" in text_of(dee.get(home))
    moving = f"/desk/requests/{run(newest_ref)}"
    assert "She moves from Rowan" in text_of(dee.get(moving))
    run(offers.record_arrival, there.public_id, by=cast.chloe.actor)
    assert "Rowan" not in text_of(dee.get(moving)), "she has moved"
