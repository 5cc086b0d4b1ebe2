"""A woman with a son is offered Rowan's room 2; Bea of Rowan and Chloe of Cedar look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.events import Event
from app.models.placements import Placement
from app.models.referrals import Referral
from app.services.asked import AvoidedPlace, NewChild
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, placement_of, room_of

BrowserOf = Callable[[str], Browser]


@dataclass(frozen=True)
class Asked:
    """A request, and Rowan's offer or stay for it."""

    referral: Referral
    placement: Placement

    @property
    def offer(self) -> str:
        return f"/refuge/offers/{self.placement.public_id}"

    @property
    def stay(self) -> str:
        return f"/refuge/stays/{self.placement.public_id}"


@pytest.fixture
def offered(cast: Cast, run: Run) -> Asked:
    referral = run(
        make_referral,
        cast.amara.actor,
        children=(NewChild(age=6, sex="m"),),
        needs=("women_only_staff",),
        avoid=(AvoidedPlace(place="M14", km=8),),
        unsafe_regions=("W92000004",),
    )
    room = run(room_of, "Rowan", "2")
    return Asked(referral, run(offer_room, referral.ref, by=cast.dee.actor, room=room.public_id))


@pytest.fixture
def accepted(offered: Asked, cast: Cast, run: Run) -> Asked:
    run(accept, offered.placement, by=cast.bea.actor)
    return offered


@pytest.fixture
def arrived(accepted: Asked, bea: Browser) -> Asked:
    bea.get("/refuge/")
    assert bea.post(f"{accepted.stay}/arrived").status_code == 303
    return accepted


@pytest.fixture
def bea(cast: Cast, browser_of: BrowserOf) -> Browser:
    return browser_of(cast.bea.email)


@pytest.fixture
def chloe(cast: Cast, browser_of: BrowserOf) -> Browser:
    return browser_of(cast.chloe.email)


@pytest.fixture(params=["amara", "sergeant", "dee", "mara", "ada"])
def not_refuge(request: pytest.FixtureRequest, cast: Cast, browser_of: BrowserOf) -> Browser:
    """Each role whose pages these are not."""
    return browser_of(cast.everybody()[request.param].email)


Events = Callable[[str], list[Event]]


@pytest.fixture
def events(run: Run) -> Events:
    """The audit rows of one kind, oldest first."""

    def read() -> list[Event]:
        with transaction(by=SYSTEM):
            return list(db.session.scalars(select(Event).order_by(Event.id)))

    return lambda kind: [event for event in run(read) if event.kind == kind]


@pytest.fixture
def state_of(run: Run) -> Callable[[Asked], str]:
    """Where the offer or stay stands now."""
    return lambda asked: run(placement_of, asked.referral.ref).state


@pytest.fixture
def room_one(cast: Cast, run: Run) -> Callable[[], str]:
    """The public id of Rowan's room 1, which is free."""
    return lambda: str(run(room_of, "Rowan", "1").public_id)
