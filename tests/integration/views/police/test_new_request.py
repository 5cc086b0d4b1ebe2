"""The urgent form while the database is busy: nothing typed is lost, nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.db import BUSY_TEXT
from app.errors import Busy
from app.services import referrals
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast

NEW = "/police/requests/new"


def _typed(browser: Browser) -> dict[str, Any]:
    return {
        "form_key": browser.form_key(),
        "who": "woman",
        "place": "SE15",
        "urgency": "emergency",
        "household": "children",
        "children-0-age": "7",
        "language": "sq",
        "avoid-0-place": "Northampton",
        "callback_phone": "07700 900555",
        "incident_ref": "OP-LANTERN-7",
    }


@pytest.fixture
def officer(cast: Cast, browser_of: Callable[[str], Browser]) -> Browser:
    return browser_of(cast.amara.email)


def test_a_busy_database_keeps_what_was_typed(
    officer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = _typed(officer)
    tries = []

    def busy(*_: Any, **__: Any) -> str:
        tries.append(1)
        raise Busy(BUSY_TEXT)

    with monkeypatch.context() as patch:
        patch.setattr(referrals, "make_referral", busy)
        answer = officer.post(NEW, typed)

    assert answer.status_code == 503
    assert len(tries) == 3
    assert BUSY_TEXT in text_of(answer)
    html = answer.get_data(as_text=True)
    for name in ("form_key", "children-0-age", "avoid-0-place", "callback_phone", "incident_ref"):
        assert f'value="{typed[name]}"' in html

    assert officer.post(NEW, typed).status_code == 303
    assert text_of(officer.get("/police/requests")).count("OP-LANTERN-7") == 1


def test_a_database_that_is_busy_for_a_moment_is_not_noticed(
    officer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = _typed(officer)
    make, tries = referrals.make_referral, []

    def busy_once(*args: Any, **kwargs: Any) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise Busy(BUSY_TEXT)
        return make(*args, **kwargs)

    monkeypatch.setattr(referrals, "make_referral", busy_once)

    assert officer.post(NEW, typed).status_code == 303
    assert len(tries) == 2
