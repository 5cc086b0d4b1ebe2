"""A woman on her way, as the officer, the house and the desk say it: more pages of their three."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid
from app.pages import try_again
from app.schemas import Form
from app.schemas.stays import SeenHoldSchema, SetOutSchema
from app.security import me
from app.services import case, follow, holds
from app.services.asked import ExpectedAt
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


@police.bp.post("/requests/<ref>/set-out")
def set_out(ref: str) -> ResponseReturnValue:
    """We are on the way."""
    promise = follow.placement_of(ref, by=me())
    back = url_for("police.show_request", ref=ref)
    return _set_out(promise, back, lambda form: police.request_page(ref, form, "set_out"))


@refuge.bp.post("/stays/<uuid:public_id>/set-out", endpoint="set_out")
def set_out_as_the_house_hears(public_id: UUID) -> ResponseReturnValue:
    """The house has heard that she is on her way."""
    back = url_for("refuge.show_stay", public_id=public_id)
    return _set_out(public_id, back, lambda form: refuge.stay_page(public_id, form, "set_out"))


@coordinator.bp.post("/requests/<ref>/offers/<uuid:offer>/set-out", endpoint="set_out")
def set_out_as_the_desk_hears(ref: str, offer: UUID) -> ResponseReturnValue:
    """The desk has heard that she is on her way."""
    mine = case.offer_of(ref, offer, by=me())
    back = url_for("coordinator.show_request", ref=ref)
    return _set_out(mine, back, lambda form: coordinator.case_page(ref, form, "set_out"))


def _set_out(
    promise: UUID, back: str, page: Callable[[Form[ExpectedAt]], ResponseReturnValue]
) -> ResponseReturnValue:
    """Say so and show the page it came from again, or what was typed with what is wrong."""
    form = Form[ExpectedAt](SetOutSchema())
    if form.accepted:
        try:
            holds.set_out(promise, form.data.at, by=me())
        except Conflict as error:
            flash(str(error), "error")
            return redirect(back)
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            flash("She is on her way. The house sees it now.")
            return redirect(back, code=303)
    return page(form)
