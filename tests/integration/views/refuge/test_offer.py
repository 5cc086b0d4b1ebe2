"""One offer: what decides suitability is shown, who she is and where she was is not."""

from __future__ import annotations

import pytest

from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room, room_of
from tests.integration.views.refuge.conftest import Asked, Events

# Of the caller, of the case, of where she is and of what she must be kept from.
NEVER_BEFORE_YES = (
    "900555", "OP-LANTERN-7", "Amara", "Metropolitan", "SE15", "Peckham", "M14", "Fallowfield",
    "W92000004", "Wales",
)  # fmt: skip


def test_it_shows_what_decides_suitability(bea: Browser, offered: Asked) -> None:
    page = text_of(bea.get(offered.offer))

    assert "A woman with 1 child (aged 6)" in page
    assert "Boy, 6" in page
    assert "Albanian (your staff speak it)" in page
    assert "Women staff only" in page
    assert "Room 2: hers alone" in page
    assert "The duty coordinator chose your house: she asked for this." in page


@pytest.mark.parametrize("path", ["/refuge/", "/refuge/tonight", "/refuge/rooms", "offer"])
def test_nothing_of_caller_case_or_safety_is_shown_before_acceptance(
    bea: Browser, offered: Asked, path: str
) -> None:
    page = bea.get(offered.offer if path == "offer" else path).get_data(as_text=True)

    assert [secret for secret in NEVER_BEFORE_YES if secret in page] == []


def test_a_stay_does_not_open_before_acceptance(bea: Browser, offered: Asked) -> None:
    assert bea.get(offered.stay).status_code == 404


def test_a_look_is_an_audit_row(bea: Browser, cast: Cast, offered: Asked, events: Events) -> None:
    bea.get(offered.offer)

    [look] = events("offer_viewed")
    assert (look.actor_user_id, look.referral_id, look.placement_id) == (
        cast.bea.actor.user_id,
        offered.referral.id,
        offered.placement.id,
    )


def test_another_house_and_other_roles_find_nothing(
    chloe: Browser, not_refuge: Browser, offered: Asked
) -> None:
    assert chloe.get(offered.offer).status_code == 404
    assert not_refuge.get(offered.offer).status_code == 404


@pytest.mark.parametrize("which", ["00000000-0000-4000-8000-000000000000", "1", "x" * 3000, "%00"])
def test_an_offer_that_never_was_is_not_found(bea: Browser, cast: Cast, which: str) -> None:
    assert bea.get(f"/refuge/offers/{which}").status_code == 404


def test_what_she_needs_goes_when_the_offer_is_declined(bea: Browser, offered: Asked) -> None:
    bea.get(offered.offer)
    bea.post(f"{offered.offer}/decline", {"reason": "full"})

    page = text_of(bea.get(offered.offer))

    assert "Declined This request is closed for you." in page
    assert "Albanian" not in page
    assert "aged 6" not in page


def test_an_accepted_offer_leads_to_the_stay(bea: Browser, accepted: Asked) -> None:
    response = bea.get(accepted.offer)

    assert (response.status_code, response.location) == (303, accepted.stay)


def test_women_who_must_stay_together_are_named_by_reference_to_a_house_asked_about_both(
    bea: Browser, cast: Cast, run: Run, offered: Asked
) -> None:
    from app.models.referrals import LinkKind

    sister = run(
        make_referral, cast.amara.actor, same_as=offered.referral.ref, tie=LinkKind.TOGETHER
    )
    before = text_of(bea.get(offered.offer))
    run(offer_room, sister.ref, by=cast.dee.actor, room=run(room_of, "Rowan", "1").public_id)
    after = text_of(bea.get(offered.offer))

    assert sister.ref not in before
    assert f"Must stay with {sister.ref}" in after
