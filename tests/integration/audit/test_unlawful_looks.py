"""I12: a look by somebody who may not look is found in the trail, however it came about."""

from __future__ import annotations

from sqlalchemy import text

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.events import Fact, record
from app.services import invariants
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral

RULE = "I12 a look by somebody who may not look"


def _look(fact: Fact, by: Actor, referral_id: int, refuge_id: int | None = None) -> None:
    with transaction(by=SYSTEM):
        record(fact, by=by, referral_id=referral_id, refuge_id=refuge_id)


def _stop(subject: Actor, kind: Fact, seconds_ago: int) -> None:
    """An account stopped or let in again some time ago; the trail is all that is asked."""
    with transaction(by=SYSTEM):
        db.session.execute(
            text(
                "INSERT INTO event (at, kind, actor_role, subject_user_id)"
                " VALUES (waymark_now() - make_interval(secs => :ago), :kind, 'system', :subject)"
            ),
            {"ago": seconds_ago, "kind": kind.value, "subject": subject.user_id},
        )


def test_a_look_by_somebody_who_may_not_look_is_an_alarm(cast: Cast, run: Run) -> None:
    ref = run(make_referral, cast.amara.actor).id
    for person, fact, refuge in (
        (cast.amara, Fact.REFERRAL_VIEWED, None),
        (cast.sergeant, Fact.REFERRAL_VIEWED, None),
        (cast.dee, Fact.REFERRAL_VIEWED, None),
        (cast.bea, Fact.OFFER_VIEWED, cast.rowan_id),
    ):
        run(_look, fact, person.actor, ref, refuge)
    run(_stop, cast.amara.actor, Fact.USER_DISABLED, 60)
    run(_stop, cast.amara.actor, Fact.USER_ENABLED, 50)
    run(_look, Fact.REFERRAL_VIEWED, cast.amara.actor, ref)
    run(_stop, cast.dee.actor, Fact.USER_DISABLED, 1)
    run(_look, Fact.REFERRAL_VIEWED, cast.dee.actor, ref)  # was under way when she was stopped
    assert RULE not in run(invariants.broken)

    expected = 0
    for person, fact, refuge in (
        (cast.bram, Fact.REFERRAL_VIEWED, None),
        (cast.cora, Fact.REFERRAL_VIEWED, None),
        (cast.chloe, Fact.STAY_VIEWED, cast.rowan_id),
    ):
        run(_look, fact, person.actor, ref, refuge)
        expected += 1
        assert run(invariants.broken)[RULE] == expected, person.email
    run(_stop, cast.amara.actor, Fact.USER_DISABLED, 60)
    run(_look, Fact.REFERRAL_VIEWED, cast.amara.actor, ref)
    assert run(invariants.broken)[RULE] == expected + 1
