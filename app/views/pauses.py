"""A request that waits until a day: more pages of the officer's and the desk's blueprints."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid
from app.pages import try_again
from app.schemas import Form
from app.schemas.stays import PauseSchema
from app.security import me
from app.services import pauses
from app.services.asked import NewPause
from app.views import coordinator, police

Page = Callable[[str, Form[NewPause], str], ResponseReturnValue]


@police.bp.post("/requests/<ref>/pause")
def pause(ref: str) -> ResponseReturnValue:
    """She cannot come yet: look for a place from then on."""
    return _pause(ref, "police.show_request", police.request_page)


@coordinator.bp.post("/requests/<ref>/pause", endpoint="pause")
def pause_at_the_desk(ref: str) -> ResponseReturnValue:
    """The same, as the desk was told."""
    return _pause(ref, "coordinator.show_request", coordinator.case_page)


@police.bp.post("/requests/<ref>/resume")
def resume(ref: str) -> ResponseReturnValue:
    """She is ready now."""
    return _resume(ref, "police.show_request")


@coordinator.bp.post("/requests/<ref>/resume", endpoint="resume")
def resume_at_the_desk(ref: str) -> ResponseReturnValue:
    """The same, as the desk was told."""
    return _resume(ref, "coordinator.show_request")


def _pause(ref: str, back: str, page: Page) -> ResponseReturnValue:
    form = Form[NewPause](PauseSchema())
    if form.accepted:
        try:
            pauses.pause(ref, form.data, by=me())
        except Conflict as error:
            return try_again(error, back, ref=ref)
        except Invalid as error:
            form.refuse(error.field, str(error))
        else:
            flash(f"{ref} is paused. It is back in the plan by itself at that time.")
            return redirect(url_for(back, ref=ref), code=303)
    return page(ref, form, "pause")


def _resume(ref: str, back: str) -> ResponseReturnValue:
    try:
        pauses.resume(ref, by=me())
    except Conflict as error:
        return try_again(error, back, ref=ref)
    flash(f"{ref} is back in the plan.")
    return redirect(url_for(back, ref=ref), code=303)
