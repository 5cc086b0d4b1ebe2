"""Codes: once, in time, to one person; and a second person's help after a loss."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.errors import NotAllowed, NotFound, ProofNeeded
from app.models.factors import Invitation
from app.models.messages import Task
from app.services import accounts, invitations, own_passkeys, sign_ins
from tests.cast import Cast, Person
from tests.conftest import Run
from tests.integration.sign_in.conftest import PASSWORD, Hand

Later = Callable[..., None]
NADIA = accounts.NewUser(
    role=Role.OFFICER,
    name="Nadia Ferris",
    email="nadia@force.example",
    organisation="Metropolitan Police",
)


def may_join(run: Run, code: str) -> bool:
    try:
        return bool(run(invitations.join, code))
    except NotAllowed:
        return False


def test_a_code_lets_in_once_to_choose_what_to_sign_in_with(
    run: Run, cast: Cast, hand: Hand
) -> None:
    code = run(invitations.invite, NADIA, by=cast.ada.actor)

    def kept() -> list[bytes]:
        with transaction(by=SYSTEM):
            return list(db.session.scalars(select(Invitation.code_sha256)))

    assert all(code.encode() not in each for each in run(kept))
    with ThreadPoolExecutor(3) as workers:
        assert sum(workers.map(lambda _: may_join(run, code.lower()), range(3))) == 1
    assert not may_join(run, code)
    assert hand.rows()[-1].how == "invitation"
    assert hand.rows()[-1].proved_at is None


def test_a_code_is_good_for_three_days(run: Run, cast: Cast, later: Later) -> None:
    first = run(invitations.invite, NADIA, by=cast.ada.actor)
    later(hours=72)

    assert not may_join(run, first)


def test_a_stopped_person_and_a_guess_stay_outside(run: Run, cast: Cast, hand: Hand) -> None:
    by = hand.signed_in(cast.ada)
    bram = hand.public_id(cast.bram)
    _, code = run(invitations.recover, bram, by=by)
    run(accounts.set_active, bram, False, by=by)

    assert not may_join(run, code)
    for guess in ("", "2222-2222-2222-2222-2222", code[:-1], "é"):
        assert not may_join(run, guess)


def test_recovery_ends_everything_and_tells_the_owner_and_the_desk(
    run: Run, cast: Cast, hand: Hand
) -> None:
    hand.give_password(cast.bea)
    key, app = hand.give_passkey(cast.bea), hand.give_app(cast.bea)
    token = hand.use_passkey(key)
    manager = hand.signed_in(cast.rowan_manager)
    bea = hand.public_id(cast.bea)

    _, lost = run(invitations.recover, bea, by=manager)
    name, code = run(invitations.recover, bea, by=manager)

    assert name == "Bea"
    assert run(sign_ins.who_is, token) is None
    for way_in in (
        lambda: hand.use_passkey(key),
        lambda: run(sign_ins.by_password, cast.bea.email, PASSWORD, code=app.now()),
        lambda: run(invitations.join, lost),
    ):
        with pytest.raises(NotAllowed):
            way_in()
    actor = hand.actor(run(invitations.join, code))
    assert not actor.is_set_up
    assert run(own_passkeys.list_passkeys, by=actor) == []
    assert hand.facts("recovery_started") == [("refuge_manager", cast.bea.actor.user_id)] * 2

    def tasks() -> list[tuple[str, int | None]]:
        with transaction(by=SYSTEM):
            return [(each.kind, each.user_id) for each in db.session.scalars(select(Task))]

    assert run(tasks) == [("account_recovered", cast.bea.actor.user_id)]


def test_who_may_help_whom(run: Run, cast: Cast, hand: Hand) -> None:
    def outcome(helper: Person, whom: Person) -> str:
        try:
            run(invitations.recover, hand.public_id(whom), by=hand.signed_in(helper))
        except (NotAllowed, NotFound) as error:
            return type(error).__name__
        return "helped"

    assert outcome(cast.rowan_manager, cast.bea) == "helped"
    assert outcome(cast.rowan_manager, cast.chloe) == "NotFound"  # of another house
    assert outcome(cast.rowan_manager, cast.amara) == "NotFound"
    assert outcome(cast.rowan_manager, cast.rowan_manager) == "NotAllowed"
    assert outcome(cast.ada, cast.ada) == "NotAllowed"
    assert outcome(cast.ada, cast.rowan_manager) == "helped"
    for nobody in (cast.bea, cast.dee, cast.amara, cast.sergeant, cast.mara):
        assert outcome(nobody, cast.bram) == "NotAllowed"


def test_whoever_helps_has_just_proved_who_they_are(run: Run, cast: Cast, hand: Hand) -> None:
    bea = hand.public_id(cast.bea)

    with pytest.raises(ProofNeeded):
        run(invitations.recover, bea, by=cast.ada.actor)
