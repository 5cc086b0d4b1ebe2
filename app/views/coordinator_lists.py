"""More pages of the desk: who waits, with what has been tried, and declines to ask about."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.html import BlankForm
from app.models.reference import Urgency
from app.schemas import Form
from app.schemas.declines import OutcomeSchema
from app.security import me
from app.services import decline_review, waiting
from app.views.coordinator import bp

Word = TypeVar("Word", bound=StrEnum)


@bp.get("/waiting")
def waiting_list() -> ResponseReturnValue:
    """Everybody without a promise; what the address asks for is a word of ours or nothing."""
    urgency, order = _word("urgency", Urgency), _word("order", waiting.Order)
    region = request.args.get("region", "")
    page = waiting.show_waiting(
        by=me(),
        urgency=urgency,
        region=region if region.isalnum() else "",
        order=order or waiting.Order.CLOCK,
    )
    asked = {"urgency": [urgency or ""], "region": [region], "order": [order or ""]}
    form = BlankForm(values=asked)
    return render_template("coordinator/waiting.html", page=page, form=form)


def _word(name: str, words: type[Word]) -> Word | None:
    given = request.args.get(name, "")
    return words(given) if given in set(words) else None


@bp.get("/declines")
def declines() -> ResponseReturnValue:
    """Declines that do not fit what the house told us, with what to do about each."""
    return _declines()


def _declines(form: Form[str] | None = None, review: UUID | None = None) -> ResponseReturnValue:
    page = decline_review.list_reviews(by=me())
    return (
        render_template("coordinator/declines.html", page=page, form=form, form_for=review),
        form.status if form else 200,
    )


@bp.post("/declines/<uuid:review>/seen")
def see_decline(review: UUID) -> ResponseReturnValue:
    """Somebody has asked the house, and what came of it."""
    form = Form[str](OutcomeSchema())
    if form.accepted:
        decline_review.see(review, form.data, by=me())
        flash("Written down. It is off the list.")
        return redirect(url_for(".declines"), code=303)
    return _declines(form, review)
