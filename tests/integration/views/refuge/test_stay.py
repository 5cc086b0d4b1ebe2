"""One woman on her way or living here."""

from __future__ import annotations

from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.integration.views.refuge.conftest import Asked, Events


def test_after_acceptance_the_house_can_ring_the_officer(
    bea: Browser, cast: Cast, accepted: Asked, events: Events
) -> None:
    page = text_of(bea.get(accepted.stay))

    assert "07700 900555" in page
    assert "Metropolitan Police" in page
    assert "OP-LANTERN-7" in page
    assert "Boy, 6" in page
    [look] = events("stay_viewed")
    assert (look.actor_user_id, look.referral_id) == (
        cast.bea.actor.user_id,
        accepted.referral.id,
    )


def test_what_she_must_be_kept_from_is_never_shown(bea: Browser, arrived: Asked) -> None:
    page = bea.get(arrived.stay).get_data(as_text=True)

    for secret in ("M14", "Fallowfield", "W92000004", "Wales", "SE15", "Peckham"):
        assert secret not in page


def test_another_house_and_other_roles_find_nothing(
    chloe: Browser, not_refuge: Browser, accepted: Asked
) -> None:
    assert chloe.get(accepted.stay).status_code == 404
    assert not_refuge.get(accepted.stay).status_code == 404
