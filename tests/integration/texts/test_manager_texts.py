"""Texts to the manager of a level: to her number, with a reference and nothing of the woman."""

from __future__ import annotations

from typing import Any

from app.models.clocks import Level
from app.models.messages import TaskKind
from app.notices import Template, render
from app.services import escalation, invariants
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral
from tests.fake_twilio import FakeTwilio
from tests.integration.services.test_escalation import BOSS, add, minutes, texts
from tests.integration.texts.owed import tasks


def test_the_manager_of_the_level_is_told_by_a_text_that_says_nothing_of_her(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, twilio: FakeTwilio, send: Any
) -> None:
    run(add, cast)
    run(add, cast, level=Level.REGIONAL_MANAGER, phone="+447700900702")
    ref = run(make_referral, cast.amara.actor).ref
    minutes(run_as_owner, 46)

    run_as_worker(escalation.escalate)
    send()

    (text_owed,) = run(texts)
    body = render(Template.ESCALATED, text_owed.variables)
    assert body.startswith(f"{ref} needs the duty manager")
    assert [(each["recipient"], each["body"]) for each in twilio.ledger()] == [(BOSS, body)]
    assert run(invariants.broken) == {}


def test_a_text_that_does_not_reach_the_manager_is_told_to_the_desk(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, twilio: FakeTwilio, send: Any
) -> None:
    run(add, cast)
    run(make_referral, cast.amara.actor)
    minutes(run_as_owner, 46)
    run_as_worker(escalation.escalate)
    twilio.plan("429", "429", "429")

    for _ in range(3):
        send()

    assert (TaskKind.MANAGER_UNREACHED, True) in run(tasks)
    assert (TaskKind.TEXT_FAILED, True) not in run(tasks)
