"""A woman on her way, as the officer, the house and the desk say it: more pages of their three."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict
from app.pages import try_again
from app.schemas import Form
from app.schemas.stays import SeenHoldSchema
from app.security import me
from app.services import case, follow, holds
from app.views import coordinator, police, refuge


@police.bp.post("/requests/<ref>/renew")
def renew_hold(ref: str) -> ResponseReturnValue:
    """We are still coming: keep the room."""
    return _renew(follow.placement_of(ref, by=me()), "police.show_request", {"ref": ref})


@refuge.bp.post("/stays/<uuid:public_id>/renew", endpoint="renew_hold")
def renew_at_the_house(public_id: UUID) -> ResponseReturnValue:
    """The house keeps the room longer."""
    return _renew(public_id, "refuge.show_stay", {"public_id": public_id})


@coordinator.bp.post("/requests/<ref>/offers/<uuid:offer>/renew", endpoint="renew_hold")
def renew_at_the_desk(ref: str, offer: UUID) -> ResponseReturnValue:
    """The desk has the room kept longer."""
    mine = case.offer_of(ref, offer, by=me())
    return _renew(mine, "coordinator.show_request", {"ref": ref})


def _renew(public_id: UUID, back: str, values: dict[str, Any]) -> ResponseReturnValue:
    form = Form[datetime](SeenHoldSchema())
    try:
        holds.renew(public_id, form.data if form.accepted else None, by=me())
    except Conflict as error:
        return try_again(error, back, **values)
    flash("The room is kept longer for her.")
    return redirect(url_for(back, **values), code=303)
