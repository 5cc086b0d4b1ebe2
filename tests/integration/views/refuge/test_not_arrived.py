"""She did not come, and what happened."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser_without_a_window import Browser, text_of
from tests.integration.views.refuge.conftest import Asked, Events

StateOf = Callable[[Asked], str]


def test_it_records_why_and_frees_the_room(
    bea: Browser, accepted: Asked, state_of: StateOf, events: Events
) -> None:
    bea.get(accepted.stay)
    response = bea.post(f"{accepted.stay}/not-arrived", {"reason": "cannot_be_reached"})

    assert response.status_code == 303
    assert "She is recorded as not arrived." in text_of(bea.get("/refuge/"))
    assert state_of(accepted) == "not_arrived"
    assert "Nobody can reach her" in text_of(bea.get(accepted.stay))
    [row] = events("not_arrived")
    assert row.detail == {"reason": "cannot_be_reached"}


@pytest.mark.parametrize("reason", ["", "full", "x" * 5000, "\x00"])
def test_a_wrong_reason_is_asked_again(
    bea: Browser, accepted: Asked, state_of: StateOf, reason: str
) -> None:
    bea.get(accepted.stay)
    response = bea.post(f"{accepted.stay}/not-arrived", {"reason": reason})

    assert response.status_code == 422
    assert '<details class="govuk-details" id="not-arrived" open>' in response.get_data(
        as_text=True
    )
    assert state_of(accepted) == "accepted"


def test_after_she_has_arrived_it_says_so(bea: Browser, arrived: Asked) -> None:
    response = bea.post(
        f"{arrived.stay}/not-arrived", {"reason": "cannot_be_reached"}, follow_redirects=True
    )

    assert "She has already arrived." in text_of(response)


def test_another_house_and_other_roles_cannot(
    chloe: Browser, not_refuge: Browser, accepted: Asked, state_of: StateOf
) -> None:
    chloe.get("/refuge/")
    sent = {"reason": "cannot_be_reached"}

    assert chloe.post(f"{accepted.stay}/not-arrived", sent).status_code == 404
    assert not_refuge.post(f"{accepted.stay}/not-arrived", sent).status_code == 404
    assert state_of(accepted) == "accepted"
