"""Passkeys: an honest one signs in, and every way of bending one is refused and written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from app.errors import Invalid, NotAllowed, ProofNeeded
from app.services import accounts, own_passkeys, passkeys, sign_ins
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.sign_in.conftest import SITE, Hand
from tests.soft_passkey import PRESENT, SoftPasskey

Later = Callable[..., None]
ELSEWHERE = passkeys.Site("localhost", "http://localhost:9999")


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        ("https://waymark.example", "waymark.example", "https://waymark.example"),
        ("https://waymark.example:8443/x", "waymark.example", "https://waymark.example:8443"),
        ("http://127.0.0.1:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_passkeys_belong_to_the_host_of_the_public_address(
    url: str, host: str, origin: str
) -> None:
    assert passkeys.Site.of(url) == passkeys.Site(host, origin)


def test_a_passkey_signs_in_without_a_name_and_has_proved_itself(
    run: Run, cast: Cast, hand: Hand
) -> None:
    key = hand.give_passkey(cast.dee)

    actor = hand.actor(hand.use_passkey(key))

    assert actor.user_id == cast.dee.actor.user_id
    assert actor.proved_at is not None
    assert actor.is_set_up
    [shown] = run(own_passkeys.list_passkeys, by=actor)
    assert (shown.label, shown.last_used_at is not None) == ("Work phone", True)
    assert hand.facts("passkey_added") == [("coordinator", cast.dee.actor.user_id)]


def test_every_bent_answer_is_refused(run: Run, cast: Cast, hand: Hand) -> None:
    key, other = hand.give_passkey(cast.dee), hand.give_passkey(cast.bea)
    hand.use_passkey(key)
    asked = run(passkeys.ask_to_sign_in, SITE)
    answers = {
        "no user verified": replace(key, flags=PRESENT),
        "nobody present": replace(key, flags=0),
        "another site": replace(key, host="evil.example"),
        "another origin": replace(key, origin="https://evil.example"),
        "another key": replace(key, key=other.key),
        "another person": replace(key, user_handle=other.user_handle),
        "unknown": replace(key, credential_id=b"x" * 32),
    }

    for what, bent in answers.items():
        asked = run(passkeys.ask_to_sign_in, SITE)
        with pytest.raises(NotAllowed, match="was not accepted"):
            run(
                passkeys.sign_in,
                bent.answer(asked.options),
                challenge_id=asked.challenge_id,
                site=SITE,
            )
        assert what
    assert len(hand.facts("sign_in_refused")) == 5  # the last two name nobody to tell
    assert hand.use_passkey(replace(key, count=99))


def test_a_question_is_answered_once_in_time_and_by_the_browser_it_was_put_to(
    run: Run, cast: Cast, hand: Hand, later: Later
) -> None:
    key = hand.give_passkey(cast.dee)
    by = hand.actor(hand.use_passkey(key))
    first, second = run(passkeys.ask_to_sign_in, SITE), run(passkeys.ask_to_sign_in, SITE)
    to_prove = run(passkeys.ask_to_prove, SITE, by=by)
    answer = key.answer(first.options)

    def refused(text: str, challenge_id: object) -> bool:
        with pytest.raises(NotAllowed):
            run(passkeys.sign_in, text, challenge_id=challenge_id, site=SITE)
        return True

    assert refused(answer, second.challenge_id)  # of another browser
    assert refused(answer, None)
    assert refused(answer, uuid4())
    assert refused(key.answer(to_prove.options), to_prove.challenge_id)  # for another purpose
    assert run(passkeys.sign_in, answer, challenge_id=first.challenge_id, site=SITE)
    assert refused(key.answer(first.options), first.challenge_id)  # a second time
    late = run(passkeys.ask_to_sign_in, SITE)
    later(minutes=5)
    assert refused(key.answer(late.options), late.challenge_id)


def test_of_two_workers_with_one_answer_one_signs_in(run: Run, cast: Cast, hand: Hand) -> None:
    key = hand.give_passkey(cast.dee)
    asked = run(passkeys.ask_to_sign_in, SITE)
    answer = key.answer(asked.options)

    def sign_in(_: int) -> bool:
        try:
            return bool(run(passkeys.sign_in, answer, challenge_id=asked.challenge_id, site=SITE))
        except NotAllowed:
            return False

    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(sign_in, range(4))) == 1


def test_a_copied_key_gives_itself_away(run: Run, cast: Cast, hand: Hand) -> None:
    key = hand.give_passkey(cast.dee)
    copy = replace(key)
    for _ in range(3):
        hand.use_passkey(key)

    with pytest.raises(NotAllowed):
        hand.use_passkey(copy)

    assert hand.facts("passkey_doubted") == [("system", cast.dee.actor.user_id)]
    assert hand.use_passkey(key)


def test_keys_that_do_not_count_are_good_again_and_again(run: Run, cast: Cast, hand: Hand) -> None:
    key = hand.give_passkey(cast.dee)

    for _ in range(2):
        key.count = -1  # answers with 0
        assert hand.use_passkey(key)


def test_a_stopped_person_and_a_removed_passkey_get_nowhere(
    run: Run, cast: Cast, hand: Hand
) -> None:
    amara, bram = hand.give_passkey(cast.amara), hand.give_passkey(cast.bram)
    run(accounts.set_active, hand.public_id(cast.bram), False, by=cast.ada.actor)
    by = hand.signed_in(cast.amara)
    [shown] = run(own_passkeys.list_passkeys, by=by)

    run(own_passkeys.remove, shown.public_id, by=by)

    for key in (amara, bram):
        with pytest.raises(NotAllowed):
            hand.use_passkey(key)


def test_a_role_that_needs_a_passkey_keeps_its_last_one(run: Run, cast: Cast, hand: Hand) -> None:
    hand.give_passkey(cast.dee)
    by = hand.signed_in(cast.dee)
    [first] = run(own_passkeys.list_passkeys, by=by)

    with pytest.raises(NotAllowed, match="your only passkey"):
        run(own_passkeys.remove, first.public_id, by=by)
    hand.give_passkey(cast.dee)
    run(own_passkeys.remove, first.public_id, by=by)


def test_a_second_factor_is_added_or_removed_only_after_a_fresh_proof(
    run: Run, cast: Cast, hand: Hand, later: Later
) -> None:
    hand.give_passkey(cast.amara)
    by = hand.signed_in(cast.amara)
    asked = run(own_passkeys.ask_to_add, SITE, by=by)
    [shown] = run(own_passkeys.list_passkeys, by=by)
    later(minutes=10, seconds=1)

    with pytest.raises(ProofNeeded):
        run(own_passkeys.ask_to_add, SITE, by=by)
    with pytest.raises((ProofNeeded, Invalid)):
        run(
            own_passkeys.add,
            SoftPasskey().make(asked.options),
            "",
            challenge_id=asked.challenge_id,
            site=SITE,
            by=by,
        )
    with pytest.raises(ProofNeeded):
        run(own_passkeys.remove, shown.public_id, by=by)


def test_a_made_passkey_is_checked_as_well(run: Run, cast: Cast, hand: Hand) -> None:
    by = hand.signed_in(cast.amara)
    options = json.loads(run(own_passkeys.ask_to_add, SITE, by=by).options)
    assert options["rp"] == {"name": "Waymark", "id": "localhost"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    for bent in (SoftPasskey(flags=PRESENT), SoftPasskey(origin="https://evil.example")):
        asked = run(own_passkeys.ask_to_add, SITE, by=by)
        with pytest.raises(Invalid, match="could not be added"):
            run(
                own_passkeys.add,
                bent.make(asked.options),
                "",
                challenge_id=asked.challenge_id,
                site=SITE,
                by=by,
            )
    assert run(own_passkeys.list_passkeys, by=by) == []


NONSENSE = (
    *("", "{}", "[]", "null", "\x00", "[" * 60_000, "é", '"x"', '{"id": "AAA", "rawId": "AAA"}'),
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}}',
)


def test_nonsense_is_refused_in_words(run: Run, cast: Cast, hand: Hand) -> None:
    by = hand.signed_in(cast.amara)
    for nonsense in NONSENSE:
        asked = run(passkeys.ask_to_sign_in, SITE)
        adding = run(own_passkeys.ask_to_add, SITE, by=by)
        with pytest.raises(NotAllowed):
            run(passkeys.sign_in, nonsense, challenge_id=asked.challenge_id, site=SITE)
        with pytest.raises(Invalid):
            run(own_passkeys.add, nonsense, "", challenge_id=adding.challenge_id, site=SITE, by=by)


def test_somebody_elses_passkey_proves_nothing(run: Run, cast: Cast, hand: Hand) -> None:
    key, other = hand.give_passkey(cast.dee), hand.give_passkey(cast.bea)
    by = hand.actor(hand.use_passkey(key))

    asked = run(passkeys.ask_to_prove, SITE, by=by)
    with pytest.raises(NotAllowed):
        run(
            passkeys.prove,
            other.answer(asked.options),
            challenge_id=asked.challenge_id,
            site=SITE,
            by=by,
        )
    asked = run(passkeys.ask_to_prove, SITE, by=by)
    token = run(
        passkeys.prove, key.answer(asked.options), challenge_id=asked.challenge_id, site=SITE, by=by
    )

    assert hand.actor(token).sign_in_id == by.sign_in_id
    assert run(sign_ins.who_is, "the old token") is None
