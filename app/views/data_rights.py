"""Legal holds, and a woman's copy of what is held: asked by a lead, agreed to by a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, NotAllowed, NotFound, ProofNeeded
from app.html import BlankForm
from app.models.retention import HoldReason
from app.pages import try_again
from app.schemas import Form
from app.schemas.data_rights import CopyAsked, CopySchema, HoldAsked, HoldSchema
from app.security import me
from app.services import data_rights, subject_access

bp = Blueprint("data_rights", __name__, url_prefix="/data-rights")


@bp.get("/")
def overview() -> ResponseReturnValue:
    """What is held, what was asked for, and how long things are kept."""
    return _page()


@bp.post("/holds")
def place_hold() -> ResponseReturnValue:
    """Keep one record from being purged."""
    form = Form[HoldAsked](HoldSchema())
    if form.accepted:
        try:
            data_rights.place_hold(form.data.ref, form.data.reason, by=me())
            flash("The record is held from now on.")
            return redirect(url_for(".overview"), code=303)
        except (NotFound, Conflict) as error:
            form.refuse("ref", str(error), status=error.status)
    return _page(hold=form)


@bp.post("/holds/<uuid:hold>/lift")
def lift_hold(hold: UUID) -> ResponseReturnValue:
    """Ask that a hold be lifted, or agree to it."""

    def lift() -> str:
        if data_rights.lift_hold(hold, by=me()):
            return "The hold is lifted. The record is purged when its time has passed."
        return "Somebody else must agree now: another lead, or a duty coordinator."

    return _done(lift)


@bp.post("/copies")
def ask_for_copy() -> ResponseReturnValue:
    """Ask for a woman's copy of what is held."""
    form = Form[CopyAsked](CopySchema())
    if form.accepted:
        try:
            subject_access.ask(form.data.ref, by=me())
            flash("The copy is asked for. Somebody else must approve it.")
            return redirect(url_for(".overview"), code=303)
        except (NotFound, Conflict) as error:
            form.refuse("ref", str(error), status=error.status)
    return _page(copy=form)


@bp.post("/copies/<uuid:copy>/approve")
def approve_copy(copy: UUID) -> ResponseReturnValue:
    """Agree to a copy that somebody else asked for."""

    def approve() -> str:
        subject_access.approve(copy, by=me())
        return "The copy is approved. Whoever asked for it may take it, once."

    return _done(approve)


@bp.post("/copies/<uuid:copy>/take")
def take_copy(copy: UUID) -> ResponseReturnValue:
    """The copy as a file, once; nothing on the way may keep it."""
    try:
        found = subject_access.take(copy, by=me())
    except (NotFound, Conflict) as error:
        return try_again(error, ".overview")
    response = make_response(json.dumps(found, ensure_ascii=False, indent=2))
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = 'attachment; filename="copy.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _done(step: Callable[[], str]) -> ResponseReturnValue:
    """A one-button form: say what came of it on the page it came from."""
    try:
        flash(step())
    except ProofNeeded:
        raise  # not a refusal: there is a page for that
    except (NotFound, NotAllowed, Conflict) as error:
        return try_again(error, ".overview")
    return redirect(url_for(".overview"), code=303)


def _page(
    *, hold: Form[HoldAsked] | None = None, copy: Form[CopyAsked] | None = None
) -> ResponseReturnValue:
    """The page with the form that was sent, and the other one blank."""
    sent = hold or copy
    page = render_template(
        "data_rights/overview.html",
        page=data_rights.show_data_rights(by=me()),
        hold_form=hold or BlankForm(),
        copy_form=copy or BlankForm(),
        reasons=[reason.value for reason in HoldReason],
    )
    return page, sent.status if sent else 200
