"""She has moved on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser_without_a_window import Browser, text_of
from tests.integration.views.refuge.conftest import Asked, Events

StateOf = Callable[[Asked], str]


def test_it_records_why_and_forgets_what_she_needed(
    bea: Browser, arrived: Asked, state_of: StateOf, events: Events
) -> None:
    bea.get(arrived.stay)
    response = bea.post(f"{arrived.stay}/depart", {"reason": "planned_move"})

    assert response.status_code == 303
    assert state_of(arrived) == "departed"
    [row] = events("departed")
    assert row.detail == {"reason": "planned_move"}
    page = text_of(bea.get(arrived.stay))
    assert "She moved on as planned" in page
    assert "900555" not in page
    assert "Albanian" not in page


@pytest.mark.parametrize("reason", ["", "full", "x" * 5000, "\x00"])
def test_a_wrong_reason_is_asked_again(
    bea: Browser, arrived: Asked, state_of: StateOf, reason: str
) -> None:
    bea.get(arrived.stay)
    response = bea.post(f"{arrived.stay}/depart", {"reason": reason})

    assert response.status_code == 422
    assert 'id="depart" open>' in response.get_data(as_text=True)
    assert state_of(arrived) == "arrived"


def test_nobody_departs_twice(bea: Browser, arrived: Asked, events: Events) -> None:
    bea.get(arrived.stay)
    bea.post(f"{arrived.stay}/depart", {"reason": "planned_move"})

    page = text_of(
        bea.post(f"{arrived.stay}/depart", {"reason": "own_home"}, follow_redirects=True)
    )

    assert "This stay has already ended." in page
    assert len(events("departed")) == 1


def test_another_house_and_other_roles_cannot(
    chloe: Browser, not_refuge: Browser, arrived: Asked, state_of: StateOf
) -> None:
    chloe.get("/refuge/")
    sent = {"reason": "planned_move"}

    assert chloe.post(f"{arrived.stay}/depart", sent).status_code == 404
    assert not_refuge.post(f"{arrived.stay}/depart", sent).status_code == 404
    assert state_of(arrived) == "arrived"
