"""No, on the web, with a reason from the list."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser_without_a_window import Browser, text_of
from tests.integration.views.refuge.conftest import Asked, Events

StateOf = Callable[[Asked], str]


def test_it_declines_with_the_reason(
    bea: Browser, offered: Asked, state_of: StateOf, events: Events
) -> None:
    bea.get(offered.offer)
    response = bea.post(f"{offered.offer}/decline", {"reason": "needs_more_support"})

    assert (response.status_code, response.location) == (303, "/refuge/")
    assert "You have declined." in text_of(bea.get("/refuge/"))
    assert state_of(offered) == "declined"
    [row] = events("offer_declined")
    assert row.detail == {"channel": "web", "reason": "needs_more_support"}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", "Choose a reason."),
        ("planned_move", "Choose a reason from the list."),
        ("no_such_reason", "Choose a reason from the list."),
        ("x" * 5000, "Choose a reason."),
        ("full\x00", "Please take out the characters that cannot be read."),
        ("\U0001f6cf", "Choose a reason from the list."),
    ],
)
def test_a_missing_or_wrong_reason_is_asked_again(
    bea: Browser, offered: Asked, state_of: StateOf, reason: str, words: str
) -> None:
    bea.get(offered.offer)
    response = bea.post(f"{offered.offer}/decline", {"reason": reason})

    assert response.status_code == 422
    assert words in text_of(response)
    assert f"{offered.offer}/accept" in response.get_data(as_text=True)
    assert state_of(offered) == "offered"


def test_declining_what_was_accepted_says_so(
    bea: Browser, accepted: Asked, state_of: StateOf
) -> None:
    response = bea.post(f"{accepted.offer}/decline", {"reason": "full"}, follow_redirects=True)

    assert "This offer has already been accepted." in text_of(response)
    assert state_of(accepted) == "accepted"


def test_another_house_and_other_roles_cannot(
    chloe: Browser, not_refuge: Browser, offered: Asked, state_of: StateOf
) -> None:
    chloe.get("/refuge/")

    assert chloe.post(f"{offered.offer}/decline", {"reason": "full"}).status_code == 404
    assert not_refuge.post(f"{offered.offer}/decline").status_code == 404
    assert state_of(offered) == "offered"
