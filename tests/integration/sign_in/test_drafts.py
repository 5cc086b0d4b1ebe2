"""Whoever idles out while typing finds it again; nobody else does, nor what signs somebody in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.drafts import Draft
from app.models.keys import RecordKey
from app.models.referrals import Referral
from app.services import accounts, clock, retention
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral

Sign = Callable[[str], Browser]
IDLE = timedelta(minutes=16)
WORDS = "withdrawn because of the lilac umbrella"


def idle_out_and_send(browser: Browser, run_as_owner: Run, path: str, **form: str) -> None:
    browser.get(path.rpartition("/")[0] or "/")
    run_as_owner(clock.shift_by, IDLE)
    sent = browser.post(path, form)
    assert (sent.status_code, sent.location) == (302, "/sign-in")


def sign_in_again(browser: Browser, email: str) -> TestResponse:
    with browser.app.app_context():
        person = next(each for each in accounts.demo_people() if each.email == email)
    browser.token = ""
    return browser.post("/demo/sign-in", {"person": str(person.public_id)})


@pytest.fixture
def ref(run: Run, cast: Cast) -> str:
    return str(run(make_referral, cast.amara.actor).ref)


def state(ref: str) -> str:
    with transaction(by=SYSTEM):
        return str(db.session.scalars(select(Referral.state).where(Referral.ref == ref)).one())


def drafts_kept() -> list[tuple[str, bytes | None]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(select(Draft.path, Draft.form_sealed)).all()
        return [(row.path, row.form_sealed) for row in rows]


def test_what_was_typed_is_given_back_once_and_can_be_sent(
    cast: Cast, browser_of: Sign, run: Run, run_as_owner: Run, ref: str
) -> None:
    browser = browser_of(cast.amara.email)
    path = f"/police/requests/{ref}/withdraw"
    idle_out_and_send(browser, run_as_owner, path, reason="things_changed", note=WORDS)
    assert "what you typed is kept for 30 minutes" in text_of(browser.get("/sign-in"))
    assert run(state, ref) == "ready", "nobody had proved who it was"

    again = sign_in_again(browser, cast.amara.email)

    page = again.get_data(as_text=True)
    assert again.status_code == 200
    assert f'action="{path}"' in page
    assert 'name="reason" value="things_changed"' in page
    assert WORDS in page
    browser.token = ""
    browser.get("/police/requests")
    assert browser.post(path, {"reason": "things_changed"}).status_code == 303
    assert run(state, ref) == "withdrawn"
    assert sign_in_again(browser, cast.amara.email).status_code == 302


def test_it_is_sealed_and_on_a_shared_phone_the_next_person_reads_nothing(
    cast: Cast, browser_of: Sign, run: Run, run_as_owner: Run, ref: str
) -> None:
    browser = browser_of(cast.amara.email)
    idle_out_and_send(browser, run_as_owner, f"/police/requests/{ref}/withdraw", note=WORDS)
    [(_, sealed)] = run(drafts_kept)
    assert sealed is not None
    assert WORDS.encode() not in sealed

    other = sign_in_again(browser, cast.bram.email)

    assert other.status_code == 302
    assert WORDS not in browser.get("/police/requests").get_data(as_text=True)


@pytest.mark.parametrize(("later", "status"), [(29, 200), (31, 302)])
def test_it_is_kept_for_half_an_hour(
    cast: Cast, browser_of: Sign, run_as_owner: Run, ref: str, later: int, status: int
) -> None:
    browser = browser_of(cast.amara.email)
    idle_out_and_send(browser, run_as_owner, f"/police/requests/{ref}/withdraw", note=WORDS)

    run_as_owner(clock.shift_by, timedelta(minutes=later))

    assert sign_in_again(browser, cast.amara.email).status_code == status


def test_then_the_worker_destroys_it_with_its_key(
    cast: Cast, browser_of: Sign, run: Run, run_as_owner: Run, run_as_worker: Run, ref: str
) -> None:
    browser = browser_of(cast.amara.email)
    idle_out_and_send(browser, run_as_owner, f"/police/requests/{ref}/withdraw", note=WORDS)
    key_id = run(lambda: _one(Draft.key_id))
    run_as_owner(clock.shift_by, timedelta(minutes=31))

    run_as_worker(retention.purge_old)

    assert run(drafts_kept) == []
    assert key_id not in run(lambda: _all(RecordKey.id))


def _one(column: object) -> object:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(column)).one()  # type: ignore[call-overload]


def _all(column: object) -> list[object]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(column)))  # type: ignore[call-overload]


def test_nothing_is_kept_of_a_sign_in_that_ended_on_purpose_nor_of_nobodys(
    cast: Cast, browser_of: Sign, anonymous: Browser, run: Run, run_as_owner: Run, ref: str
) -> None:
    path = f"/police/requests/{ref}/withdraw"
    browser = browser_of(cast.amara.email)
    run_as_owner(_end_all)
    assert browser.post(path, {"note": WORDS}).status_code == 302
    assert anonymous.post(path, {"note": WORDS}).status_code == 302

    assert run(drafts_kept) == []


def _end_all() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text("UPDATE sign_in SET ended_at = waymark_now()"))


def test_no_password_and_no_code_is_ever_kept(
    cast: Cast, browser_of: Sign, run: Run, run_as_owner: Run, ref: str
) -> None:
    browser = browser_of(cast.amara.email)
    run_as_owner(clock.shift_by, IDLE)
    browser.post("/account/password", {"password": "four words will do here"})
    assert run(drafts_kept) == []

    idle_out_and_send(
        browser, run_as_owner, f"/police/requests/{ref}/withdraw", code="123456", note=WORDS
    )

    page = sign_in_again(browser, cast.amara.email).get_data(as_text=True)
    assert WORDS in page
    assert "123456" not in page
