"""The age of the oldest text that should have gone out: what readiness stands on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.messages import Message, MessageState
from app.services import health
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room


@pytest.mark.parametrize("state", [MessageState.NEW, MessageState.INFLIGHT, MessageState.UNKNOWN])
def test_a_text_put_off_again_and_again_is_as_old_as_it_is(
    cast: Cast, run: Run, run_as_owner: Run, state: MessageState
) -> None:
    referral = run(make_referral, cast.amara.actor)
    run(offer_room, referral.ref, by=cast.dee.actor)
    run_as_owner(_put_off, state)

    signs = run(health.vital_signs)

    assert 600 <= signs.oldest_text_seconds < 660
    assert any("texts are waiting" in fault for fault in health.faults(signs))


@pytest.mark.parametrize("state", [MessageState.ACCEPTED, MessageState.FAILED])
def test_a_text_that_is_settled_waits_no_more(
    cast: Cast, run: Run, run_as_owner: Run, state: MessageState
) -> None:
    referral = run(make_referral, cast.amara.actor)
    run(offer_room, referral.ref, by=cast.dee.actor)
    run_as_owner(_put_off, state)

    assert run(health.vital_signs).oldest_text_seconds == -1


def test_a_text_whose_time_has_passed_waits_no_more(
    cast: Cast, run: Run, run_as_owner: Run
) -> None:
    referral = run(make_referral, cast.amara.actor)
    run(offer_room, referral.ref, by=cast.dee.actor)
    run_as_owner(_put_off, MessageState.NEW, minutes_left=-1)

    assert run(health.vital_signs).oldest_text_seconds == -1


def _put_off(state: MessageState, *, minutes_left: int = 5) -> None:
    """Owed ten minutes ago, and due again only in a moment."""
    with transaction(by=SYSTEM) as now:
        assert db.session.scalar(select(Message.id)) is not None
        db.session.execute(
            update(Message).values(
                state=state,
                created_at=now - timedelta(minutes=10),
                due_at=now + timedelta(seconds=30),
                not_after=now + timedelta(minutes=minutes_left),
            )
        )
