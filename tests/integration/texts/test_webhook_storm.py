"""The benchmark of replayed and shuffled webhooks, short; the whole of it is bench/webhooks.py."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask import Flask

from app.demo_phone.webhooks import signature
from app.outbox import claims
from app.services import texts
from bench import webhooks
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room


@pytest.fixture
def post(app: Flask, cast: Cast, run: Run) -> webhooks.Post:
    """Signed as the provider signs, through the whole web application."""
    settings = app.config["SETTINGS"]
    ref = run(make_referral, cast.amara.actor).ref
    run(offer_room, ref, by=cast.dee.actor)

    def go(path: str, fields: Mapping[str, str]) -> int:
        signed = signature(settings.twilio_auth_token, settings.public_url + path, fields)
        headers = {"X-Twilio-Signature": signed}
        return app.test_client().post(path, data=dict(fields), headers=headers).status_code

    return go


def test_a_text_replayed_at_once_and_again_has_one_effect(
    post: webhooks.Post, worker_app: Flask
) -> None:
    found = webhooks.replay(post, worker_app, times=300)

    assert found.is_one, found
    assert len(found.seconds) == 300


def test_every_order_of_news_early_late_and_doubled_ends_the_same(
    post: webhooks.Post, worker_app: Flask
) -> None:
    found = webhooks.shuffle(post, worker_app, statuses=("sent", "undelivered", "delivered"))

    assert found.is_same, found.ends
    assert (found.orders, found.requests) == (24, 108)


def test_the_storm_notices_when_the_last_word_counts(
    post: webhooks.Post, worker_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = dict.fromkeys(claims.RANKS, 1) | {"delivered": 9}
    monkeypatch.setattr(claims, "RANKS", same)

    found = webhooks.shuffle(post, worker_app, statuses=("undelivered", "sent"))

    assert len(found.ends) > 1


def test_the_storm_notices_an_effect_of_every_copy(
    post: webhooks.Post, worker_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    sids = iter(range(1000))
    keep = texts.receive_text

    def under_a_new_id(_: str, *rest: str) -> bool:
        return keep(f"SM{next(sids):032x}", *rest)

    monkeypatch.setattr(texts, "receive_text", under_a_new_id)

    assert not webhooks.replay(post, worker_app, times=10).is_one
