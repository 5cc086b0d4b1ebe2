"""The one order in which every path locks an offer or a stay: the request, then its placement."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, select

from app.actors import Actor
from app.db import db
from app.errors import NotFound
from app.models.placements import Placement
from app.models.referrals import Referral
from app.policy import visible_placements

GONE = "We cannot find that offer."


def which_placement(by: Actor, public_id: UUID | None, code: str) -> Select[Placement]:
    """The offer or stay of this id, or where there is none of this code, if ``by`` may see it."""
    which = Placement.public_id == public_id if public_id else Placement.offer_code == code
    return visible_placements(by).where(which)


def lock_placement(by: Actor, public_id: UUID | None, code: str = "") -> tuple[Placement, Referral]:
    """An offer or stay and its request, both locked; a step for use inside a transaction.

    Raises:
        NotFound: there is none such that ``by`` may see.
    """
    found = db.session.execute(
        which_placement(by, public_id, code).with_only_columns(Placement.id, Placement.referral_id)
    ).first()
    if found is None:
        raise NotFound(GONE)
    referral = db.session.scalar(
        select(Referral).where(Referral.id == found.referral_id).with_for_update()
    )
    placement = db.session.scalar(
        select(Placement).where(Placement.id == found.id).with_for_update()
    )
    assert referral is not None  # noqa: S101 - rows are never deleted
    assert placement is not None  # noqa: S101
    return placement, referral
