"""Asking several houses for one woman, and answering what one of them asks back."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid, NotFound
from app.schemas import Form
from app.schemas.decisions import Confirmed, ConfirmSchema
from app.schemas.questions import AnswerSchema
from app.security import me
from app.services import matching, questions
from app.services.questions import NewAnswer
from app.views.coordinator import bp, case_page


@bp.post("/requests/<ref>/ask")
def ask(ref: str) -> ResponseReturnValue:
    """Ask the house of the plan, and those that are ticked beside it."""
    form = Form[Confirmed](ConfirmSchema())
    if form.accepted:
        run_id, also = form.data.run_id, form.data.also
        try:
            outcome = matching.confirm_plan(run_id, [ref], by=me(), also=also)
            if ref in outcome.offered:
                return _told(ref, outcome)
            form.refuse("also", outcome.dropped.get(ref, matching.STALE))
        except (Invalid, Conflict, NotFound) as error:
            form.refuse("also", str(error))
    return case_page(ref, form, "ask")


def _told(ref: str, outcome: matching.Outcome) -> ResponseReturnValue:
    more = outcome.beside.get(ref, 0)
    beside = f", and {more} more beside it. The first yes counts" if more else ""
    flash(f"{ref}: the house has been asked{beside}.")
    for each in outcome.not_asked.get(ref, []):
        flash(f"Not asked: {each}", "warning")
    return redirect(url_for(".show_request", ref=ref), code=303)


@bp.post("/requests/<ref>/offers/<uuid:offer>/questions/<uuid:question>")
def answer_question(ref: str, offer: UUID, question: UUID) -> ResponseReturnValue:
    """Tell a house what it must know before it says yes."""
    form = Form[NewAnswer](AnswerSchema())
    if form.accepted:
        try:
            questions.answer_question(question, form.data, by=me())
            flash(f"{ref}: the house is told that its question has an answer.")
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse("answer", str(error))
    return case_page(ref, form, "answer", offer=offer)
