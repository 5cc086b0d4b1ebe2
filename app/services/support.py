"""The checklist of what a house offers a woman: her house's alone, and only counts leave it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from app.actors import REFUGE, Actor
from app.db import db, transaction
from app.errors import Invalid
from app.events import Fact, record_stay
from app.london import london_day
from app.models.care import Support, SupportState
from app.models.placements import Placement
from app.models.reference import SupportItem
from app.policy import only_for
from app.services.asked import SupportGiven
from app.services.recovery import lives_here


@dataclass(frozen=True, kw_only=True)
class SupportLine:
    """One kind of support; ``state`` is empty while nobody has written anything down."""

    code: str
    text: str
    state: str
    on_day: date | None


def record_support(public_id: UUID, given: SupportGiven, *, by: Actor) -> None:
    """Write down that something was offered, that she said no, or that it is done.

    Raises:
        NotFound: nobody of this stay lives in this house.
        Invalid: no such kind of support, or a day that is still to come.
    """
    only_for(by, *REFUGE)
    with transaction(by=by) as now:
        placement = lives_here(public_id, by)
        item = db.session.get(SupportItem, given.item)
        if item is None or not item.is_active:
            raise Invalid("Choose a kind of support from the list.", field="item")
        day = given.on_day or london_day(now)
        if day > london_day(now):
            raise Invalid("Choose the day on which it was, not one to come.", field="on_day")
        db.session.merge(
            Support(
                placement_id=placement.id,
                item_code=item.code,
                refuge_id=placement.refuge_id,
                state=given.state,
                on_day=day,
                changed_at=now,
                changed_by_id=by.user_id,
            )
        )
        record_stay(Fact.SUPPORT_RECORDED, placement, by=by, item=item.code, state=given.state)


def checklist(placement: Placement) -> list[SupportLine]:
    """Every kind of support in its order; a step of the caller's transaction."""
    given = {
        row.item_code: row
        for row in db.session.scalars(select(Support).where(Support.placement_id == placement.id))
    }
    items = db.session.scalars(select(SupportItem).order_by(SupportItem.position)).all()
    return [
        SupportLine(
            code=item.code,
            text=item.text,
            state=SupportState(given[item.code].state) if item.code in given else "",
            on_day=given[item.code].on_day if item.code in given else None,
        )
        for item in items
        if item.is_active or item.code in given
    ]
