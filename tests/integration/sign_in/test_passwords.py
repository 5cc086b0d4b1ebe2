"""Passwords and codes: what lets somebody in, what does not, and that guessing gets nowhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotAllowed, TooMany
from app.models.factors import SignInTry
from app.models.messages import Task
from app.services import accounts, passwords, sign_ins, throttle
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.sign_in.conftest import PASSWORD, Hand

Later = Callable[..., None]
WRONG = "wrong words in a row"


def refused(run: Run, *given: Any, **more: Any) -> str:
    with pytest.raises(NotAllowed) as error:
        run(sign_ins.by_password, *given, **more)
    return str(error.value)


def test_a_password_lets_in_and_is_never_kept(run: Run, cast: Cast, hand: Hand) -> None:
    hand.give_password(cast.amara)

    token = run(sign_ins.by_password, cast.amara.email.upper(), PASSWORD)

    actor = hand.actor(token)
    assert actor.user_id == cast.amara.actor.user_id
    assert (actor.proved_at, actor.is_set_up) == (None, False)


def test_every_failure_reads_the_same(run: Run, cast: Cast, hand: Hand) -> None:
    for person in (cast.amara, cast.bram, cast.cora, cast.dee, cast.bea):
        hand.give_password(person)
    run(accounts.set_active, hand.public_id(cast.bram), False, by=cast.ada.actor)
    app = hand.give_app(cast.cora)
    hand.give_passkey(cast.dee)  # a coordinator with a passkey has no other way in
    hand.give_passkey(cast.bea)  # nor has anybody by a password alone who has a passkey

    said = [
        refused(run, cast.amara.email, WRONG),
        refused(run, cast.bram.email, PASSWORD),
        refused(run, cast.cora.email, PASSWORD),
        refused(run, cast.cora.email, PASSWORD, code="000000"),
        refused(run, cast.cora.email, WRONG, code=app.now()),
        refused(run, cast.dee.email, PASSWORD),
        refused(run, cast.bea.email, PASSWORD),
        refused(run, "nobody@force.example", PASSWORD),
    ]

    assert set(said) == {sign_ins.WRONG}


def test_somebody_unknown_costs_as_much_work_as_somebody_known(
    run: Run, monkeypatch: pytest.MonkeyPatch, cast: Cast, hand: Hand
) -> None:
    hand.give_password(cast.amara)
    checked: list[str] = []
    verify = passwords._hasher.verify

    class Counting:
        def verify(self, hashed: str, password: str) -> bool:
            checked.append(hashed)
            return verify(hashed, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())

    for email in (cast.amara.email, "nobody@force.example", cast.bram.email):
        refused(run, email, WRONG)

    assert len(checked) == 3
    assert len({hashed.split("$")[3] for hashed in checked}) == 1  # the same parameters


def test_a_code_is_taken_once_and_a_step_early_or_late(
    run: Run, cast: Cast, hand: Hand, steady: None
) -> None:
    hand.give_password(cast.amara)
    app = hand.give_app(cast.amara)
    now = int(time.time())

    def sign_in(code: str) -> bool:
        run(forget_tries)
        try:
            run(sign_ins.by_password, cast.amara.email, PASSWORD, code=code)
        except NotAllowed:
            return False
        return True

    assert not sign_in(app.at(now - 60))
    assert not sign_in(app.at(now + 60))
    assert sign_in(app.at(now - 30))
    assert not sign_in(app.at(now - 30))  # taken
    assert sign_in(app.at(now))
    assert not sign_in(app.at(now - 30))  # older than the newest taken
    assert sign_in(f" {app.at(now + 30)[:3]} {app.at(now + 30)[3:]} ")
    assert not sign_in(app.at(now))


def test_of_two_workers_with_one_code_one_gets_in(
    run: Run, cast: Cast, hand: Hand, steady: None
) -> None:
    hand.give_password(cast.amara)
    code = hand.give_app(cast.amara).now()

    def sign_in(_: int) -> bool:
        try:
            return bool(run(sign_ins.by_password, cast.amara.email, PASSWORD, code=code))
        except (NotAllowed, TooMany):  # taken, or the wait after the others' guesses
            return False

    with ThreadPoolExecutor(3) as workers:
        assert sum(workers.map(sign_in, range(3))) == 1


def test_a_sign_in_with_a_code_has_proved_itself(
    run: Run, cast: Cast, hand: Hand, steady: None
) -> None:
    hand.give_password(cast.amara)
    code = hand.give_app(cast.amara).now()

    actor = hand.actor(run(sign_ins.by_password, cast.amara.email, PASSWORD, code=code))

    assert actor.proved_at is not None
    assert actor.is_set_up


def forget_tries() -> None:
    with transaction(by=SYSTEM):
        db.session.query(SignInTry).delete()


def test_whoever_guesses_from_elsewhere_is_slowed_and_the_owner_is_not(
    run: Run, cast: Cast, hand: Hand, later: Later
) -> None:
    """Five minutes of guesses from browsers that never signed in."""
    hand.give_password(cast.bea)
    token = run(sign_ins.by_password, cast.bea.email, PASSWORD)
    device = run(throttle.introduce, "", hand.actor(token).user_id)
    heard = 0

    for number in range(60):
        later(seconds=5)
        try:
            run(sign_ins.by_password, cast.bea.email, WRONG, device="" if number % 2 else "forged")
        except NotAllowed:
            heard += 1
        except TooMany:
            pass

    assert heard == 10  # four at once, two more within 40 seconds, then one a minute
    with pytest.raises(TooMany):
        run(sign_ins.by_password, cast.bea.email, PASSWORD)
    assert run(sign_ins.by_password, cast.bea.email, PASSWORD, device=device)


def test_somebody_who_keeps_guessing_is_put_before_a_person_once(
    run: Run, cast: Cast, hand: Hand, later: Later
) -> None:
    hand.give_password(cast.bea)

    for _ in range(15):
        refused(run, cast.bea.email, WRONG)
        later(minutes=1)

    def tasks() -> list[tuple[str, int | None]]:
        with transaction(by=SYSTEM):
            return [(each.kind, each.user_id) for each in db.session.scalars(select(Task))]

    assert run(tasks) == [("sign_in_attacked", cast.bea.actor.user_id)]
    assert hand.facts("sign_in_attacked") == [("system", cast.bea.actor.user_id)]
    assert len(hand.facts("sign_in_refused")) == 15


def test_guesses_at_nobody_wait_just_as_long(run: Run, cast: Cast) -> None:
    for _ in range(4):
        refused(run, "nobody@force.example", WRONG)

    with pytest.raises(TooMany):
        run(sign_ins.by_password, "nobody@force.example", WRONG)


def test_guesses_at_the_same_moment_take_turns(run: Run, cast: Cast, hand: Hand) -> None:
    hand.give_password(cast.bea)

    def guess(_: int) -> bool:
        try:
            run(sign_ins.by_password, cast.bea.email, WRONG)
        except TooMany:
            return False
        except NotAllowed:
            return True
        return True

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(guess, range(16))) == 4


def test_a_right_guess_clears_the_count(run: Run, cast: Cast, hand: Hand) -> None:
    hand.give_password(cast.bea)
    for _ in range(3):
        refused(run, cast.bea.email, WRONG)

    run(sign_ins.by_password, cast.bea.email, PASSWORD)

    for _ in range(4):
        refused(run, cast.bea.email, WRONG)


def test_old_tries_are_forgotten_and_name_nobody(
    run: Run, cast: Cast, hand: Hand, later: Later
) -> None:
    refused(run, "nobody@force.example", WRONG)
    later(hours=24, seconds=1)
    refused(run, "somebody.else@force.example", WRONG)

    def kept() -> list[bytes]:
        with transaction(by=SYSTEM):
            assert db.session.scalar(select(func.count()).select_from(SignInTry)) == 1
            return list(db.session.scalars(select(SignInTry.key)))

    assert all(len(key) == 32 and b"force" not in key for key in run(kept))


def test_a_device_cookie_is_good_for_its_own_people_only(run: Run, cast: Cast) -> None:
    amara, bea = cast.amara.actor.user_id, cast.bea.actor.user_id
    cookie = run(throttle.introduce, run(throttle.introduce, "", amara), bea)
    nonce = cookie.split(".")[0]

    assert run(throttle.recognise, cookie, amara) == run(throttle.recognise, cookie, bea) == nonce
    assert run(throttle.recognise, cookie, cast.dee.actor.user_id) == ""
    for spoilt in ("", ".", nonce, "other" + cookie[5:], cookie.upper(), "é." + cookie):
        assert run(throttle.recognise, spoilt, amara) == "", spoilt


@pytest.mark.parametrize(
    ("password", "is_easy"),
    [
        ("passwordpassword1", True),
        ("Password12345678!", True),
        ("p@ssw0rdp@ssw0rd", True),
        ("qwertyuiopasdfghjkl", True),
        ("1234567890123456", True),
        ("abcabcabcabcabcabc", True),
        ("aaaaaaaaaaaaaaaaaaaa", True),
        ("Bea.Example.2026!", True),
        ("waymarkwaymarkwaymark", True),
        ("harbour-bea-example", True),
        ("four plain words here", False),
        ("correct horse battery staple", False),
        ("Xk7#pQ2!vR9$mZ4&", False),
        ("ich mag grüne Äpfel sehr", False),
    ],
)
def test_passwords_that_are_easy_to_guess_are_refused(password: str, is_easy: bool) -> None:
    about = ("Bea Example", "bea@harbour.example", "Harbour")

    assert passwords.is_easy(password, about=about) is is_easy
