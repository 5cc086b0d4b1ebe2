"""Who may sign in: what the administrator makes is written down."""

from __future__ import annotations

from sqlalchemy import select

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.accounts import OrganisationKind
from app.models.events import Event
from app.services import accounts
from tests.cast import Cast
from tests.conftest import Run


def test_a_new_organisation_is_in_the_audit_trail(cast: Cast, run: Run) -> None:
    made = run(
        accounts.create_organisation,
        "Beacon",
        kind=OrganisationKind.CHARITY,
        by=cast.ada.actor,
    )

    [event] = run(_events, "organisation_created")
    assert event.actor_user_id == cast.ada.actor.user_id
    assert event.detail == {"organisation_id": made, "kind": "charity"}


def _events(kind: str) -> list[Event]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Event).where(Event.kind == kind)))
